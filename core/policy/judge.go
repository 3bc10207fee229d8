package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
)

// ClockTolerance is how far in the future an entry may be dated before its clock is called wrong.
const ClockTolerance = 5 * time.Minute

// Codes of findings that are not the reason of a run. Codes of runs are evidence.Reason.Code.
const (
	CodeNoPolicy              = "NO_POLICY"
	CodePolicyRequiresNothing = "POLICY_REQUIRES_NOTHING"
	CodeSuiteNotInCatalog     = "SUITE_NOT_IN_CATALOG"
	CodeSubjectUnknown        = "SUBJECT_UNKNOWN"
	CodeEnvironmentSubject    = "ENVIRONMENT_SUBJECT"
	CodeNoEvidence            = "NO_EVIDENCE"
	CodeWrongSubject          = "WRONG_SUBJECT"
	CodeResultMissing         = "RESULT_MISSING"
	CodeEnvironmentChanged    = "ENVIRONMENT_CHANGED"
	CodeClockSkew             = "CLOCK_SKEW"
	CodeInconsistentEvidence  = "INCONSISTENT_EVIDENCE"
	CodeFlaky                 = "FLAKY"
	CodeImportedEvidence      = "IMPORTED_EVIDENCE"
	CodeWaived                = "WAIVED"
	CodeWaiverExpired         = "WAIVER_EXPIRED"
	CodeWaiverWithoutCell     = "WAIVER_WITHOUT_CELL"
	CodePolicyEdited          = "POLICY_EDITED"
	CodeWaiverEdited          = "WAIVER_EDITED"
	CodeSuiteRemoved          = "SUITE_REMOVED"
	CodeSuiteEdited           = "SUITE_EDITED"
	CodeEvidenceNotKept       = "EVIDENCE_NOT_KEPT"
)

// judgement is what the record says about one suite in one environment.
type judgement struct {
	state   State
	code    string
	message string
	next    string
	// run is the run it rests on; empty where there is none.
	run string
	// advice is what a reader should know although it does not decide.
	advice []Finding
	// owner is the suite's owner as its evidence names it, for suites that the catalog lacks.
	owner string
}

func (j judgement) finding(s Severity, w Want, environment string) Finding {
	owner := w.Owner
	if owner == "" {
		owner = j.owner
	}
	return Finding{Severity: s, Code: j.code, Suite: w.Suite, Environment: environment, Owner: owner, Message: j.message, Next: j.next, Run: j.run}
}

func (j *judgement) advise(w Want, environment, code, message, next string) {
	a := judgement{code: code, message: message, next: next, run: j.run, owner: j.owner}
	j.advice = append(j.advice, a.finding(Advisory, w, environment))
}

// judge gives the state of one demand's cells.
func (rec *record) judge(in Input, w Want, known bool, d demand) judgement {
	switch {
	case !known:
		j := judgement{state: StateMissing, code: CodeSuiteNotInCatalog,
			message: fmt.Sprintf("The policy requires %s, and the catalog has no such suite.", quoted(w.Suite)),
			next:    "Add the suite to the catalog, or correct the policy."}
		if runs := rec.suites[w.Suite]; len(runs) > 0 && runs[0].result() != nil {
			j.owner = runs[0].result().Owner
		}
		return j
	case in.PullRequest && w.Subject.Kind == subjectEnvironment:
		// Whatever runs in an environment is not what a pull request proposes.
		j := judgement{state: StateMissing, code: CodeEnvironmentSubject,
			message: "The suite tests whatever runs" + inEnvironment(d.environment) + ", which says nothing about a pull request.",
			next:    "Give the suite subject: source or subject: candidate, or do not require it of pull requests."}
		if seen := rec.weigh(in, w, d); seen.state == StateFail {
			j.advice = append(j.advice, seen.finding(Advisory, w, d.environment))
		}
		return j
	case w.Problem != "":
		return judgement{state: StateError, code: CodeSubjectUnknown,
			message: "What is under test could not be established: " + sentence(w.Problem),
			next:    "Mend that and decide again: `assay verdict`."}
	}
	return rec.weigh(in, w, d)
}

const subjectEnvironment = "environment"

// weigh finds the evidence for one suite in one environment and says what it is worth.
func (rec *record) weigh(in Input, w Want, d demand) judgement {
	all := rec.in(w.Suite, d.environment, d.named)
	limit := in.Now.Add(ClockTolerance)

	var same []*ran
	var future *ran
	for _, r := range all {
		if !r.subject.Equal(w.Subject) {
			continue
		}
		if r.written.After(limit) || r.at.After(limit) {
			future = r
			continue
		}
		same = append(same, r)
	}

	j := rec.decideAmong(same, all, w, d)
	// A wrong clock makes "newest" meaningless. A failure stays one nevertheless.
	if future != nil && j.state != StateFail {
		return clockSkew(future, in.Now)
	}
	return j
}

// decideAmong judges by the runs for the subject; all are those of any subject, for explaining.
func (rec *record) decideAmong(same, all []*ran, w Want, d demand) judgement {
	var cluster, imports []*ran
	for _, r := range same {
		if r.imported() {
			imports = append(imports, r)
		} else {
			cluster = append(cluster, r)
		}
	}
	switch {
	case len(cluster) > 0 && len(imports) > 0:
		// What was made elsewhere never improves on what the cluster said of this subject (a stale
		// pass says nothing of what runs now); a newer failure counts.
		c, i := attest(cluster, w, d), attest(imports, w, d)
		if c.state == StateStale || imports[0].at.After(cluster[0].at) && worse(i.state, c.state) {
			return i
		}
		return c
	case len(cluster) > 0:
		return attest(cluster, w, d)
	case len(imports) > 0:
		return attest(imports, w, d)
	}
	return rec.nothing(all, w, d)
}

// nothing tells missing evidence from evidence about something else.
func (rec *record) nothing(all []*ran, w Want, d demand) judgement {
	again := runAgain(w.Suite, d.environment)
	for _, r := range all {
		res := r.result()
		if res == nil {
			continue
		}
		return judgement{state: StateMissing, code: CodeWrongSubject,
			message: fmt.Sprintf("The newest evidence%s (run %s) is for %s, not for %s.", inEnvironment(d.environment), r.run, describe(r.subject, w.Subject), describe(w.Subject, r.subject)),
			next:    "Run it for this subject: " + again}
	}
	message := fmt.Sprintf("No evidence: the suite has not run%s for %s.", inEnvironment(d.environment), describe(w.Subject, evidence.Subject{}))
	for _, r := range rec.suites[w.Suite] {
		if res := r.result(); res != nil && r.environment != d.environment && r.subject.Equal(w.Subject) {
			elsewhere := "in an environment that is not named"
			if r.environment != "" {
				elsewhere = "in environment " + r.environment
			}
			message += fmt.Sprintf(" It ran for it %s (run %s), which does not count here.", elsewhere, r.run)
			break
		}
	}
	return judgement{state: StateMissing, code: CodeNoEvidence, message: message, next: "Run it: " + again}
}

// attest judges runs that are for the right subject, newest first and at least one.
func attest(same []*ran, w Want, d demand) judgement {
	r, drift := aboutNow(same, w)
	res := r.result()
	if res == nil {
		return resultMissing(r, same, w, d)
	}
	j := judgement{run: r.run, code: res.Reason.Code(), next: res.Reason.Meaning().Next, owner: res.Owner}
	switch {
	case !res.Subject.Equal(w.Subject):
		j.state, j.code = StateMissing, CodeWrongSubject
		j.message = fmt.Sprintf("Run %s was planned for this subject and tested %s, not %s.", r.run, describe(res.Subject, w.Subject), describe(w.Subject, res.Subject))
		j.next = "Run it for this subject: " + runAgain(w.Suite, d.environment)
		return j
	case res.Outcome == evidence.OutcomePassed:
		return passed(j, r, same, drift, w, d)
	case res.Outcome == evidence.OutcomeFailed:
		j.state = StateFail
		if hasFailures(res.Report) {
			j.next = fixTests(res.Report)
		}
	case res.Outcome == evidence.OutcomeInsufficient:
		j.state = StateMissing
	default:
		j.state = StateError
	}
	j.message = whatHappened(res)
	if drift != "" {
		// Known to be broken stays so until a run shows otherwise: a drift only ever ages a pass.
		j.message += " Since then " + drift
		j.next = "Run it against what runs now: " + runAgain(w.Suite, d.environment)
	}
	if r.imported() {
		j.advise(w, d.environment, CodeImportedEvidence, importedMessage(r), importedNext)
	}
	return j
}

// passed judges a pass: it must agree with its own report, and an environment must still be the one
// it was about.
func passed(j judgement, r *ran, same []*ran, drift string, w Want, d demand) judgement {
	res := r.result()
	if why := contradicts(res); why != "" {
		j.state, j.code = StateError, CodeInconsistentEvidence
		j.message = fmt.Sprintf("Run %s says that it passed, and %s.", r.run, why)
		j.next = "Run it again: " + runAgain(w.Suite, d.environment)
		return j
	}
	if drift != "" {
		j.state, j.code = StateStale, CodeEnvironmentChanged
		j.message = fmt.Sprintf("Run %s passed, and since then %s", r.run, drift)
		j.next = "Run it against what runs now: " + runAgain(w.Suite, d.environment)
		return j
	}
	j.state, j.code = StatePass, ""
	if why := flaky(r, same); why != "" {
		j.state, j.code = StateFlaky, CodeFlaky
		j.advise(w, d.environment, CodeFlaky, why, "Make it reliable: a test that passes on a retry hides failures.")
	}
	if r.imported() {
		j.advise(w, d.environment, CodeImportedEvidence, importedMessage(r), importedNext)
	}
	return j
}

// aboutNow picks the run that decides. For a subject that an identity names it is the newest. An
// environment is identified by what runs in it, so it is the newest run that is about what runs now;
// where none is, the newest, with the difference in words.
//
// A run without a result, or one that did not pass and observed nothing, may be about now. Where a
// newer run is known not to be, the worse of the two decides, so that doubt never helps.
func aboutNow(same []*ran, w Want) (r *ran, drift string) {
	newest := same[0]
	if w.Subject.Kind != subjectEnvironment {
		return newest, ""
	}
	for _, r := range same {
		res := r.result()
		if res != nil && driftOf(res, w) != "" {
			continue
		}
		unknown := res == nil || len(res.Observed.Start)+len(res.Observed.End) == 0
		if r == newest || !unknown || badness(r) > badness(newest) {
			return r, ""
		}
		break
	}
	return newest, driftOf(newest.result(), w)
}

// badness orders runs by their result: the higher the worse. No result is insufficient evidence.
func badness(r *ran) int {
	if r.result() == nil {
		return outcomeRank(evidence.OutcomeInsufficient)
	}
	return outcomeRank(r.result().Outcome)
}

// driftOf says how what runs now differs from what the result was about; empty where it does not.
func driftOf(res *evidence.Result, w Want) string {
	then := res.Observed.End
	if res.Outcome != evidence.OutcomePassed {
		if len(then) == 0 {
			then = res.Observed.Start
		}
		if len(then) == 0 {
			return ""
		}
	}
	var changes []string
	for _, now := range w.Observed {
		i := slices.IndexFunc(then, func(t evidence.Workload) bool {
			return t.Workload == now.Workload && t.Namespace == now.Namespace
		})
		switch {
		case i < 0:
			changes = append(changes, fmt.Sprintf("%s runs %s; what it ran then was not observed", now.Workload, running(now)))
		case then[i].Missing != now.Missing || !sameImages(then[i], now):
			changes = append(changes, fmt.Sprintf("%s changed from %s to %s", now.Workload, running(then[i]), running(now)))
		}
	}
	if len(changes) == 0 {
		return ""
	}
	slices.Sort(changes)
	return atMost(changes, 3, "; ") + "."
}

// sameImages compares by digest alone, as subjects are: one image has several names.
func sameImages(a, b evidence.Workload) bool {
	return evidence.Subject{Images: a.Images}.Equal(evidence.Subject{Images: b.Images})
}

// sameObserved says whether two results were about the same running workloads.
func sameObserved(a, b []evidence.Workload) bool {
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		if !slices.ContainsFunc(b, func(y evidence.Workload) bool {
			return x.Namespace == y.Namespace && x.Workload == y.Workload && x.Missing == y.Missing && sameImages(x, y)
		}) {
			return false
		}
	}
	return true
}

// contradicts says what in a result denies that it passed. Such a result was not written by this
// code, and it is never a pass.
func contradicts(res *evidence.Result) string {
	if res.Reason.Meaning().Outcome != evidence.OutcomePassed {
		return "its reason is " + quoted(string(res.Reason))
	}
	rep := res.Report
	switch {
	case rep == nil:
		return ""
	case rep.Failed+rep.Errored > 0:
		return fmt.Sprintf("its report holds %s", counted(rep.Failed+rep.Errored, "failed test"))
	case rep.HasFailures():
		return "its report says that " + strings.TrimSuffix(rep.MissedText(1), ".")
	case len(rep.Files) > 0 && rep.Tests <= 0 && rep.Thresholds <= 0:
		return "its reports hold no test"
	case rep.Tests > 0 && rep.Passed <= 0 && rep.Thresholds <= 0:
		return "none of its tests passed"
	}
	for _, c := range rep.Cases {
		if c.Status != "passed" && c.Status != "skipped" {
			return "its report holds the failed test " + quoted(c.ID())
		}
	}
	for _, f := range rep.Files {
		if f.HasFailures() {
			return "its report " + quoted(f.Path) + " holds a failure"
		}
		if f.Incomplete {
			return "its report " + quoted(f.Path) + " is incomplete"
		}
		for _, doubt := range f.Doubts {
			if doubt.Serious {
				return "its report " + quoted(f.Path) + " is in doubt: " + strings.TrimSuffix(doubt.Message, ".")
			}
		}
	}
	for _, doubt := range rep.Doubts {
		if doubt.Serious || doubt.NeedsExitCode && res.Origin == evidence.OriginImported {
			return "its report is in doubt: " + strings.TrimSuffix(doubt.Message, ".")
		}
	}
	return ""
}

// flaky says why a pass is a flaky one; empty where it is not. A pass on a retry, or on a re-run of
// the same subject against the same workloads, is flaky: one of the two runs was wrong.
func flaky(r *ran, same []*ran) string {
	res := r.result()
	if res.Report != nil && res.Report.Flaky > 0 {
		return flakyTests(res.Report)
	}
	for _, a := range r.attempts {
		if a.Attempt < res.Attempt && a.Outcome == evidence.OutcomeFailed {
			return fmt.Sprintf("It passed on attempt %d, after attempt %d failed.", res.Attempt, a.Attempt)
		}
	}
	after := false
	for _, older := range same {
		if older == r {
			after = true
			continue
		}
		was := older.result()
		if after && was != nil && was.Outcome == evidence.OutcomeFailed && sameObserved(was.Observed.End, res.Observed.End) {
			return fmt.Sprintf("It passed in run %s, after run %s failed on the same subject.", r.run, older.run)
		}
	}
	return ""
}
