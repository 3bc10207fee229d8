package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func said(list []Finding) (out []string) {
	for _, f := range list {
		out = append(out, f.Code+" "+f.Suite+": "+f.Message)
	}
	return out
}

func TestEdits(t *testing.T) {
	old, renewed := waiver(t, "2026-03-01"), waiver(t, "2027-03-01")
	suites := func(names ...string) (out []Definition) {
		for _, n := range names {
			out = append(out, Definition{Name: n, Owner: "team-" + n, Digest: "sha256:" + n})
		}
		return out
	}
	other := pol("e2e", "load")
	other.Name = "lenient"
	stricter := pol("e2e", "load")
	stricter.Required[1].Environment = "production"
	altered := suites("e2e", "load")
	altered[0].Digest, altered[1].Digest = "sha256:x", "sha256:y"
	owned := suites("e2e", "load")
	owned[0].Owner, owned[1].Owner = "team-other", ""
	for _, tt := range []struct {
		name string
		s    Sides
		want []string
	}{
		{"nothing at all", Sides{}, nil},
		{"no edits", Sides{waiving(old), waiving(old), suites("e2e", "load"), suites("load", "e2e")}, nil},
		{"another order", Sides{pol("e2e", "load"), pol("load", "e2e"), nil, nil}, nil},
		{"a suite more", Sides{pol("e2e"), pol("e2e"), suites("e2e"), suites("e2e", "new")}, nil},
		{"deletes its failing suite, loosens the policy, adds a waiver", Sides{pol("e2e", "load", "smoke"), func() *Policy { p := waiving(old); p.Required = pol("e2e", "smoke").Required; return p }(), suites("e2e", "load", "smoke"), suites("e2e", "load")}, []string{
			"SUITE_REMOVED smoke: The change deletes the suite, which the base requires: it counts as missing.",
			`POLICY_EDITED load: The change loosens the policy: it no longer requires suite "load".`,
			`WAIVER_EDITED e2e: The change adds a waiver of suite "e2e" for deployment/web until 2026-03-01, approved by Grace Hopper.`,
		}},
		{"deletes a suite that nobody requires", Sides{pol("e2e"), pol("e2e"), suites("e2e", "load"), suites("e2e")}, []string{"SUITE_REMOVED load: The change deletes the suite."}},
		{"alters suites, one of them required", Sides{pol("e2e"), pol("e2e"), suites("e2e", "load"), altered}, []string{
			"SUITE_EDITED e2e: The change alters what this required suite runs or covers; it was run as the change writes it."}},
		{"requires more", Sides{pol("e2e"), stricter, nil, nil}, []string{`POLICY_EDITED load: The change makes the policy require suite "load" in environment "production".`}},
		{"requires it elsewhere", Sides{pol("e2e", "load"), stricter, nil, nil}, []string{
			`POLICY_EDITED load: The change loosens the policy: it no longer requires suite "load".`,
			`POLICY_EDITED load: The change makes the policy require suite "load" in environment "production".`}},
		{"replaces the policy", Sides{pol("e2e", "smoke"), other, nil, nil}, []string{
			`POLICY_EDITED : The change replaces the policy "release" by "lenient".`,
			`POLICY_EDITED load: The change makes the policy require suite "load".`,
			`POLICY_EDITED smoke: The change loosens the policy: it no longer requires suite "smoke".`}},
		{"removes the policy", Sides{waiving(old), nil, nil, nil}, []string{`POLICY_EDITED : The change removes the policy "release".`}},
		{"brings the policy", Sides{nil, waiving(old), nil, nil}, []string{
			`POLICY_EDITED : The change adds the policy "release"; the base has none to judge by.`,
			`WAIVER_EDITED e2e: The change adds a waiver of suite "e2e" for deployment/web until 2026-03-01, approved by Grace Hopper.`}},
		{"lets another key count, and takes one away", Sides{producing(pol("e2e"), "a", 0, "b", 1), producing(pol("e2e"), "a", 0, "a", 2), nil, nil}, []string{
			"POLICY_EDITED : The change takes the key " + keyID(1) + " from the producers of b.",
			"POLICY_EDITED : The change lets evidence of a count that is signed with the key " + keyID(2) + "."}},
		{"writes producers another way", Sides{producing(pol("e2e"), "a", 0, "*", 1), producing(pol("e2e"), "*", 1, "a", 0), nil, nil}, nil},
		{"has everything count", Sides{producing(pol("e2e"), "a", 0), pol("e2e"), nil, nil}, []string{
			"POLICY_EDITED : The change loosens the policy: evidence would count whoever signed it, and unsigned too."}},
		{"has only signed evidence count", Sides{pol("e2e"), producing(pol("e2e"), "*", 0), nil, nil}, []string{
			"POLICY_EDITED : The change makes the policy count only evidence that is signed by the producers it names.",
			"POLICY_EDITED : The change lets evidence of every owner that is not named count that is signed with the key " + keyID(0) + "."}},
		{"makes itself the owner", Sides{producing(pol("e2e"), "team-e2e", 0), producing(pol("e2e"), "team-e2e", 0), suites("e2e", "load"), owned}, []string{
			`SUITE_EDITED e2e: The change gives the suite to "team-other"; here its evidence counts as signed by the producers of "team-e2e".`,
			`SUITE_EDITED load: The change gives the suite to nobody; here its evidence counts as signed by the producers of "team-load".`}},
		{"renews a waiver", Sides{waiving(old), waiving(renewed), nil, nil}, []string{
			`WAIVER_EDITED e2e: The change alters the waiver of suite "e2e" for deployment/web: it would last until 2027-03-01, approved by Grace Hopper.`}},
		{"removes a waiver", Sides{waiving(old), waiving(), nil, nil}, []string{`WAIVER_EDITED e2e: The change removes the waiver of suite "e2e" for deployment/web.`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := Edits(tt.s)
			assert.Equal(t, tt.want, said(found))
			for _, f := range found {
				assert.Equal(t, Advisory, f.Severity, "it is shown and decides nothing")
				assert.NotEmpty(t, f.Next)
				if f.Suite != "" && tt.s.BaseSuites != nil {
					assert.Equal(t, "team-"+f.Suite, f.Owner)
				}
			}
		})
	}
}

// What a change would do to the rest of the policy is shown too.
func TestEditsOfDemands(t *testing.T) {
	base := demanding(func(p *Policy) {
		p.MaxAge, p.Accept = age("7d"), AcceptCluster
		p.Baseline = []BaselineRule{{Level: "smoke", For: Selector{}}}
		p.Thresholds = []Threshold{{Suite: "e2e", Measurement: p95, Max: limit(300)}}
		p.Matches = &Match{Environment: "production"}
	})
	head := demanding(func(p *Policy) {
		p.MaxAge = age("30d")
		p.Baseline = []BaselineRule{{Level: "smoke", For: Selector{"tier": "0"}, Except: []Exception{{"deployment/a", "x"}}}}
		p.Thresholds = []Threshold{{Suite: "e2e", Measurement: p95, Max: limit(900)}}
		p.Quarantine = []Quarantine{{Suite: "e2e", Test: "logs in", Approver: "mallory", Expires: until("2026-12-31")}}
		p.QuarantineLimit = 50
	})
	var told []string
	for _, f := range Edits(Sides{BasePolicy: base, HeadPolicy: head, BaseSuites: []Definition{{Name: "e2e", Owner: "team-payments"}}, HeadSuites: []Definition{{Name: "e2e"}}}) {
		assert.Equal(t, Advisory, f.Severity)
		assert.Equal(t, CodePolicyEdited, f.Code)
		told = append(told, strings.TrimSpace(f.Suite+" "+f.Message))
	}
	assert.Equal(t, []string{
		"The change alters which evidence the policy accepts, from at most 7d ago and run in the cluster to at most 30d ago.",
		"The change loosens the policy: it no longer demands a suite of level smoke for all workloads.",
		"The change makes the policy demand a suite of level smoke for workloads of tier 0 but 1 workload.",
		"The change alters which environment the policy wants the tested one to match, and in what they may differ.",
		"The change alters how many tests of a suite may be in quarantine, from 5 to 50.",
		`e2e The change loosens the policy: "http_req_duration p(95)" no longer has to be at most 300.`,
		`e2e The change makes the policy demand that "http_req_duration p(95)" is at most 900.`,
		`e2e The change puts "logs in" in quarantine until 2026-12-31, approved by mallory.`,
	}, told)
	assert.Empty(t, Edits(Sides{BasePolicy: base, HeadPolicy: base}))
}
