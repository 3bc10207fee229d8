package main

import (
	"fmt"
	"strings"
)

// What reading a million JUnit cases may take at most.
const (
	readingSeconds = 5
	readingPeak    = 100e6 // bytes
)

func secondsOf(c Cost) float64 { return c.Seconds }
func cpuOf(c Cost) float64     { return c.CPU }
func peakOf(c Cost) float64    { return float64(c.Peak) }

// over says whether Assay took more than it may. Memory is bounded in each pass, time in the median.
func (r Readings) over() bool {
	return r.Wrong != "" || median(each(r.Samples, secondsOf)) > readingSeconds || quantile(each(r.Samples, peakOf), 1) > readingPeak
}

// against says how much more than ours a reader took: of time, round by round, and of memory.
func (r Readings) against(ours Readings) string {
	if len(r.Samples) == 0 || len(ours.Samples) == 0 {
		return ""
	}
	more := func(side func(Cost) float64) float64 {
		return median(ratios(each(r.Samples, side), each(ours.Samples, side)))
	}
	return fmt.Sprintf("%.1f x time, %.1f x memory", more(secondsOf), more(peakOf))
}

// figures are time, CPU time and peak memory, or why there are none.
func (r Readings) figures() string {
	if len(r.Samples) == 0 {
		return r.Wrong
	}
	return fmt.Sprintf("%s, %s of CPU, %s", spread(each(r.Samples, secondsOf), "s"),
		seconds(median(each(r.Samples, cpuOf))), spread(inMB(each(r.Samples, peakOf)), "MB"))
}

// rate is how many megabytes a second were read.
func (f Format) rate(samples []Cost) []float64 {
	return each(samples, func(c Cost) float64 { return float64(f.Bytes) / 1e6 / c.Seconds })
}

func (f Format) over() bool { return quantile(each(f.Assay, peakOf), 1) > readingPeak }

func (r *Reader) title() string { return strings.TrimSpace(r.Name + " " + r.Version) }

// text is for the terminal.
func (r *Reports) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nreading %d JUnit cases, %.0f MB\n", r.Tests, float64(r.Bytes)/1e6)
	kept := func(over bool) string { return map[bool]string{true: "NOT KEPT", false: "kept"}[over] }
	for i := range r.Readers {
		for j, s := range []Readings{r.Readers[i].One, r.Readers[i].Many} {
			what := "in one file"
			if j == 1 {
				what = fmt.Sprintf("in %d files", r.Files)
			}
			fmt.Fprintf(&b, "    %s, %s: %s", r.Readers[i].title(), what, s.figures())
			if i == 0 {
				fmt.Fprintf(&b, "; bound %d s and %.0f MB: %s\n", readingSeconds, readingPeak/1e6, kept(s.over()))
				continue
			}
			if more := s.against([]Readings{r.Readers[0].One, r.Readers[0].Many}[j]); more != "" {
				fmt.Fprintf(&b, "; against Assay %s", more)
			}
			b.WriteString("\n")
		}
	}
	b.WriteString("reading other formats\n")
	for _, f := range r.Formats {
		fmt.Fprintf(&b, "    %s, %d tests, %.0f MB: %s, %s; bound %.0f MB: %s", f.Name, f.Tests, float64(f.Bytes)/1e6,
			spread(f.rate(f.Assay), "MB/s"), spread(inMB(each(f.Assay, peakOf)), "MB"), readingPeak/1e6, kept(f.over()))
		if len(f.Tokens) > 0 {
			fmt.Fprintf(&b, "; %s alone %s, ratio %s", f.Against, spread(f.rate(f.Tokens), "MB/s"), spread(f.ratio(), ""))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// ratio is how many times as fast Assay reads the format as the bytes are parted into tokens.
func (f Format) ratio() []float64 {
	return ratios(each(f.Tokens, secondsOf), each(f.Assay, secondsOf))
}

// markdown is what stands in the README between the markers.
func (r *Reports) markdown(c Conditions) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s JUnit cases, %.0f MB | in one file: time, CPU, peak memory | against Assay | in %s files | against Assay |\n|---|---|---|---|---|\n",
		thousands(r.Tests), float64(r.Bytes)/1e6, thousands(r.Files))
	for i := range r.Readers {
		x := &r.Readers[i]
		title, one, many := x.title(), "", ""
		if x.Note != "" {
			title += " (" + x.Note + ")"
		}
		if i > 0 {
			one, many = x.One.against(r.Readers[0].One), x.Many.against(r.Readers[0].Many)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", title, cell(x.One.figures()), one, cell(x.Many.figures()), many)
	}
	b.WriteString("\n| format | tests | read at | peak memory | tokens alone | times as fast |\n|---|---|---|---|---|---|\n")
	for _, f := range r.Formats {
		tokens, ratio := "", ""
		if len(f.Tokens) > 0 {
			tokens, ratio = f.Against+" "+spread(f.rate(f.Tokens), "MB/s"), spread(f.ratio(), "")
		}
		fmt.Fprintf(&b, "| %s, %.0f MB | %s | %s | %s | %s | %s |\n", f.Name, float64(f.Bytes)/1e6, thousands(f.Tests),
			spread(f.rate(f.Assay), "MB/s"), spread(inMB(each(f.Assay, peakOf)), "MB"), tokens, ratio)
	}
	rounds := 0
	if len(r.Readers) > 0 {
		rounds = len(r.Readers[0].One.Samples)
	}
	fmt.Fprintf(&b, "\nMedian (least to most) of %d rounds of `make bench`, the readers in turn, each in a process of its own from its start to its end; a\n"+
		"figure stands only where the reader found the counts that are in the files. Assay's include looking for secrets and a SHA-256 of\n"+
		"every file, and are to stay below %d s and %.0f MB. Node %s, %d cores, %.0f GiB, load %.1f when it began, commit %s, %s.\n",
		rounds, readingSeconds, readingPeak/1e6, r.Node, c.Cores, mib(c.Memory)/1024, c.Load, c.Commit, c.Date.UTC().Format("2 January 2006"))
	return b.String()
}

// cell makes a cell of a table of what another program may have said.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", "\\|")
}

// thousands writes 1000000 as 1,000,000.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
