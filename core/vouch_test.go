package core_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/store/storetest"
	"github.com/assay-dev/assay/core/suite"
)

// teams are the keys of the owners of the suites a and b.
type teams struct{ a, b, stranger attest.Key }

func newTeams(t *testing.T) teams {
	t.Helper()
	one := func() attest.Key {
		key, err := attest.Generate()
		require.NoError(t, err)
		return key
	}
	return teams{one(), one(), one()}
}

// policy requires the suite a, and names the producers of both owners.
func (k teams) policy() *policy.Policy {
	return &policy.Policy{Name: "release", Digest: "sha256:policy", PolicySpec: policy.PolicySpec{
		Required: []policy.Requirement{{Suite: "a"}},
		Producers: []policy.Producer{
			{Owner: "team-a", Keys: []string{string(k.a.Public().PEM())}},
			{Owner: "team-b", Keys: []string{string(k.b.Public().PEM())}},
		},
	}}
}

// line decides over a store by the policy with producers.
func (k teams) line(s core.Store) core.Pipeline {
	p := line(s, passing)
	p.Policy = k.policy()
	return p
}

// keepRun appends the plan and the result of a run of the suite a; sign is nil where it stays unsigned.
func keepRun(t *testing.T, s core.Store, sign attest.Signer, id string, at time.Duration, o evidence.Outcome) (plan, result evidence.Entry) {
	t.Helper()
	if sign != nil {
		s = core.Signed(s, sign)
	}
	plan, result = storetest.Plan(1, "a"), storetest.Result(1, 1, "a")
	plan.ID, plan.Invocation, plan.Time = "inv-"+id, "inv-"+id, storetest.Moment.Add(at)
	plan.Context, plan.Environment = ci.Context{CI: "local", HeadSHA: "abc"}, evidence.Environment{Name: "staging"}
	subject := evidence.Subject{Kind: "source", Commit: "abc", Tree: "def"}
	plan.Plan.Runs = []evidence.PlannedRun{{Run: id, Suite: "a", Subject: subject}}
	result.ID, result.Invocation, result.Time, result.Context, result.Environment = evidence.ResultID(id, 1), plan.Invocation, plan.Time.Add(time.Second), plan.Context, plan.Environment
	result.Result.Run, result.Result.Subject, result.Result.Outcome, result.Result.Reason = id, subject, o, evidence.Completed
	result.Result.Covers, result.Result.Report = nil, nil
	if o == evidence.OutcomeFailed {
		result.Result.Reason = evidence.TestsFailed
	}
	require.NoError(t, s.Append(t.Context(), plan, nil))
	require.NoError(t, s.Append(t.Context(), result, nil))
	return plan, result
}

func (k teams) decide(t *testing.T, s core.Store, change ...func(*core.Pipeline)) policy.Verdict {
	t.Helper()
	p := k.line(s)
	p.Now = func() time.Time { return storetest.Moment.Add(time.Hour) }
	for _, f := range change {
		f(&p)
	}
	v, err := p.Decide(t.Context(), policy.Input{Environment: "staging", Wants: []policy.Want{core.Want(run("a"), nil)}, WorkloadsProblem: "not asked"})
	require.NoError(t, err)
	return *v
}

func foreign(v policy.Verdict) string {
	for _, f := range v.Findings {
		if f.Code == policy.CodeForeignEvidence {
			return string(f.Severity) + ": " + f.Message
		}
	}
	return ""
}

func TestProducers(t *testing.T) {
	k := newTeams(t)
	for _, tt := range []struct {
		name     string
		sign     attest.Signer
		decision policy.Decision
		says     string
	}{
		{"the owner's", k.a, policy.Ready, ""},
		{"another owner's", k.b, policy.InsufficientEvidence, "is signed with the key of team-b (sha256:"},
		{"nobody's that is known", k.stranger, policy.InsufficientEvidence, "is signed with a key that the policy does not name (" + k.stranger.Public().ID()[:19] + ")"},
		{"unsigned", nil, policy.InsufficientEvidence, "is unsigned"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := openDir(t)
			keepRun(t, s, tt.sign, "r1", 0, evidence.OutcomePassed)
			v := k.decide(t, s)
			assert.Equal(t, tt.decision, v.Decision, v.Findings)
			assert.Contains(t, foreign(v), tt.says)
			assert.Equal(t, tt.says == "", foreign(v) == "")

			keepRun(t, s, k.b, "forged", time.Minute, evidence.OutcomeFailed)
			v = k.decide(t, s)
			assert.Equal(t, tt.decision, v.Decision, "a forged failure is as little as a forged pass")
			assert.Contains(t, foreign(v), "run forged (failed")
		})
	}
}

// TestOwnersOfTheJudge: a change that gives a suite to itself does not become its owner.
func TestOwnersOfTheJudge(t *testing.T) {
	k := newTeams(t)
	s := openDir(t)
	keepRun(t, s, k.b, "r1", 0, evidence.OutcomePassed)
	taken := suite.Catalog{Suites: []suite.Suite{{Name: "a", Spec: suite.Spec{Owner: "team-b"}}}}
	assert.Equal(t, policy.Ready, k.decide(t, s, func(p *core.Pipeline) { p.Catalog = taken }).Decision, "where the catalog judges by itself")
	assert.Equal(t, policy.InsufficientEvidence, k.decide(t, s, func(p *core.Pipeline) {
		p.Catalog, p.Owners = taken, map[string]string{"a": "team-a"}
	}).Decision)
}

// TestTamperedAttestation changes what is kept, as somebody can who may write into the store.
func TestTamperedAttestation(t *testing.T) {
	k := newTeams(t)
	for name, tamper := range map[string]func(t *testing.T, dir string){
		"the entry": func(t *testing.T, dir string) {
			rewrite(t, dir, "entries", func(text string) string { return strings.Replace(text, `"attempt":1`, `"attempt": 1`, 1) })
		},
		"a byte of every signature": func(t *testing.T, dir string) {
			rewrite(t, dir, "attestations", func(text string) string { return strings.Replace(text, `"sig":"ME`, `"sig":"MF`, 1) })
		},
		"the attestation of another entry": func(t *testing.T, dir string) {
			var first string
			rewrite(t, dir, "attestations", func(text string) string {
				if first == "" {
					first = text
					return "{}"
				}
				return first
			})
		},
		"no bundle": func(t *testing.T, dir string) {
			rewrite(t, dir, "attestations", func(string) string { return "{}" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			s, err := store.OpenDir(root)
			require.NoError(t, err)
			keepRun(t, s, k.a, "r1", 0, evidence.OutcomePassed)
			require.Equal(t, policy.Ready, k.decide(t, s).Decision)
			tamper(t, root)
			p := k.line(s)
			p.Now = func() time.Time { return storetest.Moment.Add(time.Hour) }
			v, err := p.Decide(t.Context(), policy.Input{Environment: "staging", Wants: []policy.Want{core.Want(run("a"), nil)}})
			if err == nil { // a store that finds it damaged may say so
				assert.NotEqual(t, policy.Ready, v.Decision)
			}
		})
	}
}

// rewrite changes every file of a folder of the store.
func rewrite(t *testing.T, root, folder string, change func(string) string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(root, folder))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		path := filepath.Join(root, folder, f.Name())
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.Chmod(path, 0o600))
		require.NoError(t, os.WriteFile(path, []byte(change(string(text))), 0o600))
	}
}

// TestCopiesInOtherStores: a copy without a signature, or with another one, hides none.
func TestCopiesInOtherStores(t *testing.T) {
	k := newTeams(t)
	genuine, unsigned, resigned, squatted := openDir(t), openDir(t), openDir(t), openDir(t)
	keepRun(t, genuine, k.a, "r1", 0, evidence.OutcomePassed)
	keepRun(t, unsigned, nil, "r1", 0, evidence.OutcomePassed)
	keepRun(t, resigned, k.b, "r1", 0, evidence.OutcomePassed)
	keepRun(t, squatted, nil, "r1", 0, evidence.OutcomeFailed) // the same id, other content
	for _, stores := range []core.Stores{
		{unsigned, genuine}, {genuine, unsigned}, {resigned, unsigned, genuine}, {openDir(t), genuine}, {squatted, genuine},
	} {
		assert.Equal(t, policy.Ready, k.decide(t, stores).Decision)
		assert.Equal(t, policy.Ready, k.decide(t, core.Signed(stores, k.b)).Decision, "and where what is appended is signed")
	}
	assert.Equal(t, policy.InsufficientEvidence, k.decide(t, core.Stores{unsigned, resigned}).Decision)
}

// oneBundle has the same attestation of every entry.
type oneBundle struct {
	core.Store
	bundle []byte
}

func (o oneBundle) Attestation(context.Context, evidence.Entry) ([]byte, error) { return o.bundle, nil }

// TestVouchedForANewerEntry: members that a newer assay signed and this one does not know take nothing from
// what it does know. What differs in anything that it knows is another entry.
func TestVouchedForANewerEntry(t *testing.T) {
	k := newTeams(t)
	m := newMemory(t)
	plan, result := keepRun(t, m, nil, "r1", 0, evidence.OutcomePassed)
	delete(m.entries, plan.Kind+" "+plan.ID)
	m.order = slices.DeleteFunc(m.order, func(e evidence.Entry) bool { return e.Plan != nil })
	text, err := evidence.Marshal(result)
	require.NoError(t, err)
	for written, want := range map[string]policy.Decision{
		string(text): policy.Ready,
		strings.Replace(string(text), `{"apiVersion"`, `{"apiFuture":1,"apiVersion"`, 1):   policy.Ready,
		strings.Replace(string(text), `"producer":"storetest"`, `"producer":"another"`, 1): policy.InsufficientEvidence,
	} {
		statement, err := attest.Statement([]byte(written))
		require.NoError(t, err)
		bundle, err := k.a.Sign(t.Context(), statement)
		require.NoError(t, err)
		assert.Equal(t, want, k.decide(t, oneBundle{m, bundle}).Decision, written)
	}
	// A statement that says another thing than the entry in it, signed though it is, is none of ours.
	bundle, err := k.a.Sign(t.Context(), []byte(`{"_type":"https://in-toto.io/Statement/v1"}`))
	require.NoError(t, err)
	assert.Equal(t, policy.InsufficientEvidence, k.decide(t, oneBundle{m, bundle}).Decision)
}

// TestCouldNotTellWhoVouches: a store that cannot say who signed an entry does not make it unsigned.
func TestCouldNotTellWhoVouches(t *testing.T) {
	k := newTeams(t)
	m := newMemory(t)
	keepRun(t, m, nil, "r1", 0, evidence.OutcomePassed)
	for _, s := range []core.Store{m, core.Stores{m}, core.Stores{openDir(t), m}, core.Signed(m, k.a)} {
		_, err := k.line(s).Decide(t.Context(), policy.Input{Environment: "staging", Wants: []policy.Want{core.Want(run("a"), nil)}})
		assert.ErrorContains(t, err, "reading the evidence: finding out who vouches for the entry r1.a1: this kind of store keeps no signatures")
	}
}

// TestRunAmongForeign: what others wrote in the name of a run is neither its result nor in its way.
func TestRunAmongForeign(t *testing.T) {
	k := newTeams(t)
	s := openDir(t)
	keepRun(t, s, k.b, "run-a", 0, evidence.OutcomePassed)
	failing := executorFunc(func(context.Context, suite.Run, core.Observer) (core.Execution, error) {
		return executed(evidence.ExitCode), nil
	})
	p := k.line(core.Signed(s, k.a))
	p.Connect = func(context.Context, []suite.Run) (core.Executor, core.Place, error) {
		return failing, core.Place{}, nil
	}

	// By hand the attempt is the first one, whose id is taken: that is no result of ours.
	_, err := p.Run(t.Context(), runs("a"), true)
	assert.ErrorContains(t, err, "keeping the result of suite a")

	// A CI job that asks again counts on from its own attempts, and past those names.
	p.Context.RunID = "77"
	again := run("a")
	again.Invocation = "inv-2"
	done, err := p.Run(t.Context(), []suite.Run{again}, true)
	require.NoError(t, err)
	require.Len(t, done.Results, 1)
	assert.Equal(t, "run-a.a2", done.Results[0].ID)
	assert.Equal(t, evidence.OutcomeFailed, done.Results[0].Result.Outcome)
}

// TestAdoptsNoForeignPlan: a plan that does not count could have another Job taken for this run's.
func TestAdoptsNoForeignPlan(t *testing.T) {
	k := newTeams(t)
	for name, sign := range map[string]attest.Signer{"earlier": k.a, "new": k.b} {
		s := openDir(t)
		earlier := run("a")
		earlier.ID, earlier.Invocation = "earlier", "inv-0"
		abandon(t, core.Signed(s, sign), earlier)
		now := run("a")
		now.ID = "new"
		p := k.line(core.Signed(s, k.a))
		p.Abandoned = func(_ context.Context, runs []string) ([]string, error) { return runs, nil }
		done, err := p.Run(t.Context(), []suite.Run{now}, true)
		require.NoError(t, err)
		assert.Equal(t, name, done.Results[0].Result.Run)
	}
}

// TestComparesWithNothingForeign: the base of a pull request, the last accepted release and the results that
// a verdict rests on are shown as far as they count.
func TestComparesWithNothingForeign(t *testing.T) {
	k := newTeams(t)
	s := openDir(t)
	p := k.line(s)
	_, genuine := keepRun(t, s, k.a, "r1", 0, evidence.OutcomePassed)
	keepRun(t, s, k.b, "r2", time.Minute, evidence.OutcomePassed)

	// A later attempt of the genuine run, which nobody made.
	later := genuine
	res := *genuine.Result
	res.Attempt = 2
	later.ID, later.Result, later.Time = evidence.ResultID("r1", 2), &res, genuine.Time.Add(time.Hour)
	require.NoError(t, s.Append(t.Context(), later, nil))
	got, err := p.RestsOn(t.Context(), []string{"r1", "r2"}, nil)
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.Equal(t, "r1.a1", got[0].ID)
	got, err = p.RestsOn(t.Context(), []string{"r1"}, []evidence.Entry{later})
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.Equal(t, "r1.a1", got[0].ID)

	p.Context = ci.Context{CI: "local", PullRequest: 7, HeadSHA: "xyz", BaseSHA: "abc"}
	base, err := p.Base(t.Context(), []string{"a"}, "staging")
	require.NoError(t, err)
	require.Len(t, base, 1)
	assert.Equal(t, "r1.a1", base[0].ID)

	record := func(sign attest.Signer, release string) {
		p := k.line(core.Signed(s, sign))
		p.Now = func() time.Time { return storetest.Moment.Add(time.Hour + time.Duration(len(release))*time.Second) }
		_, err := p.Record(t.Context(), "rec-"+release, evidence.Environment{Name: "staging"}, policy.Input{}, policy.Verdict{Decision: policy.Ready, Release: release, Runs: []string{"r1"}})
		require.NoError(t, err)
	}
	record(k.stranger, "the-newest")
	accepted, _, err := p.Accepted(t.Context(), "staging")
	require.NoError(t, err)
	assert.Nil(t, accepted)
	record(k.b, "v1")
	accepted, results, err := p.Accepted(t.Context(), "staging")
	require.NoError(t, err)
	assert.Equal(t, "v1", accepted.Release, "any producer may have signed it")
	assert.Len(t, results, 1)
}
