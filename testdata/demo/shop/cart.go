package main

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// cartLine is how many of an item somebody wants.
type cartLine struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
}

// cartBody is a cart as the service shows it, lines sorted by SKU.
type cartBody struct {
	ID    string     `json:"id"`
	Lines []cartLine `json:"lines"`
}

// cart keeps carts in memory, so it runs as one replica.
type cart struct {
	mu    sync.Mutex
	carts map[string]map[string]int
}

func newCart() http.Handler {
	c := &cart{carts: map[string]map[string]int{}}
	mux := newMux()
	mux.HandleFunc("POST /carts", c.create)
	mux.HandleFunc("GET /carts/{id}", c.get)
	mux.HandleFunc("PUT /carts/{id}/items/{sku}", c.put)
	mux.HandleFunc("DELETE /carts/{id}", c.remove)
	return mux
}

func (c *cart) create(w http.ResponseWriter, _ *http.Request) {
	id := strings.ToLower(rand.Text())
	c.mu.Lock()
	c.carts[id] = map[string]int{}
	c.mu.Unlock()
	writeJSON(w, http.StatusCreated, cartBody{ID: id, Lines: []cartLine{}})
}

func (c *cart) get(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if lines, ok := c.find(w, r); ok {
		writeJSON(w, http.StatusOK, show(r.PathValue("id"), lines))
	}
}

// put sets an item's quantity; the same request twice changes nothing.
func (c *cart) put(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Quantity int `json:"quantity"`
	}
	if !readJSON(w, r, &body) {
		return
	}
	if body.Quantity < 0 || body.Quantity > 99 {
		writeError(w, http.StatusUnprocessableEntity, "quantity must be 0 to 99")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	lines, ok := c.find(w, r)
	if !ok {
		return
	}
	if body.Quantity == 0 {
		delete(lines, r.PathValue("sku"))
	} else {
		lines[r.PathValue("sku")] = body.Quantity
	}
	writeJSON(w, http.StatusOK, show(r.PathValue("id"), lines))
}

func (c *cart) remove(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.find(w, r); ok {
		delete(c.carts, r.PathValue("id"))
		w.WriteHeader(http.StatusNoContent)
	}
}

// find looks the request's cart up and answers 404 where there is none. The caller holds the lock.
func (c *cart) find(w http.ResponseWriter, r *http.Request) (map[string]int, bool) {
	lines, ok := c.carts[r.PathValue("id")]
	if !ok {
		writeError(w, http.StatusNotFound, "no cart "+r.PathValue("id"))
	}
	return lines, ok
}

func show(id string, lines map[string]int) cartBody {
	body := cartBody{ID: id, Lines: []cartLine{}}
	for sku, quantity := range lines {
		body.Lines = append(body.Lines, cartLine{SKU: sku, Quantity: quantity})
	}
	slices.SortFunc(body.Lines, func(a, b cartLine) int { return strings.Compare(a.SKU, b.SKU) })
	return body
}
