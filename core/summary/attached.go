package summary

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
)

// attachedShown is how many of a test's kept attachments a summary names; assay show names all.
const attachedShown = 3

// keptOf are the paths, among the run's kept files, of what a test attached: the first few, and how
// many more there are. What was not kept is of no use here.
func keptOf(files evidence.Artifacts, c report.Case) (paths []string, more int) {
	seen := map[string]bool{}
	for _, a := range c.Attachments {
		f, ok := files.Find(a)
		if !ok || seen[f.Path] {
			continue
		}
		seen[f.Path] = true
		if len(paths) == attachedShown {
			more++
			continue
		}
		paths = append(paths, f.Path)
	}
	return paths, more
}

// attachedText names a test's kept attachments in one line; empty where there are none.
func attachedText(files evidence.Artifacts, c report.Case, show func(string) string) string {
	paths, more := keptOf(files, c)
	if len(paths) == 0 {
		return ""
	}
	for i, p := range paths {
		paths[i] = show(p)
	}
	text := "attached: " + strings.Join(paths, ", ")
	if more > 0 {
		text += fmt.Sprintf(" and %s more", number(more))
	}
	return text
}

// attached writes what a test attached, kept or not. Paths are not cut, so that they can be copied.
func (w *writer) attached(files evidence.Artifacts, c report.Case) {
	inside := map[string]int{}
	var kinds []string
	for _, a := range c.Attachments {
		if a.Path == "" {
			kind := cmp.Or(oneLine(a.MediaType), "of unknown type")
			if inside[kind]++; inside[kind] == 1 {
				kinds = append(kinds, kind)
			}
			continue
		}
		text := oneLine(a.Path) + " (not kept)"
		if f, ok := files.Find(a); ok {
			text = oneLine(f.Path)
		}
		if name := oneLine(a.Name); name != "" && name != oneLine(a.Path) {
			text += ": " + shorten(name, longestName)
		}
		w.b.WriteString("    attached: " + text + "\n")
	}
	for _, kind := range kinds {
		w.b.WriteString(fmt.Sprintf("    attached: %s %s, in the report itself\n", number(inside[kind]), shorten(kind, longestName)))
	}
	if c.AttachmentsOmitted > 0 {
		w.b.WriteString(fmt.Sprintf("    attached: %s more, in the report\n", number(c.AttachmentsOmitted)))
	}
}
