package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// teaAndKettle costs 3 x 4.50 + 29.99 = 43.49.
func teaAndKettle() []line {
	return []line{{SKU: "tea", Quantity: 3, PriceCents: 450}, {SKU: "kettle", Quantity: 1, PriceCents: 2999}}
}

func TestPriceWithoutCoupon(t *testing.T) {
	b := priceOf(teaAndKettle(), 0)
	assert.Equal(t, bill{Lines: teaAndKettle(), SubtotalCents: 4349, TotalCents: 4349}, b, "right in every version")
}

// TestPriceWithCoupon says what each version does: the demo needs v1 right and v2 wrong.
func TestPriceWithCoupon(t *testing.T) {
	want := map[string]int{"v1": 4349 - 434, "v2": 3524}
	assert.Equal(t, want[version], priceOf(teaAndKettle(), 10).TotalCents)
}
