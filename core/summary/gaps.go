package summary

import (
	"fmt"
	"strings"

	"github.com/assay-dev/assay/core/policy"
)

// Workloads that no suite covers are gaps whatever the policy demands: nobody has asked a question
// about them yet.

// uncoveredHeading stands over them; empty where there are none.
func uncoveredHeading(s Summary) string {
	if s.Verdict == nil || len(s.Verdict.Coverage.Uncovered) == 0 {
		return ""
	}
	c := s.Verdict.Coverage
	return fmt.Sprintf("Workloads that no suite covers (%s of %s)", number(len(c.Uncovered)), number(max(c.Workloads, len(c.Uncovered))))
}

// gapText is a workload that no suite covers, with what is known of it. The name is shown by the
// function given.
func gapText(g policy.Gap, show func(string) string) string {
	var more []string
	if g.Namespace != "" {
		more = append(more, "namespace "+show(g.Namespace))
	}
	if g.Owner != "" {
		more = append(more, "owner "+show(g.Owner))
	}
	if g.Tier != "" {
		more = append(more, "tier "+show(g.Tier))
	}
	text := show(g.Workload)
	if len(more) > 0 {
		text += " (" + strings.Join(more, ", ") + ")"
	}
	return text
}

func writeUncovered(b *strings.Builder, s Summary) {
	heading := uncoveredHeading(s)
	if heading == "" {
		return
	}
	var c strings.Builder
	gaps := s.Verdict.Coverage.Uncovered
	for i, g := range gaps {
		if i == rulesShown {
			fmt.Fprintf(&c, "- %s more\n", number(len(gaps)-i))
			break
		}
		c.WriteString("- " + gapText(g, code) + "\n")
	}
	details(b, heading, c.String())
}

func (w *writer) uncovered(s Summary) {
	heading := uncoveredHeading(s)
	if heading == "" {
		return
	}
	w.heading(heading)
	gaps := s.Verdict.Coverage.Uncovered
	for i, g := range gaps {
		if i == 10 {
			w.wrap("  ", "  ", number(len(gaps)-i)+" more.")
			break
		}
		w.wrap("  - ", "    ", gapText(g, title))
	}
}
