package main

import (
	"fmt"
	"strings"
)

// bad says whether an entry that was acknowledged is not there, or one is there more than once.
func (c Counted) bad() bool { return c.Lost > 0 || c.Doubled > 0 }

// figures says what became of the entries, and how many were kept in a second.
func (c Counted) figures() string {
	parts := []string{fmt.Sprintf("%s lost", thousands(c.Lost))}
	if c.Doubled > 0 {
		parts = append(parts, fmt.Sprintf("%s doubled", thousands(c.Doubled)))
	}
	if c.Refused > 0 {
		parts = append(parts, fmt.Sprintf("%s refused", thousands(c.Refused)))
	}
	return fmt.Sprintf("%s, %.0f/s", strings.Join(parts, ", "), float64(c.Kept)/c.Seconds)
}

// ratios are those of each pair.
func (a Appends) ratios() []float64 {
	return ratios(each(a.Assay, Pushed.seconds), each(a.Raw, Pushed.seconds))
}

func (p Pushed) seconds() float64 { return p.Seconds }

func (a Appends) over() bool { return median(a.ratios()) >= appendBound }

func (a Appends) spread(of []Pushed) string {
	requests := spread(each(of, func(p Pushed) float64 { return float64(p.Requests) }), "n")
	return fmt.Sprintf("%s, %s requests", quartiles(each(of, func(p Pushed) float64 { return 1000 * p.Seconds }), " ms"), requests)
}

// quartiles says median and the middle half: of many short samples the longest is the machine's.
func quartiles(samples []float64, unit string) string {
	return fmt.Sprintf("%.1f%s (%.1f to %.1f)", median(samples), unit, quantile(samples, 0.25), quantile(samples, 0.75))
}

func (w *Writers) about() string {
	return fmt.Sprintf("%d processes append %s entries, %d each, at once", w.Processes, thousands(w.Processes*w.Each), w.Each)
}

// text is for the terminal.
func (w *Writers) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", w.about())
	for _, c := range w.Crowds {
		fmt.Fprintf(&b, "%s\n    assay %s; naive %s; bound 0 lost, 0 doubled: %s\n", c.Place, c.Assay.figures(), c.Naive.figures(),
			map[bool]string{true: "NOT KEPT", false: "kept"}[c.Assay.bad() || c.Assay.Refused > 0])
	}
	for _, a := range w.Appends {
		fmt.Fprintf(&b, "%s: %s\n    assay %s; one blob and manifest %s, ratio %s; bound %.0f: %s\n", a.Place, a.What, a.spread(a.Assay), a.spread(a.Raw),
			quartiles(a.ratios(), ""), appendBound, map[bool]string{true: "NOT KEPT", false: "kept"}[a.over()])
	}
	return b.String()
}

// markdown is what stands in the README between the markers.
func (w *Writers) markdown(c Conditions) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | Assay | the naive way |\n|---|---|---|\n", w.about())
	for _, c := range w.Crowds {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.Place, c.Assay.figures(), c.Naive.figures())
	}
	b.WriteString("\n| one append | Assay | one blob of as many bytes and a manifest | ratio | bound |\n|---|---|---|---|---|\n")
	pairs := 0
	for _, a := range w.Appends {
		pairs = len(a.Assay)
		fmt.Fprintf(&b, "| %s; %s | %s | %s | %s | %.0f |\n", a.What, a.Place, a.spread(a.Assay), a.spread(a.Raw), quartiles(a.ratios(), ""), appendBound)
	}
	for _, c := range w.Crowds {
		if c.Naive.Lost > 0 && c.Naive.Lost == c.Naive.Kept {
			fmt.Fprintf(&b, "\nIn %s the naive way left a list that nobody can read.\n", c.Place)
		}
	}
	fmt.Fprintf(&b, "\nBy `make bench`. Lost is what was acknowledged and is not there afterwards; refused is what gave an error. The naive way is\n"+
		"go-containerregistry's: each entry is an image attached to what was tested (`remote.Write` with a `subject`, `remote.Referrers`),\n"+
		"in a directory an OCI image layout (`AppendImage`). olareg loses entries of its list of referrers itself when several arrive at\n"+
		"once. Of one append medians (middle half) of %d pairs in turn; the other side is one `remote.Pusher` for all, its configuration\n"+
		"blob there already. %d cores for registry and writers, %.0f GiB, load %.1f, commit %s, %s.\n",
		pairs, c.Cores, mib(c.Memory)/1024, c.Load, c.Commit, c.Date.UTC().Format("2 January 2006"))
	return b.String()
}
