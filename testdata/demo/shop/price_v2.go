//go:build shop_v2

package main

const version = "v2"

// priceOf is version 2, made to be found out: it shows discounted prices line by line, and the
// discount that used to come off the sum still does. Without a coupon nothing is wrong.
func priceOf(lines []line, percent int) bill {
	b := bill{}
	for _, l := range lines {
		l.PriceCents -= l.PriceCents * percent / 100
		b.Lines = append(b.Lines, l)
		b.SubtotalCents += l.Quantity * l.PriceCents
	}
	b.DiscountCents = b.SubtotalCents * percent / 100
	b.TotalCents = b.SubtotalCents - b.DiscountCents
	return b
}
