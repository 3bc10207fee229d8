package integrations

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/report"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/summary"
	"github.com/assay-dev/assay/integrations/github"
	"github.com/assay-dev/assay/integrations/gitlab"
	"github.com/assay-dev/assay/integrations/gitlab/gitlabtest"
)

// What the platforms take, from their references: the numbers stand here once more, so that a constant
// that is changed is noticed.
const (
	checkText       = 65_535     // characters, of a check run's summary and of its text
	checkTitle      = 255        // characters, also of an annotation's
	checkBatch      = 50         // annotations a request
	checkMessage    = 64 << 10   // bytes
	githubStatus    = 140        // characters
	githubComment   = 65_536     // characters
	githubSummary   = 1 << 20    // bytes a step
	gitlabComment   = 1_000_000  // characters
	gitlabStatus    = 255        // characters
	gitlabUpload    = 30_000_000 // bytes a report file
	gitlabVariables = 5_000      // bytes
)

// nasty is a name as nobody should give one.
const nasty = "@everyone #1 !2 /close </details> <img src=x onerror=alert(1)> ``` | **b** [x](javascript:alert(1)) ${{ x }} 😀é漢字 "

// million is a JUnit file that is made while it is read: three of ten cases fail, the first of them
// with as much text as there may be.
type million struct {
	suite       string
	cases, next int
	long        int // how many of the first cases have that much text, if they fail
	buffer      bytes.Buffer
}

func (m *million) fails() int { return m.cases / 10 * 3 }

func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

var (
	longName = escaped(strings.Repeat(nasty, 30))
	longText = escaped(strings.Repeat(strings.Repeat(nasty, 6)+"\n", 60))
)

func (m *million) Read(p []byte) (int, error) {
	for m.buffer.Len() < len(p) && m.next <= m.cases {
		i := m.next
		m.next++
		switch {
		case i == m.cases:
			m.buffer.WriteString("</testsuite>")
			continue
		case i == 0:
			fmt.Fprintf(&m.buffer, `<testsuite name="%s">`, m.suite)
		}
		switch {
		case i%10 >= 3:
			fmt.Fprintf(&m.buffer, `<testcase classname="Shop" name="%d"/>`, i)
		case i < m.long:
			fmt.Fprintf(&m.buffer, `<testcase classname="Shop" name="%d %s" file="e2e/%d.ts" line="%d"><failure message="%s">%s</failure></testcase>`, i, longName, i, i+1, longName, longText)
		default:
			fmt.Fprintf(&m.buffer, `<testcase classname="Shop" name="%d é" file="e2e/%d.ts" line="%d"><failure message="expected &lt;1&gt;">at pay</failure></testcase>`, i, i%100, i+1)
		}
	}
	if m.buffer.Len() == 0 {
		return 0, io.EOF
	}
	return m.buffer.Read(p)
}

func (m *million) Stat() (fs.FileInfo, error) { return m, nil }
func (m *million) Close() error               { return nil }
func (m *million) Name() string               { return m.suite }
func (m *million) Size() int64                { return 0 } // not known before it is read
func (m *million) Mode() fs.FileMode          { return 0o444 }
func (m *million) ModTime() time.Time         { return time.Time{} }
func (m *million) IsDir() bool                { return false }
func (m *million) Sys() any                   { return nil }

// Open makes the file anew each time.
func (m *million) Open(string) (fs.File, error) {
	return &million{suite: m.suite, cases: m.cases, long: m.long}, nil
}

// peak is the largest heap while f runs, in bytes.
func peak(f func()) uint64 {
	var most atomic.Uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	runtime.GC()
	go func() {
		defer close(stopped)
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most.Store(max(most.Load(), now.HeapAlloc))
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	f()
	close(stop)
	<-stopped
	return most.Load()
}

var (
	head = strings.Repeat("a", 40)
	base = strings.Repeat("b", 40)
	noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
)

// decided takes suites of so many cases each through the line: read, concluded, decided over. before is
// what the base had: the same failures but for the first suite.
func decided(t *testing.T, suites, cases, long int, c ci.Context) summary.Summary {
	t.Helper()
	in := policy.Input{Policy: &policy.Policy{Name: "release"}, Now: noon.Add(time.Minute)}
	s := summary.Summary{
		Phase: summary.Final, Context: c, Store: ".assay", Started: noon, Elapsed: time.Minute, Now: in.Now,
	}
	for i := range suites {
		name := fmt.Sprintf("team-%03d", i)
		_, res := core.Imported(core.Import{
			Suite: suite.Suite{Name: name, Spec: suite.Spec{Owner: "owner-" + name}}, Subject: suite.Subject{Kind: suite.Source, Commit: head},
			Files: &million{suite: name, cases: cases, long: long}, Listing: []evidence.File{{Path: "reports/out.xml", Kind: evidence.FileReport}}, Made: noon,
		})
		require.Equal(t, evidence.TestsFailed, res.Reason, res.Message)
		require.Equal(t, cases, res.Report.Tests)
		require.Equal(t, (&million{cases: cases}).fails(), res.Report.Failed)
		require.Equal(t, res.Report.Tests, len(res.Report.Cases)+res.Report.CasesOmitted)
		res.Run, res.Attempt = "run-"+name, 1
		e := evidence.Entry{
			APIVersion: evidence.APIVersion, Kind: evidence.KindResult, ID: evidence.ResultID(res.Run, 1), Time: noon, Invocation: res.Run, Context: c, Result: &res,
		}
		s.Results = append(s.Results, e)
		if i > 0 {
			s.Base = append(s.Base, e)
		}
		in.Policy.Required = append(in.Policy.Required, policy.Requirement{Suite: name})
		in.Wants = append(in.Wants, policy.Want{Suite: name, Subject: res.Subject})
	}
	in.Entries = s.Results
	v := policy.Evaluate(in)
	require.Equal(t, policy.NotReady, v.Decision)
	s.Verdict = &v
	return s
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
	require.NoError(t, err)
	return n
}

// sum adds the numbers that a pattern finds, and counts them.
func sum(t *testing.T, pattern, text string) (total, found int) {
	t.Helper()
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		total, found = total+number(t, m[1]), found+1
	}
	return total, found
}

// accounted holds that a summary in Markdown shows each failed test and each suite or counts it among
// those that it leaves out, and says where they are.
func accounted(t *testing.T, text string, suites, failed int) {
	t.Helper()
	require.True(t, utf8.ValidString(text))
	text = regexp.MustCompile("(?ms)^ *(````*)text\n.*?^ *````*$").ReplaceAllString(text, "")
	assert.Equal(t, strings.Count(text, "<details>"), strings.Count(text, "</details>"))
	assert.Contains(t, text, "assay show run-team-")
	if left, n := sum(t, `details of ([\d,]+) failed tests`, text); n > 0 {
		assert.Equal(t, failed, left)
		assert.NotContains(t, text, "Failed tests (")
	} else {
		more, said := sum(t, `(?m)^\*\*team-\d+\*\* · .*?([\d,]+) more failed tests?\b`, text)
		_, lines := sum(t, `(?m)^\*\*team-(\d+)\*\* · `, text)
		assert.Equal(t, failed, lines-said+more, "shown, and counted as left out")
		total, _ := sum(t, `<summary>Failed tests \(([\d,]+)\)`, text)
		assert.Equal(t, failed, total)
	}
	_, rows := sum(t, `(?m)^\| team-(\d+) `, text)
	more, _ := sum(t, `([\d,]+) more suites? not shown`, text)
	left, _ := sum(t, `Left out for want of room: .*?\b([\d,]+) suites?\b`, text)
	assert.Equal(t, suites, rows+more+left, "rows, and suites that are counted as left out")
	_, actions := sum(t, `(?m)^(\d+)\. \*\*owner-`, text)
	more, _ = sum(t, `(?m)^([\d,]+) more: see the table`, text)
	left, _ = sum(t, `Left out for want of room: .*?\b([\d,]+) things? to do\b`, text)
	assert.Equal(t, suites, actions+more+left, "things to do")
}

// recorder answers as a forge does that has nothing yet, and keeps what is written to it.
type recorder struct {
	mu     sync.Mutex
	bodies map[string][]json.RawMessage
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	last := q.URL.Path[strings.LastIndexByte(q.URL.Path, '/')+1:]
	switch {
	case q.Method != http.MethodGet:
		key := "check"
		if !strings.Contains(q.URL.Path, "/check-runs") {
			key = last
		}
		r.bodies[key] = append(r.bodies[key], body)
		w.WriteHeader(map[bool]int{true: http.StatusCreated, false: http.StatusOK}[q.Method == http.MethodPost])
		_, _ = io.WriteString(w, `{"id":1}`)
	case last == "check-runs":
		_, _ = io.WriteString(w, `{"total_count":0,"check_runs":[]}`)
	case last == "7":
		_, _ = io.WriteString(w, `{"number":7}`)
	default:
		_, _ = io.WriteString(w, `[]`)
	}
}

func publish(t *testing.T, s summary.Summary, env map[string]string, dir string, publisher func(ci.Context, core.Publishing) (core.Publisher, error), channels ...string) {
	t.Helper()
	p, err := publisher(s.Context, core.Publishing{
		Channels: channels, Dir: dir, Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		Now:  func() time.Time { return noon },
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	require.NoError(t, err)
	require.NoError(t, p.Publish(t.Context(), s))
}

func githubContext() ci.Context {
	return ci.Context{
		CI: github.Name, SCM: github.Name, Event: "pull_request", Repository: "octo/shop", RepositoryURL: "https://github.example/octo/shop",
		HeadSHA: head, BaseSHA: base, BaseBranch: "main", PullRequest: 7, RunID: "1/test", RunAttempt: 1, Sequence: 1,
		RunURL: "https://github.example/octo/shop/actions/runs/1", AttemptURL: "https://github.example/octo/shop/actions/runs/1/attempts/1",
	}
}

// onGitHub publishes on all of GitHub's channels and holds each of its limits.
func onGitHub(t *testing.T, s summary.Summary, suites, failed int) {
	s.Context = githubContext()
	r := &recorder{bodies: map[string][]json.RawMessage{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	page := filepath.Join(dir, "summary.md")
	const before = "# What another step wrote\n"
	require.NoError(t, os.WriteFile(page, []byte(before), 0o644))
	env := map[string]string{"GITHUB_TOKEN": "t", "GITHUB_API_URL": server.URL, "GITHUB_STEP_SUMMARY": page}
	publish(t, s, env, dir, github.Publisher, core.ChannelSummary, core.ChannelCheck, core.ChannelStatus, core.ChannelComment)

	written, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(written), githubSummary)
	accounted(t, strings.TrimPrefix(string(written), before), suites, failed)

	annotated := 0
	require.NotEmpty(t, r.bodies["check"])
	for _, raw := range r.bodies["check"] {
		var body struct {
			Output struct {
				Title, Summary, Text string
				Annotations          []struct{ Path, Title, Message string }
			}
		}
		require.NoError(t, json.Unmarshal(raw, &body))
		o := body.Output
		assert.LessOrEqual(t, utf8.RuneCountInString(o.Title), checkTitle)
		assert.LessOrEqual(t, utf8.RuneCountInString(o.Summary), checkText)
		assert.LessOrEqual(t, utf8.RuneCountInString(o.Text), checkText)
		accounted(t, o.Summary, suites, failed)
		assert.LessOrEqual(t, len(o.Annotations), checkBatch)
		annotated += len(o.Annotations)
		for _, a := range o.Annotations {
			assert.LessOrEqual(t, utf8.RuneCountInString(a.Title), checkTitle)
			assert.LessOrEqual(t, len(a.Message), checkMessage)
			assert.True(t, utf8.ValidString(a.Message))
		}
		shown, n := sum(t, `^([\d,]+) of `, o.Text)
		total, _ := sum(t, ` of ([\d,]+) failed tests are marked`, o.Text)
		require.Equal(t, 1, n, "the text says how many are marked: %s", o.Text)
		assert.Equal(t, failed, total)
		if annotated > checkBatch*(len(r.bodies["check"])-1) {
			assert.Equal(t, annotated, shown)
		}
	}
	assert.NotZero(t, annotated)

	require.Len(t, r.bodies[head], 1)
	var status struct{ Description string }
	require.NoError(t, json.Unmarshal(r.bodies[head][0], &status))
	assert.LessOrEqual(t, utf8.RuneCountInString(status.Description), githubStatus)

	require.Len(t, r.bodies["comments"], 1)
	var comment struct{ Body string }
	require.NoError(t, json.Unmarshal(r.bodies["comments"][0], &comment))
	assert.LessOrEqual(t, len(comment.Body), githubComment, "in bytes, which are never fewer than characters")
	accounted(t, comment.Body, suites, failed)
}

// onGitLab publishes on all of GitLab's channels and holds each of its limits.
func onGitLab(t *testing.T, s summary.Summary, suites, failed int) {
	const token = "glpat-0123456789abcdefghij"
	server := gitlabtest.New(gitlabtest.Shop(token, head, 7))
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	job := web.URL + "/acme/shop/-/jobs/99001"
	s.Context = ci.Context{
		CI: gitlab.Name, SCM: gitlab.Name, Event: "pull_request", Repository: "acme/shop", RepositoryURL: web.URL + "/acme/shop", Branch: "fix",
		HeadSHA: head, BaseSHA: base, BaseBranch: "main", PullRequest: 12, RunID: "7/assay", RunAttempt: 1, Sequence: 7, RunURL: job, ArtifactsURL: job + "/artifacts/browse",
	}
	dir := t.TempDir()
	env := map[string]string{"ASSAY_GITLAB_TOKEN": token, "CI_API_V4_URL": web.URL + "/api/v4", "CI_PIPELINE_ID": "7", "CI_PROJECT_ID": "7"}
	publish(t, s, env, dir, gitlab.Publisher)
	require.NoError(t, gitlab.Outcome(ci.Outcome{Title: summary.Title(s), Decision: string(s.Verdict.Decision), ExitCode: 1}, core.Publishing{Dir: dir}))

	file := func(name string) []byte {
		raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(gitlab.Reports), name))
		require.NoError(t, err)
		return raw
	}
	assert.LessOrEqual(t, len(file(gitlab.DotenvFile)), gitlabVariables)
	accounted(t, string(file(gitlab.SummaryFile)), suites, failed)

	raw := file(gitlab.JUnitFile)
	assert.LessOrEqual(t, len(raw), gitlabUpload)
	listed, left := 0, 0
	f := report.ReadFile(bytes.NewReader(raw), "junit.xml", "junit", report.Options{}, func(c report.Case) {
		switch {
		case c.Status != report.Failed:
		case c.Name == "other tests that failed":
			more, _ := sum(t, `^Not listed one by one: (\d+)\.$`, c.Message)
			left += more
		default:
			listed++
		}
	})
	assert.Empty(t, f.Doubts)
	assert.Equal(t, failed, listed+left, "listed, and counted as left out")

	raw = file(gitlab.QualityFile)
	assert.LessOrEqual(t, len(raw), gitlabUpload)
	var remarks []struct{ Description, Severity string }
	require.NoError(t, json.Unmarshal(raw, &remarks))
	require.NotEmpty(t, remarks)
	more, said := sum(t, `^([\d,]+) more failed tests? `, remarks[len(remarks)-1].Description)
	assert.Equal(t, 1, said, "the last remark says what the others leave out")
	assert.Equal(t, failed, len(remarks)-said+more)

	server.Look(func(state *gitlabtest.State) {
		assert.Empty(t, state.Violations)
		notes := state.Projects[0].MergeRequests[0].Notes
		require.Len(t, notes, 1)
		assert.LessOrEqual(t, utf8.RuneCountInString(notes[0].Body), gitlabComment)
		assert.Empty(t, state.Projects[0].MergeRequests[0].Commands, "no name carries a command out")
		accounted(t, notes[0].Body, suites, failed)
		statuses := state.Projects[0].Pipelines[0].Statuses
		require.Len(t, statuses, 1)
		assert.LessOrEqual(t, utf8.RuneCountInString(statuses[0].Description), gitlabStatus)
	})
}

// onTerminal holds that what a terminal shows counts what it leaves out.
func onTerminal(t *testing.T, s summary.Summary, failed int) {
	text := summary.Text(s, summary.TextOptions{Width: 400})
	total, _ := sum(t, `(?m)^Failed tests \(([\d,]+)\)$`, text)
	assert.Equal(t, failed, total)
	more, said := sum(t, `(?m)^  team-\d+: ([\d,]+) more failed tests?: assay show run-team-`, text)
	_, lines := sum(t, `(?m)^  team-(\d+): `, text)
	assert.Equal(t, failed, lines-said+more, "shown, and counted as left out")

	for _, e := range s.Results[:1] {
		text := summary.RunText(e.Result.Run, []evidence.Entry{e}, summary.TextOptions{})
		total, _ := sum(t, `(?m)^Failed tests \(([\d,]+)\)$`, text)
		more, _ := sum(t, `(?m)^  ([\d,]+) more tests? of them: the report has them`, text)
		_, shown := sum(t, `(?m)^  team-000 > Shop > (\d+) `, text)
		assert.Equal(t, e.Result.Report.Failed, total)
		assert.Equal(t, total, shown+more, "shown, and counted as left out")
	}

	// Suites that were run by name are reported on without a verdict.
	named := s
	named.Verdict = nil
	for _, e := range s.Results {
		named.Named = append(named.Named, e.Result.Suite)
	}
	accounted(t, summary.MarkdownWithin(named, checkText), len(s.Results), failed)
	assert.LessOrEqual(t, utf8.RuneCountInString(summary.CheckName(named, "")), checkTitle)

	document, err := json.Marshal(summary.Document(s))
	require.NoError(t, err)
	assert.Less(t, len(document), 1<<20, "the JSON document counts cases and lists none")
}

// TestAMillionCases takes a million test cases, of which 300,000 failed, from report files to
// everything that people and platforms see, in one suite and in two hundred. No platform's limit is
// exceeded, and wherever something is left out its number and its place are told.
func TestAMillionCases(t *testing.T) {
	for _, tc := range []struct {
		suites, cases, long int
		// memory is what the heap may come to, in bytes.
		memory uint64
	}{
		{1, 1_000_000, 100, 200 << 20},
		{200, 5_000, 10, 2 << 30},
	} {
		t.Run(fmt.Sprintf("%d suites", tc.suites), func(t *testing.T) {
			began := time.Now()
			most := peak(func() {
				failed := tc.suites * (&million{cases: tc.cases}).fails()
				s := decided(t, tc.suites, tc.cases, tc.long, githubContext())
				t.Logf("decided after %s", time.Since(began).Round(time.Millisecond))
				onGitHub(t, s, tc.suites, failed)
				t.Logf("on GitHub after %s", time.Since(began).Round(time.Millisecond))
				onGitLab(t, s, tc.suites, failed)
				t.Logf("on GitLab after %s", time.Since(began).Round(time.Millisecond))
				onTerminal(t, s, failed)
			})
			t.Logf("%d cases in %s, at most %d MiB of heap", tc.suites*tc.cases, time.Since(began).Round(time.Millisecond), most>>20)
			assert.Less(t, most, tc.memory)
		})
	}
}
