package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/summary"
	"github.com/assay-dev/assay/integrations/github/githubtest"
)

func TestLimits(t *testing.T) {
	// It is a minute past when they begin.
	primary := func(in time.Duration) githubtest.Fault { return githubtest.Primary(began.Add(time.Minute + in)) }
	for name, tc := range map[string]struct {
		fault githubtest.Fault
		wait  time.Duration
	}{
		"secondary, which says how long":    {githubtest.Secondary(37 * time.Second), 37 * time.Second},
		"secondary, which does not":         {githubtest.Secondary(0), time.Minute},
		"429":                               {githubtest.Throttled(9 * time.Second), 9 * time.Second},
		"the hour's requests are used up":   {primary(50 * time.Second), 50 * time.Second},
		"502":                               {githubtest.Broken(false), time.Second},
		"503 that says how long":            {githubtest.Fault{Status: 503, Header: http.Header{"Retry-After": {"11"}}}, 11 * time.Second},
		"the limit's reset has just passed": {primary(-time.Second), time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/check-runs", "/pulls/7", "/comments", "/statuses/"} {
				b := newBench(t)
				b.Fail(tc.fault.On("", path, 1))
				require.NoError(t, b.publish(final(b.Context(7), 2), "check", "comment", "status"), path)
				s := b.State()
				assert.Len(t, s.CheckRuns, 1, path)
				assert.Len(t, s.Comments, 1, path)
				assert.Len(t, s.Statuses, 1, path)
				took := b.clock.now().Sub(began.Add(time.Minute))
				assert.GreaterOrEqual(t, took, tc.wait, path)
				assert.LessOrEqual(t, took, tc.wait+5*time.Second, path)
				assert.Empty(t, b.notes, "a limit is no missing permission")
			}
		})
	}
}

func TestWaitsWithinBounds(t *testing.T) {
	b := newBench(t)
	b.Fail(githubtest.Primary(began.Add(41*time.Minute)).On("", "/check-runs", 1))
	require.ErrorContains(t, b.publish(final(b.Context(7), 2), core.ChannelCheck), "GitHub asks to wait for 40m1s")
	assert.Empty(t, b.clock.waited, "it is not even begun")

	b = newBench(t)
	b.Fail(githubtest.Secondary(30*time.Second).On("", "/check-runs", 1))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.ErrorContains(t, b.publishIn(ctx, final(b.Context(7), 2), core.ChannelCheck), "there is not that much time")
	assert.Empty(t, b.clock.waited)

	b = newBench(t)
	b.Fail(githubtest.Broken(false).On("", "", 1000))
	require.ErrorContains(t, b.publish(final(b.Context(7), 2)), "502 Server Error")
	var total time.Duration
	for _, d := range b.clock.waited {
		total += d
	}
	assert.LessOrEqual(t, total, 5*time.Minute)
}

// created counts the check runs and comments that were asked for.
func (b *bench) created() map[string]int {
	count := map[string]int{}
	for _, w := range b.writes() {
		if w.Method == http.MethodPost && !strings.Contains(w.Path, "/statuses/") {
			count[w.Path]++
		}
	}
	return count
}

// A write that answered 502, or half an answer, may have been done; it must not be done twice.
func TestBadGateway(t *testing.T) {
	for name, fault := range map[string]githubtest.Fault{"not done": githubtest.Broken(false), "done": githubtest.Broken(true), "half an answer": githubtest.CutOff()} {
		for _, at := range []struct{ method, path string }{
			{http.MethodPost, "/check-runs"}, {http.MethodPatch, "/check-runs/"}, {http.MethodPost, "/comments"}, {http.MethodPost, "/statuses/"}, {http.MethodGet, ""},
		} {
			t.Run(fmt.Sprintf("%s %s %s", at.method, at.path, name), func(t *testing.T) {
				b := newBench(t)
				b.Fail(fault.On(at.method, at.path, 2))
				require.NoError(t, b.publish(final(b.Context(7), 120), "check", "comment", "status"))
				s := b.State()
				require.Len(t, s.CheckRuns, 1)
				assert.Len(t, s.CheckRuns[0].Annotations, 120)
				assert.Len(t, s.Comments, 1)
				assert.Equal(t, "failure", s.Statuses[len(s.Statuses)-1].State)
				if fault.Executed {
					assert.Equal(t, map[string]int{"/repos/octo/shop/check-runs": 1, "/repos/octo/shop/issues/7/comments": 1}, b.created(), "nobody is told twice, not even for a second")
				}
			})
		}
		t.Run("an update of the comment, "+name, func(t *testing.T) {
			b := newBench(t)
			require.NoError(t, b.publish(final(b.Context(6), 2)))
			b.Fail(fault.On(http.MethodPatch, "/comments/", 2))
			require.NoError(t, b.publish(final(b.Context(7), 0)))
			require.Len(t, b.State().Comments, 1)
			assert.Contains(t, b.State().Comments[0].Body, "## Ready to release")
		})
	}
}

// While one run is about to write its comment, another writes its own from beginning to end.
func TestRace(t *testing.T) {
	for _, first := range []int64{7, 8} {
		t.Run(fmt.Sprint(first), func(t *testing.T) {
			b := newBench(t)
			var nested error
			b.Fail(githubtest.Fault{Method: http.MethodPost, Path: "/comments", Before: func(*http.Request) {
				nested = b.publish(final(b.Context(15-first), int(first-7)), core.ChannelComment)
				b.clock.pass(time.Minute) // the two do not know of each other's pace
			}})
			require.NoError(t, b.publish(final(b.Context(first), int(8-first)), core.ChannelComment))
			require.NoError(t, nested)
			comments := b.State().Comments
			require.Len(t, comments, 1)
			m, ok := summary.ParseMarker(comments[0].Body)
			require.True(t, ok)
			assert.Equal(t, int64(8), m.Sequence, "the later run's is the one that stays")
			assert.Contains(t, comments[0].Body, "## Ready to release")
		})
	}
}
