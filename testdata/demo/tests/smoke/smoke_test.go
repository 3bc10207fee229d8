// Package smoke asks whether the shop is there at all.
package smoke

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/assay-dev/assay/testdata/demo/tests/client"
)

func TestServicesAnswer(t *testing.T) {
	for name, url := range map[string]string{"catalog": client.Catalog, "cart": client.Cart, "checkout": client.Checkout} {
		t.Run(name, func(t *testing.T) {
			var health struct{ Status string }
			assert.Equal(t, http.StatusOK, client.Call(t, http.MethodGet, url+"/healthz", nil, &health))
			assert.Equal(t, "ok", health.Status)
		})
	}
}

func TestCatalogHasSomethingToSell(t *testing.T) {
	var catalog struct {
		Items []struct{ SKU string }
	}
	assert.Equal(t, http.StatusOK, client.Call(t, http.MethodGet, client.Catalog+"/items", nil, &catalog))
	assert.NotEmpty(t, catalog.Items)
}
