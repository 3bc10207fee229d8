// Package client is how the demo's tests talk to the shop: by the names its Services have in the
// cluster's DNS, and by nothing else. There is no variable that points them elsewhere, so the tests
// pass where the shop runs and cannot pass by accident on the machine that started them.
package client

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The shop's services as every pod of the cluster sees them.
const (
	Catalog  = "http://catalog.shop.svc"
	Cart     = "http://cart.shop.svc"
	Checkout = "http://checkout.shop.svc"
)

var client = http.Client{Timeout: 10 * time.Second}

// Call sends one request, with body as JSON unless it is nil, and decodes the answer into answer
// unless that is nil. It gives the status.
func Call(t *testing.T, method, url string, body, answer any) int {
	t.Helper()
	var payload bytes.Buffer
	if body != nil {
		require.NoError(t, json.NewEncoder(&payload).Encode(body))
	}
	request, err := http.NewRequestWithContext(t.Context(), method, url, &payload)
	require.NoError(t, err)
	response, err := client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	t.Logf("%s %s: %s %s", method, url, response.Status, bytes.TrimSpace(text))
	if answer != nil {
		require.NoError(t, json.Unmarshal(text, answer), "%s %s did not answer in JSON", method, url)
	}
	return response.StatusCode
}

// Line is one line of a cart.
type Line struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
}

// NewCart makes a cart with these lines and gives its id. It is removed when the test ends.
func NewCart(t *testing.T, lines ...Line) string {
	t.Helper()
	var made struct {
		ID string `json:"id"`
	}
	require.Equal(t, http.StatusCreated, Call(t, http.MethodPost, Cart+"/carts", nil, &made))
	t.Cleanup(func() {
		request, err := http.NewRequest(http.MethodDelete, Cart+"/carts/"+made.ID, nil)
		require.NoError(t, err)
		response, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
	})
	for _, line := range lines {
		require.Equal(t, http.StatusOK, Put(t, made.ID, line))
	}
	return made.ID
}

// Put sets the quantity of one line and gives the status.
func Put(t *testing.T, cart string, line Line) int {
	t.Helper()
	return Call(t, http.MethodPut, Cart+"/carts/"+cart+"/items/"+line.SKU, map[string]int{"quantity": line.Quantity}, nil)
}
