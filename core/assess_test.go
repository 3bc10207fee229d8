package core_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/suite"
)

// assessed takes an attempt through the line and gives what was kept of it.
func assessed(t *testing.T, m *memory, promised []suite.ReportFile, a core.Attempt) evidence.Result {
	t.Helper()
	r := run("a")
	r.Suite.Reports = promised
	s, err := line(m, executorFunc(func(context.Context, suite.Run, core.Observer) (core.Execution, error) {
		return core.Execution{Attempts: []core.Attempt{a}}, nil
	})).Run(t.Context(), []suite.Run{r}, true)
	require.NoError(t, err)
	assert.Equal(t, s.Results[0].Result.Reason, m.kept()[1].Result.Reason)
	return *s.Results[0].Result
}

// left is a shard with files of the kinds that their first directory says.
func left(files map[string]string, secrets ...string) core.Shard {
	s := core.Shard{Files: fstest.MapFS{}, Secrets: secrets}
	for path, text := range files {
		s.Files.(fstest.MapFS)[path] = &fstest.MapFile{Data: []byte(text)}
		kind := evidence.FileLog
		switch dir, _, _ := strings.Cut(path, "/"); dir {
		case "reports":
			kind = evidence.FileReport
		case "artifacts":
			kind = evidence.FileArtifact
		}
		s.Listing = append(s.Listing, evidence.File{Path: path, Kind: kind})
	}
	return s
}

const (
	passXML = `<testsuite tests="2"><testcase name="a"/><testcase name="b"/></testsuite>`
	failXML = `<testsuite tests="2" failures="1"><testcase name="a"/><testcase name="b"><failure message="no"/></testcase></testsuite>`
	manyXML = `<testsuite><testcase name="a"><failure/></testcase><testcase name="b"><error/></testcase><testcase name="c"><failure/></testcase><testcase name="d"><failure/></testcase><testcase name="e"/></testsuite>`
	noneXML = `<testsuite tests="0"/>`
	skipXML = `<testsuite tests="1"><testcase name="a"><skipped/></testcase></testsuite>`
	cutXML  = `<testsuite tests="2"><testcase name="a"/><testca`
)

// A run has passed where the process and its reports say so, both.
const passedCheck = `{"name":"home","path":"::home","passes":3,"fails":0}`

// k6Summary is a load test's report: one threshold, and checks.
func k6Summary(p95 int, ok bool, checks string) string {
	return fmt.Sprintf(`{"root_group":{"checks":[%s]},"metrics":{"iterations":{"values":{"count":5}},"http_req_duration":{"type":"trend","contains":"time","values":{"p(95)":%d},"thresholds":{"p(95)<300":{"ok":%t}}}}}`, checks, p95, ok)
}

// k6Machine is a summary in k6's machine-readable schema, which holds no thresholds.
func k6Machine(fails int) string {
	return fmt.Sprintf(`{"metadata":{"k6_version":"1.8.1"},"results":{"checks":{"results":[{"name":"home","passes":1,"fails":%d}],"metrics":[]},"metrics":[]}}`, fails)
}

func TestReportsDecideToo(t *testing.T) {
	results := []suite.ReportFile{{Path: "results/*.xml"}}
	for name, tc := range map[string]struct {
		promised []suite.ReportFile
		reports  map[string]string
		reason   evidence.Reason
		want     evidence.Reason
		message  string
		note     string
		unread   bool // there are reports, and none is a promised one
	}{
		"nothing promised, exit 0":   {reason: evidence.Completed, want: evidence.Completed, message: "said"},
		"nothing promised, exit 1":   {reason: evidence.ExitCode, want: evidence.ExitCode, message: "said"},
		"passed":                     {promised: results, reports: map[string]string{"results/a.xml": passXML}, reason: evidence.Completed, want: evidence.Completed, message: "2 of 2 tests passed"},
		"failed, exit 1":             {promised: results, reports: map[string]string{"results/a.xml": failXML}, reason: evidence.ExitCode, want: evidence.TestsFailed, message: "1 of 2 tests failed: b; said"},
		"failed, exit 0":             {promised: results, reports: map[string]string{"results/a.xml": failXML}, reason: evidence.Completed, want: evidence.TestsFailed, message: "1 of 2 tests failed: b, although the test command ended with exit code 0"},
		"many failed":                {promised: results, reports: map[string]string{"results/a.xml": manyXML}, reason: evidence.Completed, want: evidence.TestsFailed, message: "4 of 5 tests failed: a, b, c and 1 more, although the test command ended with exit code 0"},
		"passed, exit 1":             {promised: results, reports: map[string]string{"results/a.xml": passXML}, reason: evidence.ExitCode, want: evidence.ExitCode, message: "said, although no report holds a failed test"},
		"no report, exit 0":          {promised: results, reason: evidence.Completed, want: evidence.ReportMissing, message: "the test command ended with exit code 0, but wrote no report to results/*.xml"},
		"no report, exit 1":          {promised: results, reason: evidence.ExitCode, want: evidence.ExitCode, message: "said", note: "promised reports are missing: results/*.xml"},
		"one of two reports, exit 0": {promised: []suite.ReportFile{{Path: "a.xml"}, {Path: "b.xml"}}, reports: map[string]string{"a.xml": passXML}, reason: evidence.Completed, want: evidence.ReportMissing, message: "the test command ended with exit code 0, but wrote no report to b.xml"},
		"a failure beats a missing report": {promised: []suite.ReportFile{{Path: "a.xml"}, {Path: "b.xml"}}, reports: map[string]string{"a.xml": failXML}, reason: evidence.Completed, want: evidence.TestsFailed,
			message: "1 of 2 tests failed: b, although the test command ended with exit code 0"},
		"cut off, exit 0": {promised: results, reports: map[string]string{"results/a.xml": cutXML}, reason: evidence.Completed, want: evidence.ReportUnreadable, message: "reports/results/a.xml ends early in line 1, inside <testsuite>; 1 case was read"},
		"a web page":      {promised: results, reports: map[string]string{"results/a.xml": "<!DOCTYPE html><html></html>"}, reason: evidence.Completed, want: evidence.ReportUnreadable},
		"empty":           {promised: results, reports: map[string]string{"results/a.xml": ""}, reason: evidence.Completed, want: evidence.ReportUnreadable},
		"no test":         {promised: results, reports: map[string]string{"results/a.xml": noneXML}, reason: evidence.Completed, want: evidence.NoTests, message: "the reports hold no test at all"},
		"all skipped":     {promised: results, reports: map[string]string{"results/a.xml": skipXML}, reason: evidence.Completed, want: evidence.AllSkipped, message: "all 1 tests were skipped"},
		"out of memory with a report that passed": {promised: results, reports: map[string]string{"results/a.xml": passXML}, reason: evidence.OOMKilled, want: evidence.OOMKilled, message: "said"},
		"out of memory with a report that failed": {promised: results, reports: map[string]string{"results/a.xml": failXML}, reason: evidence.OOMKilled, want: evidence.OOMKilled, message: "said"},
		"timed out without a report":              {promised: results, reason: evidence.TimedOut, want: evidence.TimedOut, message: "said", note: "promised reports are missing: results/*.xml"},
		"an absolute path below the directory":    {promised: []suite.ReportFile{{Path: "/app/results/*.xml"}}, reports: map[string]string{"results/a.xml": passXML}, reason: evidence.Completed, want: evidence.Completed, message: "2 of 2 tests passed"},
		"an absolute path elsewhere":              {promised: []suite.ReportFile{{Path: "/data/*.xml"}}, reports: map[string]string{"data/a.xml": passXML}, reason: evidence.Completed, want: evidence.Completed, message: "2 of 2 tests passed"},
		"an absolute path that is another":        {promised: []suite.ReportFile{{Path: "/data/*.xml"}}, reports: map[string]string{"other/a.xml": passXML}, reason: evidence.Completed, want: evidence.ReportMissing, message: "the test command ended with exit code 0, but wrote no report to /data/*.xml", unread: true},
		"an absolute path for any depth":          {promised: []suite.ReportFile{{Path: "/app/**/junit.xml"}}, reports: map[string]string{"x/y/junit.xml": passXML}, reason: evidence.Completed, want: evidence.Completed, message: "2 of 2 tests passed"},
		"a threshold missed, exit 0": {promised: results, reports: map[string]string{"results/a.xml": k6Summary(312, false, passedCheck)}, reason: evidence.Completed, want: evidence.TestsFailed,
			message: "1 of 1 threshold missed: http_req_duration p(95) = 312 ms, over p(95)<300, although the test command ended with exit code 0"},
		"a threshold missed, exit 99": {promised: results, reports: map[string]string{"results/a.xml": k6Summary(312, false, "")}, reason: evidence.ExitCode, want: evidence.TestsFailed,
			message: "1 of 1 threshold missed: http_req_duration p(95) = 312 ms, over p(95)<300; said"},
		"a threshold held":                         {promised: results, reports: map[string]string{"results/a.xml": k6Summary(200, true, passedCheck)}, reason: evidence.Completed, want: evidence.Completed, message: "1 of 1 tests passed, 1 of 1 thresholds held"},
		"thresholds that only the exit code tells": {promised: results, reports: map[string]string{"results/a.xml": k6Machine(0)}, reason: evidence.Completed, want: evidence.Completed, message: "1 of 1 tests passed"},
		"a threshold and nothing else":             {promised: results, reports: map[string]string{"results/a.xml": k6Summary(200, true, "")}, reason: evidence.Completed, want: evidence.Completed, message: "1 of 1 thresholds held"},
		"a threshold and a failure": {promised: results, reports: map[string]string{"results/a.xml": failXML, "results/b.xml": k6Summary(312, false, "")}, reason: evidence.ExitCode, want: evidence.TestsFailed,
			message: "1 of 2 tests failed: b; 1 of 1 threshold missed: http_req_duration p(95) = 312 ms, over p(95)<300; said"},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"log.txt": "the log\n"}
			for path, text := range tc.reports {
				files["reports/"+path] = text
			}
			got := assessed(t, newMemory(t), tc.promised, core.Attempt{Reason: tc.reason, Message: "said", Shards: []core.Shard{left(files)}})
			assert.Equal(t, tc.want, got.Reason, got.Message)
			assert.Equal(t, tc.want.Meaning().Outcome, got.Outcome)
			if tc.message != "" {
				assert.Equal(t, tc.message, got.Message)
			}
			if tc.note != "" {
				assert.Equal(t, []string{tc.note}, got.Notes)
			} else {
				assert.Empty(t, got.Notes)
			}
			assert.Equal(t, len(tc.reports) > 0 && !tc.unread, got.Report != nil)
			assert.Len(t, got.Files, len(files), "all of it is kept, whatever it says")
		})
	}
}

// A pod that could not be reached leaves nothing, and so proves nothing.
func TestAssessWithoutFiles(t *testing.T) {
	got := assessed(t, newMemory(t), []suite.ReportFile{{Path: "a.xml"}}, core.Attempt{Reason: evidence.CollectorLost, Message: "said", Shards: []core.Shard{{Shard: evidence.Shard{Job: "j"}}}})
	assert.Equal(t, evidence.CollectorLost, got.Reason)
	assert.Equal(t, []evidence.Shard{{Job: "j"}}, got.Shards)
	assert.Empty(t, got.Files)
	assert.Equal(t, []string{"promised reports are missing: a.xml"}, got.Notes)
}

// A file that cannot be read again is missed by itself.
func TestAssessMissesAFile(t *testing.T) {
	s := left(map[string]string{"log.txt": "l", "reports/a.xml": passXML})
	s.Listing = append(s.Listing, evidence.File{Path: "artifacts/gone.png", Kind: evidence.FileArtifact})
	got := assessed(t, newMemory(t), []suite.ReportFile{{Path: "a.xml"}}, core.Attempt{Reason: evidence.Completed, Shards: []core.Shard{s}})
	assert.Equal(t, evidence.Completed, got.Reason)
	assert.Len(t, got.Files, 2)
	require.Len(t, got.Notes, 1)
	assert.Contains(t, got.Notes[0], "not kept: artifacts/gone.png: ")

	// A promised report is no less missing for having been there once.
	s.Listing = []evidence.File{{Path: "reports/b.xml", Kind: evidence.FileReport}}
	got = assessed(t, newMemory(t), []suite.ReportFile{{Path: "b.xml"}}, core.Attempt{Reason: evidence.Completed, Shards: []core.Shard{s}})
	assert.Equal(t, evidence.ReportMissing, got.Reason)
}

// A report that could not be handed over may hold the failure: what the others say is no pass then.
func TestSkippedReportIsNoPass(t *testing.T) {
	for name, tc := range map[string]struct {
		skipped []core.Skipped
		reason  evidence.Reason
		xml     string
		want    evidence.Reason
		message string
	}{
		"one report of two": {[]core.Skipped{{Path: "results/b.xml", Kind: evidence.FileReport, Why: "it may not be read"}}, evidence.Completed, passXML, evidence.ReportUnreadable, "the report results/b.xml could not be read: it may not be read"},
		"several":           {[]core.Skipped{{Path: "b.xml", Kind: evidence.FileReport, Why: "big"}, {Kind: evidence.FileReport, Why: "9 more"}}, evidence.Completed, passXML, evidence.ReportUnreadable, "the report b.xml could not be read: big; and 1 more"},
		"without a name":    {[]core.Skipped{{Kind: evidence.FileReport, Why: "9 reports are over the cap"}}, evidence.Completed, passXML, evidence.ReportUnreadable, "9 reports are over the cap"},
		"a failure is one":  {[]core.Skipped{{Path: "b.xml", Kind: evidence.FileReport, Why: "big"}}, evidence.Completed, failXML, evidence.TestsFailed, ""},
		"an artifact":       {[]core.Skipped{{Path: "b.png", Kind: evidence.FileArtifact, Why: "big"}}, evidence.Completed, passXML, evidence.Completed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := left(map[string]string{"log.txt": "l", "reports/results/a.xml": tc.xml})
			s.Skipped = tc.skipped
			got := assessed(t, newMemory(t), []suite.ReportFile{{Path: "results/*.xml"}}, core.Attempt{Reason: tc.reason, Shards: []core.Shard{s}})
			assert.Equal(t, tc.want, got.Reason, got.Message)
			if tc.message != "" {
				assert.Equal(t, tc.message, got.Message)
			}
		})
	}
}

// Nothing that is kept holds a secret, and every digest is of what is kept.
func TestAssessRedacts(t *testing.T) {
	const secret = "hunter2-and-more"
	token := "gl" + "pat-" + strings.Repeat("aB3d", 5) // nobody has named it
	m := newMemory(t)
	s := left(map[string]string{
		"log.txt":                  "no secret here: it was taken out on its way\n",
		"reports/a.xml":            `<testsuite tests="1" failures="1"><testcase name="login"><failure message="denied for ` + secret + `">` + secret + `</failure></testcase></testsuite>`,
		"artifacts/trace.txt":      strings.Repeat("x", 70<<10) + secret + "\n",
		"artifacts/auth.txt":       "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+secret)) + "\n",
		"artifacts/screenshot.png": "\x89PNG\x00\xff" + token,
		"artifacts/trace.json":     `{"token":"` + token + `"}`,
	}, secret)
	for i := range s.Listing {
		if p := s.Listing[i].Path; strings.HasPrefix(p, "artifacts/") {
			// As verified on its way here, which matters no longer where something is taken out.
			data, err := fs.ReadFile(s.Files, p)
			require.NoError(t, err)
			s.Listing[i].Digest, s.Listing[i].Size, s.Listing[i].Mode = evidence.Digest(data), int64(len(data)), 0o600
		}
		if s.Listing[i].Path == "log.txt" {
			s.Listing[i].Redactions = 4 // on its way
		}
	}
	got := assessed(t, m, []suite.ReportFile{{Path: "a.xml"}}, core.Attempt{
		Reason: evidence.ExitCode, Message: "exited over " + secret + " and " + token, Notes: []string{"saw " + secret}, Shards: []core.Shard{s},
	})
	assert.Equal(t, evidence.TestsFailed, got.Reason)
	assert.Equal(t, "1 of 1 tests failed: login; exited over [REDACTED] and [REDACTED gitlab token]", got.Message)
	assert.Equal(t, []string{"saw [REDACTED]"}, got.Notes)
	assert.Equal(t, "denied for [REDACTED]", got.Report.Cases[0].Message)
	assert.Equal(t, "[REDACTED]", got.Report.Cases[0].Detail)
	assert.Equal(t, 9, got.Redactions)

	counts := map[string]int{}
	for _, f := range got.Files {
		r, err := m.Open(t.Context(), f.Digest)
		require.NoError(t, err, f.Path)
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		assert.NotContains(t, string(data), secret, f.Path)
		assert.Equal(t, evidence.Digest(data), f.Digest, f.Path)
		assert.EqualValues(t, len(data), f.Size, f.Path)
		counts[f.Path] = f.Redactions
	}
	assert.Equal(t, map[string]int{"log.txt": 4, "reports/a.xml": 2, "artifacts/trace.txt": 1, "artifacts/auth.txt": 1, "artifacts/trace.json": 1, "artifacts/screenshot.png": 0}, counts,
		"what is no text is left, but for known values")
	for id, data := range m.entries {
		assert.NotContains(t, string(data), secret, id)
	}
}

// Without secrets what was verified on its way here is not read again.
func TestAssessTrustsWhatWasVerified(t *testing.T) {
	s := left(map[string]string{"log.txt": "l"})
	s.Listing[0].Digest, s.Listing[0].Size, s.Listing[0].Mode = evidence.Digest([]byte("l")), 1, 0o600
	got := assessed(t, newMemory(t), nil, core.Attempt{Reason: evidence.Completed, Shards: []core.Shard{s}})
	assert.Equal(t, s.Listing, got.Files)
}
