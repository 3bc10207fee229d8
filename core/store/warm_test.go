package store

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/oci"
	"github.com/assay-dev/assay/core/store/registrytest"
	"github.com/assay-dev/assay/core/store/storetest"
)

// recorder notes requests, and gives answers the date that it is told.
type recorder struct {
	mu    sync.Mutex
	asked []string
	at    time.Time
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if req.URL.Path != "/v2/" { // which asks for nothing but how to log in
		r.asked = append(r.asked, req.Method+" "+req.URL.Path+" "+req.URL.Query().Get("last"))
	}
	answer, err := http.DefaultTransport.RoundTrip(req)
	if err == nil {
		answer.Header.Set("Date", r.at.UTC().Format(http.TimeFormat))
	}
	return answer, err
}

// A process that finds an index asks a registry for its last tags, and reads no entry that it knows.
func TestWarmRegistry(t *testing.T) {
	server := registrytest.Start(t, registrytest.InProcess)
	net := &recorder{}
	at := time.Now().UTC().Truncate(time.Second).Add(-10 * time.Hour)
	cache := t.TempDir()
	// Each is another process.
	open := func() *Store {
		return opened(t, "oci://"+server.Host+"/team/evidence", Options{Cache: cache, Registry: oci.Options{Keychain: server.Keychain(), Transport: net}})
	}
	keep := func(n int) {
		net.at = at.Add(time.Duration(n) * 10 * time.Minute)
		require.NoError(t, open().Append(t.Context(), storetest.Result(n, 1, "smoke"), nil))
	}
	ask := func() (answers int, asked []string) {
		net.at, net.asked = time.Now(), nil
		for _, err := range open().Heads(t.Context(), evidence.Query{Suite: "smoke"}) {
			require.NoError(t, err)
			answers++
		}
		return answers, net.asked
	}
	for n := range 30 {
		keep(n)
	}
	answers, cold := ask()
	assert.Equal(t, 30, answers)
	assert.Greater(t, len(cold), 30)

	answers, warm := ask()
	assert.Equal(t, 30, answers)
	require.Len(t, warm, 1)
	assert.Contains(t, warm[0], "GET /v2/team/evidence/tags/list ev.")

	keep(30)
	answers, after := ask()
	assert.Equal(t, 31, answers)
	require.Len(t, after, 2, "one more is read alone")
	assert.Contains(t, after[1], "GET /v2/team/evidence/manifests/ev.")
}
