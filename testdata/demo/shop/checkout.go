package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// coupons are the discounts, in percent of the goods' price.
var coupons = map[string]int{"TEA10": 10, "HALF": 50}

// checkout prices a cart. It keeps nothing: lines come from cart, prices from catalog.
type checkout struct {
	catalog, cart string
	client        *http.Client
}

func newCheckout(catalogURL, cartURL string) http.Handler {
	c := &checkout{catalog: catalogURL, cart: cartURL, client: &http.Client{Timeout: 3 * time.Second}}
	mux := newMux()
	mux.HandleFunc("POST /checkout", c.price)
	return mux
}

func (c *checkout) price(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Cart   string `json:"cart"`
		Coupon string `json:"coupon"`
	}
	if !readJSON(w, r, &body) {
		return
	}
	percent, known := coupons[body.Coupon]
	if body.Coupon != "" && !known {
		writeError(w, http.StatusUnprocessableEntity, "no coupon "+body.Coupon)
		return
	}
	lines, err := c.lines(r.Context(), body.Cart)
	var missing *missingError
	switch {
	case errors.As(err, &missing):
		writeError(w, http.StatusUnprocessableEntity, err.Error())
	case err != nil:
		writeError(w, http.StatusBadGateway, err.Error())
	case len(lines) == 0:
		writeError(w, http.StatusUnprocessableEntity, "cart "+body.Cart+" is empty")
	default:
		writeJSON(w, http.StatusOK, priceOf(lines, percent))
	}
}

// lines asks cart for the lines and catalog for the price of each.
func (c *checkout) lines(ctx context.Context, id string) ([]line, error) {
	var content cartBody
	if err := c.get(ctx, c.cart+"/carts/"+url.PathEscape(id), &content); err != nil {
		return nil, fmt.Errorf("asking for cart %s: %w", id, err)
	}
	lines := make([]line, 0, len(content.Lines))
	for _, l := range content.Lines {
		var i item
		if err := c.get(ctx, c.catalog+"/items/"+url.PathEscape(l.SKU), &i); err != nil {
			return nil, fmt.Errorf("asking for the price of %s: %w", l.SKU, err)
		}
		lines = append(lines, line{SKU: l.SKU, Quantity: l.Quantity, PriceCents: i.PriceCents})
	}
	return lines, nil
}

// missingError says that the other service answered, and has no such thing.
type missingError struct{ url string }

func (e *missingError) Error() string { return e.url + " does not exist" }

func (c *checkout) get(ctx context.Context, address string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return json.NewDecoder(response.Body).Decode(into)
	case http.StatusNotFound:
		return &missingError{url: address}
	}
	return fmt.Errorf("%s answered %s", address, response.Status)
}
