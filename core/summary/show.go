package summary

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/report"
)

// showLines is how many lines of a failed test's detail are shown; the report has them all.
const showLines = 12

// RunText is everything the record knows about one run, for a terminal: its last attempt first, and
// for each the outcome in words before all facts. entries are the run's results and the plans that
// name it, in any order. Names, digests and paths are never cut or broken, so that they can be copied.
func RunText(run string, entries []evidence.Entry, opts TextOptions) string {
	w := &writer{width: opts.Width, color: opts.Color}
	switch {
	case w.width == 0:
		w.width = 100
	case w.width < 40:
		w.width = 40
	}
	var results []evidence.Entry
	var plan *evidence.Entry
	for i, e := range entries {
		switch {
		case e.Result != nil:
			results = append(results, e)
		case e.Plan != nil && (plan == nil || e.Time.After(plan.Time)):
			plan = &entries[i]
		}
	}
	slices.SortStableFunc(results, func(a, b evidence.Entry) int {
		if a.Invocation == b.Invocation {
			return cmp.Compare(b.Result.Attempt, a.Result.Attempt)
		}
		return b.Time.Compare(a.Time)
	})
	if plan != nil && !slices.ContainsFunc(results, func(e evidence.Entry) bool { return e.Invocation == plan.Invocation }) {
		w.planned(run, *plan)
		if len(results) > 0 {
			w.heading("Earlier results of the same run")
			w.b.WriteByte('\n')
		}
	}
	for i, e := range results {
		if i > 0 {
			w.heading(strings.Repeat("-", 40))
			w.b.WriteByte('\n')
		}
		w.attempt(e, len(results))
	}
	return w.b.String()
}

// planned tells of a run that nobody brought a result of.
func (w *writer) planned(run string, plan evidence.Entry) {
	i := slices.IndexFunc(plan.Plan.Runs, func(p evidence.PlannedRun) bool { return p.Run == run })
	if i < 0 {
		return
	}
	p := plan.Plan.Runs[i]
	w.wrap("", "", w.paint(yellow, title(p.Suite)+" has no result"))
	w.wrap("", "", "It was planned, and no result was kept: it still runs, or it was ended before it could keep one.")
	w.b.WriteByte('\n')
	w.fact("Run", run)
	w.fact("Suite", suiteText(p.Suite, p.Level, p.Owner))
	w.fact("Covers", strings.Join(p.Covers, ", "))
	w.subject(p.Subject)
	w.fact("Planned", moment(plan.Time))
	w.place(plan)
	w.origin(plan)
}

// attempt writes one result whole.
func (w *writer) attempt(e evidence.Entry, of int) {
	res := e.Result
	color := yellow
	switch res.Outcome {
	case evidence.OutcomePassed:
		color = green
	case evidence.OutcomeFailed:
		color = red
	}
	w.wrap("", "", w.paint(color, outcomeWords(row{suite: res.Suite, entry: &e})))
	// On one line of its own making: a message of several could pass for the facts below it.
	if m := oneLine(res.Message); m != "" {
		w.wrap("", "", m)
	}
	if res.Reason != evidence.Completed {
		m := res.Reason.Meaning()
		w.b.WriteByte('\n')
		w.prose("Reason", oneLine(string(res.Reason))+": "+m.Means)
		w.prose("Do next", m.Next)
	}
	w.b.WriteByte('\n')
	w.fact("Run", res.Run)
	if res.Attempt > 1 || of > 1 {
		w.fact("Attempt", fmt.Sprintf("%d (%s kept)", res.Attempt, counted(of, "attempt")))
	}
	w.fact("Suite", suiteText(res.Suite, res.Level, res.Owner))
	w.fact("Covers", strings.Join(res.Covers, ", "))
	w.fact("Depends on", strings.Join(res.DependsOn, ", "))
	w.subject(res.Subject)
	w.fact("When", when(*res))
	w.place(e)
	for _, s := range res.Shards {
		w.shard(s, len(res.Shards))
	}
	w.observed(res.Observed)
	w.origin(e)
	if res.Report != nil {
		w.fact("Tests", cmp.Or(totalsText(res.Report), "none"))
		files := res.Artifacts()
		w.cases("Failed tests", res.Report, files, unmet, res.Report.Unmet())
		w.cases("Flaky tests", res.Report, files, report.Case.Flaky, res.Report.Flaky)
		w.measurements(res.Report)
		w.doubts(res.Report.Doubts)
	}
	w.files(*res)
	w.remarks(*res)
}

const showIndent = "              "

// fact writes one fact after its name; nothing where there is nothing to say.
func (w *writer) fact(name, text string) {
	if text = oneLine(text); text == "" {
		return
	}
	if name != "" {
		name += ":"
	}
	fmt.Fprintf(&w.b, "%-*s%s\n", len(showIndent), name, text)
}

// prose is fact for sentences, which are wrapped.
func (w *writer) prose(name, text string) {
	if text != "" {
		w.wrap(fmt.Sprintf("%-*s", len(showIndent), name+":"), showIndent, text)
	}
}

func suiteText(name, level, owner string) string {
	text := name
	if level != "" {
		text += ", level " + level
	}
	if owner != "" {
		text += ", owned by " + owner
	}
	return text
}

func (w *writer) subject(s evidence.Subject) {
	if s.Kind != "candidate" || len(s.Images) < 2 {
		w.fact("Subject", subjectText(s))
		return
	}
	w.fact("Subject", "candidate "+s.Images[0])
	for _, i := range s.Images[1:] {
		w.fact("", "          "+i)
	}
}

func when(res evidence.Result) string {
	switch d := res.Finished.Sub(res.Started); {
	case res.Started.IsZero():
		return ""
	case d > 0:
		return moment(res.Started) + ", for " + durationText(d)
	}
	return moment(res.Started)
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func (w *writer) place(e evidence.Entry) {
	env := e.Environment
	var parts []string
	if env.Name != "" {
		parts = append(parts, env.Name)
	}
	if env.RunNamespace != "" {
		parts = append(parts, "run namespace "+env.RunNamespace)
	}
	if len(env.Targets) > 0 {
		parts = append(parts, "targets "+strings.Join(env.Targets, ", "))
	}
	w.fact("Environment", cmp.Or(strings.Join(parts, "; "), "not named"))
	if env.Cluster != "" {
		text := env.Cluster
		if env.Kubernetes != "" {
			text += ", Kubernetes " + env.Kubernetes
		}
		w.fact("Cluster", text)
	}
}

func (w *writer) shard(s evidence.Shard, of int) {
	if of > 1 {
		w.fact("Shard", fmt.Sprint(s.Index))
	}
	w.fact("Job", s.Job)
	pod := s.Pod
	if s.Node != "" {
		pod += " on node " + s.Node
	}
	w.fact("Pod", pod)
	ended := s.Terminated
	if s.ExitCode != nil {
		ended = strings.TrimPrefix(ended+fmt.Sprintf(", exit code %d", *s.ExitCode), ", ")
	}
	w.fact("Container", ended)
	w.fact("Image", s.Image)
	w.fact("Image ID", s.ImageID)
}

// observed writes what ran in the workloads; the end only where it differs from the start.
func (w *writer) observed(o evidence.Observed) {
	if len(o.Start)+len(o.End) == 0 {
		return
	}
	same := slices.EqualFunc(o.Start, o.End, func(a, b evidence.Workload) bool { return slices.Equal(workloadLines(a), workloadLines(b)) })
	if same {
		w.heading("Observed at start and at end")
		w.workloads(o.Start)
		return
	}
	w.heading("Observed at start")
	w.workloads(o.Start)
	w.heading("Observed at end")
	w.workloads(o.End)
}

func (w *writer) workloads(list []evidence.Workload) {
	if len(list) == 0 {
		w.b.WriteString("  nothing\n")
	}
	for _, one := range list {
		for i, l := range workloadLines(one) {
			w.b.WriteString([]string{"  ", "    "}[min(i, 1)] + oneLine(l) + "\n")
		}
	}
}

func workloadLines(o evidence.Workload) []string {
	name := o.Workload
	if o.Namespace != "" {
		name += " in " + o.Namespace
	}
	if o.Missing {
		return []string{name + ": does not exist"}
	}
	first := fmt.Sprintf("%s: %d of %d ready", name, o.Ready, o.Replicas)
	if o.Revision != "" {
		first += ", revision " + o.Revision
	}
	return append([]string{first}, o.Images...)
}

// origin says who made the entry and for which change. It is a paragraph of its own where the
// observed workloads end the facts above.
func (w *writer) origin(e evidence.Entry) {
	if e.Result != nil && len(e.Result.Observed.Start)+len(e.Result.Observed.End) > 0 {
		w.b.WriteByte('\n')
	}
	if e.Result != nil {
		switch e.Result.Origin {
		case evidence.OriginCluster:
			w.fact("Origin", "run by assay in the cluster")
		case evidence.OriginImported:
			w.fact("Origin", "imported: made elsewhere, assay did not see it run")
		default:
			w.fact("Origin", e.Result.Origin)
		}
	}
	w.fact("Change", changeText(e.Context))
	var from []string
	for _, p := range []string{e.Context.CI, e.Context.Event, e.Context.Actor, e.Context.RunURL} {
		if p != "" {
			from = append(from, p)
		}
	}
	w.fact("CI", strings.Join(from, ", "))
	w.fact("Kept by", strings.TrimPrefix(e.Producer+", invocation "+e.Invocation, ", "))
	if len(e.Attestation) > 0 {
		w.fact("Signed", signedText(e.Attestation))
	}
}

// signedText says which key a signature names. Whether it holds is not looked at here.
func signedText(bundle []byte) string {
	key := attest.KeyHint(bundle)
	if key == "" {
		return "by a signature that cannot be read: `assay verify` says why"
	}
	return "as it says with the key " + key + "; `assay verify` says whether it holds"
}

func changeText(c ci.Context) string {
	var parts []string
	if c.HeadSHA != "" {
		text := "commit " + c.HeadSHA
		if c.Dirty {
			text += " with local changes"
		}
		parts = append(parts, text)
	}
	if c.Branch != "" {
		parts = append(parts, "branch "+c.Branch)
	}
	if c.PullRequest != 0 {
		text := fmt.Sprintf("pull request %d", c.PullRequest)
		if c.Fork {
			text += " from a fork"
		}
		parts = append(parts, text)
	}
	if c.Repository != "" {
		parts = append(parts, "repository "+c.Repository)
	}
	return strings.Join(parts, ", ")
}

// cases writes the kept cases that are chosen; total counts those that are not kept too.
func (w *writer) cases(name string, rep *report.Report, files evidence.Artifacts, chosen func(report.Case) bool, total int) {
	if total == 0 {
		return
	}
	w.heading(fmt.Sprintf("%s (%s)", name, number(total)))
	shown := 0
	for _, c := range rep.Outcomes() {
		if !chosen(c) {
			continue
		}
		shown++
		text := oneLine(c.ID())
		if p := place(c); p != "" {
			text += " (" + oneLine(p) + ")"
		}
		w.b.WriteString("  " + text + "\n")
		// Of one that passed in the end, the tries before say what happened.
		for _, a := range c.Attempts {
			w.wrap("    ", "    ", fmt.Sprintf("an earlier try %s: %s", oneLine(string(a.Status)), shorten(oneLine(cmp.Or(a.Message, a.Detail, a.Type, "no message")), longestInline)))
		}
		message, lines, left := excerpt(c, showLines)
		if c.Status == report.Passed {
			w.attached(files, c)
			continue
		}
		if message != "" {
			w.wrap("    ", "    ", shorten(message, longestInline))
		}
		for _, l := range outputLines(lines) {
			w.line("    | ", l)
		}
		if left > 0 {
			w.line("    | ", fmt.Sprintf("... %s in the report", counted(left, "more line")))
		}
		w.attached(files, c)
	}
	if more := total - shown; more > 0 {
		w.wrap("  ", "  ", counted(more, "more test")+" of them: the report has them, see the files below.")
	}
}

// showMeasurements is how many measurements are listed.
const showMeasurements = 100

func (w *writer) measurements(rep *report.Report) {
	if len(rep.Measurements) == 0 {
		return
	}
	total := len(rep.Measurements) + rep.MeasurementsOmitted
	w.heading(fmt.Sprintf("Measurements (%s)", number(total)))
	shown := rep.Measurements[:min(len(rep.Measurements), showMeasurements)]
	for _, m := range shown {
		w.wrap("  ", "    ", shorten(oneLine(m.String()), longestInline))
	}
	if more := total - len(shown); more > 0 {
		w.wrap("  ", "  ", counted(more, "more measurement")+": see the files below.")
	}
}

func (w *writer) doubts(list []report.Doubt) {
	if len(list) == 0 {
		return
	}
	w.heading("Doubts about the reports")
	for _, d := range list {
		text := oneLine(d.Message) // which names the file
		if d.Serious {
			text += " (this forbids a pass)"
		}
		w.wrap("  - ", "    ", shorten(text, longestInline))
	}
}

func (w *writer) files(res evidence.Result) {
	if len(res.Files) == 0 {
		w.heading("No files were kept")
		return
	}
	header := []string{"PATH", "KIND", "SIZE", "DIGEST"}
	if slices.ContainsFunc(res.Files, func(f evidence.File) bool { return fileRemark(f) != "" }) {
		header = append(header, "REMARK")
	}
	var size int64
	var lines [][]string
	for _, f := range res.Files {
		size += f.Size
		lines = append(lines, []string{f.Path, f.Kind, sizeText(f.Size), f.Digest, fileRemark(f)}[:len(header)])
	}
	w.heading(fmt.Sprintf("Files (%s, %s)", number(len(res.Files)), sizeText(size)))
	for line := range strings.Lines(Table(header, lines...)) {
		w.b.WriteString("  " + line)
	}
}

// fileRemark says what is special about a kept file.
func fileRemark(f evidence.File) string {
	var parts []string
	if f.Truncated {
		parts = append(parts, "cut by a cap")
	}
	if f.Redactions > 0 {
		parts = append(parts, number(f.Redactions)+" redacted")
	}
	return strings.Join(parts, ", ")
}

func (w *writer) remarks(res evidence.Result) {
	list := res.Notes
	if res.Redactions > 0 {
		list = append(slices.Clone(list), fmt.Sprintf("Values of secrets were taken out in %s before anything was kept.", counted(res.Redactions, "place")))
	}
	if len(list) == 0 {
		return
	}
	w.heading("Notes")
	for _, n := range list {
		w.wrap("  - ", "    ", oneLine(n))
	}
}
