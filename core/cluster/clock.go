package cluster

import (
	"net/http"
	"sync"
	"time"
)

// clock reads the time that the cluster's answers bear.
type clock struct {
	now func() time.Time

	mu   sync.Mutex
	best reading
}

// reading is one answer's time, and this machine's before and after it.
type reading struct {
	sent, received time.Time
	// date is in whole seconds; zero where the answer had none.
	date time.Time
}

func (c *clock) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		sent := c.now()
		answer, err := next.RoundTrip(r)
		if err != nil {
			return answer, err
		}
		date, _ := http.ParseTime(answer.Header.Get("Date"))
		received := c.now()
		c.mu.Lock()
		defer c.mu.Unlock()
		// The shorter the way, the more an answer tells.
		if c.best.date.IsZero() || received.Sub(sent) < c.best.received.Sub(c.best.sent) {
			c.best = reading{sent, received, date}
		}
		return answer, nil
	})
}

func (c *clock) reading() reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.best
}

// skew is how far the cluster's clock is ahead, to about half a second; 0 where the answer did not tell.
func (r reading) skew() time.Duration {
	if r.date.IsZero() {
		return 0
	}
	// The header's second has begun some time before; half of one is the best guess.
	return r.date.Add(time.Second / 2).Sub(r.sent.Add(r.received.Sub(r.sent) / 2))
}
