package policy

import (
	"fmt"
	"strings"

	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/suite"
)

// BaselineRule demands suites of a level for a set of workloads, whether anybody has written them or
// not: a workload without one is a gap, by name.
type BaselineRule struct {
	// Level is the level that a suite must have: smoke, integration, ...
	Level string `json:"level"`
	// For chooses the workloads among those found in the environment, or in the release.
	For Selector `json:"for" scalar:"text" hint:"write for: all, or for: {tier: 0}"`
	// Environment is where; empty means the environment the verdict is asked for.
	Environment string `json:"environment,omitempty"`
	Terms
	// Except takes workloads out, each with the reason.
	Except []Exception `json:"except,omitempty"`
}

// Exception takes a workload out of a rule of the baseline.
type Exception struct {
	Workload string `json:"workload"`
	Reason   string `json:"reason"`
}

// checkBaseline finds what is wrong with the baseline by itself.
func (p Policy) checkBaseline(doc manifest.Document) manifest.Errors {
	var errs manifest.Errors
	for i, b := range p.Baseline {
		at := func(field ...any) manifest.Position {
			return doc.At(append([]any{"spec", "baseline", i}, field...)...)
		}
		where := fmt.Sprintf("spec.baseline[%d]", i)
		if strings.TrimSpace(b.Level) == "" {
			errs.Add(at("level"), "write the level that a suite must have, such as smoke", "%s has no level", where)
		}
		if doc.Has("spec", "baseline", i, "environment") && !manifest.IsName(b.Environment) {
			errs.Add(at("environment"), nameHint, "%s: %q cannot be the name of an environment", where, b.Environment)
		}
		b.Terms.check(&errs, func(field string) manifest.Position { return at(field) }, where)
		for n := range b.Except {
			e := &p.Baseline[i].Except[n]
			w, err := suite.ParseWorkload(e.Workload)
			if err != nil {
				errs.Add(at("except", n, "workload"), "", "%s.except[%d]: %v", where, n, err)
			}
			e.Workload = w.String()
			if strings.TrimSpace(e.Reason) == "" {
				errs.Add(at("except", n, "reason"), "write why it needs no such suite", "%s.except[%d] has no reason", where, n)
			}
		}
	}
	return errs
}
