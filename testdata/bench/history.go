package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
	"github.com/assay-dev/assay/core/store"
)

// history is a store as a large repository fills it: in each round every suite runs once for one
// commit, planned by as many invocations as there are teams.
type history struct {
	teams, suitesEach, workloadsEach, rounds int
	// last is when the newest round began; one begins each hour.
	last time.Time
	// commits replaces the made-up commit of a round, counted from the oldest, 0.
	commits map[int]string
}

func (h history) suites() int { return h.teams * h.suitesEach }
func (h history) runs() int   { return h.suites() * h.rounds }
func (h history) cells() int  { return h.suites() * h.workloadsEach }

func (h history) team(suite int) string { return fmt.Sprintf("team-%02d", suite/h.suitesEach) }
func (h history) suite(suite int) string {
	return fmt.Sprintf("%s-%s-%03d", pick(subjects, suite), pick(verbs, suite/8), suite)
}

func (h history) covers(suite int) (names []string) {
	for i := range h.workloadsEach {
		names = append(names, fmt.Sprintf("deployment/%s-%03d", pick(subjects, i), suite))
	}
	return names
}

func (h history) commit(round int) string {
	if c, ok := h.commits[round]; ok {
		return c
	}
	return fmt.Sprintf("%040x", 0x5eed0000+round)
}

// outcome says how a suite's run ended: of a hundred about three failed, and two had a flaky test.
func (h history) outcome(round, suite int) outcome {
	switch n := (round*7919 + suite*104729) % 1009; {
	case n < 30:
		return fails
	case n < 50:
		return isFlaky
	}
	return passes
}

// expect counts the cells of a round that failed, and those that are flaky.
func (h history) expect(round int) (failed, flaky int) {
	for s := range h.suites() {
		switch h.outcome(round, s) {
		case fails:
			failed += h.workloadsEach
		case isFlaky:
			flaky += h.workloadsEach
		}
	}
	return failed, flaky
}

// write writes the store, in the layout that core/store documents: it would sync each file to the disk,
// which no reader can tell. In the end the store itself is asked whether it finds what was written.
func (h history) write(ctx context.Context, dir string) error {
	for _, sub := range []string{"entries", "ids", "tmp", filepath.Join("blobs", "sha256")} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o777); err != nil {
			return err
		}
	}
	rounds := make(chan int)
	errs := make([]error, runtime.NumCPU())
	var writers sync.WaitGroup
	for i := range errs {
		writers.Go(func() {
			for round := range rounds {
				if errs[i] == nil {
					errs[i] = h.writeRound(dir, round)
				}
			}
		})
	}
	for round := range h.rounds {
		if ctx.Err() != nil {
			break
		}
		rounds <- round
	}
	close(rounds)
	writers.Wait()
	if err := errors.Join(append(errs, ctx.Err())...); err != nil {
		return err
	}
	return h.check(ctx, dir)
}

// check reads the newest round back through the store.
func (h history) check(ctx context.Context, dir string) error {
	s, err := store.OpenDir(dir)
	if err != nil {
		return err
	}
	want, plans, results := h.suites()+h.teams, 0, 0
	for e, err := range s.Query(ctx, evidence.Query{Limit: want}) {
		switch {
		case err != nil:
			return err
		case e.Context.HeadSHA != h.commit(h.rounds-1):
			return fmt.Errorf("the newest entries of the store are of commit %s", e.Context.HeadSHA)
		case e.Plan != nil:
			plans++
		default:
			results++
		}
	}
	if plans != h.teams || results != h.suites() {
		return fmt.Errorf("the store gives %d plans and %d results of the newest round", plans, results)
	}
	return nil
}

func (h history) writeRound(dir string, round int) error {
	for _, e := range h.entries(round) {
		if err := writeEntry(dir, e); err != nil {
			return err
		}
	}
	return nil
}

// entries are those of a round.
func (h history) entries(round int) (all []evidence.Entry) {
	at := h.began(round)
	for team := range h.teams {
		plan := h.entry(round, team, evidence.KindPlan, at.Add(time.Duration(team)*time.Second))
		plan.ID, plan.Plan = plan.Invocation, &evidence.Plan{Catalog: evidence.Digest([]byte("catalog")), Policy: evidence.Digest([]byte("policy"))}
		for i := range h.suitesEach {
			s := team*h.suitesEach + i
			plan.Plan.Runs = append(plan.Plan.Runs, evidence.PlannedRun{
				Run: h.run(round, s), Suite: h.suite(s), SuiteDigest: evidence.Digest([]byte(h.suite(s))), Owner: h.team(s), Level: "integration",
				Covers: h.covers(s), Subject: h.subject(round),
			})
			all = append(all, h.result(round, s, plan.Time))
		}
		all = append(all, plan)
	}
	return all
}

// began is when a round did.
func (h history) began(round int) time.Time {
	return h.last.Add(-time.Duration(h.rounds-1-round) * time.Hour)
}

func (h history) run(round, suite int) string { return fmt.Sprintf("%016x", round*h.suites()+suite+1) }

func (h history) subject(round int) evidence.Subject {
	return evidence.Subject{Kind: "source", Commit: h.commit(round)}
}

func (h history) entry(round, team int, kind string, at time.Time) evidence.Entry {
	ciRun := fmt.Sprint(7_000_000_000 + round)
	return evidence.Entry{
		APIVersion: evidence.APIVersion, Kind: kind, Time: at, Invocation: fmt.Sprintf("github-%s-1-team-%02d", ciRun, team), Producer: "assay bench",
		Context: ci.Context{CI: "github", SCM: "github", Event: "push", Repository: "example/shop", Branch: "main", HeadSHA: h.commit(round), RunID: ciRun, RunAttempt: 1,
			Sequence: int64(round), RunURL: "https://github.com/example/shop/actions/runs/" + ciRun, RepositoryURL: "https://github.com/example/shop", Hosted: true, Actor: "octocat"},
		Environment: evidence.Environment{Name: "staging", RunNamespace: "assay-shop", Targets: []string{"shop"}, Cluster: "1c1d6a58-8b0f-4a5e-9f35-2b3a5a0c1f11", Kubernetes: "1.34"},
	}
}

func (h history) result(round, suite int, planned time.Time) evidence.Entry {
	took := time.Duration(60+(round*31+suite*17)%40) * time.Second
	e := h.entry(round, suite/h.suitesEach, evidence.KindResult, planned.Add(took+5*time.Second))
	name, run := h.suite(suite), h.run(round, suite)
	res := &evidence.Result{
		Run: run, Attempt: 1, Suite: name, Owner: h.team(suite), Level: "integration", Covers: h.covers(suite), Subject: h.subject(round), Origin: evidence.OriginCluster,
		Outcome: evidence.OutcomePassed, Reason: evidence.Completed, Message: "All tests passed.", Started: planned.Add(2 * time.Second), Finished: planned.Add(2*time.Second + took),
		Report: h.report(round, suite),
	}
	exit := 0
	if h.outcome(round, suite) == fails {
		exit = 1
		res.Outcome, res.Reason, res.Message = evidence.OutcomeFailed, evidence.TestsFailed, fmt.Sprintf("%d of %d tests failed.", res.Report.Failed, res.Report.Tests)
	}
	image := "registry.example/shop/e2e@" + evidence.Digest([]byte("tests"))
	res.Shards = []evidence.Shard{{Job: "assay-" + run, Pod: "assay-" + run + "-x7k2p", Node: fmt.Sprintf("node-%d", (round+suite)%12), Image: image, ImageID: image,
		ExitCode: &exit, Terminated: map[int]string{0: "Completed", 1: "Error"}[exit], Started: res.Started.Add(time.Second), Finished: res.Finished}}
	for _, w := range res.Covers {
		res.Observed.Start = append(res.Observed.Start, evidence.Workload{Namespace: "shop", Workload: w, Revision: fmt.Sprint(round / 10),
			Images: []string{"registry.example/shop/app@" + evidence.Digest(fmt.Append(nil, w, round/10))}, Ready: 3, Replicas: 3})
	}
	res.Observed.End = res.Observed.Start
	for path, kind := range map[string]string{"log.txt": evidence.FileLog, "reports/junit.xml": evidence.FileReport, "artifacts/trace.zip": evidence.FileArtifact} {
		res.Files = append(res.Files, evidence.File{Path: path, Kind: kind, Digest: evidence.Digest(fmt.Append(nil, path, run)), Size: int64(1000 + suite), Mode: 0o644})
	}
	e.ID, e.Result = evidence.ResultID(run, 1), res
	return e
}

// report has 20 to 40 cases.
func (h history) report(round, suite int) *report.Report {
	r := &report.Report{}
	f := report.File{Path: "reports/junit.xml", Format: "junit"}
	for i := range 20 + suite%21 {
		c := report.Case{Suite: []string{h.suite(suite)}, Class: className(suite * perSuite), Name: testName(i), Status: report.Passed, Duration: time.Duration(1+(round+i)%900) * time.Millisecond}
		switch bad := h.outcome(round, suite); {
		case bad == fails && i%15 == round%15:
			c.Status, c.Message, c.Type, c.Detail = report.Failed, "expected 200 but was 503", "AssertionError", trace(i)
		case bad == isFlaky && i == round%20:
			c.Attempts = []report.Attempt{{Status: report.Failed, Message: "timed out after 30 s", Type: "TimeoutError", Detail: trace(i)}}
		case i%19 == 18:
			c.Status, c.Message = report.Skipped, "not on this platform"
		}
		f.Add(c)
		r.Cases = append(r.Cases, c)
	}
	r.Totals, r.Files = f.Totals, []report.File{f}
	return r
}

// writeEntry writes an entry under the name that its store would give it.
func writeEntry(dir string, e evidence.Entry) error {
	text, err := evidence.Marshal(e)
	if err != nil {
		return err
	}
	kind := strings.ToLower(e.Kind)
	path := filepath.Join(dir, "entries", e.Time.UTC().Format("20060102T150405.000000000Z")+"-"+kind+"-"+e.ID+".json")
	if err := os.WriteFile(path, text, 0o444); err != nil {
		return err
	}
	return os.Link(path, filepath.Join(dir, "ids", kind+"-"+e.ID+".json"))
}
