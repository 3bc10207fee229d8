package evidence_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
)

func TestValidate(t *testing.T) {
	require.NoError(t, plan().Validate())
	require.NoError(t, result().Validate())
	for name, test := range map[string]struct {
		change  func(p, r *evidence.Entry)
		wantErr string
	}{
		"no apiVersion":       {func(p, r *evidence.Entry) { p.APIVersion = "" }, "apiVersion"},
		"unknown kind":        {func(p, r *evidence.Entry) { p.Kind = "plan" }, "kind"},
		"both bodies":         {func(p, r *evidence.Entry) { p.Result = r.Result }, "the body of its kind"},
		"no body":             {func(p, r *evidence.Entry) { p.Plan = nil }, "the body of its kind"},
		"no time":             {func(p, r *evidence.Entry) { p.Time = time.Time{} }, "time"},
		"time out of range":   {func(p, r *evidence.Entry) { p.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "time"},
		"no id":               {func(p, r *evidence.Entry) { p.ID = "" }, "safe name"},
		"no invocation":       {func(p, r *evidence.Entry) { r.Invocation = "" }, "invocation"},
		"id not invocation":   {func(p, r *evidence.Entry) { p.ID = "other" }, "invocation"},
		"planned twice":       {func(p, r *evidence.Entry) { p.Plan.Runs = append(p.Plan.Runs, p.Plan.Runs[0]) }, "planned twice"},
		"planned run unsafe":  {func(p, r *evidence.Entry) { p.Plan.Runs[0].Run = "a/b" }, "safe name"},
		"planned suite empty": {func(p, r *evidence.Entry) { p.Plan.Runs[0].Suite = "" }, "names no suite"},
		"attempt 0":           {func(p, r *evidence.Entry) { r.Result.Attempt = 0 }, "count from 1"},
		"id of other attempt": {func(p, r *evidence.Entry) { r.Result.Attempt = 2 }, "0123456789ab.a2"},
		"run unsafe":          {func(p, r *evidence.Entry) { r.Result.Run = "" }, "safe name"},
		"no suite":            {func(p, r *evidence.Entry) { r.Result.Suite = "" }, "no suite"},
		"no reason":           {func(p, r *evidence.Entry) { r.Result.Reason = "" }, "no reason"},
		"unknown outcome":     {func(p, r *evidence.Entry) { r.Result.Outcome = "green" }, "outcome"},
		"pass without proof":  {func(p, r *evidence.Entry) { r.Result.Outcome = evidence.OutcomePassed }, "contradicts"},
		"failed yet complete": {func(p, r *evidence.Entry) { r.Result.Reason = evidence.Completed }, "contradicts"},
		"file climbs":         {func(p, r *evidence.Entry) { r.Result.Files[0].Path = "../log.txt" }, "clean relative path"},
		"file absolute":       {func(p, r *evidence.Entry) { r.Result.Files[0].Path = "/etc/passwd" }, "clean relative path"},
		"file is the folder":  {func(p, r *evidence.Entry) { r.Result.Files[0].Path = "." }, "clean relative path"},
		"file twice":          {func(p, r *evidence.Entry) { r.Result.Files = append(r.Result.Files, r.Result.Files[0]) }, "twice"},
		"file without digest": {func(p, r *evidence.Entry) { r.Result.Files[0].Digest = "" }, "digest"},
		"negative size":       {func(p, r *evidence.Entry) { r.Result.Files[0].Size = -1 }, "size"},
	} {
		t.Run(name, func(t *testing.T) {
			p, r := plan(), result()
			test.change(&p, &r)
			err := p.Validate()
			if err == nil {
				err = r.Validate()
			}
			assert.ErrorContains(t, err, test.wantErr)
		})
	}
}

func TestReasonOfNewerAssayIsTolerated(t *testing.T) {
	r := result()
	r.Result.Outcome, r.Result.Reason = evidence.OutcomeError, "DevouredByGrue"
	assert.NoError(t, r.Validate())
}

func TestValidID(t *testing.T) {
	for _, good := range []string{"a", "0", "0123456789ab.a1", "inv_1-2.3", "A..b", strings.Repeat("a", 96)} {
		assert.True(t, evidence.ValidID(good), "%q", good)
	}
	for _, bad := range []string{"", ".", "..", ".a", "-a", "_a", "a/b", `a\b`, "a b", "a\x00b", "a\n", "ä", "a:b", "a%b", strings.Repeat("a", 97)} {
		assert.False(t, evidence.ValidID(bad), "%q", bad)
	}
}

func TestResultID(t *testing.T) {
	assert.Equal(t, "0123456789ab.a12", evidence.ResultID("0123456789ab", 12))
}

func TestVerdictEntries(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*evidence.Entry)
		want   string
	}{
		"whole":        {func(*evidence.Entry) {}, ""},
		"no body":      {func(e *evidence.Entry) { e.Verdict = nil }, "it must have the body of its kind and no other"},
		"two bodies":   {func(e *evidence.Entry) { e.Plan = plan().Plan }, "it must have the body of its kind and no other"},
		"of a result":  {func(e *evidence.Entry) { e.Kind = evidence.KindResult }, "it must have the body of its kind and no other"},
		"another id":   {func(e *evidence.Entry) { e.ID = "x" }, `a verdict's id is its invocation, which is "inv-2"`},
		"no decision":  {func(e *evidence.Entry) { e.Verdict.Decision = "" }, "a verdict says what it decided, and about which release"},
		"no release":   {func(e *evidence.Entry) { e.Verdict.Release = "" }, "a verdict says what it decided, and about which release"},
		"torn":         {func(e *evidence.Entry) { e.Verdict.Document = []byte(`{"cells":[`) }, "its document is no JSON"},
		"no document":  {func(e *evidence.Entry) { e.Verdict.Document = nil }, "its document is no JSON"},
		"unknown kind": {func(e *evidence.Entry) { e.Kind = "Guess" }, `the entry has kind "Guess" and this assay knows Plan, Result, Verdict, Hold, Tombstone`},
	} {
		e := verdict()
		c.change(&e)
		err := e.Validate()
		if c.want == "" {
			assert.NoError(t, err, name)
			continue
		}
		assert.ErrorContains(t, err, c.want, name)
	}
}
