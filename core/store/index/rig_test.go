package index_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/store/index"
	"github.com/assay-dev/assay/core/store/storetest"
)

// place is a store in a directory, and its index.
type place struct {
	*index.Index
	dir  *store.Dir
	path string
	// file is the index's.
	file string
}

func newPlace(t *testing.T, o index.Options) place {
	t.Helper()
	p := place{path: t.TempDir()}
	p.file = filepath.Join(p.path, "cache", "index.db")
	var err error
	p.dir, err = store.OpenDir(p.path)
	require.NoError(t, err)
	p.Index = index.Open(p.file, p.dir, o)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// entryFile is the path of an entry, as core/store documents it.
func (p place) entryFile(e evidence.Entry) string {
	return filepath.Join(p.path, "entries", e.Time.UTC().Format("20060102T150405.000000000Z")+"-"+strings.ToLower(e.Kind)+"-"+e.ID+".json")
}

// keep writes entries as the store would, but for syncing them.
func (p place) keep(t *testing.T, entries ...evidence.Entry) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Join(p.path, "entries"), 0o755))
	for _, e := range entries {
		text, err := evidence.Marshal(e)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(p.entryFile(e), text, 0o644))
	}
}

// rest makes the directory look as if nothing had changed for a while.
func (p place) rest(t *testing.T) {
	t.Helper()
	at := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(p.path, "entries"), at, at))
}

func pick(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }

var (
	suites       = []string{"smoke", "e2e", "load", "a\x00<b>"}
	owners       = []string{"", "shop", "pay"}
	environments = []string{"", "staging", "production"}
	commits      = []string{"", "abcdef0123456789", "abcdef0999999999", "abc", "0123456"}
	images       = []string{"shop@sha256:1", "mirror/shop@sha256:1", "pay@sha256:2", "untagged"}
	tests        = []string{"logs in", "pays", "adds > more", "Order@1b6d3586"}
)

func subject(r *rand.Rand) evidence.Subject {
	s := evidence.Subject{Kind: pick(r, "source", "candidate", "environment"), Commit: pick(r, commits...), Tree: pick(r, "", "t1")}
	for range r.IntN(3) {
		s.Images = append(s.Images, pick(r, images...))
	}
	return s
}

// entry is a random one; n makes its id its own.
func entry(r *rand.Rand, n int) evidence.Entry {
	e := storetest.Plan(n, pick(r, suites...))
	switch r.IntN(8) {
	case 0, 1:
		for range r.IntN(3) {
			e.Plan.Runs = append(e.Plan.Runs, evidence.PlannedRun{Run: fmt.Sprintf("run-%d-%d", n, len(e.Plan.Runs)), Suite: pick(r, suites...), Owner: pick(r, owners...), Subject: subject(r)})
		}
	case 2:
		e.Kind, e.Plan, e.Verdict = evidence.KindVerdict, nil, &evidence.Verdict{Decision: pick(r, "READY", "NOT_READY"), Release: "v1", Document: []byte("{}")}
	case 3:
		e.Kind, e.Plan, e.Hold = evidence.KindHold, nil, &evidence.Hold{Release: "v1", By: pick(r, "", "me"), Lifted: r.IntN(2) == 0}
	case 4:
		e.Kind, e.Plan, e.Tombstone = evidence.KindTombstone, nil, &evidence.Tombstone{Digest: evidence.Digest([]byte("x")), Reason: "leaked"}
	default:
		e = result(r, n)
	}
	e.Context.Repository, e.Context.Branch = pick(r, "", "shop/web"), pick(r, "", "main")
	e.Context.HeadSHA, e.Context.PullRequest = pick(r, commits...), r.IntN(3)
	e.Environment.Name = pick(r, environments...)
	// Many fall into one second, and some into one moment.
	e.Time = storetest.Moment.Add(time.Duration(r.IntN(20))*time.Second + time.Duration(r.IntN(3))).Add(time.Duration(r.IntN(3)-1) * 365 * 24 * time.Hour)
	return e
}

func result(r *rand.Rand, n int) evidence.Entry {
	e := storetest.Result(n/2, 1+n%2, pick(r, suites...))
	res := e.Result
	res.Owner, res.Subject, res.Outcome, res.Reason = pick(r, owners...), subject(r), evidence.OutcomeFailed, evidence.TestsFailed
	for _, w := range []string{"deployment/a", "deployment/b"} {
		if r.IntN(2) == 0 {
			res.Covers = append(res.Covers, w)
			observed := evidence.Workload{Namespace: "shop", Workload: w, Images: []string{pick(r, images...)}}
			if r.IntN(2) == 0 {
				res.Observed.Start = append(res.Observed.Start, observed)
			} else {
				res.Observed.End = append(res.Observed.End, observed)
			}
		}
	}
	if r.IntN(5) == 0 {
		return e
	}
	rep := &report.Report{}
	for range r.IntN(6) {
		c := report.Case{Suite: []string{"s"}, Name: pick(r, tests...), Status: report.Status(pick(r, "passed", "passed", "failed", "errored", "skipped"))}
		if r.IntN(4) == 0 {
			c.Attempts = []report.Attempt{{Status: report.Failed}}
		}
		rep.Cases = append(rep.Cases, c)
		rep.Add(c)
	}
	if r.IntN(4) == 0 {
		rep.CasesOmitted = 1
	}
	res.Report = rep
	return e
}

// query is a random one; about half of them select something.
func query(r *rand.Rand) evidence.Query {
	var q evidence.Query
	some := func(to *string, words ...string) {
		if r.IntN(5) == 0 {
			*to = pick(r, words...)
		}
	}
	n := r.IntN(200)
	some(&q.Kind, evidence.KindPlan, evidence.KindResult, evidence.KindVerdict, evidence.KindHold, evidence.KindTombstone, "Waiver")
	some(&q.Suite, suites...)
	some(&q.Owner, owners...)
	some(&q.Environment, environments...)
	some(&q.Commit, "abcdef0", "abcdef01234", "abc", "abcdef", "0123456", "0123456789")
	some(&q.Digest, "sha256:1", "sha256:2", "sha256:3", "untagged")
	if r.IntN(8) == 0 {
		q.Run = fmt.Sprint("run-", n/2)
	}
	if r.IntN(8) == 0 {
		q.ID = pick(r, fmt.Sprint("inv-", n), fmt.Sprintf("run-%d.a%d", n/2, 1+n%2), "a", ".a1")
	}
	if r.IntN(8) == 0 {
		q.Invocation = fmt.Sprint("inv-", n)
	}
	moment := func() time.Time {
		return storetest.Moment.Add(time.Duration(r.IntN(20))*time.Second + time.Duration(r.IntN(3)))
	}
	if r.IntN(5) == 0 {
		q.Since = moment()
	}
	if r.IntN(5) == 0 {
		q.Until = moment()
	}
	if r.IntN(4) == 0 {
		q.Limit = 1 + r.IntN(5)
	}
	return q
}
