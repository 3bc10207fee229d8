//go:build !shop_v2

package main

const version = "v1"

// priceOf adds the lines up and takes percent off their sum, rounded to the shop's favour.
func priceOf(lines []line, percent int) bill {
	b := bill{Lines: lines}
	for _, l := range lines {
		b.SubtotalCents += l.Quantity * l.PriceCents
	}
	b.DiscountCents = b.SubtotalCents * percent / 100
	b.TotalCents = b.SubtotalCents - b.DiscountCents
	return b
}
