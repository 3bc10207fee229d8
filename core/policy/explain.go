package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ExplainPolicy says in words what a policy demands, and what it excuses now.
func ExplainPolicy(p Policy, now time.Time) string {
	var b strings.Builder
	item := func(format string, args ...any) { fmt.Fprintf(&b, "  - %s\n", fmt.Sprintf(format, args...)) }
	head := func(text string) { fmt.Fprintf(&b, "\n%s\n", text) }
	place := ""
	if p.Position.File != "" {
		place = " (" + p.Position.String() + ")"
	}
	fmt.Fprintf(&b, "Policy %s%s, %s\n", p.Name, place, shortDigest(p.Digest))

	if len(p.Required)+len(p.Baseline) == 0 {
		head("It requires nothing, so nothing can be ready by it.")
		return b.String()
	}
	head("A release is ready when there is fresh evidence for each of these:")
	where := func(environment string) string {
		if environment == "" {
			return "in the environment that the verdict is asked for"
		}
		return "in environment " + environment
	}
	for _, r := range p.Required {
		item("suite %s passed, for every workload that it covers, %s%s", r.Suite, where(r.Environment), own(r.Terms))
	}
	for _, r := range p.Baseline {
		set := "every workload"
		if len(r.For) > 0 {
			set = "every workload of " + strings.TrimPrefix(r.For.String(), "workloads of ")
		}
		item("%s has a suite of level %s, and each such suite passed, %s%s", set, r.Level, where(r.Environment), own(r.Terms))
		for _, e := range r.Except {
			fmt.Fprintf(&b, "      not for %s: %s\n", e.Workload, sentence(e.Reason))
		}
	}

	head("Evidence counts")
	if p.MaxAge == (Age{}) {
		item("for as long as what it is about stays the same: the digests of what the suite covers and depends on, the cluster, its minor version of Kubernetes")
	} else {
		item("for at most %s, and only while what it is about stays the same: the digests of what the suite covers and depends on, the cluster, its minor version of Kubernetes", p.MaxAge)
	}
	if p.Accept == AcceptCluster {
		item("only where Assay ran it in a cluster; imported results do not count")
	} else {
		item("where Assay ran it in a cluster, and where it was made elsewhere and imported")
	}
	if p.MinExecuted > 0 {
		item("from %s on that were carried out", counted(p.MinExecuted, "test"))
	}
	switch {
	case p.FlakeBudget == (Share{}):
		item("also where tests passed only on a retry; they are shown as flaky")
	case p.FlakeBudget.of(100) == 0 && !p.FlakeBudget.percent:
		item("only where no test needed a retry")
	default:
		item("where at most %s of its tests passed only on a retry", p.FlakeBudget)
	}

	for _, producer := range identified(p.Producers) {
		var keys []string
		for _, k := range producer.Keys {
			keys = append(keys, shortDigest(k))
		}
		whose := "suites of " + shortened(producer.Owner)
		if producer.Owner == AnyOwner {
			whose = "all other suites"
		}
		item("of %s only where it is signed with the key %s", whose, strings.Join(keys, " or "))
	}
	if p.HasProducers() && !slices.ContainsFunc(p.Producers, func(p Producer) bool { return p.Owner == AnyOwner }) {
		item("of no other suites, since nobody is named who may vouch for them")
	}

	if len(p.Thresholds) > 0 {
		head("Measurements keep within bounds:")
		for _, t := range p.Thresholds {
			item("%s of suite %s is %s", t.Measurement, t.Suite, t.words(""))
		}
	}
	if m := p.Matches; m != nil {
		head("The environment is like " + m.Environment + ".")
		var tolerated []string
		for _, t := range m.Tolerate {
			tolerated = append(tolerated, t.String())
		}
		if len(tolerated) > 0 {
			item("they may differ in %s", strings.Join(tolerated, ", "))
		} else {
			item("no difference is tolerated")
		}
	}
	if len(p.Quarantine)+len(p.Waivers) > 0 {
		head("Excused")
	}
	over := func(d Day) string {
		if d.Over(now) {
			return "expired on " + d.String() + ", and excuses nothing any more"
		}
		return "until " + d.String()
	}
	for _, w := range p.Waivers {
		item("%s, %s, by %s: %s (%s)", w.words(), over(w.Expires), w.Approver, sentenceless(w.Reason), w.Ticket)
	}
	for _, q := range p.Quarantine {
		item("the test %s of suite %s, %s, by %s: %s (%s)", quoted(q.Test), q.Suite, over(q.Expires), q.Approver, sentenceless(q.Reason), q.Ticket)
	}
	return b.String()
}

// own are the terms that a requirement has of its own, as the end of a sentence.
func own(t Terms) string {
	var parts []string
	if t.MaxAge != (Age{}) {
		parts = append(parts, "at most "+t.MaxAge.String()+" ago")
	}
	if t.Accept == AcceptCluster {
		parts = append(parts, "run in the cluster")
	}
	if t.MinExecuted > 0 {
		parts = append(parts, "with at least "+counted(t.MinExecuted, "test"))
	}
	if t.FlakeBudget != (Share{}) {
		parts = append(parts, "with at most "+t.FlakeBudget.String()+" flaky")
	}
	if len(parts) == 0 {
		return ""
	}
	return ", " + strings.Join(parts, ", ")
}

// ExplainCell says in words what one cell's state is, why, since when, and on which evidence it rests.
// ok is false where the verdict has no such cell.
func ExplainCell(v Verdict, workload, suite string) (text string, ok bool) {
	var b strings.Builder
	for _, c := range v.Cells {
		if c.Workload != workload || c.Suite != suite && (c.Suite != "" || c.Level != suite) {
			continue
		}
		ok = true
		name := "suite " + c.Suite
		if c.Suite == "" {
			name = "a suite of level " + c.Level
		}
		if c.Workload != "" {
			name += " for " + c.Workload
		}
		fmt.Fprintf(&b, "%s%s: %s\n", strings.ToUpper(name[:1])+name[1:], inEnvironment(c.Environment), c.State)
		line := func(label, text string) {
			if text != "" {
				if label != "" {
					label += ":"
				}
				fmt.Fprintf(&b, "  %-9s %s\n", label, text)
			}
		}
		line("Means", c.State.Means())
		if c.Note != "" {
			line("Why", sentence(c.Note))
		}
		if !c.Since.IsZero() {
			line("Since", stamp(c.Since))
		}
		line("Owner", c.Owner)
		for _, f := range v.Findings {
			if f.Suite != c.Suite || f.Environment != c.Environment || f.Workload != "" && f.Workload != c.Workload {
				continue
			}
			if c.Suite == "" && f.Workload != c.Workload {
				continue
			}
			label := "Why"
			if f.Severity == Advisory {
				label = "Note"
			}
			line(label, f.Message)
			line("Next", f.Next)
		}
		if c.Run != "" {
			line("Run", c.Run+" (`assay show "+c.Run+"`)")
		}
		for i, digest := range c.Evidence {
			line([]string{"Evidence", ""}[min(i, 1)], digest)
		}
		forces := c.State.Verdict()
		line("Forces", string(forces)+map[bool]string{true: ", the verdict", false: ""}[forces == v.Decision])
	}
	return b.String(), ok
}

// Means says in a sentence when a cell is in this state.
func (s State) Means() string { return CellVerdicts[s.rank()].Means }
