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
	// Named are the suites that were asked for by name; empty where the whole plan is decided over.
	Named []string
	// Suites are the suites of the plan, in its order, named or not: what runs while there is no outcome.
	Suites []string
	// Problem says why there is no outcome at all, such as a store that failed; then nothing else counts.
	Problem string
	// Verdict is set where the whole plan was decided; nil where only named suites were reported on.
	Verdict *policy.Verdict
	// Results are the results of this invocation, or those a verdict rests on, in the plan's order.
	Results []evidence.Entry
	// Base are the newest results of these suites on the base of a pull request, as far as the store
	// has any: what the outcome is compared with. For a release they are
	// the results that Previous rested on, as far as they are still kept.
	Base []evidence.Entry
	// Previous is the verdict of the last release that was accepted; nil where none is kept.
	Previous *policy.Verdict
	// Required names the suites that the policy requires.
	Required map[string]bool
	// PolicyFrom is the commit that the policy was read at, where that is not the checkout's: the base
	// of a pull request.
	PolicyFrom string
	// Store says where the evidence lies, for people.
	Store string
	// Started is when the invocation began, and Elapsed the time it took.
	Started time.Time
	Elapsed time.Duration
	// Now is the time of writing.
	Now time.Time

	// compared holds each row's comparison once it was made, for one rendering: of a million tests it
	// takes a second.
	compared map[comparedRow]comparison
}

// rendering is the summary for one rendering, of which it remembers what is costly.
func (s Summary) rendering() Summary {
	s.compared = map[comparedRow]comparison{}
	return s
}
