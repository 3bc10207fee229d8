// Package integrations is the one table of vendors: which CI system is this, and what does it say
// about the work at hand?
package integrations

import (
	"context"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/integrations/local"
)

// Vendor is one row of the table.
type Vendor struct {
	Name string
	// Detect says whether we run there.
	Detect func(env func(string) (string, bool)) bool
	// Context reads what the vendor says. dir is the checkout.
	Context func(ctx context.Context, env func(string) (string, bool), dir string) ci.Context
}

// Vendors is the table; the first that detects itself is it. The last one always does.
var Vendors = []Vendor{
	{
		Name:   local.Name,
		Detect: func(func(string) (string, bool)) bool { return true },
		Context: func(ctx context.Context, _ func(string) (string, bool), dir string) ci.Context {
			return local.Context(ctx, dir)
		},
	},
}

// Detect gives the context of wherever we run.
func Detect(ctx context.Context, env func(string) (string, bool), dir string) ci.Context {
	for _, v := range Vendors {
		if v.Detect(env) {
			return v.Context(ctx, env, dir)
		}
	}
	return ci.Context{}
}
