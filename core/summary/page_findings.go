package summary

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/policy"
)

// textSpan is a piece of a sentence; commands are code.
type textSpan struct {
	Text string
	Code bool
}

// spans splits a sentence of ours at the backticks around its commands.
func spans(s string) []textSpan {
	s = shorten(oneLine(s), longestInline)
	parts := strings.Split(s, "`")
	if len(parts)%2 == 0 {
		return []textSpan{{Text: s}}
	}
	var out []textSpan
	for i, p := range parts {
		if p != "" {
			out = append(out, textSpan{Text: p, Code: i%2 == 1})
		}
	}
	return out
}

// pageFindingList is a list of findings, and in words what it leaves out.
type pageFindingList struct {
	Items []pageFinding
	More  string
}

// pageFinding is one reason: what, why, since when, whose, and what to do.
type pageFinding struct {
	Who, What, Where, Code string
	Message, Next          []textSpan
	// Example is what Next shows by itself, line by line.
	Example []string
	Since   string
	Run     string
	Digests []digestView
}

func findingView(f policy.Finding, digests *digestList) pageFinding {
	next, example, _ := strings.Cut(f.Next, "\n\n")
	out := pageFinding{
		Who: title(f.Owner), Where: shorten(oneLine(f.Workload), longestInline), Code: title(f.Code), Message: spans(f.Message), Next: spans(next),
		Since: stamp(f.Since), Run: title(f.Run), Digests: digests.refer(f.Evidence, f.Suite, f.Run),
	}
	if f.Suite != "" {
		out.What = title(f.Suite)
	}
	if example != "" {
		out.Example = outputLines(firstLines(example, 40))
	}
	return out
}

func findingList(list []policy.Finding, digests *digestList) (out pageFindingList) {
	for i, f := range list {
		if i == pageFindings {
			out.More = number(len(list)-i) + " more."
			break
		}
		out.Items = append(out.Items, findingView(f, digests))
	}
	return out
}

// gapsNamed is how many workloads without a suite stand among the reasons. All of them are in the list
// of gaps right after, and would hide what else blocks.
const gapsNamed = 3

// blockingList is the list of reasons, in which workloads without a suite do not crowd out the others.
func blockingList(list []policy.Finding, digests *digestList) pageFindingList {
	gaps := 0
	rest := slices.DeleteFunc(slices.Clone(list), func(f policy.Finding) bool {
		if f.Code != policy.CodeNoSuite {
			return false
		}
		gaps++
		return gaps > gapsNamed
	})
	out := findingList(rest, digests)
	var more []string
	if left := len(rest) - len(out.Items); left > 0 {
		more = append(more, fmt.Sprintf("%s more: see the cells.", number(left)))
	}
	if left := gaps - gapsNamed; left > 0 {
		more = append(more, fmt.Sprintf("%s without a suite: see the gaps.", counted(left, "more cell")))
	}
	out.More = strings.Join(more, " ")
	return out
}
