// Package integrations is the one table of vendors: which CI system is this, what does it say about
// the work at hand, and where is the outcome shown?
package integrations

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/integrations/generic"
	"github.com/assay-dev/assay/integrations/git"
	"github.com/assay-dev/assay/integrations/github"
	"github.com/assay-dev/assay/integrations/gitlab"
	"github.com/assay-dev/assay/integrations/jenkins"
	"github.com/assay-dev/assay/integrations/local"
)

// Vendor is one row of the table: a CI system, a forge, or both.
type Vendor struct {
	// Name is the word that stands in a Context as CI or SCM.
	Name string
	// Detect says whether we run there; nil for a forge that runs nothing.
	Detect func(ci.Place) bool
	// Context reads what the vendor says. An error means that the vendor says something that cannot be
	// understood; then nothing may be guessed.
	Context func(context.Context, ci.Place) (ci.Context, error)
	// Publisher shows summaries on the forge of this name; nil where the vendor is none.
	Publisher func(ci.Context, core.Publishing) (core.Publisher, error)
	// Outcome hands the outcome to later steps of the same job; nil where there is no way to.
	Outcome func(ci.Outcome, core.Publishing) error
}

// Vendors is the table; the first that detects itself is it. The last one always does.
var Vendors = []Vendor{
	// First, because whoever sets these variables means them.
	{Name: "generic", Detect: generic.Detect, Context: generic.Context},
	{Name: github.Name, Detect: github.Detect, Context: github.Context, Publisher: github.Publisher, Outcome: github.Outcome},
	{Name: jenkins.Name, Detect: jenkins.Detect, Context: jenkins.Context, Outcome: jenkins.Outcome},
	{Name: gitlab.Name, Detect: gitlab.Detect, Context: gitlab.Context, Publisher: gitlab.Publisher, Outcome: gitlab.Outcome},
	{Name: local.Name, Detect: func(ci.Place) bool { return true }, Context: local.Context},
}

// Detect gives the context of wherever we run.
func Detect(ctx context.Context, env func(string) (string, bool), dir string) (ci.Context, error) {
	place := ci.Place{Env: env, ReadFile: os.ReadFile, Git: git.Checkout{Dir: dir}.Ask}
	for _, v := range Vendors {
		if v.Detect == nil || !v.Detect(place) {
			continue
		}
		c, err := v.Context(ctx, place)
		if err != nil {
			return c, fmt.Errorf("reading what %s says about this job: %w", v.Name, err)
		}
		return c, nil
	}
	return ci.Context{}, nil
}

// Publisher gives the publisher of the forge that a context names; nil where there is none to tell,
// or where nothing is to be published.
func Publisher(c ci.Context, how core.Publishing) (core.Publisher, error) {
	for _, v := range Vendors {
		if v.Name == c.SCM && v.Publisher != nil {
			return v.Publisher(c, how)
		}
	}
	if len(how.Channels) > 0 {
		return nil, fmt.Errorf("nothing is known to publish %s to: the forge is %q", strings.Join(how.Channels, ", "), c.SCM)
	}
	return nil, nil
}

// Outcome hands the outcome to later steps of the CI job that a context names.
func Outcome(c ci.Context, o ci.Outcome, how core.Publishing) error {
	for _, v := range Vendors {
		if v.Name == c.CI && v.Outcome != nil {
			return v.Outcome(o, how)
		}
	}
	return nil
}
