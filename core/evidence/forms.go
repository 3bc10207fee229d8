package evidence

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"net/url"
	"regexp"
	"strings"
)

const (
	// minForm is the shortest text that is ever taken out. Shorter ones would tear any log to pieces.
	minForm = 4
	// minEncoded is the shortest value whose base64 forms, and the shortest line of a longer value,
	// that is taken out by itself.
	minEncoded = 8
)

// forms gives the texts in which a secret's value may appear in logs and reports: as it is,
// base64, and escaped for URLs, JSON and XML. A value of several lines is also taken out line by
// line, because tools indent, quote and prefix what they print.
func forms(secret string) []string {
	value := strings.TrimSpace(secret)
	if len(value) < minForm {
		return nil
	}
	all := escaped(value)
	if len(value) >= minEncoded {
		// `echo $SECRET | base64` encodes the line end too.
		for _, v := range []string{value, value + "\n", secret} {
			all = append(all, encoded(v)...)
		}
	}
	if strings.ContainsRune(value, '\n') {
		all = append(all, escaped(strings.ReplaceAll(strings.ReplaceAll(value, "\r\n", "\n"), "\n", "\r\n"))...)
		for line := range strings.Lines(value) {
			if line = strings.TrimSpace(line); len(line) >= minEncoded {
				all = append(all, escaped(line)...)
			}
		}
	}
	return all
}

// escaped gives the value and its escaped forms; those without anything to escape are equal to it.
func escaped(value string) []string {
	query, path := url.QueryEscape(value), url.PathEscape(value)
	plain, forHTML := jsonEscaped(value, false), jsonEscaped(value, true)
	return []string{
		value,
		query, path, lowerHex(query), lowerHex(path),
		strings.ReplaceAll(query, "+", "%20"), // encodeURIComponent
		url.User(value).String(),              // the password in a URL
		plain, forHTML, strings.ReplaceAll(plain, "/", `\/`),
		xmlMinimal.Replace(value), xmlNamed.Replace(value), htmlNumbered.Replace(value), xmlEscaped(value),
	}
}

// Reports are XML and HTML, and their writers differ in which quotes they escape and how.
var (
	xmlMinimal   = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	xmlNamed     = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;")
	htmlNumbered = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")
)

func xmlEscaped(value string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(value)) // a bytes.Buffer never fails
	return b.String()
}

var percentHex = regexp.MustCompile(`%[0-9A-F]{2}`)

func lowerHex(s string) string { return percentHex.ReplaceAllStringFunc(s, strings.ToLower) }

func jsonEscaped(value string, forHTML bool) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(forHTML)
	_ = e.Encode(value) // a string always has a JSON form
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(b.String()), `"`), `"`)
}

// encoded gives the base64 forms of the value: both alphabets, with and without padding, and the
// part that stays the same where the value stands within something longer that is encoded as a
// whole (user:password in an Authorization header), at each of the three alignments.
func encoded(value string) []string {
	var all []string
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		all = append(all, e.EncodeToString([]byte(value)), e.WithPadding(base64.NoPadding).EncodeToString([]byte(value)))
		for shift := range 3 {
			inner := value[shift:]
			inner = inner[:len(inner)/3*3]
			if form := e.EncodeToString([]byte(inner)); len(form) >= minEncoded {
				all = append(all, form)
			}
		}
	}
	return all
}
