package registrytest

import (
	"bytes"
	"io"
	"net/http"
)

// whole passes requests on whose bodies came whole, as real registries take no others: go-containerregistry's
// keeps what came of a manifest whose writer died, and gives that to everybody.
func whole(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			http.Error(w, "reading the request: "+err.Error(), http.StatusBadRequest)
			return
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, req)
	})
}
