package evidence_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/assay-dev/assay/core/evidence"
)

func TestQuery(t *testing.T) {
	const image, seen = "sha256:0000000000000000000000000000000000000000000000000000000000000001", "sha256:0000000000000000000000000000000000000000000000000000000000000002"
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	subject := evidence.Subject{Kind: "candidate", Commit: "4f2a9c1d8e7b", Images: []string{"shop/web@" + image}}
	plan := evidence.Entry{Kind: evidence.KindPlan, ID: "inv", Invocation: "inv", Time: at, Plan: &evidence.Plan{Runs: []evidence.PlannedRun{
		{Run: "r1", Suite: "smoke", Owner: "payments", Subject: subject}, {Run: "r2", Suite: "load", Owner: "platform"},
	}}}
	result := evidence.Entry{Kind: evidence.KindResult, ID: "r1.a1", Invocation: "inv", Time: at, Result: &evidence.Result{
		Run: "r1", Suite: "smoke", Owner: "payments", Subject: subject, Observed: evidence.Observed{End: []evidence.Workload{{Images: []string{"cart@" + seen}}}},
	}}
	for _, e := range []*evidence.Entry{&plan, &result} {
		e.Context.HeadSHA, e.Environment.Name = "9b1c2d3e4f5a", "staging"
	}
	hold := evidence.Entry{Kind: evidence.KindHold, ID: "h", Invocation: "h", Time: at.Add(time.Hour), Hold: &evidence.Hold{Release: "v1"}}
	for name, test := range map[string]struct {
		q                  evidence.Query
		plan, result, hold bool
	}{
		"everything":                    {evidence.Query{}, true, true, true},
		"id":                            {evidence.Query{ID: "r1.a1"}, false, true, false},
		"owner":                         {evidence.Query{Owner: "payments"}, true, true, false},
		"owner of another run":          {evidence.Query{Owner: "platform"}, true, false, false},
		"owner and suite of two runs":   {evidence.Query{Owner: "platform", Suite: "smoke"}, false, false, false},
		"environment":                   {evidence.Query{Environment: "staging"}, true, true, false},
		"another environment":           {evidence.Query{Environment: "stag"}, false, false, false},
		"commit of the subject":         {evidence.Query{Commit: "4f2a9c1d8e7b"}, true, true, false},
		"its beginning":                 {evidence.Query{Commit: "4f2a9c1"}, true, true, false},
		"too little of it":              {evidence.Query{Commit: "4f2a9c"}, false, false, false},
		"commit of the head":            {evidence.Query{Commit: "9b1c2d3"}, true, true, false},
		"another commit":                {evidence.Query{Commit: "4f2a9c1d8e7c"}, false, false, false},
		"digest of the subject":         {evidence.Query{Digest: image}, true, true, false},
		"digest that was observed":      {evidence.Query{Digest: seen}, false, true, false},
		"digest and another run's name": {evidence.Query{Digest: image, Run: "r2"}, false, false, false},
		"since its very moment":         {evidence.Query{Since: at}, true, true, true},
		"since later":                   {evidence.Query{Since: at.Add(1)}, false, false, true},
		"until its very moment":         {evidence.Query{Until: at}, false, false, false},
		"until later":                   {evidence.Query{Until: at.Add(1)}, true, true, false},
	} {
		assert.Equal(t, test.plan, test.q.Match(plan), "%s: plan", name)
		assert.Equal(t, test.result, test.q.Match(result), "%s: result", name)
		assert.Equal(t, test.hold, test.q.Match(hold), "%s: hold", name)
	}
}

func TestHoldsAndTombstones(t *testing.T) {
	of := func(kind string) evidence.Entry {
		return evidence.Entry{APIVersion: evidence.APIVersion, Kind: kind, ID: "x", Invocation: "x", Time: time.Now()}
	}
	const digest = "sha256:0000000000000000000000000000000000000000000000000000000000000001"
	for name, test := range map[string]struct {
		body any
		want string
	}{
		"a hold":                     {evidence.Hold{Release: "v1"}, ""},
		"a hold of nothing":          {evidence.Hold{}, "a hold names a release"},
		"a blob":                     {evidence.Tombstone{Digest: digest, Reason: "a password"}, ""},
		"an entry":                   {evidence.Tombstone{Digest: digest, Kind: evidence.KindResult, ID: "r1.a1", Reason: "a password"}, ""},
		"no digest":                  {evidence.Tombstone{Digest: "../x", Reason: "a password"}, `the digest "../x"`},
		"no reason":                  {evidence.Tombstone{Digest: digest}, "it gives no reason"},
		"a kind without id":          {evidence.Tombstone{Digest: digest, Kind: evidence.KindResult, Reason: "a password"}, "it names no entry"},
		"an id that is no name":      {evidence.Tombstone{Digest: digest, Kind: evidence.KindResult, ID: "../x", Reason: "a password"}, "it names no entry"},
		"a kind that nobody knows":   {evidence.Tombstone{Digest: digest, Kind: "Guess", ID: "x", Reason: "a password"}, "it names no entry"},
		"a tombstone without a body": {nil, "it must have the body of its kind and no other"},
	} {
		e := of(evidence.KindTombstone)
		switch body := test.body.(type) {
		case evidence.Hold:
			e = of(evidence.KindHold)
			e.Hold = &body
		case evidence.Tombstone:
			e.Tombstone = &body
		}
		text, err := evidence.Marshal(e)
		if test.want != "" {
			assert.ErrorContains(t, err, test.want, name)
			continue
		}
		if assert.NoError(t, err, name) {
			back, err := evidence.Unmarshal(text)
			assert.NoError(t, err, name)
			assert.True(t, back.Time.Equal(e.Time), name)
			assert.Equal(t, e.Hold, back.Hold, name)
			assert.Equal(t, e.Tombstone, back.Tombstone, name)
		}
	}
}
