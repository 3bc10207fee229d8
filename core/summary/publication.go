package summary

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/policy"
)

// What publishers say and how they name it is decided here, so that check, status and comment use
// the same words on every forge.

// CheckName is the name that a check run bears: one for the verdict, which branch protection can
// require, and another for suites that were run by name. key tells several of one repository apart.
func CheckName(s Summary, key string) string {
	name := "Assay verdict"
	if len(s.Named) > 0 {
		name = "Assay suites: " + shorten(oneLine(strings.Join(s.Named, ", ")), longestName)
	}
	if key != "" {
		name += " (" + title(key) + ")"
	}
	return name
}

// StatusName is the name that a commit status bears. It differs from CheckName: a check and a status
// of one name would both be required where either is.
func StatusName(s Summary, key string) string {
	name := "assay/verdict"
	if len(s.Named) > 0 {
		name = "assay/suites/" + shorten(oneLine(strings.Join(s.Named, ",")), longestName)
	}
	if key != "" {
		name += "/" + title(key)
	}
	return name
}

// StatusText is the title in at most n characters.
func StatusText(s Summary, n int) string { return shorten(Title(s), n) }

// Succeeded says whether the outcome is a success for a check or a status. Everything else is a
// failure: words such as neutral or skipped satisfy a required check, and are never used. Passes without
// a verdict are a success only for suites that were asked for by name.
func Succeeded(s Summary) bool {
	switch {
	case s.Phase != Final || s.Problem != "":
		return false
	case s.Verdict != nil:
		return s.Verdict.Decision.ExitCode() == 0
	case len(s.Named) == 0:
		return false
	}
	return policy.ExitCode(policy.NamedSuites(s.Results)) == 0
}

// Marker stands hidden at the start of a comment: whose it is, and what it was written about.
type Marker struct {
	// Key is the publication's; a comment with another key is another comment.
	Key string
	// SHA is the head commit that the comment speaks of.
	SHA string
	// CI, Sequence and Attempt order comments of one CI system.
	CI       string
	Sequence int64
	Attempt  int
	// Started is when the invocation began, to the second; it orders what nothing else does.
	Started time.Time
}

// MarkerOf is the marker of a summary's comment.
func MarkerOf(s Summary, key string) Marker {
	return Marker{
		Key: key, SHA: s.Context.HeadSHA, CI: s.Context.CI, Sequence: s.Context.Sequence, Attempt: s.Context.RunAttempt,
		Started: s.Started.UTC().Truncate(time.Second),
	}
}

// longestMarkerWord bounds a value in a marker, in bytes.
const longestMarkerWord = 128

// markerWord writes a value so that it can end neither the marker nor the hidden comment around it:
// what is not plain becomes %XX, and two hyphens never stand together. A value that is too long is
// told from others by its hash.
func markerWord(value string) string {
	if len(value) > longestMarkerWord {
		sum := sha256.Sum256([]byte(value))
		value = "sha256:" + hex.EncodeToString(sum[:])
	}
	var b strings.Builder
	last := byte(0)
	for _, c := range []byte(value) {
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._/:@+", c) >= 0
		if plain || c == '-' && last != '-' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
			c = 0
		}
		last = c
	}
	return b.String()
}

// String is the marker as it stands in a comment: on one line of at most some 1,300 bytes.
func (m Marker) String() string {
	return fmt.Sprintf("<!-- assay:v1 key=%s sha=%s ci=%s run=%d.%d at=%d -->",
		markerWord(m.Key), markerWord(m.SHA), markerWord(m.CI), m.Sequence, m.Attempt, m.Started.Unix())
}

var markerForm = regexp.MustCompile(`^<!-- assay:v1 key=([\w./:@+%-]*) sha=([\w./:@+%-]*) ci=([\w./:@+%-]*) run=(-?\d+)\.(-?\d+) at=(-?\d+) -->`)

// ParseMarker reads the marker at the very start of a comment; one that stands anywhere else, such as
// in a quotation, is somebody's text.
func ParseMarker(body string) (Marker, bool) {
	p := markerForm.FindStringSubmatch(body)
	if p == nil {
		return Marker{}, false
	}
	var words [3]string
	var errs [6]error
	for i := range words {
		words[i], errs[i] = url.PathUnescape(p[i+1])
	}
	sequence, err := strconv.ParseInt(p[4], 10, 64)
	errs[3] = err
	attempt, err := strconv.Atoi(p[5])
	errs[4] = err
	at, err := strconv.ParseInt(p[6], 10, 64)
	errs[5] = err
	if errors.Join(errs[:]...) != nil {
		return Marker{}, false
	}
	return Marker{Key: words[0], SHA: words[1], CI: words[2], Sequence: sequence, Attempt: attempt, Started: time.Unix(at, 0).UTC()}, true
}

// Same says whether two markers stand for the same comment.
func (m Marker) Same(o Marker) bool { return markerWord(m.Key) == markerWord(o.Key) }

// Newer says whether m was written by a later run than o. A run is never newer than itself. Runs of one
// CI system that counts them are ordered by its count, so that a re-run of an old one stays old; any
// others by the time they began.
func (m Marker) Newer(o Marker) bool {
	if m.CI == o.CI && m.Sequence != 0 && o.Sequence != 0 && (m.Sequence != o.Sequence || m.Attempt != o.Attempt) {
		return cmp.Or(cmp.Compare(m.Sequence, o.Sequence), cmp.Compare(m.Attempt, o.Attempt)) > 0
	}
	return m.Started.After(o.Started)
}

// Comment is the body of the comment, marker included, in at most limit bytes; limit must leave room
// for the marker.
func Comment(s Summary, key string, limit int) string {
	marker := MarkerOf(s, key).String() + "\n"
	return marker + MarkdownWithin(s, max(limit-len(marker), 1))
}
