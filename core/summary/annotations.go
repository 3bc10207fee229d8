package summary

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/report"
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
	s = s.rendering()
	type place struct {
		row           *row
		at            int // in its report's cases
		blocking, new bool
	}
	var places []place
	all := rows(s)
	for i := range all {
		r := &all[i]
		res := r.result()
		if res == nil || res.Report == nil {
			continue
		}
		total += res.Report.Unmet()
		since, blocking := s.compare(*r), r.blocks(s)
		for at, c := range res.Report.Cases {
			if unmet(c) && repositoryPath(c.File) != "" {
				places = append(places, place{r, at, blocking, since.isNew(c)})
			}
		}
	}
	// They are chosen before they are written: there may be many times as many as are wanted.
	slices.SortStableFunc(places, func(a, b place) int {
		return cmp.Or(-boolCompare(a.blocking, b.blocking), -boolCompare(a.new, b.new))
	})
	if most > 0 && len(places) > most {
		places = places[:most]
	}
	files := map[*row]evidence.Artifacts{}
	for _, p := range places {
		if _, there := files[p.row]; !there {
			files[p.row] = p.row.result().Artifacts()
		}
		c := p.row.result().Report.Cases[p.at]
		list = append(list, Annotation{
			Path: repositoryPath(c.File), Line: max(c.Line, 1), Suite: oneLine(p.row.suite), Blocking: p.blocking, New: p.new,
			Title: shorten(oneLine(p.row.suite+": "+c.ID()), longestTitle), Message: remark(c, files[p.row]),
		})
	}
	return list, total
}

// remark is what an annotation says of a failed test.
func remark(c report.Case, files evidence.Artifacts) string {
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
	return text
}

// blocks says whether the row is a reason not to be ready; without a verdict every row is.
func (r row) blocks(s Summary) bool {
	return s.Verdict == nil || r.required && r.effective() != policy.StateWaived && r.effective() != policy.StateNotApplicable
}

// UnannotatedText says how many failed tests are not marked in the code, and where they are; empty
// where none is left out.
func UnannotatedText(s Summary, shown, total int) string {
	if shown >= total {
		return ""
	}
	text := counted(total-shown, "more failed test") + " not marked in the code"
	if run := oneLine(lookCloser(rows(s))); run != "" {
		text += ": assay show " + run
	}
	return text + "."
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
