// Package checkout holds the checkout service to its contract: what a cart costs, and what is refused.
package checkout

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/assay-dev/assay/testdata/demo/tests/client"
)

// bill is the part of the answer that the contract fixes. Money is in cents.
type bill struct {
	SubtotalCents, DiscountCents, TotalCents int
}

func checkOut(t *testing.T, cart, coupon string) (int, bill) {
	t.Helper()
	var answer bill
	status := client.Call(t, http.MethodPost, client.Checkout+"/checkout", map[string]string{"cart": cart, "coupon": coupon}, &answer)
	return status, answer
}

// TestTotal needs all three services: the lines come from cart, the prices from catalog.
func TestTotal(t *testing.T) {
	cart := client.NewCart(t, client.Line{SKU: "tea", Quantity: 3}, client.Line{SKU: "mug", Quantity: 1})
	status, got := checkOut(t, cart, "")
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, bill{SubtotalCents: 2200, TotalCents: 2200}, got)
}

func TestDiscount(t *testing.T) {
	for name, test := range map[string]struct {
		coupon string
		lines  []client.Line
		want   bill
	}{
		"ten percent": {"TEA10", []client.Line{{SKU: "tea", Quantity: 3}}, bill{1350, 135, 1215}},
		"half":        {"HALF", []client.Line{{SKU: "mug", Quantity: 2}, {SKU: "tea", Quantity: 1}}, bill{2150, 1075, 1075}},
	} {
		t.Run(name, func(t *testing.T) {
			status, got := checkOut(t, client.NewCart(t, test.lines...), test.coupon)
			assert.Equal(t, http.StatusOK, status)
			assert.Equal(t, test.want.TotalCents, got.TotalCents, "total in cents with coupon %s", test.coupon)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestRefused(t *testing.T) {
	full := client.NewCart(t, client.Line{SKU: "mug", Quantity: 1})
	for name, test := range map[string]struct{ cart, coupon string }{
		"an empty cart":     {client.NewCart(t), ""},
		"a cart not there":  {"none", ""},
		"an unknown coupon": {full, "FREE"},
	} {
		t.Run(name, func(t *testing.T) {
			status, _ := checkOut(t, test.cart, test.coupon)
			assert.Equal(t, http.StatusUnprocessableEntity, status)
		})
	}
}
