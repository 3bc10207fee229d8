package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing/fstest"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/oci"
	"github.com/assay-dev/assay/core/store/registrytest"
	"github.com/assay-dev/assay/core/store/storetest"
)

// Appends is what appending one entry takes, beside pushing as many bytes as one blob with a manifest.
type Appends struct {
	Place string `json:"place"`
	What  string `json:"what"`
	// Bytes are those of the entry and its files, and of the blob.
	Bytes int64    `json:"bytes"`
	Assay []Pushed `json:"assay"`
	Raw   []Pushed `json:"raw"`
}

// Pushed is one append or push.
type Pushed struct {
	Seconds  float64 `json:"seconds"`
	Requests int     `json:"requests"`
}

// appendBound is how many times as long as the raw push appending may take.
const appendBound = 2.0

// appendPairs is how many of each are measured, in turn, after a few that do not count.
const (
	appendPairs   = 60
	appendWarming = 5
)

// sizes of the files that come with an entry.
var appendSizes = []struct {
	what  string
	sizes []int
}{
	{"an entry alone", nil},
	{"an entry with 3 files, 1 MB", []int{20_000, 180_000, 800_000}},
}

// far is how much later each answer comes from a registry that is elsewhere.
const far = 20 * time.Millisecond

// appendPlaces are where it is measured.
var appendPlaces = []struct {
	kind, name string
	delay      time.Duration
}{
	{string(registrytest.Distribution), "distribution", 0},
	{string(registrytest.Distribution), fmt.Sprintf("distribution, each answer %d ms later", far.Milliseconds()), far},
	{string(registrytest.Olareg), "olareg", 0},
}

// appends measures them all.
func (d *desk) appends(ctx context.Context, pairs int) (all []Appends, err error) {
	for _, p := range appendPlaces {
		for _, s := range appendSizes {
			a, err := d.appendsTo(ctx, p.kind, p.delay, s.sizes, pairs)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", p.name, s.what, err)
			}
			a.Place, a.What = p.name, s.what
			d.say("  %s, %s: %s, raw %s, ratio %s", a.Place, a.What, a.spread(a.Assay), a.spread(a.Raw), quartiles(a.ratios(), ""))
			all = append(all, a)
		}
	}
	return all, nil
}

func (d *desk) appendsTo(ctx context.Context, kind string, delay time.Duration, sizes []int, pairs int) (a Appends, err error) {
	t, stop, err := d.target(ctx, kind, "append")
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	ours, theirs := newCounting(delay), newCounting(delay)
	s, err := oci.Open(ctx, t.at, oci.Options{Keychain: t.keys(), Transport: ours, PublicEvidence: true})
	if err != nil {
		return a, err
	}
	raw, err := newRawPusher(ctx, t, theirs)
	if err != nil {
		return a, err
	}
	random := rand.New(rand.NewPCG(7, 7))
	for i := range appendWarming + pairs {
		e, files, blob, err := appended(random, i, sizes)
		if err != nil {
			return a, err
		}
		var assay, pushed Pushed
		both := []func() error{
			func() (err error) {
				assay, err = ours.pushed(func() error { return s.Append(ctx, e, files) })
				return err
			},
			func() (err error) {
				pushed, err = theirs.pushed(func() error { return raw.push(ctx, i, blob) })
				return err
			},
		}
		if i%2 == 1 {
			both[0], both[1] = both[1], both[0]
		}
		if err := errors.Join(both[0](), both[1]()); err != nil {
			return a, err
		}
		if i >= appendWarming {
			a.Bytes = int64(len(blob))
			a.Assay, a.Raw = append(a.Assay, assay), append(a.Raw, pushed)
		}
	}
	return a, nil
}

// appended makes an entry with files of these sizes, and a blob of as many other bytes: no registry has seen either.
func appended(random *rand.Rand, i int, sizes []int) (evidence.Entry, fs.FS, []byte, error) {
	noise := func(size int) []byte {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	files, listed, total := fstest.MapFS{}, []evidence.File{}, 0
	for n, size := range sizes {
		path, content := fmt.Sprintf("artifacts/%d", n), noise(size)
		files[path] = &fstest.MapFile{Data: content}
		listed = append(listed, storetest.File(path, content))
		total += size
	}
	e := storetest.Result(i, 1, "smoke", listed...)
	text, err := evidence.Marshal(e)
	return e, files, noise(total + len(text)), err
}

// rawPusher pushes the quickest way that go-containerregistry has: one client for all, one blob, one
// manifest under a tag, and a configuration that is there.
type rawPusher struct {
	*remote.Pusher
	repo   name.Repository
	config v1.Descriptor
}

func newRawPusher(ctx context.Context, t target, transport http.RoundTripper) (*rawPusher, error) {
	repo, err := name.NewRepository(t.at)
	if err != nil {
		return nil, err
	}
	pusher, err := remote.NewPusher(append(t.remote(ctx), remote.WithTransport(transport))...)
	if err != nil {
		return nil, err
	}
	config := static.NewLayer([]byte("{}"), "application/vnd.oci.empty.v1+json")
	if err := pusher.Upload(ctx, repo, config); err != nil {
		return nil, err
	}
	described, err := describe(config)
	return &rawPusher{pusher, repo, described}, err
}

func (p *rawPusher) push(ctx context.Context, i int, content []byte) error {
	blob := static.NewLayer(content, naiveMedia)
	if err := p.Upload(ctx, p.repo, blob); err != nil {
		return err
	}
	described, err := describe(blob)
	if err != nil {
		return err
	}
	return p.Put(ctx, p.repo.Tag(fmt.Sprint("raw-", i)), rawManifest{v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: p.config, Layers: []v1.Descriptor{described},
	}})
}

// rawManifest is an image's manifest that is what it says.
type rawManifest struct{ v1.Manifest }

func (m rawManifest) RawManifest() ([]byte, error)        { return json.Marshal(m.Manifest) }
func (m rawManifest) MediaType() (types.MediaType, error) { return m.Manifest.MediaType, nil }

func describe(layer v1.Layer) (d v1.Descriptor, err error) {
	if d.Digest, err = layer.Digest(); err != nil {
		return d, err
	}
	if d.Size, err = layer.Size(); err != nil {
		return d, err
	}
	d.MediaType, err = layer.MediaType()
	return d, err
}

// counting counts requests, and gives each answer later by the delay.
type counting struct {
	next  http.RoundTripper
	delay time.Duration
	n     atomic.Int64
}

// newCounting has connections of its own.
func newCounting(delay time.Duration) *counting {
	return &counting{next: http.DefaultTransport.(*http.Transport).Clone(), delay: delay}
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	answer, err := c.next.RoundTrip(r)
	if c.delay > 0 {
		time.Sleep(c.delay)
	}
	return answer, err
}

func (c *counting) pushed(f func() error) (Pushed, error) {
	before, began := c.n.Load(), time.Now()
	err := f()
	return Pushed{Seconds: time.Since(began).Seconds(), Requests: int(c.n.Load() - before)}, err
}
