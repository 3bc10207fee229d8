package main

import (
	"fmt"
	"math"
	"os"
	"strings"
	"time"
)

// Conditions are what the figures depend on.
type Conditions struct {
	Date       time.Time `json:"date"`
	Commit     string    `json:"commit"`
	Kubernetes string    `json:"kubernetes"`
	Kubectl    string    `json:"kubectl"`
	Nodes      int       `json:"nodes"`
	// Cores and Memory (bytes) are this machine's; Here says that the cluster's only node is it too.
	Cores  int   `json:"cores"`
	Memory int64 `json:"memory"`
	Here   bool  `json:"here"`
	// Load is the machine's load average over a minute before it began; what else runs makes every
	// figure worse.
	Load float64 `json:"load"`
	// Suites is how many are run at once.
	Suites int `json:"suites"`
}

// Result is everything that was measured, with all samples; a part that was not asked for is nil.
type Result struct {
	Conditions Conditions `json:"conditions"`
	One        []Pair     `json:"one,omitempty"`
	Many       []Burst    `json:"many,omitempty"`
	Requests   *Requests  `json:"requests,omitempty"`
	Memory     *Memory    `json:"memory,omitempty"`
	ReadBack   *ReadBack  `json:"readBack,omitempty"`
	Reports    *Reports   `json:"reports,omitempty"`
	Trends     *Trends    `json:"trends,omitempty"`
	Verdicts   *Verdicts  `json:"verdicts,omitempty"`
	Asked      *Asked     `json:"asked,omitempty"`
	Writers    *Writers   `json:"writers,omitempty"`
}

// row is one line of the table; bound is what we want it to keep, over whether it did not.
type row struct {
	what, assay, other, ratio, bound string
	over                             bool
}

// rows says what was measured, one line for each.
func (r Result) rows() []row {
	var rows []row
	if len(r.One) > 0 {
		a := each(r.One, func(p Pair) float64 { return p.Assay.Seconds })
		b := each(r.One, func(p Pair) float64 { return p.Bare.Seconds })
		q := ratios(a, b)
		rows = append(rows, row{
			what:  "a 1-second suite; by hand `kubectl create job`, `wait`, `logs`",
			assay: spread(a, "s"), other: spread(b, "s"), ratio: spread(q, ""), bound: "1.2", over: median(q) > 1.2,
		})
	}
	if len(r.Many) > 0 {
		n := r.Conditions.Suites
		a := each(r.Many, func(b Burst) float64 { return b.Assay.Seconds })
		against := func(what string, side func(Burst) Timed) row {
			b := each(r.Many, func(b Burst) float64 { return side(b).Seconds })
			return row{what: what, assay: spread(a, "s"), other: spread(b, "s"), ratio: spread(ratios(a, b), "")}
		}
		best := against(fmt.Sprintf("the same; by hand calls for %d Jobs each, side by side, where kubectl does not hold itself back", group), func(b Burst) Timed { return b.Bare })
		best.bound = "1.5"
		best.over = median(ratios(a, each(r.Many, func(b Burst) float64 { return b.Bare.Seconds }))) > 1.5
		rows = append(rows,
			against(fmt.Sprintf("%d such suites at once; by hand one call each of kubectl for %d Jobs", n, n), func(b Burst) Timed { return b.Once }),
			best,
			against("the same, with a second container that does nothing in each pod", func(b Burst) Timed { return b.Sidecar }),
		)
	}
	if r.Requests != nil {
		q := each(r.Requests.PerRun, Count.all)
		rows = append(rows, row{what: "API requests for one suite that covers one workload", assay: spread(q, "n"), bound: "15", over: quantile(q, 1) > 15})
	}
	if len(r.Many) > 0 {
		q := each(r.Many, func(b Burst) float64 { return b.Requests.all() / float64(r.Conditions.Suites) })
		rows = append(rows, row{what: fmt.Sprintf("API requests for each of %d such suites", r.Conditions.Suites), assay: spread(q, ""), bound: "15", over: quantile(q, 1) > 15})
	}
	if r.Requests != nil {
		rows = append(rows, row{what: "API requests within 20 s in which a test runs and says nothing", assay: fmt.Sprintf("%.0f", r.Requests.Idle.all()), bound: "0", over: r.Requests.Idle.all() > 0})
		rows = append(rows, row{what: "peak memory of `assay run`, one suite", assay: spread(inMB(r.Requests.Peak), "MB")})
	}
	if len(r.Many) > 0 {
		q := inMB(each(r.Many, func(b Burst) float64 { return float64(b.Peak) }))
		rows = append(rows, row{what: fmt.Sprintf("peak memory of `assay run`, %d suites", r.Conditions.Suites), assay: spread(q, "MB"), bound: "100 MB", over: quantile(q, 1) > 100})
	}
	if m := r.Memory; m != nil {
		pod := row{what: "memory added to the pod by a test with 16 MiB of log and 64 MiB in files: peaks of shim, collector and stream", assay: "not measured: the node is another machine"}
		if sum := m.sum(); sum > 0 {
			pod.assay = fmt.Sprintf("%.1f + %.1f + %.1f MiB; at one time %.1f MiB", mib(m.HighWater["run"]), mib(m.HighWater["collect"]), mib(m.HighWater["connect"]), mib(m.Together))
			pod.bound, pod.over = "16 MiB", sum > 16<<20
		}
		rows = append(rows, pod, row{
			what:  "a test with a memory limit of 32 MiB",
			assay: map[bool]string{true: "works", false: "does not work"}[m.Works] + map[bool]string{true: "; over it the reason is `OOMKilled`, and the log is kept", false: ""}[m.Killed],
			bound: "works", over: !m.Works || !m.Killed,
		})
	}
	if b := r.ReadBack; b != nil && len(b.Pairs) > 0 {
		a := each(b.Pairs, func(p ReadPair) float64 { return p.Assay })
		x := each(b.Pairs, func(p ReadPair) float64 { return p.Exec })
		rate := func(seconds []float64) []float64 {
			return each(seconds, func(s float64) float64 { return float64(b.Bytes) / 1e6 / s })
		}
		q := ratios(x, a)
		digest := median(each(b.Pairs, func(p ReadPair) float64 { return p.Digest / p.Assay }))
		rows = append(rows, row{
			what:  fmt.Sprintf("reading %d MiB back, each byte verified (%.0f%% of the time is the pod's own digest); by hand `kubectl exec -- cat`", b.Bytes>>20, 100*digest),
			assay: spread(rate(a), "MB/s"), other: spread(rate(x), "MB/s"), ratio: spread(q, ""), bound: "at least 0.8", over: median(q) < 0.8,
		})
	}
	return rows
}

func inMB(bytes []float64) []float64 {
	return each(bytes, func(b float64) float64 { return b / 1e6 })
}

// spread says median and range: "3.3 s (3.1 to 4.4)". The unit n is of things that are counted.
func spread(samples []float64, unit string) string {
	format, suffix := "%.2f", ""
	switch unit {
	case "":
	case "n":
		format = "%.0f"
	case "s":
		suffix = " s"
	default:
		format, suffix = "%.0f", " "+unit
	}
	say := func(v float64) string { return fmt.Sprintf(format, v) }
	middle, least, most := say(median(samples)), say(quantile(samples, 0)), say(quantile(samples, 1))
	if least == most {
		return middle + suffix
	}
	return fmt.Sprintf("%s%s (%s to %s)", middle, suffix, least, most)
}

// item gives the median of one item; NaN where no sample has it.
func item[T any](samples []T, side func(T) Timed, name string) float64 {
	var values []float64
	for _, s := range samples {
		if v, ok := side(s).Items[name]; ok {
			values = append(values, v)
		}
	}
	return median(values)
}

// items gives the medians of where the time of a one-second suite goes, both ways.
func (r Result) items(name string) (assay, bare float64) {
	return item(r.One, func(p Pair) Timed { return p.Assay }, name), item(r.One, func(p Pair) Timed { return p.Bare }, name)
}

// text is the table for the terminal.
func (r Result) text() string {
	var b strings.Builder
	for _, row := range r.rows() {
		fmt.Fprintf(&b, "%s\n    assay %s", row.what, row.assay)
		if row.other != "" {
			fmt.Fprintf(&b, ", by hand %s", row.other)
		}
		if row.ratio != "" {
			fmt.Fprintf(&b, ", ratio %s", row.ratio)
		}
		if row.bound != "" {
			fmt.Fprintf(&b, "; bound %s: %s", row.bound, map[bool]string{true: "NOT KEPT", false: "kept"}[row.over])
		}
		b.WriteString("\n")
	}
	if len(r.One) > 0 {
		fmt.Fprintf(&b, "\nwhere the time of one suite goes, medians    assay   by hand\n")
		for _, name := range itemOrder {
			a, h := r.items(name)
			fmt.Fprintf(&b, "    until %-38s %7s %9s\n", name, seconds(a), seconds(h))
		}
	}
	if len(r.Many) > 0 {
		sides := []func(Burst) Timed{
			func(b Burst) Timed { return b.Assay }, func(b Burst) Timed { return b.Once },
			func(b Burst) Timed { return b.Bare }, func(b Burst) Timed { return b.Sidecar },
		}
		line := func(name string, figure func(func(Burst) Timed) string) {
			fmt.Fprintf(&b, "    %-44s", name)
			for _, side := range sides {
				fmt.Fprintf(&b, " %10s", figure(side))
			}
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "\nwhere the time of many at once goes, medians   assay        once  in groups  2 containers\n")
		for _, name := range burstOrder {
			line("until "+name, func(side func(Burst) Timed) string { return seconds(item(r.Many, side, name)) })
		}
		if r.Conditions.Here {
			line("CPU time of the machine", func(side func(Burst) Timed) string {
				return seconds(median(each(r.Many, func(b Burst) float64 { return side(b).CPU })))
			})
			fmt.Fprintf(&b, "    %-44s %10s\n", "of it assay run itself", seconds(median(each(r.Many, func(b Burst) float64 { return b.CPU }))))
		}
	}
	if r.Reports != nil {
		b.WriteString(r.Reports.text())
	}
	if r.Trends != nil {
		b.WriteString(r.Trends.text())
	}
	if r.Verdicts != nil {
		b.WriteString(r.Verdicts.text())
	}
	if r.Asked != nil {
		b.WriteString(r.Asked.text())
	}
	if r.Writers != nil {
		b.WriteString(r.Writers.text())
	}
	return b.String()
}

// seconds writes a duration. What two streams of news tell of the same moment may come the other way
// round: that is no time.
func seconds(s float64) string {
	if math.IsNaN(s) {
		return ""
	}
	return fmt.Sprintf("%.2f s", max(s, 0))
}

// markdown is what stands in the README between the markers.
func (r Result) markdown() string {
	var b strings.Builder
	b.WriteString("| what | Assay | by hand | ratio | bound |\n|---|---|---|---|---|\n")
	for _, row := range r.rows() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", row.what, row.assay, row.other, row.ratio, row.bound)
	}
	if len(r.One) > 0 {
		b.WriteString("\nWhere the time of the one suite goes (medians):\n\n| until | Assay | by hand |\n|---|---|---|\n")
		for _, name := range itemOrder {
			a, h := r.items(name)
			fmt.Fprintf(&b, "| %s | %s | %s |\n", name, seconds(a), seconds(h))
		}
	}
	c := r.Conditions
	where := "one node, this machine"
	if !c.Here {
		where = fmt.Sprintf("%d nodes elsewhere", c.Nodes)
	}
	fmt.Fprintf(&b, "\nMedian (least to most) of pairs run in turn by `make bench`: %d of one suite, %d of %d at once", len(r.One), len(r.Many), c.Suites)
	if r.ReadBack != nil {
		fmt.Fprintf(&b, ", %d of reading back", len(r.ReadBack.Pairs))
	}
	fmt.Fprintf(&b, "; a ratio is the median\nof the pairs' ratios. Before each stands a random pause of up to 1.5 s: kubelet looks at its containers once a second, and what is\nin step with it measures the phase. Kubernetes %s (%s), kubectl %s, %d cores, %.0f GiB, commit %s, %s.\n",
		c.Kubernetes, where, c.Kubectl, c.Cores, mib(c.Memory)/1024, c.Commit, c.Date.UTC().Format("2 January 2006"))
	return b.String()
}

// The names of the tables in the README, which stand between markers with the name.
const (
	clusterTable = "bench"
	reportsTable = "bench-reports"
	trendsTable  = "bench-trends"
	verdictTable = "bench-verdict"
	indexTable   = "bench-index"
	writersTable = "bench-writers"
)

// writeTables writes into a file the table of what was measured on the cluster, if it was, and those of
// the reports, the trends, the verdicts, the questions and the writers, if they were measured.
func (r Result) writeTables(path string, onCluster bool) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := string(raw)
	if onCluster {
		if text, err = between(text, clusterTable, r.markdown()); err != nil {
			return fmt.Errorf("writing the table into %s: %w", path, err)
		}
	}
	if r.Reports != nil {
		if text, err = between(text, reportsTable, r.Reports.markdown(r.Conditions)); err != nil {
			return fmt.Errorf("writing the table of reports into %s: %w", path, err)
		}
	}
	if r.Trends != nil {
		if text, err = between(text, trendsTable, r.Trends.markdown()); err != nil {
			return fmt.Errorf("writing the table of trends into %s: %w", path, err)
		}
	}
	if r.Verdicts != nil {
		if text, err = between(text, verdictTable, r.Verdicts.markdown(r.Conditions)); err != nil {
			return fmt.Errorf("writing the table of verdicts into %s: %w", path, err)
		}
	}
	if r.Asked != nil {
		if text, err = between(text, indexTable, r.Asked.markdown(r.Conditions)); err != nil {
			return fmt.Errorf("writing the table of questions into %s: %w", path, err)
		}
	}
	if r.Writers != nil {
		if text, err = between(text, writersTable, r.Writers.markdown(r.Conditions)); err != nil {
			return fmt.Errorf("writing the table of writers into %s: %w", path, err)
		}
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// between replaces what stands between the markers of a table.
func between(text, name, table string) (string, error) {
	begin, end := "<!-- "+name+":begin -->\n", "<!-- "+name+":end -->\n"
	head, rest, ok := strings.Cut(text, begin)
	if !ok {
		return "", fmt.Errorf("it has no line %s", strings.TrimSpace(begin))
	}
	_, tail, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("it has no %s after %s", strings.TrimSpace(end), strings.TrimSpace(begin))
	}
	return head + begin + table + end + tail, nil
}
