package githubtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func serve(t *testing.T) (*GitHub, func(method, path, body string) (int, http.Header, string)) {
	t.Helper()
	d, err := Describe()
	if errors.Is(err, ErrNoDescription) && os.Getenv("ASSAY_REQUIRE_LAB") == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	g := New(d)
	g.Change(func(s *State) {
		s.Pulls = []*Pull{{Number: 7, HeadSHA: strings.Repeat("a", 40), BaseSHA: strings.Repeat("b", 40)}}
	})
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	return g, func(method, path, body string) (int, http.Header, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer t")
		r.Header.Set("User-Agent", "test")
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer.StatusCode, answer.Header, string(text)
	}
}

func quoted(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}

// What GitHub takes, and what it refuses: by its description, and by limits that are not in it.
func TestRefusals(t *testing.T) {
	g, ask := serve(t)
	head := strings.Repeat("a", 40)
	long := func(n int) string { return strings.Repeat("ü", n) }
	annotations := func(n int) string {
		one := `{"path":"a.go","start_line":1,"end_line":1,"annotation_level":"failure","message":"m"}`
		return "[" + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + "]"
	}
	run := func(rest string) string { return `{"name":"n","head_sha":"` + head + `"` + rest + `}` }
	out := func(title, text, list string) string {
		return run(`,"output":{"title":` + quoted(title) + `,"summary":"s","text":` + quoted(text) + `,"annotations":` + list + `}`)
	}
	note := func(rest string) string {
		return out("t", "", `[{"path":"a.go","start_line":1,"end_line":1,"annotation_level":"failure"`+rest+`}]`)
	}
	const checks, comments = "/repos/o/r/check-runs", "/repos/o/r/issues/7/comments"
	statuses := "/repos/o/r/statuses/" + head
	for name, tc := range map[string]struct {
		path, body string
		want       string // empty where it is taken
	}{
		"a check run":                      {checks, run(""), ""},
		"a check run without a name":       {checks, `{"head_sha":"` + head + `"}`, "/name"},
		"a check run on a branch":          {checks, `{"name":"n","head_sha":"main"}`, "No commit found"},
		"a conclusion of one's own":        {checks, run(`,"status":"completed","conclusion":"ready"`), "conclusion"},
		"details that are no web address":  {checks, run(`,"details_url":"javascript:x"`), "details_url"},
		"an output without a summary":      {checks, run(`,"output":{"title":"t"}`), "summary"},
		"a text of 65,535 characters":      {checks, out("t", long(65535), "[]"), ""},
		"a text of 65,536 characters":      {checks, out("t", long(65536), "[]"), "text"},
		"a title of 256 characters":        {checks, out(long(256), "", "[]"), "output.title"},
		"50 annotations":                   {checks, out("t", "", annotations(50)), ""},
		"51 annotations":                   {checks, out("t", "", annotations(51)), "annotations"},
		"a message of 64 KB":               {checks, note(`,"message":` + quoted(strings.Repeat("x", 64<<10))), ""},
		"a message of more than 64 KB":     {checks, note(`,"message":` + quoted(strings.Repeat("x", 64<<10+1))), "message is too long"},
		"an annotation's title of 256":     {checks, note(`,"message":"m","title":` + quoted(long(256))), "title is too long"},
		"an annotation elsewhere":          {checks, strings.Replace(note(`,"message":"m"`), "a.go", "../a.go", 1), "leads out of the repository"},
		"an annotation at line 0":          {checks, strings.Replace(note(`,"message":"m"`), `"start_line":1`, `"start_line":0`, 1), "lines are not in order"},
		"a comment of 65,536 characters":   {comments, `{"body":` + quoted(long(65536)) + `}`, ""},
		"a comment of 65,537 characters":   {comments, `{"body":` + quoted(long(65537)) + `}`, "body is too long"},
		"an empty comment":                 {comments, `{"body":""}`, "can't be blank"},
		"a comment that is a number":       {comments, `{"body":7}`, "/body"},
		"a description of 140 characters":  {statuses, `{"state":"success","context":"c","description":` + quoted(long(140)) + `}`, ""},
		"a description of 141 characters":  {statuses, `{"state":"success","context":"c","description":` + quoted(long(141)) + `}`, "description is too long"},
		"a state of one's own":             {statuses, `{"state":"ready"}`, "/state"},
		"a path that GitHub does not have": {"/repos/o/r/verdicts", `{}`, "no matching operation"},
	} {
		t.Run(name, func(t *testing.T) {
			g.Change(func(s *State) { s.Complaints = nil })
			status, _, answer := ask(http.MethodPost, tc.path, tc.body)
			complaints := strings.Join(g.State().Complaints, "\n")
			if tc.want == "" {
				assert.Equal(t, http.StatusCreated, status, answer)
				assert.Empty(t, complaints)
				return
			}
			assert.GreaterOrEqual(t, status, 400)
			assert.Contains(t, complaints, tc.want)
		})
	}
}

func TestPages(t *testing.T) {
	g, ask := serve(t)
	for i := range 120 {
		g.Say("someone", 7, fmt.Sprint("remark ", i))
	}
	_, header, first := ask(http.MethodGet, "/repos/o/r/issues/7/comments?per_page=100", "")
	assert.Contains(t, header.Get("Link"), `page=2&per_page=100>; rel="next"`)
	_, header, second := ask(http.MethodGet, "/repos/o/r/issues/7/comments?per_page=100&page=2", "")
	assert.NotContains(t, header.Get("Link"), "next")
	assert.Equal(t, 100, strings.Count(first, `"remark `))
	assert.Equal(t, 20, strings.Count(second, `"remark `))
	assert.Empty(t, g.State().Complaints)
}

// A check run is its app's, and no comment is anybody else's business.
func TestWhoseItIs(t *testing.T) {
	g, ask := serve(t)
	g.Change(func(s *State) {
		s.CheckRuns = []*CheckRun{{ID: 1, App: "another[bot]", Name: "n", HeadSHA: strings.Repeat("a", 40), Status: "queued"}}
	})
	status, _, answer := ask(http.MethodPatch, "/repos/o/r/check-runs/1", `{"conclusion":"success"}`)
	assert.Equal(t, http.StatusForbidden, status)
	assert.Contains(t, answer, "Invalid app_id")
	id := g.Say("mallory", 7, "text")
	status, _, _ = ask(http.MethodPatch, fmt.Sprintf("/repos/o/r/issues/comments/%d", id), `{"body":"mine"}`)
	assert.Equal(t, http.StatusOK, status, "whoever may write may do that, on GitHub")
	require.Len(t, g.State().Complaints, 1)
	assert.Contains(t, g.State().Complaints[0], "is mallory's, not github-actions[bot]'s")
}
