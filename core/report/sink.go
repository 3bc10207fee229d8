package report

import (
	"fmt"
	"strings"
)

// maxDoubts is how many doubts of one file are told one by one; a file can be wrong in every line.
const maxDoubts = 10

// sink takes what a format's reader finds in one file and holds it to the limits.
type sink struct {
	file   *File
	limits Limits
	emit   func(Case)
	// beyondPeer is set where the file holds what the second reader is known to read differently.
	beyondPeer bool
	// depth is the deepest nesting that was met.
	depth int

	advisory, serious int

	measured measurements
}

// add counts a case and hands it on.
func (s *sink) add(c Case) {
	if c.Status == Skipped {
		c.Message = skipReason(c.Message)
	}
	s.file.Add(c)
	if s.emit != nil {
		s.emit(c)
	}
}

// noReason is what a skipped case says where its report does not say why it did not run.
const noReason = "the report gives no reason"

// skipReason is the reason of a skip. What tools write instead of one, the kind of the skip, is none.
func skipReason(message string) string {
	kind := strings.TrimSpace(message)
	switch strings.ToLower(kind) {
	case "", "skip", "skipped", "not run":
		return noReason
	case "pending", "todo", "ignored", "fixme", "inconclusive", "notexecuted", "completed":
		return kind + "; " + noReason
	}
	return message
}

// measure counts a measurement and keeps it.
func (s *sink) measure(m Measurement) {
	s.file.Measure(m)
	s.measured.limit = s.limits.Measurements
	s.measured.keep(m)
	s.file.Measurements = s.measured.kept
}

// full says whether the file holds as many cases as may be read.
func (s *sink) full() bool { return s.file.Tests >= s.limits.FileCases }

// advise notes something that a reader should know. The phrase follows the file's name.
func (s *sink) advise(format string, args ...any) {
	if s.advisory++; s.advisory <= maxDoubts { // close tells how many more there are
		s.note(Doubt{Message: fmt.Sprintf(format, args...)})
	}
}

// unwitnessed notes something that only the tool's exit code says. The phrase follows the file's name.
func (s *sink) unwitnessed(format string, args ...any) {
	s.note(Doubt{Message: fmt.Sprintf(format, args...), NeedsExitCode: true})
}

// distrust notes something that forbids to call the run passed. The phrase follows the file's name.
func (s *sink) distrust(format string, args ...any) {
	if s.serious++; s.serious <= maxDoubts {
		s.note(Doubt{Message: fmt.Sprintf(format, args...), Serious: true})
	}
}

func (s *sink) note(d Doubt) {
	d.Path = s.file.Path
	d.Message = displayPath(s.file.Path) + " " + d.Message
	s.file.Doubts = append(s.file.Doubts, d)
}

// close says how many doubts were not told one by one.
func (s *sink) close() {
	for _, over := range []struct {
		n       int
		serious bool
	}{{s.serious - maxDoubts, true}, {s.advisory - maxDoubts, false}} {
		if over.n > 0 {
			s.file.Doubts = append(s.file.Doubts, Doubt{
				Path:    s.file.Path,
				Message: fmt.Sprintf("%s has %d more problems like these", displayPath(s.file.Path), over.n),
				Serious: over.serious,
			})
		}
	}
}

// displayPath is a path as sentences write it.
func displayPath(path string) string {
	if path == "" {
		return "the report"
	}
	return cut(clean([]byte(path)), 300)
}
