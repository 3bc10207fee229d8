package main

import "net/http"

// item is something the shop sells. Money is in cents everywhere.
type item struct {
	SKU        string `json:"sku"`
	Name       string `json:"name"`
	PriceCents int    `json:"priceCents"`
}

// items is the assortment; the demo needs no database.
var items = []item{
	{SKU: "kettle", Name: "Kettle", PriceCents: 2999},
	{SKU: "mug", Name: "Mug", PriceCents: 850},
	{SKU: "tea", Name: "Tea, 100 g", PriceCents: 450},
}

func newCatalog() http.Handler {
	mux := newMux()
	mux.HandleFunc("GET /items", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"items": items})
	})
	mux.HandleFunc("GET /items/{sku}", func(w http.ResponseWriter, r *http.Request) {
		for _, i := range items {
			if i.SKU == r.PathValue("sku") {
				writeJSON(w, http.StatusOK, i)
				return
			}
		}
		writeError(w, http.StatusNotFound, "no item "+r.PathValue("sku"))
	})
	return mux
}
