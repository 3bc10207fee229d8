package attest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	digestC = "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
	commit  = "0123456789abcdef0123456789abcdef01234567"
)

var moment = time.Date(2026, 3, 1, 12, 30, 45, 123456789, time.UTC)

func entry(kind string, set func(e *evidence.Entry)) evidence.Entry {
	e := evidence.Entry{
		APIVersion: evidence.APIVersion, Kind: kind, ID: "inv-1", Invocation: "inv-1", Time: moment, Producer: "test",
		Context: ci.Context{CI: "github", Repository: "team/shop", RepositoryURL: "https://github.com/team/shop", HeadSHA: commit, RunURL: "https://github.com/team/shop/actions/runs/1"},
	}
	set(&e)
	return e
}

func result(s evidence.Subject, set func(r *evidence.Result)) evidence.Entry {
	return entry(evidence.KindResult, func(e *evidence.Entry) {
		e.ID = "0123456789ab.a1"
		e.Result = &evidence.Result{
			Run: "0123456789ab", Attempt: 1, Suite: "checkout-e2e", Owner: "team-payments", Subject: s, Origin: evidence.OriginCluster,
			Outcome: evidence.OutcomePassed, Reason: evidence.Completed, Started: moment, Finished: moment,
		}
		set(e.Result)
	})
}

// entries has one of each kind and of each way to name what was tested.
var entries = map[string]evidence.Entry{
	"result_candidate": result(evidence.Subject{Kind: "candidate", Images: []string{"registry.example:5000/shop/checkout:1.2@" + digestB, "registry.example:5000/shop/cart@" + digestA}}, func(r *evidence.Result) {
		r.Shards = []evidence.Shard{{ImageID: "mcr.example/playwright@" + digestC}, {Index: 1, ImageID: "mcr.example/playwright@" + digestC}}
		r.Report = &report.Report{Totals: report.Totals{Tests: 3, Passed: 2, Skipped: 1, Flaky: 1}, Cases: []report.Case{
			{Suite: []string{"checkout"}, Class: "checkout", Name: "pays <b>&amp;</b>\u2028 äöü 𝄞", Status: report.Passed},
			{Name: "ships", Status: report.Passed, Attempts: []report.Attempt{{Status: report.Failed}}},
			{Name: "is not done", Status: report.Skipped, Message: "later"},
		}}
	}),
	"result_source": result(evidence.Subject{Kind: "source", Commit: commit, Tree: digestA}, func(r *evidence.Result) {
		r.Outcome, r.Reason = evidence.OutcomeFailed, evidence.TestsFailed
		r.Report = &report.Report{Totals: report.Totals{Tests: 3, Passed: 1, Failed: 1, Errored: 1}, Cases: []report.Case{
			{Class: "Cart", Name: "adds", Status: report.Failed}, {Class: "Cart", Name: "opens", Status: report.Errored}, {Class: "Cart", Name: "sums", Status: report.Passed},
		}}
	}),
	"result_environment": result(evidence.Subject{Kind: "environment"}, func(r *evidence.Result) {
		r.Observed.Start = []evidence.Workload{{Namespace: "shop", Workload: "deployment/web", Images: []string{"shop/web@" + digestA, "shop/proxy@" + digestB}}}
		r.Observed.End = []evidence.Workload{{Namespace: "shop", Workload: "deployment/web", Images: []string{"shop/web@" + digestC, "shop/proxy@" + digestB}}}
	}),
	"result_alone": result(evidence.Subject{Kind: "environment"}, func(r *evidence.Result) {
		r.Outcome, r.Reason = evidence.OutcomeError, "NodeLost"
		r.Observed.Start = []evidence.Workload{{Workload: "deployment/web", Images: []string{"shop/web:latest", ""}}}
	}),
	"plan": entry(evidence.KindPlan, func(e *evidence.Entry) {
		e.Plan = &evidence.Plan{Catalog: digestA, Runs: []evidence.PlannedRun{
			{Run: "0123456789ab", Suite: "checkout-e2e", Subject: evidence.Subject{Kind: "candidate", Images: []string{"shop/cart@" + digestA}}},
			{Run: "0123456789ac", Suite: "checkout-unit", Subject: evidence.Subject{Kind: "source", Commit: commit}},
			{Run: "0123456789ad", Suite: "smoke", Subject: evidence.Subject{Kind: "candidate", Images: []string{"shop/cart@" + digestA}}},
		}}
	}),
	"verdict": entry(evidence.KindVerdict, func(e *evidence.Entry) {
		e.Verdict = &evidence.Verdict{Decision: "READY", Release: "2026.9", Document: json.RawMessage(`{"decision":"READY","subject":[{"images":["shop/cart@` + digestA + `"],"kind":"candidate"}]}`)}
	}),
	"verdict_alone": entry(evidence.KindVerdict, func(e *evidence.Entry) {
		e.Verdict = &evidence.Verdict{Decision: "READY", Release: "2026.9", Document: json.RawMessage(`{"subject":"of another form"}`)}
	}),
	"hold": entry(evidence.KindHold, func(e *evidence.Entry) {
		e.Hold = &evidence.Hold{Release: "2026.9", By: "a@example.com", Reason: "audit"}
	}),
	"tombstone": entry(evidence.KindTombstone, func(e *evidence.Entry) {
		e.Tombstone = &evidence.Tombstone{Digest: digestA, Reason: "a token was in it"}
	}),
}

func marshal(t testing.TB, e evidence.Entry) []byte {
	t.Helper()
	data, err := evidence.Marshal(e)
	require.NoError(t, err)
	return data
}

func stated(t testing.TB, e evidence.Entry) []byte {
	t.Helper()
	s, err := attest.Statement(marshal(t, e))
	require.NoError(t, err)
	return s
}

// golden compares text with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, append(got, '\n'), 0o666))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "go test ./core/evidence/attest -update writes it")
	assert.Equal(t, string(want), string(got)+"\n")
}

// A statement that is signed must read the same for ever: these files may get company, and may not change.
func TestStatement(t *testing.T) {
	for name, e := range entries {
		t.Run(name, func(t *testing.T) {
			s := stated(t, e)
			golden(t, name+".json", s)
			back, err := attest.EntryOf(s)
			require.NoError(t, err)
			assert.Equal(t, string(marshal(t, e)), string(back), "byte for byte")
			checkForm(t, s, e)
		})
	}
}

// checkForm holds what the specifications of Statement v1 and ResourceDescriptor demand.
func checkForm(t *testing.T, s []byte, e evidence.Entry) {
	t.Helper()
	type descriptor struct {
		URI    string            `json:"uri"`
		Digest map[string]string `json:"digest"`
	}
	var form struct {
		Type          string       `json:"_type"`
		PredicateType string       `json:"predicateType"`
		Subject       []descriptor `json:"subject"`
		Predicate     struct {
			Result        string       `json:"result"`
			Configuration []descriptor `json:"configuration"`
		} `json:"predicate"`
	}
	require.NoError(t, json.Unmarshal(s, &form))
	assert.Equal(t, "https://in-toto.io/Statement/v1", form.Type)
	assert.Equal(t, attest.PredicateType(e.Kind), form.PredicateType)
	require.NotEmpty(t, form.Subject)
	for _, d := range form.Subject {
		assert.Len(t, d.Digest, 1, "a subject has a digest")
	}
	if e.Result == nil {
		return
	}
	require.NotEmpty(t, form.Predicate.Configuration)
	for _, d := range form.Predicate.Configuration {
		assert.True(t, d.URI != "" || len(d.Digest) > 0)
	}
	assert.Equal(t, e.Result.Outcome == evidence.OutcomePassed, form.Predicate.Result != "FAILED", "what could not be told is no pass")
}

// Tests are named up to a number; the entry holds the others.
func TestStatementIsBounded(t *testing.T) {
	e := result(evidence.Subject{Kind: "source", Commit: commit}, func(r *evidence.Result) {
		r.Report = &report.Report{Totals: report.Totals{Tests: 5000, Passed: 5000}, Cases: make([]report.Case, 5000)}
		for i := range r.Report.Cases {
			r.Report.Cases[i] = report.Case{Name: "passes", Status: report.Passed}
		}
	})
	var form struct {
		Predicate struct {
			PassedTests []string `json:"passedTests"`
		} `json:"predicate"`
	}
	require.NoError(t, json.Unmarshal(stated(t, e), &form))
	assert.Len(t, form.Predicate.PassedTests, 1000)
}

// A commit that is no whole name of one is nothing that others can compare.
func TestStatementNamesOnlyWholeCommits(t *testing.T) {
	for _, c := range []string{commit[:7], strings.ToUpper(commit), commit + "00", "", "master"} {
		e := result(evidence.Subject{Kind: "source", Commit: c}, func(*evidence.Result) {})
		assert.NotContains(t, string(stated(t, e)), "gitCommit", c)
	}
	e := result(evidence.Subject{Kind: "source", Commit: commit}, func(*evidence.Result) {})
	e.Context.RepositoryURL, e.Context.Repository = "", ""
	assert.Contains(t, string(stated(t, e)), `"subject":[{"name":"git","digest":{"gitCommit":"`+commit+`"}}]`)
}

func TestStatementRefuses(t *testing.T) {
	data := marshal(t, entries["plan"])
	for name, bad := range map[string][]byte{
		"nothing": nil, "no JSON": []byte("entry"), "another form": bytes.Replace(data, []byte(":"), []byte(": "), 1),
		"no entry": []byte(`{}`), "a later schema": bytes.Replace(data, []byte("v1alpha1"), []byte("v2"), 1),
	} {
		_, err := attest.Statement(bad)
		assert.Error(t, err, name)
	}
}

// A statement says what its entry says, and nothing else.
func TestEntryOfRefuses(t *testing.T) {
	good := string(stated(t, entries["result_source"]))
	swap := func(old, new string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, new, 1)
	}
	for name, tc := range map[string]struct{ statement, want string }{
		"no JSON":                {"statement", "reading a statement"},
		"another type":           {swap("Statement/v1", "Statement/v0.1"), "it is of type"},
		"no entry":               {`{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://example.com/other"}`, `"https://example.com/other" that assay did not write`},
		"another result":         {swap(`"result":"FAILED"`, `"result":"PASSED"`), "does not say what the entry in it says"},
		"another subject":        {swap(commit, strings.Repeat("0", 40)), "does not say what the entry in it says"},
		"another predicate type": {swap("test-result/v0.1", "test-result/v0.2"), "does not say what the entry in it says"},
		"one member more":        {swap(`"predicate":{`, `"predicate":{"more":1,`), "does not say what the entry in it says"},
		"a member twice":         {swap(`"predicate":{`, `"predicate":{"result":"PASSED",`), "does not say what the entry in it says"},
		"a space more":           {good + " ", "does not say what the entry in it says"},
		"an entry that is none":  {swap(`"outcome":"failed"`, `"outcome":"passed"`), "contradicts the reason"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := attest.EntryOf([]byte(tc.statement))
			assert.ErrorContains(t, err, tc.want)
		})
	}
	for i := range len(good) { // any byte
		changed := []byte(good)
		changed[i] ^= 1
		if back, err := attest.EntryOf(changed); err == nil {
			assert.NotEqual(t, string(marshal(t, entries["result_source"])), string(back), "byte %d was changed, and the statement still taken for the entry's", i)
		}
	}
}

// FuzzEntryOf holds that whatever is taken for a statement is the statement of the entry that is in it.
func FuzzEntryOf(f *testing.F) {
	for _, e := range entries {
		f.Add(stated(f, e))
	}
	f.Add([]byte(`{"_type":"https://in-toto.io/Statement/v1","predicate":{"assay.dev/entry":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		back, err := attest.EntryOf(data)
		if err != nil {
			return
		}
		again, err := attest.Statement(back)
		require.NoError(t, err)
		assert.Equal(t, string(again), string(data))
		_, err = evidence.Unmarshal(back)
		assert.NoError(t, err)
	})
}
