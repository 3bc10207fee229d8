// Package summary turns record and verdict into what people read: Markdown, terminal text,
// annotations, a title. It is pure: same input, same bytes.
package summary

import (
	"time"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
)

// Phase says whether the work has started or is over.
type Phase string

// The phases of a summary.
const (
	Started Phase = "started"
	Final   Phase = "final"
)

// Summary is everything a publisher or a terminal needs to show an outcome.
type Summary struct {
	Phase       Phase
	Context     ci.Context
	Environment evidence.Environment
	// Verdict is set where the whole plan was decided; nil where only named suites were reported on.
	Verdict *policy.Verdict
	// Results are the results of this invocation, or those a verdict rests on, in the plan's order.
	Results []evidence.Entry
	// Required names the suites that the policy requires.
	Required map[string]bool
	// Store says where the evidence lies, for people.
	Store string
	// Elapsed is the time the invocation took.
	Elapsed time.Duration
	// Now is the time of writing.
	Now time.Time
}
