package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func noEnv(string) string { return "" }

// call sends one request and gives status and body.
func call(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	var buffer bytes.Buffer
	_, err = buffer.ReadFrom(response.Body)
	require.NoError(t, err)
	return response.StatusCode, strings.TrimSpace(buffer.String())
}

// openShop starts all three services, wired together, and gives their addresses.
func openShop(t *testing.T) (catalog, cart, checkout string) {
	t.Helper()
	open := func(role string, env map[string]string) string {
		handler, err := newService(role, func(name string) string { return env[name] })
		require.NoError(t, err)
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return server.URL
	}
	catalog = open("catalog", nil)
	cart = open("cart", nil)
	checkout = open("checkout", map[string]string{"CATALOG_URL": catalog, "CART_URL": cart})
	return catalog, cart, checkout
}

// fill makes a cart of 3 tea and 1 mug: 3 x 4.50 + 8.50 = 22.00.
func fill(t *testing.T, cart string) string {
	t.Helper()
	status, body := call(t, "POST", cart+"/carts", "")
	require.Equal(t, http.StatusCreated, status)
	var made cartBody
	require.NoError(t, json.Unmarshal([]byte(body), &made))
	for sku, quantity := range map[string]string{"tea": "3", "mug": "1"} {
		status, body = call(t, "PUT", cart+"/carts/"+made.ID+"/items/"+sku, `{"quantity":`+quantity+`}`)
		require.Equal(t, http.StatusOK, status, body)
	}
	return made.ID
}

func TestCheckoutAsksTheOthers(t *testing.T) {
	_, cart, checkout := openShop(t)
	id := fill(t, cart)
	status, body := call(t, "POST", checkout+"/checkout", `{"cart":"`+id+`"}`)
	require.Equal(t, http.StatusOK, status, body)
	assert.JSONEq(t, `{"lines":[{"sku":"mug","quantity":1,"priceCents":850},{"sku":"tea","quantity":3,"priceCents":450}],
		"subtotalCents":2200,"discountCents":0,"totalCents":2200}`, body)
}

func TestCheckoutRefuses(t *testing.T) {
	_, cart, checkout := openShop(t)
	full := fill(t, cart)
	unknown := fill(t, cart)
	status, _ := call(t, "PUT", cart+"/carts/"+unknown+"/items/unicorn", `{"quantity":1}`)
	require.Equal(t, http.StatusOK, status)
	_, body := call(t, "POST", cart+"/carts", "")
	var empty cartBody
	require.NoError(t, json.Unmarshal([]byte(body), &empty))

	for name, test := range map[string]struct {
		request string
		status  int
		message string
	}{
		"no such cart":   {`{"cart":"none"}`, 422, "does not exist"},
		"empty cart":     {`{"cart":"` + empty.ID + `"}`, 422, "is empty"},
		"unknown coupon": {`{"cart":"` + full + `","coupon":"FREE"}`, 422, "no coupon FREE"},
		"unknown item":   {`{"cart":"` + unknown + `"}`, 422, "/items/unicorn does not exist"},
		"not JSON":       {`cart`, 400, "cannot read the request"},
		"unknown field":  {`{"basket":"x"}`, 400, "unknown field"},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := call(t, "POST", checkout+"/checkout", test.request)
			assert.Equal(t, test.status, status)
			assert.Contains(t, body, test.message)
		})
	}
}

func TestCheckoutWithoutCartService(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	gone := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	server := httptest.NewServer(newCheckout(gone, gone))
	defer server.Close()
	status, body := call(t, "POST", server.URL+"/checkout", `{"cart":"x"}`)
	assert.Equal(t, http.StatusBadGateway, status)
	assert.Contains(t, body, "asking for cart x")
}

func TestCart(t *testing.T) {
	_, cart, _ := openShop(t)
	id := fill(t, cart)
	status, body := call(t, "PUT", cart+"/carts/"+id+"/items/mug", `{"quantity":0}`)
	assert.Equal(t, http.StatusOK, status)
	assert.JSONEq(t, `{"id":"`+id+`","lines":[{"sku":"tea","quantity":3}]}`, body)
	status, _ = call(t, "PUT", cart+"/carts/"+id+"/items/mug", `{"quantity":100}`)
	assert.Equal(t, http.StatusUnprocessableEntity, status)
	status, _ = call(t, "DELETE", cart+"/carts/"+id, "")
	assert.Equal(t, http.StatusNoContent, status)
	status, _ = call(t, "GET", cart+"/carts/"+id, "")
	assert.Equal(t, http.StatusNotFound, status)
}

func TestRunRefusesUnknownRoles(t *testing.T) {
	var out bytes.Buffer
	assert.ErrorContains(t, run(context.Background(), nil, noEnv, &out), "name one role")
	assert.ErrorContains(t, run(context.Background(), []string{"bank"}, noEnv, &out), `no role "bank"`)
	assert.Empty(t, out.String())
}

func TestRunServesAndLogsUntilStopped(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())

	ctx, stop := context.WithCancel(context.Background())
	log := &lockedBuffer{ready: make(chan struct{})}
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"catalog"}, func(name string) string {
			return map[string]string{"LISTEN": address}[name]
		}, log)
	}()
	<-log.ready
	status, body := call(t, "GET", "http://"+address+"/version", "")
	assert.Equal(t, http.StatusOK, status)
	assert.JSONEq(t, `{"version":"`+version+`"}`, body)
	stop()
	require.NoError(t, <-ended)

	var first struct{ Msg, Service, Version string }
	require.NoError(t, json.Unmarshal([]byte(strings.SplitN(log.String(), "\n", 2)[0]), &first))
	assert.Equal(t, "serving", first.Msg)
	assert.Equal(t, "catalog", first.Service)
	assert.Equal(t, version, first.Version)
	assert.Contains(t, log.String(), `"path":"/version"`)
}
