package summary

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/report"
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
// failure: words such as neutral or skipped satisfy a required check, and are never used.
func Succeeded(s Summary) bool {
	if s.Phase != Final || s.Problem != "" {
		return false
	}
	if s.Verdict != nil {
		return s.Verdict.Decision.ExitCode() == 0
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

// markerWord is what a marker's values may hold; anything else is left out of them, so that no value
// can end the comment it stands in.
var markerWord = regexp.MustCompile(`[^A-Za-z0-9._/:@+-]+`)

// String is the marker as it stands in a comment.
func (m Marker) String() string {
	word := func(s string) string { return strings.ReplaceAll(markerWord.ReplaceAllString(s, "_"), "--", "-_") }
	return fmt.Sprintf("<!-- assay:v1 key=%s sha=%s ci=%s run=%d.%d at=%d -->",
		word(m.Key), word(m.SHA), word(m.CI), m.Sequence, m.Attempt, m.Started.Unix())
}

var markerForm = regexp.MustCompile(`^<!-- assay:v1 key=(\S*) sha=(\S*) ci=(\S*) run=(\d+)\.(\d+) at=(-?\d+) -->`)

// ParseMarker reads the marker at the very start of a comment.
func ParseMarker(body string) (Marker, bool) {
	p := markerForm.FindStringSubmatch(strings.TrimLeft(body, " \r\n\t"))
	if p == nil {
		return Marker{}, false
	}
	sequence, err1 := strconv.ParseInt(p[4], 10, 64)
	attempt, err2 := strconv.Atoi(p[5])
	at, err3 := strconv.ParseInt(p[6], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return Marker{}, false
	}
	return Marker{Key: p[1], SHA: p[2], CI: p[3], Sequence: sequence, Attempt: attempt, Started: time.Unix(at, 0).UTC()}, true
}

// Same says whether two markers stand for the same comment.
func (m Marker) Same(o Marker) bool {
	read, ok := ParseMarker(m.String())
	other, ok2 := ParseMarker(o.String())
	return ok && ok2 && read.Key == other.Key
}

// Newer says whether m was written by a later run than o. A run is never newer than itself.
func (m Marker) Newer(o Marker) bool {
	if m.CI == o.CI && m.Sequence != 0 && o.Sequence != 0 && (m.Sequence != o.Sequence || m.Attempt != o.Attempt) {
		return cmp.Or(cmp.Compare(m.Sequence, o.Sequence), cmp.Compare(m.Attempt, o.Attempt)) > 0
	}
	return m.Started.After(o.Started)
}

// Comment is the body of the comment, marker included, in at most limit bytes.
func Comment(s Summary, key string, limit int) string {
	marker := MarkerOf(s, key).String() + "\n"
	return marker + MarkdownWithin(s, max(limit-len(marker), 1))
}

// Annotation is a remark at a place in the code.
type Annotation struct {
	// Path is relative to the repository's root; Line counts from 1.
	Path string
	Line int
	// Blocking is true where it is a reason for the verdict not to be READY.
	Blocking bool
	// New is true where the base is known not to have failed so.
	New bool
	// Suite is where the test belongs.
	Suite   string
	Title   string
	Message string
}

// Annotations are the failed tests that say where they are: blocking and newly failing ones first.
// total counts all failed tests, so that a reader can be told how many are not shown.
func Annotations(s Summary, most int) (list []Annotation, total int) {
	for _, r := range rows(s) {
		res := r.result()
		if res == nil || res.Report == nil {
			continue
		}
		total += res.Report.Failed + res.Report.Errored
		before, known := s.base(r)
		for _, c := range res.Report.Cases {
			if c.Status != report.Failed && c.Status != report.Errored {
				continue
			}
			file := repositoryPath(c.File)
			if file == "" {
				continue
			}
			message, lines, left := excerpt(c, everything.lines)
			text := strings.TrimSpace(strings.Join(append([]string{message}, outputLines(lines)...), "\n"))
			if left > 0 {
				text += "\n" + counted(left, "more line")
			}
			if text == "" {
				text = "The test " + string(c.Status) + " without a message."
			}
			list = append(list, Annotation{
				Path: file, Line: max(c.Line, 1), Suite: r.suite,
				Blocking: s.Verdict == nil || r.required,
				New:      known && !before[c.ID()],
				Title:    shorten(oneLine(r.suite+": "+c.ID()), 255), Message: text,
			})
		}
	}
	slices.SortStableFunc(list, func(a, b Annotation) int {
		return cmp.Or(-boolCompare(a.Blocking, b.Blocking), -boolCompare(a.New, b.New))
	})
	if most > 0 && len(list) > most {
		list = list[:most]
	}
	return list, total
}

// AnnotatedText says how many failed tests are not marked in the code, where some are not.
func AnnotatedText(shown, total int) string {
	if shown >= total {
		return ""
	}
	return fmt.Sprintf("%s of %s are marked in the code; the summary above says where all of them are.", number(shown), counted(total, "failed test"))
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// repositoryPath is a report's path as a forge can find it; empty where it leads out of the
// repository or is no path.
func repositoryPath(p string) string {
	p = path.Clean(strings.ReplaceAll(oneLine(p), `\`, "/"))
	if p == "." || path.IsAbs(p) || strings.HasPrefix(p, "../") || p == ".." || strings.Contains(p, "://") || len(p) > 1 && p[1] == ':' {
		return ""
	}
	return p
}

// base gives the tests of a row's suite that failed on the base; known is false where there is no
// readable result of it.
func (s Summary) base(r row) (failed map[string]bool, known bool) {
	i := slices.IndexFunc(s.Base, func(e evidence.Entry) bool { return e.Result != nil && e.Result.Suite == r.suite })
	if i < 0 || s.Base[i].Result.Report == nil {
		return nil, false
	}
	failed = map[string]bool{}
	for _, c := range s.Base[i].Result.Report.Cases {
		if c.Status == report.Failed || c.Status == report.Errored {
			failed[c.ID()] = true
		}
	}
	return failed, true
}

// where is the page to send people to for more, from a context.
func page(c ci.Context) string {
	if u := c.Page(); strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://") {
		return u
	}
	return ""
}
