package main

// line is one line of a bill.
type line struct {
	SKU        string `json:"sku"`
	Quantity   int    `json:"quantity"`
	PriceCents int    `json:"priceCents"`
}

// bill is what checkout answers. Total = Subtotal - Discount.
type bill struct {
	Lines         []line `json:"lines"`
	SubtotalCents int    `json:"subtotalCents"`
	DiscountCents int    `json:"discountCents"`
	TotalCents    int    `json:"totalCents"`
}
