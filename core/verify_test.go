package core_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/store/storetest"
	"github.com/assay-dev/assay/core/summary"
)

// signer makes a key, and what trusts it alone.
func signer(t *testing.T) (attest.Key, func(evidence.Entry) []attest.PublicKey) {
	t.Helper()
	key, err := attest.Generate()
	require.NoError(t, err)
	return key, func(evidence.Entry) []attest.PublicKey { return []attest.PublicKey{key.Public()} }
}

// released keeps a run with two files and a recorded verdict that rests on it, all signed, in the directory.
func released(t *testing.T, dir string, key attest.Signer, change ...func(*core.Pipeline, *policy.Input)) (verdict evidence.Entry) {
	t.Helper()
	d, err := store.OpenDir(dir)
	require.NoError(t, err)
	return releasedIn(t, d, key, change...)
}

// releasedIn is released in any store.
func releasedIn(t *testing.T, s core.Store, key attest.Signer, change ...func(*core.Pipeline, *policy.Input)) (verdict evidence.Entry) {
	t.Helper()
	if key != nil {
		s = core.Signed(s, key)
	}
	files := fstest.MapFS{"log.txt": {Data: []byte("ok\n")}, "reports/junit.xml": {Data: []byte("<testsuite/>")}}
	plan := storetest.Plan(1, "smoke")
	result := storetest.Result(1, 1, "smoke", storetest.File("log.txt", files["log.txt"].Data), storetest.File("reports/junit.xml", files["reports/junit.xml"].Data))
	subject := evidence.Subject{Kind: "candidate", Images: []string{"shop/web@sha256:0000000000000000000000000000000000000000000000000000000000000001"}}
	seen := []evidence.Workload{{Namespace: "shop", Workload: "deployment/web", Images: subject.Images, Ready: 1, Replicas: 1}}
	plan.Plan.Runs[0].Subject, plan.Plan.Runs[0].Covers = subject, []string{"deployment/web"}
	result.Result.Subject, result.Result.Covers, result.Result.Observed = subject, []string{"deployment/web"}, evidence.Observed{Start: seen, End: seen}
	for _, e := range []*evidence.Entry{&plan, &result} {
		e.Environment.Name = "staging"
		require.NoError(t, s.Append(t.Context(), *e, files))
	}
	p := core.Pipeline{
		Store: s, Producer: "assay test", Now: func() time.Time { return storetest.Moment.Add(time.Minute) },
		Policy: &policy.Policy{Name: "release", PolicySpec: policy.PolicySpec{Required: []policy.Requirement{{Suite: "smoke"}}}},
		Advice: []policy.Finding{{Severity: policy.Advisory, Code: "ADVICE", Message: "said beside it"}},
	}
	asked := policy.Input{
		Environment: "staging", Wants: []policy.Want{{Suite: "smoke", Covers: []string{"deployment/web"}, Subject: evidence.Subject{Kind: "candidate"}}},
		Release: &policy.Release{Name: "v1", ReleaseSpec: policy.ReleaseSpec{Workloads: []policy.Workload{{Name: "deployment/web", Images: subject.Images}}}},
	}
	for _, c := range change {
		c(&p, nil)
	}
	in, err := p.Input(t.Context(), asked)
	require.NoError(t, err)
	for _, c := range change {
		c(&p, &in)
	}
	v := policy.Evaluate(in)
	v.Findings = append(v.Findings, p.Advice...)
	require.Equal(t, policy.Ready, v.Decision, "%+v", v.Findings)
	verdict, err = p.Record(t.Context(), "verdict-1", evidence.Environment{Name: "staging"}, in, v)
	require.NoError(t, err)
	return verdict
}

// all verifies a whole store.
func all(t *testing.T, dir string, trusted func(evidence.Entry) []attest.PublicKey) (summary.Verification, error) {
	t.Helper()
	d, err := store.OpenDir(dir)
	require.NoError(t, err)
	return allIn(t, d, trusted)
}

// allIn is all of any store.
func allIn(t *testing.T, s core.Store, trusted func(evidence.Entry) []attest.PublicKey) (summary.Verification, error) {
	t.Helper()
	v := core.Verifier{Store: s, Trusted: trusted}
	items, err := v.Run(t.Context(), "run-1")
	if err != nil {
		return summary.Verification{}, err
	}
	for e, err := range s.Query(t.Context(), evidence.Query{Kind: evidence.KindVerdict}) {
		if err != nil {
			items = append(items, summary.VerifiedEntry{Kind: evidence.KindVerdict, Proofs: []summary.Proof{{State: summary.ProofFailed, Message: err.Error()}}})
			continue
		}
		items = append(items, v.Verdict(t.Context(), e)...)
	}
	return summary.NewVerification(items), nil
}

func proofs(v summary.Verification, state summary.ProofState) (said []string) {
	for _, item := range v.Items {
		for _, p := range item.Proofs {
			if p.State == state {
				said = append(said, item.Kind+" "+p.About+" "+p.Name+": "+p.Message)
			}
		}
	}
	return said
}

func TestVerify(t *testing.T) {
	key, trusted := signer(t)
	dir := t.TempDir()
	released(t, dir, key)
	v, err := all(t, dir, trusted)
	require.NoError(t, err)
	assert.True(t, v.Verified, "%+v", v)
	assert.Zero(t, v.ExitCode())
	ok := proofs(v, summary.ProofOK)
	assert.Contains(t, ok, "Verdict decision : READY again, word by word")
	assert.Contains(t, ok, "Result file reports/junit.xml: ")
	assert.Contains(t, ok, "Result signature : "+key.Public().ID()[:19])

	// Whole, but of nobody who is trusted.
	v, err = all(t, dir, nil)
	require.NoError(t, err)
	assert.Equal(t, 2, v.ExitCode())
	assert.Contains(t, proofs(v, summary.ProofUnsigned)[0], "nobody said whom to trust")
	_, stranger := signer(t)
	v, err = all(t, dir, stranger)
	require.NoError(t, err)
	assert.Equal(t, 1, v.ExitCode())
	assert.Contains(t, proofs(v, summary.ProofFailed)[0], "signed with the key "+key.Public().ID()[:19]+", which may not vouch for this")

	unsigned := t.TempDir()
	released(t, unsigned, nil)
	v, err = all(t, unsigned, trusted)
	require.NoError(t, err)
	assert.Equal(t, 2, v.ExitCode())
	assert.Contains(t, proofs(v, summary.ProofUnsigned)[0], "it is not signed, and a signature is demanded")
}

// Whichever byte of the store is changed, it is found.
func TestVerifyFindsEveryByte(t *testing.T) {
	key, trusted := signer(t)
	dir := t.TempDir()
	released(t, dir, key)
	files, bytes := 0, 0
	require.NoError(t, filepath.WalkDir(dir, func(path string, f fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		if err != nil || f.IsDir() || f.Name() == ".gitignore" || strings.HasPrefix(name, "cache") {
			return err
		}
		files++
		was, err := os.ReadFile(path)
		require.NoError(t, err)
		step := max(1, len(was)/60)
		for i := 0; i < len(was); i += step {
			bytes++
			is := append([]byte(nil), was...)
			is[i] ^= 0x20 // another case of a letter: the kindest change
			require.NoError(t, os.WriteFile(path, is, 0o644))
			v, err := all(t, dir, trusted)
			assert.True(t, err != nil || !v.Verified, "byte %d of %s: %c became %c and nobody saw", i, name, was[i], is[i])
		}
		require.NoError(t, os.WriteFile(path, was, 0o644))
		require.NoError(t, os.Rename(path, path+".away"))
		v, err := all(t, dir, trusted)
		assert.True(t, err != nil || !v.Verified, "%s went away and nobody saw", name)
		require.NoError(t, os.Rename(path+".away", path))
		return nil
	}))
	v, err := all(t, dir, trusted)
	require.NoError(t, err)
	assert.True(t, v.Verified, "all is as it was")
	t.Logf("%d bytes of %d files", bytes, files)
}

// What somebody with the key makes of a verdict is found too: it does not follow from what is kept.
func TestVerifyDecidesAgain(t *testing.T) {
	key, trusted := signer(t)
	for name, test := range map[string]struct {
		change func(e *evidence.Entry)
		want   string
	}{
		"another decision": {func(e *evidence.Entry) { e.Verdict.Decision = "NOT_READY" }, "what is kept leads to READY for v1, and NOT_READY for v1 was recorded"},
		"another release":  {func(e *evidence.Entry) { e.Verdict.Release = "v2" }, "what is kept leads to READY for v1, and READY for v2 was recorded"},
		"another document": {func(e *evidence.Entry) {
			e.Verdict.Document = json.RawMessage(strings.Replace(string(e.Verdict.Document), `"decision":"READY"`, `"decision":"NOT_READY"`, 1))
		}, "its document says NOT_READY"},
		"another cell": {func(e *evidence.Entry) {
			e.Verdict.Document = json.RawMessage(strings.Replace(string(e.Verdict.Document), `"state":"PASS"`, `"state":"WAIVED"`, 1))
		}, "not the cells that it was made of"},
		"without its input": {func(e *evidence.Entry) { e.Verdict.Files = nil }, "it cannot be decided again"},
	} {
		dir := t.TempDir()
		e := released(t, dir, key)
		test.change(&e)
		e.ID, e.Invocation = "verdict-2", "verdict-2"
		d, err := store.OpenDir(dir)
		require.NoError(t, err)
		require.NoError(t, core.Signed(d, key).Append(t.Context(), e, nil), name)
		v := core.Verifier{Store: d, Trusted: trusted}
		got := summary.NewVerification(v.Verdict(t.Context(), e))
		assert.False(t, got.Verified, name)
		assert.Contains(t, strings.Join(append(proofs(got, summary.ProofFailed), proofs(got, summary.ProofUnknown)...), "\n"), test.want, name)
	}
}

// Who vouches for what a verdict rests on is not taken from the record.
func TestVerifyAsksAgainWhoVouches(t *testing.T) {
	key, trusted := signer(t)
	demanding := func(p *core.Pipeline, _ *policy.Input) {
		p.Policy.Producers = []policy.Producer{{Owner: policy.AnyOwner, Keys: []string{string(key.Public().PEM())}}}
	}
	dir := t.TempDir()
	released(t, dir, key, demanding)
	v, err := all(t, dir, trusted)
	require.NoError(t, err)
	assert.True(t, v.Verified, "%+v", v)

	// Somebody records that the key vouches for evidence that it never signed.
	dir = t.TempDir()
	var digest []policy.Voucher
	released(t, dir, nil, func(_ *core.Pipeline, in *policy.Input) {
		if in != nil {
			for _, e := range in.Entries {
				name, err := core.NameOf(e)
				require.NoError(t, err)
				digest = append(digest, policy.Voucher{Entry: name.Digest, Keys: []string{key.Public().ID()}})
			}
		}
	}, func(p *core.Pipeline, in *policy.Input) {
		if in != nil {
			demanding(p, in)
			in.Policy, in.Vouchers = p.Policy, digest
		}
	})
	v, err = all(t, dir, nil)
	require.NoError(t, err)
	assert.Contains(t, strings.Join(proofs(v, summary.ProofFailed), "\n"), "what is kept leads to INSUFFICIENT_EVIDENCE for v1, and READY for v1 was recorded")
}

// What was purged is told with its reason, and only where somebody who is trusted says so.
func TestVerifyPurged(t *testing.T) {
	key, trusted := signer(t)
	stranger, _ := signer(t)
	for name, test := range map[string]struct {
		by   attest.Signer
		want int
	}{"by somebody trusted": {key, 0}, "by somebody else": {stranger, 1}, "by nobody": {nil, 1}} {
		dir := t.TempDir()
		released(t, dir, key)
		d, err := store.OpenDir(dir)
		require.NoError(t, err)
		digest := evidence.Digest([]byte("ok\n"))
		stone := evidence.Entry{
			APIVersion: evidence.APIVersion, Kind: evidence.KindTombstone, ID: "stone", Invocation: "stone", Time: storetest.Moment,
			Tombstone: &evidence.Tombstone{Digest: digest, By: "Grace Hopper", Reason: "a password was in it"},
		}
		var s core.Store = d
		if test.by != nil {
			s = core.Signed(d, test.by)
		}
		require.NoError(t, s.Append(t.Context(), stone, nil), name)
		require.NoError(t, os.Remove(filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(digest, "sha256:"))), name)
		v, err := all(t, dir, trusted)
		require.NoError(t, err, name)
		assert.Equal(t, test.want, v.ExitCode(), name)
		if test.want == 0 {
			assert.Contains(t, proofs(v, summary.ProofPurged), "Result file log.txt: it was purged by Grace Hopper: a password was in it", name)
		}
	}
}
