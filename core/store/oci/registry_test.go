package oci

import (
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/store/backend"
	"github.com/assay-dev/assay/core/store/storetest"
)

func TestStore(t *testing.T) {
	for name, option := range map[string]registry.Option{"without referrers": registry.WithReferrersSupport(false), "with referrers": registry.WithReferrersSupport(true)} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) core.Store { return storeAt(t, serve(t, newRegistry(t, option))) }, storetest.Unconditional)
			storetest.Backend(t, func(t *testing.T) backend.Backend { return storeAt(t, serve(t, newRegistry(t, option))) })
		})
	}
}
