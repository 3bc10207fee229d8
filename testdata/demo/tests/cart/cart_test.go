// Package cart holds the cart service to what its callers rely on.
package cart

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/assay-dev/assay/testdata/demo/tests/client"
)

func lines(t *testing.T, id string) []client.Line {
	t.Helper()
	var cart struct{ Lines []client.Line }
	assert.Equal(t, http.StatusOK, client.Call(t, http.MethodGet, client.Cart+"/carts/"+id, nil, &cart))
	return cart.Lines
}

func TestNewCartIsEmpty(t *testing.T) {
	assert.Empty(t, lines(t, client.NewCart(t)))
}

func TestCartKeepsLines(t *testing.T) {
	id := client.NewCart(t, client.Line{SKU: "tea", Quantity: 3}, client.Line{SKU: "mug", Quantity: 1})
	assert.Equal(t, []client.Line{{SKU: "mug", Quantity: 1}, {SKU: "tea", Quantity: 3}}, lines(t, id))
}

func TestSettingAQuantityTwiceChangesNothing(t *testing.T) {
	id := client.NewCart(t, client.Line{SKU: "tea", Quantity: 3}, client.Line{SKU: "tea", Quantity: 3})
	assert.Equal(t, []client.Line{{SKU: "tea", Quantity: 3}}, lines(t, id))
}

func TestZeroRemovesALine(t *testing.T) {
	id := client.NewCart(t, client.Line{SKU: "tea", Quantity: 3}, client.Line{SKU: "tea", Quantity: 0})
	assert.Empty(t, lines(t, id))
}

func TestCartsDoNotMix(t *testing.T) {
	mine, yours := client.NewCart(t, client.Line{SKU: "tea", Quantity: 1}), client.NewCart(t)
	assert.Len(t, lines(t, mine), 1)
	assert.Empty(t, lines(t, yours))
}

func TestCartRefusesQuantitiesOutOfBounds(t *testing.T) {
	id := client.NewCart(t)
	for _, quantity := range []int{-1, 100} {
		assert.Equal(t, http.StatusUnprocessableEntity, client.Put(t, id, client.Line{SKU: "tea", Quantity: quantity}))
	}
	assert.Empty(t, lines(t, id))
}

func TestUnknownCart(t *testing.T) {
	assert.Equal(t, http.StatusNotFound, client.Call(t, http.MethodGet, client.Cart+"/carts/none", nil, nil))
}
