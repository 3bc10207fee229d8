package summary

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
)

// KindDiagnosis is the kind of what `assay doctor --output json` prints.
const KindDiagnosis = "Diagnosis"

// Diagnosis says whether an environment is fit to run suites in, check by check. It is also the JSON
// document of `assay doctor`: fields are only ever added, never renamed, within an apiVersion.
type Diagnosis struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Status is failed where a check failed, else warning where one warns, else ok. What was skipped or
	// could not be told stands with its check.
	Status CheckStatus `json:"status"`
	// Time is when the examination began, in UTC.
	Time time.Time `json:"time"`
	// Assay is the version that examined.
	Assay        string        `json:"assay"`
	Environment  string        `json:"environment"`
	RunNamespace string        `json:"runNamespace"`
	Targets      []string      `json:"targets"`
	Suites       []string      `json:"suites"`
	CoreImage    string        `json:"coreImage"`
	Cluster      ExaminedPlace `json:"cluster"`
	Checks       []Check       `json:"checks"`
}

// ExaminedPlace is the cluster as far as it answered; what it did not say is empty.
type ExaminedPlace struct {
	// ID identifies the cluster as evidence does.
	ID      string `json:"id"`
	Address string `json:"address"`
	// Context is the kubeconfig's; empty in a pod that uses its own account.
	Context string `json:"context"`
	// User is who the cluster takes the credentials for.
	User       string `json:"user"`
	Kubernetes string `json:"kubernetes"`
}

// Check is one thing that was looked at.
type Check struct {
	// ID names the check for programs; it stays the same from one version to the next.
	ID string `json:"id"`
	// Title names it for people, in a few words.
	Title  string      `json:"title"`
	Status CheckStatus `json:"status"`
	// Message says what was found.
	Message string `json:"message"`
	// Mend says what to do about it: a sentence, and where it helps blocks of lines to copy, with an
	// empty line before each.
	Mend string `json:"mend,omitempty"`
	// DurationSeconds is how long looking took.
	DurationSeconds float64 `json:"durationSeconds"`
}

// CheckStatus is what a check came to.
type CheckStatus string

// The statuses. Unknown is not ok: nobody could look.
const (
	CheckOK      CheckStatus = "ok"
	CheckWarning CheckStatus = "warning"
	CheckFailed  CheckStatus = "failed"
	CheckSkipped CheckStatus = "skipped"
	CheckUnknown CheckStatus = "unknown"
)

// Diagnose fills in what follows from the checks.
func Diagnose(d Diagnosis) Diagnosis {
	d.APIVersion, d.Kind, d.Time = evidence.APIVersion, KindDiagnosis, d.Time.UTC()
	d.Targets, d.Suites, d.Checks = list(d.Targets), list(d.Suites), list(d.Checks)
	d.Status = CheckOK
	switch {
	case d.count(CheckFailed) > 0:
		d.Status = CheckFailed
	case d.count(CheckWarning) > 0:
		d.Status = CheckWarning
	}
	return d
}

func (d Diagnosis) count(s CheckStatus) int {
	n := 0
	for _, c := range d.Checks {
		if c.Status == s {
			n++
		}
	}
	return n
}

// title is the diagnosis in one line.
func (d Diagnosis) title() string {
	text := "Fit to run suites: " + counted(len(d.Checks), "check")
	if n := d.count(CheckFailed); n > 0 {
		text = fmt.Sprintf("Not fit to run suites: %s of %s failed", number(n), counted(len(d.Checks), "check"))
	}
	for _, more := range []struct {
		status CheckStatus
		words  string
	}{{CheckWarning, "with a warning"}, {CheckSkipped, "skipped"}, {CheckUnknown, "could not be told"}} {
		if n := d.count(more.status); n > 0 {
			text += fmt.Sprintf(", %s %s", number(n), more.words)
		}
	}
	return text
}

// DiagnosisText is the diagnosis for a terminal: the table of checks, then what to mend, in the
// order of the checks.
func DiagnosisText(d Diagnosis, opts TextOptions) string {
	w := &writer{width: opts.Width, color: opts.Color}
	switch {
	case w.width == 0:
		w.width = 100
	case w.width < 40:
		w.width = 40
	}
	w.wrap("", "", w.paint(checkColor(d.Status), d.title()))
	w.wrap("", "", d.subline())
	w.checks(d.Checks)
	w.mends(d.Checks)
	return w.b.String()
}

func (d Diagnosis) subline() string {
	parts := []string{"environment " + title(d.Environment), "namespace " + title(d.RunNamespace)}
	if d.Cluster.Context != "" {
		parts = append(parts, "context "+title(d.Cluster.Context))
	}
	if d.Cluster.Kubernetes != "" {
		parts = append(parts, "Kubernetes "+oneLine(d.Cluster.Kubernetes))
	}
	return strings.Join(parts, " · ")
}

func checkColor(s CheckStatus) string {
	switch s {
	case CheckOK:
		return green
	case CheckFailed:
		return red
	}
	return yellow
}

func (w *writer) checks(checks []Check) {
	const header, gap = "CHECK", 2
	name, result := len(header), len("RESULT")
	for _, c := range checks {
		name, result = max(name, columns(oneLine(c.Title))), max(result, len(c.Status))
	}
	name = min(name, max(12, w.width/3))
	sum := name + result + 2*gap
	pad := func(s string, n int) string { return s + strings.Repeat(" ", n-columns(s)+gap) }
	w.b.WriteByte('\n')
	w.b.WriteString(pad(header, name) + pad("RESULT", result) + "DETAIL\n")
	for _, c := range checks {
		row := pad(fit(oneLine(c.Title), name), name) + pad(w.paint(checkColor(c.Status), string(c.Status)), result)
		if w.width-sum < 24 {
			// No room beside the other columns: the detail goes below.
			w.b.WriteString(strings.TrimRight(row, " ") + "\n")
			w.wrap("    ", "    ", oneLine(c.Message))
			continue
		}
		w.wrap(row, strings.Repeat(" ", sum), oneLine(c.Message))
	}
}

// mends lists what to do, each thing once: what mends several checks names them all.
func (w *writer) mends(checks []Check) {
	type mend struct {
		text   string
		titles []string
		blocks []string
	}
	var all []*mend
	for _, c := range checks {
		if c.Mend == "" {
			continue
		}
		text, rest, _ := strings.Cut(c.Mend, "\n\n")
		i := slices.IndexFunc(all, func(m *mend) bool { return m.text == text })
		if i < 0 {
			all = append(all, &mend{text: text})
			i = len(all) - 1
		}
		m := all[i]
		m.titles = append(m.titles, title(c.Title))
		for block := range strings.SplitSeq(rest, "\n\n") {
			if block != "" && !slices.Contains(m.blocks, block) {
				m.blocks = append(m.blocks, block)
			}
		}
	}
	if len(all) == 0 {
		return
	}
	w.heading("Mend")
	for i, m := range all {
		mark := fmt.Sprintf("  %d. ", i+1)
		indent := strings.Repeat(" ", len(mark))
		w.wrap(mark, indent, strings.Join(m.titles, ", ")+": "+oneLine(m.text))
		for _, block := range m.blocks {
			// Lines to copy are neither cut nor broken.
			for line := range strings.Lines(clean(block)) {
				w.b.WriteString(strings.TrimRight(indent+"  "+line, " \n") + "\n")
			}
		}
	}
}
