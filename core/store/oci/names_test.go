package oci

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
	"github.com/assay-dev/assay/core/store/storetest"
)

// dated is a registry with a clock of its own.
type dated struct {
	inner http.Handler
	now   atomic.Int64
}

func (d *dated) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Date", time.Unix(d.now.Load(), 0).UTC().Format(http.TimeFormat))
	d.inner.ServeHTTP(w, req)
}

// paged gives tags in pages of its own size, and says by Link how to go on. It heeds last where ordered is true.
func paged(inner http.Handler, size int, ordered bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !strings.HasSuffix(req.URL.Path, "/tags/list") {
			inner.ServeHTTP(w, req)
			return
		}
		all := httptest.NewRecorder()
		inner.ServeHTTP(all, httptest.NewRequest(http.MethodGet, req.URL.Path, nil))
		var list struct{ Tags []string }
		_ = json.Unmarshal(all.Body.Bytes(), &list)
		if last := req.URL.Query().Get("last"); ordered && last != "" {
			list.Tags = slices.DeleteFunc(list.Tags, func(tag string) bool { return tag <= last })
		}
		if !ordered {
			slices.Reverse(list.Tags)
		}
		start, _ := strconv.Atoi(req.URL.Query().Get("page"))
		end := min(start+size, len(list.Tags))
		if end < len(list.Tags) {
			w.Header().Set("Link", fmt.Sprintf(`<%s?page=%d&last=%s>; rel="next"`, req.URL.Path, end, req.URL.Query().Get("last")))
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"tags": list.Tags[start:end]})
	})
}

func TestNamesAskForTheLastOnly(t *testing.T) {
	for name, ordered := range map[string]bool{"in order": true, "in none": false} {
		t.Run(name, func(t *testing.T) {
			clock := &dated{inner: paged(newRegistry(t), 7, ordered)}
			now := storetest.Moment
			clock.now.Store(now.Unix())
			f := &faulty{inner: clock}
			r := storeAt(t, serve(t, f), func(o *Options) { o.Now = func() time.Time { return now } })
			pass := func(d time.Duration) {
				now = now.Add(d)
				clock.now.Store(now.Unix())
			}
			add := func(n int) string {
				e := storetest.Result(n, 1, "smoke")
				require.NoError(t, r.Append(t.Context(), e, nil))
				data, err := evidence.Marshal(e)
				require.NoError(t, err)
				return entryTagOf(e, evidence.Digest(data), now).String()
			}
			var all []string
			for n := range 40 {
				all = append(all, add(n))
				pass(10 * time.Minute)
			}
			ask := func(since []byte) (n backend.Names, requests int) {
				f.set(nil)
				n, err := r.Names(t.Context(), since)
				require.NoError(t, err)
				return n, f.count()
			}
			cold, cost := ask(nil)
			assert.True(t, cold.Whole)
			assert.Equal(t, all, cold.Names)
			assert.GreaterOrEqual(t, cost, 80/7, "all pages")

			same, cost := ask(cold.State)
			assert.True(t, same.Unchanged)
			assert.Equal(t, ordered, cost <= 2, "%d requests", cost)

			added := add(40)
			warm, cost := ask(same.State)
			require.False(t, warm.Unchanged)
			assert.Contains(t, warm.Names, added)
			assert.Equal(t, !ordered, warm.Whole)
			assert.Equal(t, ordered, cost <= 3, "%d requests", cost)

			// One that was slow to come, with a moment in its tag from before the last answer.
			pass(late / 2)
			again, _ := ask(warm.State)
			clock.now.Store(now.Add(-late / 2).Unix())
			slow := storetest.Result(41, 1, "smoke")
			require.NoError(t, r.Append(t.Context(), slow, nil))
			clock.now.Store(now.Unix())
			after, _ := ask(again.State)
			require.False(t, after.Unchanged)
			assert.True(t, slices.ContainsFunc(after.Names, func(name string) bool { return strings.Contains(name, ".run-41.a1.") }))

			// A tag of the future hides nothing.
			require.NoError(t, r.putManifest(t.Context(), "ev.99991231T235959Z.r.x.a1."+strings.Repeat("0", 32), []byte("{}")))
			future, _ := ask(after.State)
			added = add(42)
			warm, _ = ask(future.State)
			assert.Contains(t, warm.Names, added)

			pass(wholeEvery + time.Second)
			whole, _ := ask(warm.State)
			assert.True(t, whole.Whole, "once a day all of them are listed")
			assert.Len(t, whole.Names, 44)
		})
	}
}

// TestListWithoutWord reads lists that are cut without a word, as some registries do.
func TestListWithoutWord(t *testing.T) {
	r := storeAt(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var tags []string
		from, _ := strconv.Atoi(strings.TrimPrefix(req.URL.Query().Get("last"), "t"))
		for i := from + 1; i <= 3500 && len(tags) < pageSize; i++ {
			tags = append(tags, fmt.Sprintf("t%04d", i))
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"tags": tags})
	})))
	all, _, err := r.listTags(t.Context(), "", never)
	require.NoError(t, err)
	assert.Len(t, all, 3500)
}

func TestListWithLimit(t *testing.T) {
	r := storeAt(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Query().Has("n") {
			answer(http.StatusBadRequest)(w, req)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"tags": []string{"a"}})
	})))
	all, _, err := r.listTags(t.Context(), "", never)
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, all)
}

func TestEntryTags(t *testing.T) {
	digest := evidence.Digest(nil)
	for _, id := range []string{"a", "run-1.a1", strings.Repeat("a", 74), strings.Repeat("a", 75), strings.Repeat("x.", 48)} {
		for kind := range kindLetters {
			tag := entryTagOf(evidence.Entry{Kind: kind, ID: id}, digest, storetest.Moment)
			assert.LessOrEqual(t, len(tag.String()), maxTag)
			again, ok := parseEntryTag(tag.String())
			require.True(t, ok, tag.String())
			assert.Equal(t, tag, again)
			assert.LessOrEqual(t, len(claimTag(evidence.Entry{Kind: kind, ID: id})), maxTag)
		}
	}
	assert.Equal(t, "ev.20260301T120000Z.p.inv-1."+digest[7:39], entryTagOf(storetest.Plan(1, "smoke"), digest, storetest.Moment).String())
	assert.NotEqual(t, shortID(strings.Repeat("a", 95)+"b"), shortID(strings.Repeat("a", 96)))
}

func FuzzEntryTag(f *testing.F) {
	f.Add("ev.20260301T120000Z.p.inv-1." + strings.Repeat("0", 32))
	f.Fuzz(func(t *testing.T, name string) {
		if tag, ok := parseEntryTag(name); ok && tag.String() != name {
			t.Errorf("%q is read as %q", name, tag)
		}
	})
}
