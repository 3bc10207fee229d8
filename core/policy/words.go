package policy

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
)

// namedTests is how many tests a finding names; the rest is counted.
const namedTests = 3

// longestName bounds what a finding shows of a name out of a report, in characters.
const longestName = 120

const importedNext = "Run the suite in the cluster with `assay run` if the release should rest on it."

// requiresNothing is the finding of a verdict without a requirement: what to do, with the shortest
// policy to start from.
func requiresNothing(in Input) Finding {
	var names []string
	for _, w := range in.Wants {
		names = append(names, w.Suite)
	}
	slices.Sort(names)
	f := Finding{Severity: Blocking, Code: CodeNoPolicy,
		Message: "There is no policy, so nothing says what a release must have evidence for.",
		Next:    "Write down what a release needs. The shortest policy to start from:\n\n" + ShortestPolicy(slices.Compact(names))}
	if in.Policy != nil {
		f.Code = CodePolicyRequiresNothing
		f.Message = fmt.Sprintf("The policy %s requires nothing, so nothing says what a release must have evidence for.", quoted(in.Policy.Name))
		f.Next = "Name what it requires. The shortest policy to start from:\n\n" + ShortestPolicy(slices.Compact(names))
	}
	return f
}

// ShortestPolicy is a ReleasePolicy to start from. It requires the first of the suites; with no
// suite at all it names one to replace.
func ShortestPolicy(suites []string) string {
	name := "my-suite"
	if len(suites) > 0 {
		name = suites[0]
	}
	return "apiVersion: assay.dev/v1alpha1\n" +
		"kind: ReleasePolicy\n" +
		"metadata: {name: release}\n" +
		"spec:\n" +
		"  required:\n" +
		"    - suite: " + name + "\n"
}

func resultMissing(r *ran, same []*ran, w Want, d demand) judgement {
	j := judgement{state: StateMissing, code: CodeResultMissing, run: r.run,
		message: fmt.Sprintf("Run %s was planned at %s and has left no result.", r.run, stamp(r.at)),
		next:    "Wait if it is still running; otherwise run it again: " + runAgain(w.Suite, d.environment)}
	for _, older := range same {
		if res := older.result(); res != nil && res.Outcome == evidence.OutcomePassed {
			j.message += fmt.Sprintf(" The older pass (run %s) does not stand in for it.", older.run)
			break
		}
	}
	return j
}

func clockSkew(r *ran, now time.Time) judgement {
	when := r.written
	if r.at.After(when) {
		when = r.at
	}
	return judgement{state: StateError, code: CodeClockSkew, run: r.run,
		message: fmt.Sprintf("Entry %s is dated %s, %s after now (%s): one of the two clocks is wrong, so which evidence is newest cannot be told.",
			r.entryID, stamp(when), when.Sub(now).Round(time.Second), stamp(now)),
		next: "Correct the clock of the machine that wrote it, or of this one, and run the suite again."}
}

// whatHappened tells how an attempt that did not pass ended, naming its first failed tests.
func whatHappened(res *evidence.Result) string {
	var parts []string
	if res.Reason != evidence.TestsFailed || !hasFailures(res.Report) {
		if res.Message != "" {
			parts = append(parts, sentence(res.Message))
		} else {
			parts = append(parts, res.Reason.Meaning().Means)
		}
	}
	if hasFailures(res.Report) {
		if n := res.Report.Failed + res.Report.Errored; n > 0 {
			s := fmt.Sprintf("%s of %s failed", number(n), counted(res.Report.Tests, "test"))
			if names := failedNames(res.Report); len(names) > 0 {
				s += ": " + naming(names, n)
			}
			parts = append(parts, s+".")
		}
		if missed := res.Report.MissedText(namedTests); missed != "" {
			parts = append(parts, sentence(missed))
		}
	}
	return strings.Join(parts, " ")
}

func hasFailures(rep *report.Report) bool { return rep != nil && rep.HasFailures() }

func failedCases(rep *report.Report) []report.Case {
	var out []report.Case
	for _, c := range rep.Cases {
		if c.Status == report.Failed || c.Status == report.Errored {
			out = append(out, c)
			if len(out) == namedTests {
				break
			}
		}
	}
	return out
}

func failedNames(rep *report.Report) []string {
	var out []string
	for _, c := range failedCases(rep) {
		out = append(out, quoted(c.ID()))
	}
	return out
}

// fixTests says which test to begin with.
func fixTests(rep *report.Report) string {
	cases := failedCases(rep)
	if missed := rep.MissedThresholds(); len(cases) == 0 && len(missed) > 0 {
		return "Find out what made it slower or less reliable, or set the threshold " + quoted(missed[0].Threshold) + " to what it has to keep."
	}
	if len(cases) == 0 {
		return "Read the failed tests; the exit code alone does not decide."
	}
	s := "Fix " + quoted(cases[0].Name)
	if cases[0].File != "" {
		place := shortened(path.Base(strings.ReplaceAll(cases[0].File, `\`, "/")))
		if cases[0].Line > 0 {
			place = fmt.Sprintf("%s:%d", place, cases[0].Line)
		}
		s += " (" + place + ")"
	}
	if more := rep.Failed + rep.Errored - 1; more > 0 {
		s += fmt.Sprintf(" and %s more", number(more))
	}
	return s + "."
}

func flakyTests(rep *report.Report) string {
	var names []string
	for _, c := range rep.Cases {
		if c.Flaky() && len(names) < namedTests {
			names = append(names, quoted(c.ID()))
		}
	}
	s := fmt.Sprintf("%s passed only on a retry", counted(rep.Flaky, "test"))
	if len(names) > 0 {
		s += ": " + naming(names, rep.Flaky)
	}
	return s + "."
}

func importedMessage(r *ran) string {
	where := ""
	if r.environment == "" {
		where = " and do not say in which environment they were made"
	}
	return fmt.Sprintf("The results of run %s were imported: they were made outside the cluster%s.", r.run, where)
}

// describe names a subject as shortly as tells it from another one.
func describe(s, other evidence.Subject) string {
	switch s.Kind {
	case "source":
		text := "commit " + shortCommit(s.Commit)
		if s.Commit == "" {
			text = "a checkout without a commit"
		}
		if s.Tree != "" && (s.Commit == other.Commit || s.Commit == "") {
			text += " with files " + shortDigest(s.Tree)
		}
		return text
	case "candidate":
		if len(s.Images) == 0 {
			return "a candidate without an image"
		}
		var images []string
		for _, i := range s.Images {
			images = append(images, shortImage(i))
		}
		slices.Sort(images)
		return "image " + atMost(images, 3, ", ")
	case subjectEnvironment:
		return "whatever runs there"
	case "":
		return "an unknown subject"
	}
	return "a subject of kind " + quoted(s.Kind)
}

// running names what a workload runs, by digest.
func running(w evidence.Workload) string {
	if w.Missing {
		return "nothing (it does not exist)"
	}
	if len(w.Images) == 0 {
		return "no image"
	}
	var images []string
	for _, i := range w.Images {
		images = append(images, shortImage(i))
	}
	slices.Sort(images)
	return atMost(images, 3, ", ")
}

// shortCommit is a commit as people write it.
func shortCommit(c string) string {
	if len(c) > 12 {
		return c[:12]
	}
	return c
}

// shortDigest keeps the algorithm and twelve digits.
func shortDigest(d string) string {
	algorithm, hex, ok := strings.Cut(d, ":")
	if !ok {
		algorithm, hex = "", d
	}
	if len(hex) > 12 {
		hex = hex[:12]
	}
	if algorithm == "" {
		return hex
	}
	return algorithm + ":" + hex
}

// shortImage keeps the last part of the name and the short digest.
func shortImage(image string) string {
	name, digest, ok := strings.Cut(image, "@")
	if !ok {
		return shortened(image)
	}
	return shortened(path.Base(name)) + "@" + shortDigest(digest)
}

// runAgain is the command that makes the evidence anew, as the end of a sentence.
func runAgain(suite, environment string) string {
	if environment == "" {
		return "`assay run " + suite + "`."
	}
	return "`assay run " + suite + " --environment " + environment + "`."
}

func inEnvironment(name string) string {
	if name == "" {
		return ""
	}
	return " in environment " + name
}

// naming lists names and counts those left out of total.
func naming(names []string, total int) string {
	s := strings.Join(names, ", ")
	if more := total - len(names); more > 0 {
		s += fmt.Sprintf(" and %s more", number(more))
	}
	return s
}

// atMost joins the first n and counts the rest.
func atMost(list []string, n int, sep string) string {
	if len(list) <= n {
		return strings.Join(list, sep)
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:n], sep), len(list)-n)
}

// quoted puts a name in quotes, bounded, on one line.
func quoted(s string) string { return `"` + shortened(s) + `"` }

// shortened bounds a name out of a report and keeps it on one line. Writers of Markdown and of
// terminal text escape it for their place; here it only must not blow up a sentence.
func shortened(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > longestName {
		return string(r[:longestName-1]) + "…"
	}
	return s
}

// sentence ends a text with a full stop.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

// sentenceless is a text as part of a sentence: without the full stop at its end.
func sentenceless(s string) string { return strings.TrimSuffix(strings.TrimSpace(s), ".") }

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(n) + " " + noun + "s"
}

// number groups digits by thousands.
func number(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }

// Explain gives the finding for a result on its own, in the words a verdict would use, for suites
// that were run by name. ok is false where the result passed and nothing needs explaining.
func Explain(e evidence.Entry) (f Finding, ok bool) {
	res := e.Result
	if res == nil || res.Outcome == evidence.OutcomePassed {
		return Finding{}, false
	}
	f = Finding{Severity: Blocking, Code: res.Reason.Code(), Suite: res.Suite, Environment: e.Environment.Name, Owner: res.Owner,
		Message: whatHappened(res), Next: res.Reason.Meaning().Next, Run: res.Run}
	if res.Outcome == evidence.OutcomeFailed && hasFailures(res.Report) {
		f.Next = fixTests(res.Report)
	}
	return f, true
}
