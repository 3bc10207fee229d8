package gitlab

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/report"
	"github.com/assay-dev/assay/core/summary"
	"github.com/assay-dev/assay/integrations/gitlab/gitlabtest"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "run with -update and read the diff")
}

var jobContext = ci.Context{
	CI: Name, SCM: Name, Event: "pull_request", Repository: "acme/shop", HeadSHA: head, PullRequest: 12, RunID: "4711/assay", RunAttempt: 1, Sequence: 4711,
	RunURL:       "https://gitlab.example.com/acme/shop/-/jobs/99001",
	ArtifactsURL: "https://gitlab.example.com/acme/shop/-/jobs/99001/artifacts/browse",
}

func result(suite string, outcome evidence.Outcome, reason evidence.Reason, cases ...report.Case) evidence.Entry {
	e := evidence.Entry{
		Kind: evidence.KindResult, ID: suite + ".a1", Time: began, Context: jobContext, Environment: evidence.Environment{Name: "staging"},
		Result: &evidence.Result{Run: suite, Attempt: 1, Suite: suite, Owner: "team", Outcome: outcome, Reason: reason, Started: began, Finished: began.Add(90 * time.Second)},
	}
	if len(cases) > 0 {
		e.Result.Report = &report.Report{Cases: cases}
		for _, c := range cases {
			e.Result.Report.Totals.Add(c)
		}
	}
	return e
}

// notReady has of everything one: tests that failed, errored, were skipped, flaky or only counted, a run
// that gave nothing, two tests of one name, and text that means something to XML, shells and terminals.
func notReady() summary.Summary {
	checkout := result("checkout-e2e", evidence.OutcomeFailed, evidence.TestsFailed,
		report.Case{Suite: []string{"checkout"}, Class: "CheckoutTest", Name: "pays", Status: report.Failed, Duration: 1500 * time.Millisecond, Message: "expected 200, got 502", Type: "AssertionError", Detail: "expected 200, got 502\n  at pay (e2e/checkout.spec.ts:31)", Output: "\x1b[31mred\x1b[0m\nPOST /pay", File: "e2e/checkout.spec.ts", Line: 31},
		report.Case{Suite: []string{"checkout"}, Class: "CheckoutTest", Name: "pays", Status: report.Failed, Message: `a <b> & "c" ]]> d`, File: "../../etc/passwd", Line: 1},
		report.Case{Name: "sets up", Status: report.Errored, Message: "no database", File: "e2e/setup.ts"},
		report.Case{Name: "needs a card reader", Status: report.Skipped, Message: "none here"},
		report.Case{Name: "is quick", Status: report.Passed, Attempts: []report.Attempt{{Status: report.Failed, Message: "took 3 s"}}},
	)
	checkout.Result.Report.Tests += 42
	checkout.Result.Report.Passed += 42
	smoke := result("smoke", evidence.OutcomeError, evidence.OOMKilled)
	smoke.Result.Message = "The container was killed for want of memory."
	cart := result("cart", evidence.OutcomePassed, evidence.Completed, report.Case{Name: "adds", Status: report.Passed})
	unreported := result("script", evidence.OutcomePassed, evidence.Completed)
	return summary.Summary{
		Phase: summary.Final, Context: jobContext, Environment: evidence.Environment{Name: "staging"}, Store: ".assay",
		Results: []evidence.Entry{checkout, smoke, cart, unreported}, Started: began, Elapsed: 2 * time.Minute, Now: began,
		Verdict: &policy.Verdict{Decision: policy.NotReady, Environment: "staging", Cells: []policy.Cell{
			{Suite: "checkout-e2e", Environment: "staging", State: policy.StateFail, Run: "checkout-e2e"}, {Suite: "smoke", Environment: "staging", State: policy.StateError, Run: "smoke"},
			{Suite: "cart", Environment: "staging", State: policy.StatePass, Run: "cart"},
		}},
	}
}

// readBack reads a JUnit file with the reader that reads everybody's.
func readBack(t *testing.T, raw []byte) (report.File, []report.Case) {
	t.Helper()
	var cases []report.Case
	file := report.ReadFile(bytes.NewReader(raw), JUnitFile, "", report.Options{}, func(c report.Case) { cases = append(cases, c) })
	assert.False(t, file.Incomplete)
	assert.Empty(t, file.Doubts)
	return file, cases
}

func TestJUnit(t *testing.T) {
	raw, err := junit(notReady())
	require.NoError(t, err)
	golden(t, "not-ready.junit.xml", raw)
	file, cases := readBack(t, raw)
	assert.Equal(t, 2, file.Failed)
	assert.Equal(t, 2, file.Errored, "the test, and the run that gave nothing")
	assert.Equal(t, 1, file.Skipped)
	names := map[string]bool{}
	for _, c := range cases {
		assert.False(t, names[c.ID()], "GitLab would drop the second %s", c.ID())
		names[c.ID()] = true
	}
}

// What is not ready is never all green.
func TestJUnitIsNoFalseGreen(t *testing.T) {
	missing := notReady()
	missing.Results = missing.Results[2:]
	for name, s := range map[string]summary.Summary{
		"a problem":                      failed(jobContext),
		"a suite that is missing":        missing,
		"suites by name that never were": {Phase: summary.Final, Context: jobContext, Named: []string{"cart"}},
	} {
		require.False(t, summary.Succeeded(s), name)
		raw, err := junit(s)
		require.NoError(t, err)
		file, _ := readBack(t, raw)
		assert.Equal(t, 1, file.Failed+file.Errored, name)
		assert.Contains(t, string(raw), `name="assay/`, name)
	}
	passed := notReady()
	passed.Results, passed.Verdict = passed.Results[2:3], nil
	passed.Named = []string{"cart"}
	raw, err := junit(passed)
	require.NoError(t, err)
	file, _ := readBack(t, raw)
	assert.Equal(t, 1, file.Tests)
	assert.Equal(t, 1, file.Passed)
}

// However much the tests said, GitLab reads the file, and the counts are right.
func TestJUnitKeepsWithinTheLimit(t *testing.T) {
	s := notReady()
	s.Results = nil
	for n := range 4 {
		var cases []report.Case
		for i := range 10000 {
			cases = append(cases, report.Case{Name: fmt.Sprintf("case %d", i), Status: report.Failed, Message: strings.Repeat("m", 200), Detail: strings.Repeat("detail\n", 400)})
		}
		e := result(fmt.Sprintf("suite-%d", n), evidence.OutcomeFailed, evidence.TestsFailed, cases...)
		e.Result.Report.Tests += 5
		e.Result.Report.Failed += 5
		s.Results = append(s.Results, e)
	}
	raw, err := junit(s)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(raw), junitLimit)
	file, _ := readBack(t, raw)
	counted := 0
	for _, m := range regexp.MustCompile(`>Not listed one by one: (\d+)\.<`).FindAllStringSubmatch(string(raw), -1) {
		n, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		counted += n - 1 // its own line
	}
	assert.Equal(t, 4*(10000+5), file.Failed+counted, "what is not listed is counted")
}

func TestQuality(t *testing.T) {
	raw, err := quality(notReady())
	require.NoError(t, err)
	golden(t, "not-ready.codequality.json", raw)
	checkQuality(t, raw)

	raw, err = quality(failed(jobContext))
	require.NoError(t, err)
	assert.Equal(t, "[]\n", string(raw), "an empty list is a list")

	s := notReady()
	var cases []report.Case
	for i := range 2000 {
		cases = append(cases, report.Case{Name: fmt.Sprintf("case %d", i%10), Status: report.Failed, File: "a.go", Line: i + 1, Message: strings.Repeat("é", 5000)})
	}
	s.Results = []evidence.Entry{result("checkout-e2e", evidence.OutcomeFailed, evidence.TestsFailed, cases...)}
	raw, err = quality(s)
	require.NoError(t, err)
	remarks := checkQuality(t, raw)
	require.Len(t, remarks, mostRemarks+1)
	assert.Equal(t, "1,000 more failed tests not marked in the code: assay show checkout-e2e.", remarks[mostRemarks]["description"])
}

// checkQuality holds a report to what GitLab documents: exactly these properties, each of its kind, no
// byte order mark, no fingerprint twice, paths within the repository.
func checkQuality(t *testing.T, raw []byte) []map[string]any {
	t.Helper()
	var list []map[string]any
	require.NoError(t, json.Unmarshal(raw, &list))
	keys := func(m map[string]any) (out []string) {
		for k := range m {
			out = append(out, k)
		}
		return out
	}
	seen := map[string]bool{}
	for _, r := range list {
		require.ElementsMatch(t, []string{"description", "check_name", "fingerprint", "severity", "location"}, keys(r))
		at := r["location"].(map[string]any)
		require.ElementsMatch(t, []string{"path", "lines"}, keys(at))
		require.ElementsMatch(t, []string{"begin"}, keys(at["lines"].(map[string]any)))
		assert.GreaterOrEqual(t, at["lines"].(map[string]any)["begin"].(float64), 1.0)
		assert.True(t, filepath.IsLocal(at["path"].(string)), at["path"])
		assert.Contains(t, []string{"info", "minor", "major", "critical", "blocker"}, r["severity"])
		assert.Regexp(t, `^[0-9a-f]{64}$`, r["fingerprint"])
		assert.False(t, seen[r["fingerprint"].(string)], "GitLab shows two of one fingerprint as one")
		seen[r["fingerprint"].(string)] = true
		assert.NotEmpty(t, r["description"])
		assert.LessOrEqual(t, len([]rune(r["description"].(string))), longestRemark)
	}
	return list
}

// A failure keeps its fingerprint while its line moves: GitLab compares with the base by it.
func TestFingerprintsStay(t *testing.T) {
	one := func(line int) string {
		s := notReady()
		s.Results = []evidence.Entry{result("checkout-e2e", evidence.OutcomeFailed, evidence.TestsFailed, report.Case{Name: "pays", Status: report.Failed, File: "a.go", Line: line})}
		raw, err := quality(s)
		require.NoError(t, err)
		return checkQuality(t, raw)[0]["fingerprint"].(string)
	}
	assert.Equal(t, one(3), one(30))
}

func TestAnnotations(t *testing.T) {
	raw, err := annotations(notReady(), true)
	require.NoError(t, err)
	golden(t, "not-ready.annotations.json", raw)

	s := failed(ci.Context{CI: Name, ArtifactsURL: "javascript:alert(1)/artifacts/browse"})
	raw, err = annotations(s, true)
	require.NoError(t, err)
	assert.JSONEq(t, `{"Assay": []}`, string(raw), "a list without links is a list")

	s = notReady()
	s.Store = "/var/lib/evidence"
	raw, err = annotations(s, true)
	require.NoError(t, err)
	assert.NotContains(t, string(raw), "evidence", "what is not among the artifacts is not linked to")
}

// dotenvLine is a line as GitLab reads it.
var dotenvLine = regexp.MustCompile(`^([A-Z_]+)=(.*)$`)

// readDotenv reads a dotenv file within GitLab's limits: 5 KB, 20 variables, one a line, nothing else.
func readDotenv(t *testing.T, dir string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, Reports, DotenvFile))
	require.NoError(t, err)
	assert.Less(t, len(raw), 5<<10)
	vars := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		m := dotenvLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		require.NotNil(t, m, "%q", line)
		vars[m[1]] = m[2]
	}
	assert.LessOrEqual(t, len(vars), 20)
	return vars
}

func TestOutcome(t *testing.T) {
	for name, tc := range map[string]struct {
		outcome ci.Outcome
		want    map[string]string
	}{
		"ready": {
			ci.Outcome{Decision: "READY", Title: "Ready to release: all 3 required suites passed"},
			map[string]string{"ASSAY_DECISION": "READY", "ASSAY_TITLE": "Ready to release: all 3 required suites passed", "ASSAY_EXIT_CODE": "0", "ASSAY_READY": "true"},
		},
		"waived": {
			ci.Outcome{Decision: "READY_WITH_WAIVERS", Title: "Ready"},
			map[string]string{"ASSAY_DECISION": "READY_WITH_WAIVERS", "ASSAY_TITLE": "Ready", "ASSAY_EXIT_CODE": "0", "ASSAY_READY": "true"},
		},
		"not ready": {
			ci.Outcome{Decision: "NOT_READY", Title: "Not ready", ExitCode: 1},
			map[string]string{"ASSAY_DECISION": "NOT_READY", "ASSAY_TITLE": "Not ready", "ASSAY_EXIT_CODE": "1", "ASSAY_READY": "false"},
		},
		"suites by name are never ready": {
			ci.Outcome{Decision: "PASSED", Title: "cart passed"},
			map[string]string{"ASSAY_DECISION": "PASSED", "ASSAY_TITLE": "cart passed", "ASSAY_EXIT_CODE": "0", "ASSAY_READY": "false"},
		},
		"hostile": {
			ci.Outcome{Decision: "ERROR", Title: "Could not tell: $CI_JOB_TOKEN `id` \"x\" 'y' \\n %PATH%\nASSAY_READY=true\r\x1b[31m é", ExitCode: 3},
			map[string]string{"ASSAY_DECISION": "ERROR", "ASSAY_TITLE": "Could not tell: _CI_JOB_TOKEN _id_ _x_ _y_ _n _PATH_ ASSAY_READY=true é", "ASSAY_EXIT_CODE": "3", "ASSAY_READY": "false"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, Outcome(tc.outcome, core.Publishing{Dir: dir}))
			assert.Equal(t, tc.want, readDotenv(t, dir))
		})
	}
	dir := t.TempDir()
	require.NoError(t, Outcome(ci.Outcome{Decision: "NOT_READY", Title: strings.Repeat("é", 10000)}, core.Publishing{Dir: dir}))
	assert.Len(t, []rune(readDotenv(t, dir)["ASSAY_TITLE"]), 255)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	assert.Error(t, Outcome(ci.Outcome{}, core.Publishing{Dir: filepath.Join(dir, "file")}))
}

// files are the reports of a directory.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(dir, Reports))
	if err != nil {
		return nil
	}
	for _, f := range list {
		names = append(names, f.Name())
	}
	return names
}

// A job token alone is enough for the reports; elsewhere than in GitLab CI there is nobody to show them.
func TestReportsAreWritten(t *testing.T) {
	f := newForge(t)
	delete(f.vars, "ASSAY_GITLAB_TOKEN")
	how := f.how()
	p, err := Publisher(jobContext, how)
	require.NoError(t, err)
	require.NoError(t, p.Publish(t.Context(), notReady()))
	assert.Equal(t, []string{AnnotationsFile, QualityFile, JUnitFile, SummaryFile}, files(t, how.Dir))
	require.Len(t, f.notes, 1)
	assert.Contains(t, f.notes[0], "CI_JOB_TOKEN")
	links, err := os.ReadFile(filepath.Join(how.Dir, Reports, AnnotationsFile))
	require.NoError(t, err)
	assert.Contains(t, string(links), SummaryFile)

	begins := notReady()
	begins.Phase, begins.Results, begins.Verdict = summary.Started, nil, nil
	require.NoError(t, p.Publish(t.Context(), begins))
	assert.Empty(t, files(t, how.Dir), "what an earlier call has left is not this one's")

	how.Channels = []string{core.ChannelReports}
	p, err = Publisher(jobContext, how)
	require.NoError(t, err)
	require.NoError(t, p.Publish(t.Context(), notReady()))
	assert.Equal(t, []string{AnnotationsFile, QualityFile, JUnitFile}, files(t, how.Dir))
	links, err = os.ReadFile(filepath.Join(how.Dir, Reports, AnnotationsFile))
	require.NoError(t, err)
	assert.NotContains(t, string(links), SummaryFile, "no link leads nowhere")
	f.look(func(s *gitlabtest.State) { assert.Empty(t, s.Requests) })

	elsewhere := jobContext
	elsewhere.CI = "jenkins"
	how.Dir, how.Channels = t.TempDir(), nil
	p, err = Publisher(elsewhere, how)
	require.NoError(t, err)
	require.NoError(t, p.Publish(t.Context(), notReady()))
	assert.Empty(t, files(t, how.Dir))

	how.Dir = filepath.Join(how.Dir, "file")
	require.NoError(t, os.WriteFile(how.Dir, nil, 0o644))
	p, err = Publisher(jobContext, how)
	require.NoError(t, err)
	require.ErrorContains(t, p.Publish(t.Context(), notReady()), JUnitFile)
}
