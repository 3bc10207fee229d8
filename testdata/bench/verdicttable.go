package main

import (
	"fmt"
	"strings"
)

// over says whether a verdict took more than it may. Memory is bounded in each sample, time in the median.
func (d Deciding) over() bool {
	return d.Bounded && (median(each(d.Samples, secondsOf)) > verdictSeconds || quantile(each(d.Samples, peakOf), 1) > verdictPeak)
}

// row is what one question took, figure by figure as verdictHead names them.
func (d Deciding) row() []string {
	first, bound := "", ""
	if d.First != nil {
		first = d.First.String()
	}
	if d.Bounded {
		bound = fmt.Sprintf("%.0f s, %.0f MB", verdictSeconds, verdictPeak/1e6)
	}
	return []string{d.Name, Readings{Samples: d.Samples}.figures(), bound, first, fmt.Sprintf("%.1f MB, %s", float64(d.ExportBytes)/1e6, Readings{Samples: d.Input}.figures())}
}

var verdictHead = []string{"what is under test", "`assay verdict`", "bound", "the first time", "from `--export-input`: its size, and what `--input` takes"}

func (v *Verdicts) about() string {
	cells := 0
	if len(v.Of) > 0 {
		cells = v.Of[0].Cells
	}
	return fmt.Sprintf("%s cells, decided over %s runs (%s entries of %.0f MB)", thousands(cells), thousands(v.Runs), thousands(v.Entries), float64(v.Bytes)/1e6)
}

// text is for the terminal.
func (v *Verdicts) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", v.about())
	for _, d := range v.Of {
		row := d.row()
		fmt.Fprintf(&b, "%s\n    %s", row[0], row[1])
		if d.Bounded {
			fmt.Fprintf(&b, "; bound %s: %s", row[2], map[bool]string{true: "NOT KEPT", false: "kept"}[d.over()])
		}
		if row[3] != "" {
			fmt.Fprintf(&b, "\n    the first time %s", row[3])
		}
		fmt.Fprintf(&b, "\n    exporting %s; from the file %s\n", d.Export, row[4])
	}
	return b.String()
}

// markdown is what stands in the README between the markers.
func (v *Verdicts) markdown(c Conditions) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |\n|---%s|\n", strings.Join(verdictHead, " | "), strings.Repeat("|---", len(verdictHead)-1))
	samples := 0
	for _, d := range v.Of {
		samples = len(d.Samples)
		fmt.Fprintf(&b, "| %s |\n", strings.Join(d.row(), " | "))
	}
	fmt.Fprintf(&b, "\n%s, by `make bench`: median (least to most) of %d, CPU time, peak memory. The first time\nnobody has read the store before. %d cores, %.0f GiB, load %.1f, commit %s, %s.\n",
		v.about(), samples, c.Cores, mib(c.Memory)/1024, c.Load, c.Commit, c.Date.UTC().Format("2 January 2006"))
	return b.String()
}
