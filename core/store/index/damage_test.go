package index_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/store/index"
	"github.com/assay-dev/assay/core/store/storetest"
)

// Whatever happens to the file of the index, the answer is that of the store, and there is a good index again.
func TestIndexIsNeverTheTruth(t *testing.T) {
	p := newPlace(t, index.Options{})
	r := rand.New(rand.NewPCG(3, 3))
	for n := range 40 {
		p.keep(t, entry(r, n))
	}
	p.rest(t)
	want := scan(t, p.dir, evidence.Query{})
	require.Equal(t, want, storetest.All(t, p.Index, evidence.Query{}))
	require.NoError(t, p.Close())
	good, err := os.ReadFile(p.file)
	require.NoError(t, err)
	damage := map[string][]byte{"empty": {}, "a text": []byte("hello"), "longer": append(bytes.Clone(good), 0), "zeroes": make([]byte, len(good)), "garbage": bytes.Repeat([]byte("garbage "), len(good)/8)}
	for i := 0; i < len(good); i += 1 + len(good)/60 {
		damage[fmt.Sprint("cut off at ", i)] = good[:i]
		flipped := bytes.Clone(good)
		flipped[i] ^= 0x55
		damage[fmt.Sprint("flipped at ", i)] = flipped
	}
	for name, text := range damage {
		for _, open := range []bool{false, true} { // while it is open as well
			if !open {
				require.NoError(t, p.Close())
			}
			require.NoError(t, os.WriteFile(p.file, text, 0o644))
			require.Equal(t, want, storetest.All(t, p.Index, evidence.Query{}), name)
			q := query(r)
			same(t, p, q)
		}
	}
	require.NoError(t, p.Close())
	src := &counted{Dir: p.dir}
	x := index.Open(p.file, src, index.Options{})
	defer x.Close()
	assert.Equal(t, want, storetest.All(t, x, evidence.Query{}))
	assert.Zero(t, src.queries, "it is the index that answers again")
}

// Where no index can be kept the store answers.
func TestWithoutAnIndex(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, p place){
		"a directory stands in its place": func(t *testing.T, p place) { require.NoError(t, os.MkdirAll(filepath.Join(p.file, "x"), 0o755)) },
		"a link stands in its place": func(t *testing.T, p place) {
			require.NoError(t, os.MkdirAll(filepath.Dir(p.file), 0o755))
			require.NoError(t, os.Symlink("../entries", p.file))
		},
		"a file stands where its directory should be": func(t *testing.T, p place) { require.NoError(t, os.WriteFile(filepath.Dir(p.file), nil, 0o644)) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, index.Options{})
			p.keep(t, storetest.Plan(1, "smoke"), storetest.Result(1, 1, "smoke"))
			spoil(t, p)
			same(t, p, evidence.Query{})
			_, err := p.Reindex(t.Context(), nil)
			assert.ErrorContains(t, err, "the store can be read without it")
		})
	}
}

// An index that goes away, or breaks, while an answer is taken from it: the store gives the rest, and nothing twice.
func TestIndexLostWithinAnAnswer(t *testing.T) {
	for name, lose := range map[string]func(p place) error{
		"removed": func(p place) error { return os.Remove(p.file) },
		"broken":  func(p place) error { return os.WriteFile(p.file, []byte("hello"), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, index.Options{})
			for n := range 300 {
				p.keep(t, storetest.Plan(n, "smoke"))
			}
			p.rest(t)
			for range 2 {
				var ids []string
				for h, err := range p.Heads(t.Context(), evidence.Query{Limit: 290}) {
					require.NoError(t, err)
					if ids = append(ids, h.ID); len(ids) == 5 {
						require.NoError(t, lose(p))
					}
				}
				require.Len(t, ids, 290)
				for i, id := range ids {
					require.Equal(t, fmt.Sprint("inv-", 299-i), id)
				}
				n := 0
				for e, err := range p.Query(t.Context(), evidence.Query{}) {
					require.NoError(t, err)
					require.Equal(t, fmt.Sprint("inv-", 299-n), e.ID)
					if n++; n == 5 {
						require.NoError(t, lose(p))
					}
				}
				require.Equal(t, 300, n)
			}
		})
	}
}

// processVariable has the test binary look at a store until it has found so many entries.
const processVariable = "ASSAY_TEST_INDEX"

func TestMain(m *testing.M) {
	if path := os.Getenv(processVariable); path != "" {
		if err := watch(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// watch asks again and again, and never finds less than before nor anything twice.
func watch(path string) error {
	all, err := strconv.Atoi(os.Getenv(processVariable + "_ALL"))
	if err != nil {
		return err
	}
	d, err := store.OpenDir(path)
	if err != nil {
		return err
	}
	x := index.Open(filepath.Join(path, "cache", "index.db"), d, index.Options{})
	defer x.Close()
	deadline := time.Now().Add(2 * time.Minute)
	for last := 0; last < all; {
		seen := map[string]bool{}
		for h, err := range x.Heads(context.Background(), evidence.Query{Kind: evidence.KindResult}) {
			if err != nil {
				return err
			}
			if seen[h.ID] {
				return fmt.Errorf("%s is there twice", h.ID)
			}
			seen[h.ID] = true
		}
		if len(seen) < last {
			return fmt.Errorf("%d entries were found and then %d", last, len(seen))
		}
		last = len(seen)
		if time.Now().After(deadline) {
			return fmt.Errorf("%d entries of %d were found", last, all)
		}
	}
	return nil
}

// Processes that make and use one index, while another appends, find all that is there.
func TestProcessesShareAnIndex(t *testing.T) {
	const entries = 120
	p := newPlace(t, index.Options{})
	p.keep(t, storetest.Result(0, 1, "smoke"))
	var watchers sync.WaitGroup
	for range 3 {
		watchers.Go(func() {
			c := exec.CommandContext(t.Context(), os.Args[0])
			c.Env = append(os.Environ(), processVariable+"="+p.path, processVariable+"_ALL="+strconv.Itoa(entries))
			out, err := c.CombinedOutput()
			assert.NoError(t, err, string(out))
		})
	}
	for n := 1; n < entries; n++ {
		require.NoError(t, p.dir.Append(t.Context(), storetest.Result(n, 1, "smoke"), nil))
	}
	watchers.Wait()
	same(t, p, evidence.Query{})
}
