package summary

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/policy"
)

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

// longestTitle is what GitHub takes as the title of an annotation or a check, in characters.
const longestTitle = 255

// Annotations are the failed tests that say where they are, at most so many (0: all): blocking and
// newly failing ones first. total counts all failed tests, so that a reader can be told how many are
// not shown.
func Annotations(s Summary, most int) (list []Annotation, total int) {
	for _, r := range rows(s) {
		res := r.result()
		if res == nil || res.Report == nil {
			continue
		}
		total += res.Report.Unmet()
		since, files := s.compare(r), res.Artifacts()
		for _, c := range res.Report.Cases {
			file := repositoryPath(c.File)
			if !unmet(c) || file == "" {
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
			if kept := attachedText(files, c, oneLine); kept != "" {
				text += "\n" + kept
			}
			list = append(list, Annotation{
				Path: file, Line: max(c.Line, 1), Suite: oneLine(r.suite),
				Blocking: r.blocks(s), New: since.isNew(c),
				Title: shorten(oneLine(r.suite+": "+c.ID()), longestTitle), Message: text,
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

// blocks says whether the row is a reason not to be ready; without a verdict every row is.
func (r row) blocks(s Summary) bool {
	return s.Verdict == nil || r.required && r.effective() != policy.StateWaived
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

// scheme begins an address, or a Windows path with its drive.
var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)

// repositoryPath is a report's path as a forge can find it; empty where it leads out of the
// repository or is no path.
func repositoryPath(p string) string {
	p = strings.ReplaceAll(oneLine(p), `\`, "/")
	if p == "" || scheme.MatchString(p) {
		return ""
	}
	p = path.Clean(p)
	if p == "." || path.IsAbs(p) || strings.HasPrefix(p, "../") || p == ".." {
		return ""
	}
	return p
}
