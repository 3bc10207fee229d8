package evidence

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Marshal gives the entry's canonical JSON: one entry has exactly one sequence of bytes, whoever
// writes it, so that a digest of the bytes is a digest of the entry. The form follows RFC 8785:
// members sorted by name, no insignificant space, nothing escaped that JSON does not demand. It
// differs in one point: integers keep all their digits where RFC 8785 rounds beyond 2^53.
// Times are written in UTC; invalid UTF-8 becomes U+FFFD. The entry must be valid (Validate).
func Marshal(e Entry) ([]byte, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	plain, err := json.Marshal(normal(e))
	if err != nil {
		return nil, fmt.Errorf("writing the %s entry %q as JSON: %w", e.Kind, e.ID, err)
	}
	return canonical(plain)
}

// Unmarshal reads an entry that Marshal wrote. Bytes that are not in canonical form were changed
// by someone else and are refused, and so are a schema version or kind that this version of assay
// does not know, and an entry that is not valid. Unknown fields are passed over: a newer assay may
// add some within a schema version, and an older one can still read the rest. They are lost when
// the entry is marshalled again, so whoever copies entries copies their bytes.
func Unmarshal(data []byte) (Entry, error) {
	if isCanonical(data) {
		var e Entry
		if json.Unmarshal(data, &e) == nil && e.Validate() == nil {
			return e, nil
		}
	}
	return Entry{}, Damaged(whatIsWrong(data))
}

// whatIsWrong says why bytes are no entry; it takes its time.
func whatIsWrong(data []byte) error {
	// The version is looked at first: to a reader of a later schema's entry it is the only true answer.
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return fmt.Errorf("reading an entry: %w", err)
	}
	if err := checkKind(head.APIVersion, head.Kind); err != nil {
		return err
	}
	want, err := canonical(data)
	if err != nil {
		return err
	}
	if !bytes.Equal(want, data) {
		return errors.New("reading an entry: it is not canonical JSON, so it was changed after assay wrote it; restore the original")
	}
	var e Entry
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("reading an entry: %w", err)
	}
	if err := e.Validate(); err != nil {
		return err
	}
	return errors.New("reading an entry: it cannot be read")
}

// Digest names bytes by their content: "sha256:" and 64 hexadecimal digits.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return digestPrefix + hex.EncodeToString(sum[:])
}

const digestPrefix = "sha256:"

// ValidDigest says whether s is written as Digest writes it. Whoever makes a file name or an
// address of a digest that came from outside asks this first.
func ValidDigest(s string) bool {
	digits, ok := strings.CutPrefix(s, digestPrefix)
	if !ok || len(digits) != 2*sha256.Size {
		return false
	}
	for _, c := range []byte(digits) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// normal writes equal things equally: times in UTC, no list where there is an empty one.
// The caller's entry is left as it is.
func normal(e Entry) Entry {
	e.Time = e.Time.UTC()
	if e.Plan != nil {
		p := *e.Plan
		if p.Runs == nil {
			p.Runs = []PlannedRun{}
		}
		e.Plan = &p
	}
	if e.Result != nil {
		r := *e.Result
		r.Started, r.Finished = r.Started.UTC(), r.Finished.UTC()
		r.Shards = slices.Clone(r.Shards)
		for i := range r.Shards {
			s := &r.Shards[i]
			s.Started, s.Finished = utc(s.Started), utc(s.Finished)
		}
		e.Result = &r
	}
	return e
}

// utc keeps the zero time zero, which omitzero looks for.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

// canonical rewrites any JSON document in canonical form. Of members with the same name the last
// stays, as encoding/json reads them.
func canonical(data []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // keeps every digit as it is written
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("reading an entry: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("reading an entry: something follows the JSON document")
	}
	return appendValue(make([]byte, 0, len(data)), v), nil
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.SortFunc(names, compareUTF16)
		b = append(b, '{')
		for i, name := range names {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, name), ':')
			b = appendValue(b, v[name])
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, element := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, element)
		}
		return append(b, ']')
	case string:
		return appendString(b, v)
	case json.Number:
		return append(b, v...)
	case bool:
		if v {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	default: // a JSON decoder gives nothing else but null
		return append(b, "null"...)
	}
}

// appendString escapes what RFC 8785 section 3.2.2.2 says and nothing else. A JSON decoder has
// made s valid UTF-8 before.
func appendString(b []byte, s string) []byte {
	const hexDigits = "0123456789abcdef"
	b = append(b, '"')
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\b':
			b = append(b, `\b`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\f':
			b = append(b, `\f`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// compareUTF16 orders names by their UTF-16 code units (RFC 8785 section 3.2.3). That is the order
// of code points, but for those beyond U+FFFF, whose surrogates come before U+E000. Of ASCII it is that
// of the bytes.
func compareUTF16(a, b string) int {
	if isASCII(a) && isASCII(b) {
		return strings.Compare(a, b)
	}
	ra, rb := []rune(a), []rune(b)
	return slices.CompareFunc(ra, rb, func(x, y rune) int { return cmp.Compare(utf16Weight(x), utf16Weight(y)) })
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func utf16Weight(r rune) rune {
	if r >= 0xE000 && r <= 0xFFFF {
		return r + 0x110000
	}
	return r
}
