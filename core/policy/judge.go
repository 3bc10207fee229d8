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
	CodeNoPolicy               = "NO_POLICY"
	CodePolicyRequiresNothing  = "POLICY_REQUIRES_NOTHING"
	CodeSuiteNotInCatalog      = "SUITE_NOT_IN_CATALOG"
	CodeSubjectUnknown         = "SUBJECT_UNKNOWN"
	CodeEnvironmentSubject     = "ENVIRONMENT_SUBJECT"
	CodeNoEvidence             = "NO_EVIDENCE"
	CodeWrongSubject           = "WRONG_SUBJECT"
	CodeResultMissing          = "RESULT_MISSING"
	CodeEnvironmentChanged     = "ENVIRONMENT_CHANGED"
	CodeClockSkew              = "CLOCK_SKEW"
	CodeInconsistentEvidence   = "INCONSISTENT_EVIDENCE"
	CodeFlaky                  = "FLAKY"
	CodeImportedEvidence       = "IMPORTED_EVIDENCE"
	CodeWaived                 = "WAIVED"
	CodeWaiverExpired          = "WAIVER_EXPIRED"
	CodeWaiverWithoutCell      = "WAIVER_WITHOUT_CELL"
	CodePolicyEdited           = "POLICY_EDITED"
	CodeWaiverEdited           = "WAIVER_EDITED"
	CodeSuiteRemoved           = "SUITE_REMOVED"
	CodeSuiteEdited            = "SUITE_EDITED"
	CodeEvidenceNotKept        = "EVIDENCE_NOT_KEPT"
	CodeWaiverElsewhere        = "WAIVER_ELSEWHERE"
	CodeNotCovered             = "NOT_COVERED"
	CodeDrifted                = "DRIFTED"
	CodeNothingDemanded        = "NOTHING_DEMANDED"
	CodeQuarantineProposed     = "QUARANTINE_PROPOSED"
	CodeRegression             = "REGRESSION"
	CodeTooOld                 = "TOO_OLD"
	CodeTooFewTests            = "TOO_FEW_TESTS"
	CodeFlakeBudgetSpent       = "FLAKE_BUDGET_SPENT"
	CodeImportedNotAccepted    = "IMPORTED_NOT_ACCEPTED"
	CodeNoSuite                = "NO_SUITE"
	CodeWorkloadsUnknown       = "WORKLOADS_UNKNOWN"
	CodeBaselineMatchesNothing = "BASELINE_MATCHES_NOTHING"
	CodeNotReleased            = "NOT_RELEASED"
	CodeExcepted               = "EXCEPTED"
	CodeQuarantined            = "QUARANTINED"
	CodeQuarantineExpired      = "QUARANTINE_EXPIRED"
	CodeQuarantineRefused      = "QUARANTINE_REFUSED"
	CodeThresholdMissed        = "THRESHOLD_MISSED"
	CodeMeasurementMissing     = "MEASUREMENT_MISSING"
	CodeEnvironmentsDiffer     = "ENVIRONMENTS_DIFFER"
	CodeEnvironmentsUnknown    = "ENVIRONMENTS_UNKNOWN"
	CodeForeignEvidence        = "FOREIGN_EVIDENCE"
	CodeNoProducer             = "NO_PRODUCER"
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
	// since is when the state began, as far as the record tells.
	since time.Time
	// quarantined are the quarantines that excuse it.
	quarantined []Quarantine
	// evidence are the digests of the entries it rests on.
	evidence []string
}

// fall lowers a pass.
func (j *judgement) fall(state State, code, message, next string) {
	j.state, j.code, j.message, j.next = state, code, message, next
}

func (j judgement) finding(s Severity, w Want, environment string) Finding {
	owner := w.Owner
	if owner == "" {
		owner = j.owner
	}
	return Finding{Severity: s, Code: j.code, Suite: w.Suite, Environment: environment, Owner: owner, Message: j.message, Next: j.next, Run: j.run, Since: j.since, Evidence: j.evidence}
}

func (j *judgement) advise(w Want, environment, code, message, next string) {
	a := judgement{code: code, message: message, next: next, run: j.run, owner: j.owner}
	j.advice = append(j.advice, a.finding(Advisory, w, environment))
}

// judge gives the state of one demand's cells.
func (rec *record) judge(in Input, w Want, known bool, d demand) judgement {
	if d.settled != nil {
		return *d.settled
	}
	a := aboutOf(in, w, d)
	nobody, unvouched := rec.vouching.noProducer(w.Suite)
	switch {
	case !known:
		j := judgement{state: StateMissing, code: CodeSuiteNotInCatalog,
			message: fmt.Sprintf("The policy requires %s, and the catalog has no such suite.", quoted(w.Suite)),
			next:    "Add the suite to the catalog, or correct the policy."}
		if runs := rec.suites[w.Suite]; len(runs) > 0 && runs[0].result() != nil {
			j.owner = runs[0].result().Owner
		}
		return j
	case unvouched:
		return nobody
	case in.PullRequest && w.Subject.Kind == subjectEnvironment:
		// Whatever runs in an environment is not what a pull request proposes.
		j := judgement{state: StateMissing, code: CodeEnvironmentSubject,
			message: "The suite tests whatever runs" + inEnvironment(d.environment) + ", which says nothing about a pull request.",
			next:    "Give the suite subject: source or subject: candidate, or do not require it of pull requests."}
		if seen := rec.weigh(in, a, d); seen.state == StateFail {
			j.advice = append(j.advice, seen.finding(Advisory, w, d.environment))
		}
		return j
	case a.problem != "":
		return judgement{state: StateError, code: CodeSubjectUnknown,
			message: "What is under test could not be established: " + sentence(a.problem),
			next:    "Mend that and decide again: `assay verdict`."}
	}
	j := rec.weigh(in, a, d)
	in.match(&j, w, d)
	return j
}

// weigh finds the evidence for one demand and says what it is worth.
func (rec *record) weigh(in Input, a about, d demand) judgement {
	all := rec.in(a.Suite, d.environment, d.named)
	limit := in.Now.Add(ClockTolerance)

	var same []*ran
	var future *ran
	for _, r := range all {
		if !a.concerns(r) || !a.covers(r) {
			continue
		}
		if r.written.After(limit) || r.at.After(limit) {
			future = r
			continue
		}
		same = append(same, r)
	}

	j := rec.decideAmong(in, same, all, a, d)
	// A wrong clock makes "newest" meaningless. A failure stays one nevertheless.
	if future != nil && j.state != StateFail {
		return clockSkew(future, in.Now)
	}
	return j
}

// decideAmong judges by the runs for the subject; all are those of any subject, for explaining.
func (rec *record) decideAmong(in Input, same, all []*ran, a about, d demand) judgement {
	var cluster, imports []*ran
	for _, r := range same {
		if r.imported() {
			imports = append(imports, r)
		} else {
			cluster = append(cluster, r)
		}
	}
	switch {
	case len(imports) > 0 && d.terms.Accept == AcceptCluster:
		if len(cluster) > 0 {
			j := judgeRuns(in, cluster, a, d)
			if imports[0].at.After(cluster[0].at) {
				refused := d.terms.refuse(imports[0], a.Want, d)
				j.advise(a.Want, d.environment, refused.code, refused.message, refused.next)
			}
			return j
		}
		return d.terms.refuse(imports[0], a.Want, d)
	case len(cluster) > 0 && len(imports) > 0:
		// What was made elsewhere never improves on what the cluster said of this subject (a stale
		// pass says nothing of what runs now); a newer failure counts.
		c, i := judgeRuns(in, cluster, a, d), judgeRuns(in, imports, a, d)
		if c.state == StateStale || imports[0].at.After(cluster[0].at) && worse(i.state, c.state) {
			return i
		}
		return c
	case len(cluster) > 0:
		return judgeRuns(in, cluster, a, d)
	case len(imports) > 0:
		return judgeRuns(in, imports, a, d)
	}
	return rec.nothing(all, a, d)
}

// nothing tells missing evidence from evidence about something else.
func (rec *record) nothing(all []*ran, a about, d demand) judgement {
	again := runAgain(a.Suite, d.environment)
	subject := a.Subject
	if a.release != nil {
		subject = releasedSubject(a)
	}
	for _, r := range all {
		res := r.result()
		if res == nil {
			continue
		}
		if a.concerns(r) && !a.covers(r) {
			return judgement{state: StateMissing, code: CodeNotCovered, owner: res.Owner,
				message: fmt.Sprintf("The newest evidence%s (run %s) is of a suite %s that covered %s, and not %s.", inEnvironment(d.environment), r.run, quoted(a.Suite), atMost(r.covers, namedTests, ", "), a.workload),
				next:    "Run it as it is now: " + again}
		}
		return judgement{state: StateMissing, code: CodeWrongSubject, owner: res.Owner,
			message: fmt.Sprintf("The newest evidence%s (run %s) is for %s, not for %s.", inEnvironment(d.environment), r.run, describe(r.subject, subject), describe(subject, r.subject)),
			next:    "Run it for this subject: " + again}
	}
	message := fmt.Sprintf("No evidence: the suite has not run%s for %s.", inEnvironment(d.environment), describe(subject, evidence.Subject{}))
	if rec.vouching != nil {
		message = fmt.Sprintf("No evidence: nothing that counts says that the suite has run%s for %s.", inEnvironment(d.environment), describe(subject, evidence.Subject{}))
	}
	for _, r := range rec.suites[a.Suite] {
		if res := r.result(); res != nil && r.environment != d.environment && a.concerns(r) {
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

// releasedSubject is what is to be released as a subject, for sentences.
func releasedSubject(a about) evidence.Subject {
	switch a.Subject.Kind {
	case subjectSource:
		return evidence.Subject{Kind: subjectSource, Commit: a.release.Commit}
	default:
		return evidence.Subject{Kind: subjectCandidate, Images: a.release.Images}
	}
}

// judgeRuns judges runs that are for the right subject, newest first and at least one.
func judgeRuns(in Input, same []*ran, a about, d demand) judgement {
	r, drift := aboutNow(same, a)
	res := r.result()
	if res == nil {
		j := resultMissing(r, same, a.Want, d)
		j.since, j.evidence = r.at, r.digests()
		return j
	}
	j := judgement{run: r.run, code: res.Reason.Code(), next: res.Reason.Meaning().Next, owner: res.Owner, evidence: r.digests()}
	j.since = began(r, same)
	switch {
	case !a.same(res.Subject):
		j.state, j.code = StateMissing, CodeWrongSubject
		j.message = fmt.Sprintf("Run %s was planned for this subject and tested %s, not %s.", r.run, describe(res.Subject, a.Subject), describe(a.Subject, res.Subject))
		j.next = "Run it for this subject: " + runAgain(a.Suite, d.environment)
		return j
	case res.Outcome == evidence.OutcomePassed:
		return passed(in, j, r, same, drift, a, d)
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
	switch {
	case drift.released:
		// What failed is not what is to be released.
		return wrongRelease(j, r, drift, a, d)
	case !drift.none():
		// Known to be broken stays so until a run shows otherwise: a drift only ever ages a pass.
		j.message += " Since then " + drift.String()
		j.next = "Run it against what runs now: " + runAgain(a.Suite, d.environment)
	}
	if r.imported() {
		j.advise(a.Want, d.environment, CodeImportedEvidence, importedMessage(r), importedNext)
	}
	if j.state == StateFail {
		in.Policy.quarantine(&j, r, in, a.Want, d)
	}
	return j
}

// wrongRelease says that the evidence is for another digest than the one to be released.
func wrongRelease(j judgement, r *ran, drift drift, a about, d demand) judgement {
	j.state, j.code = StateMissing, CodeWrongSubject
	j.message = fmt.Sprintf("The newest evidence%s (run %s) is for another digest: %s", inEnvironment(d.environment), r.run, drift)
	j.next = "Run it for what is to be released: " + runAgain(a.Suite, d.environment)
	return j
}

// passed judges a pass: it must agree with its own report, the environment must still be the one it
// was about, and it must meet the policy's terms.
func passed(in Input, j judgement, r *ran, same []*ran, drift drift, a about, d demand) judgement {
	res := r.result()
	if why := contradicts(res); why != "" {
		j.state, j.code = StateError, CodeInconsistentEvidence
		j.message = fmt.Sprintf("Run %s says that it passed, and %s.", r.run, why)
		j.next = "Run it again: " + runAgain(a.Suite, d.environment)
		return j
	}
	switch {
	case drift.released:
		return wrongRelease(j, r, drift, a, d)
	case !drift.none():
		j.state, j.code = StateStale, CodeEnvironmentChanged
		j.message = fmt.Sprintf("Run %s passed, and since then %s", r.run, drift)
		j.next = "Run it against what runs now: " + runAgain(a.Suite, d.environment)
		return j
	}
	j.state, j.code = StatePass, ""
	if why := flaky(r, same); why != "" {
		j.state, j.code = StateFlaky, CodeFlaky
		j.advise(a.Want, d.environment, CodeFlaky, why, "Make it reliable: a test that passes on a retry hides failures.")
	}
	if r.imported() {
		j.advise(a.Want, d.environment, CodeImportedEvidence, importedMessage(r), importedNext)
	}
	if d.terms.meet(&j, r, flakes(r, same), in, a.Want, d); len(drift.others) > 0 {
		slices.Sort(drift.others)
		j.advise(a.Want, d.environment, CodeDrifted, fmt.Sprintf("Since run %s, %s; that does not decide.", r.run, atMost(drift.others, namedTests, "; ")),
			"Run it again where settings matter: "+runAgain(a.Suite, d.environment))
	}
	in.Policy.hold(&j, r, a.Want, d)
	return j
}

// aboutNow picks the run that decides. For a subject that an identity names it is the newest. An
// environment is identified by what runs in it, so it is the newest run that is about what runs now,
// or about what is to be released; where none is, the newest, with the difference in words.
//
// A run without a result, or one that did not pass and observed nothing, may be about now. Where a
// newer run is known not to be, the worse of the two decides, so that doubt never helps.
func aboutNow(same []*ran, a about) (r *ran, d drift) {
	newest := same[0]
	if a.Subject.Kind != subjectEnvironment {
		if newest.result() == nil {
			return newest, drift{}
		}
		return newest, a.driftOf(newest)
	}
	for _, r := range same {
		res := r.result()
		var d drift
		if res != nil {
			if d = a.driftOf(r); !d.none() {
				continue
			}
		}
		unknown := res == nil || len(res.Observed.Start)+len(res.Observed.End) == 0
		if r == newest || !unknown || badness(r) > badness(newest) {
			return r, d
		}
		break
	}
	if newest.result() == nil {
		return newest, drift{}
	}
	return newest, a.driftOf(newest)
}

// began is when the state that a run shows began: the end of the oldest of the newest runs that ended
// as it did.
func began(r *ran, same []*ran) time.Time {
	since := r.result().Finished
	after := false
	for _, older := range same {
		if older == r {
			after = true
			continue
		}
		if !after || older.result() == nil {
			continue
		}
		if older.result().Outcome != r.result().Outcome {
			break
		}
		since = older.result().Finished
	}
	return since.UTC()
}

// badness orders runs by their result: the higher the worse. No result is insufficient evidence.
func badness(r *ran) int {
	if r.result() == nil {
		return outcomeRank(evidence.OutcomeInsufficient)
	}
	return outcomeRank(r.result().Outcome)
}

// sameImages compares by digest alone, as subjects are: one image has several names.
func sameImages(a, b evidence.Workload) bool {
	return evidence.Subject{Images: a.Images}.Equal(evidence.Subject{Images: b.Images})
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
