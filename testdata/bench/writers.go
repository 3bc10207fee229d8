package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/store/oci"
	"github.com/assay-dev/assay/core/store/registrytest"
	"github.com/assay-dev/assay/core/store/storetest"
)

// Writers is what becomes of entries that many processes append at once, and what appending one takes.
type Writers struct {
	Processes int       `json:"processes"`
	Each      int       `json:"each"`
	Crowds    []Crowded `json:"crowds"`
	Appends   []Appends `json:"appends"`
}

// Crowded is what became of a crowd's entries in one place, both ways.
type Crowded struct {
	Place string  `json:"place"`
	Assay Counted `json:"assay"`
	Naive Counted `json:"naive"`
}

// Counted are entries: those that were acknowledged, those of which an error was given, and of those that
// were acknowledged those that were not there afterwards.
type Counted struct {
	Kept    int `json:"kept"`
	Refused int `json:"refused"`
	Lost    int `json:"lost"`
	// Doubled were there more than once.
	Doubled int `json:"doubled"`
	// Why is the first error.
	Why     string  `json:"why,omitempty"`
	Seconds float64 `json:"seconds"`
}

// crowd is what is measured: as many processes as must be borne, and their thousand entries.
var crowd = storetest.Crowd{Processes: 50, Each: 20}

// folder is the place that is no registry.
const folder = "directory"

// places are where a crowd writes to, with their names for people.
var places = []struct{ kind, name string }{
	{folder, "a directory"},
	{string(registrytest.InProcess), "go-containerregistry's registry, without the referrers API"},
	{string(registrytest.InProcessReferrers), "the same, with it"},
	{string(registrytest.Distribution), "distribution 3.1.2, which has no referrers API"},
	{string(registrytest.DistributionAuth), "the same, with user and password"},
	{string(registrytest.Olareg), "olareg 0.1.2, which has it"},
}

// The two ways to write.
const (
	assayWay = "assay"
	naiveWay = "naive"
)

// target says how a place is reached: the kind, and the directory, or host/repository.
type target struct{ kind, at string }

func (t target) store(ctx context.Context) (core.Store, error) {
	if t.kind == folder {
		return store.OpenDir(t.at)
	}
	return oci.Open(ctx, t.at, oci.Options{Keychain: t.keys(), PublicEvidence: true})
}

// errUnreadable says that the naive way left nothing that could be read.
var errUnreadable = errors.New("the list of all entries is no longer readable")

// roomForCrowd is what all takes at a time, in bytes.
const roomForCrowd = 1 << 30

// writers measures it all.
func (d *desk) writers(ctx context.Context) (*Writers, error) {
	w := &Writers{Processes: crowd.Processes, Each: crowd.Each}
	var err error
	if w.Crowds, err = d.crowds(ctx, crowd); err != nil {
		return nil, err
	}
	w.Appends, err = d.appends(ctx, appendPairs)
	return w, err
}

// crowds has a crowd write to every place, both ways in turn.
func (d *desk) crowds(ctx context.Context, c storetest.Crowd) (all []Crowded, err error) {
	for _, p := range places {
		of := Crowded{Place: p.name}
		for _, way := range []string{assayWay, naiveWay} {
			counted, err := d.crowded(ctx, c, p.kind, way)
			if err != nil {
				return nil, fmt.Errorf("%s, the %s way: %w", p.name, way, err)
			}
			if way == assayWay {
				of.Assay = counted
			} else {
				of.Naive = counted
			}
			d.say("  %s, the %s way: %s", p.name, way, counted)
		}
		all = append(all, of)
	}
	return all, nil
}

// crowded has it write to one place that is empty.
func (d *desk) crowded(ctx context.Context, c storetest.Crowd, kind, way string) (counted Counted, err error) {
	t, stop, err := d.target(ctx, kind, "crowd-"+way)
	if err != nil {
		return counted, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if way == naiveWay {
		if err := t.prepareNaive(ctx); err != nil {
			return counted, err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return counted, err
	}
	told, err := c.Run(func(n int) *exec.Cmd {
		cmd := exec.CommandContext(ctx, self, writerWord, way, t.kind, t.at, strconv.Itoa(n), strconv.Itoa(c.Processes), strconv.Itoa(c.Each))
		cmd.Env = d.env
		return cmd
	})
	if err != nil {
		return counted, err
	}
	found, err := t.found(ctx, c, way)
	switch {
	case errors.Is(err, errUnreadable):
		told.Errors = append([]string{err.Error()}, told.Errors...) // and all is lost
	case err != nil:
		return counted, fmt.Errorf("looking what is there: %w", err)
	}
	lost, doubled := told.Compare(found)
	counted = Counted{Kept: len(told.Kept), Refused: len(told.Failed), Lost: len(lost), Doubled: len(doubled), Seconds: told.Took.Seconds()}
	if len(told.Errors) > 0 {
		counted.Why = told.Errors[0]
	}
	return counted, nil
}

// target makes an empty place. What it keeps is removed by stop.
func (d *desk) target(ctx context.Context, kind, name string) (t target, stop func() error, err error) {
	dir, err := os.MkdirTemp(d.dir, name+"-")
	if err != nil {
		return t, nil, err
	}
	remove := func() error { return os.RemoveAll(dir) }
	if kind == folder {
		return target{kind, filepath.Join(dir, "store")}, remove, nil
	}
	s, err := registrytest.Run(ctx, registrytest.Kind(kind), dir)
	if err != nil {
		return t, nil, errors.Join(err, remove())
	}
	return target{kind, s.Host + "/bench/evidence"}, func() error { return errors.Join(s.Stop(), remove()) }, nil
}

// found counts the entries that are there, by ID.
func (t target) found(ctx context.Context, c storetest.Crowd, way string) (map[string]int, error) {
	if way == naiveWay {
		return t.foundNaive(ctx, c)
	}
	s, err := t.store(ctx)
	if err != nil {
		return nil, err
	}
	found := map[string]int{}
	for e, err := range s.Query(ctx, evidence.Query{}) {
		if err != nil {
			return nil, err
		}
		found[e.ID]++
	}
	return found, nil
}

// writerWord makes this program one process of a crowd:
//
//	bench writer assay|naive KIND TARGET N PROCESSES EACH
const writerWord = "writer"

func writer(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) != 6 {
		return errors.New("the word writer takes a way, a kind of place, where it is, and three numbers")
	}
	way, t := args[0], target{args[1], args[2]}
	var numbers [3]int
	for i, s := range args[3:] {
		n, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("reading the number %q: %w", s, err)
		}
		numbers[i] = n
	}
	keep := t.keepNaive
	if way == assayWay {
		s, err := t.store(ctx)
		if err != nil {
			return err
		}
		keep = func(ctx context.Context, e evidence.Entry, files fs.FS) error { return s.Append(ctx, e, files) }
	}
	c := storetest.Crowd{Processes: numbers[1], Each: numbers[2]}
	return c.Append(ctx, numbers[0], keep, stdin, stdout)
}

func (c Counted) String() string {
	said := fmt.Sprintf("%d kept, %d refused, %d lost, %d doubled, %.1f s", c.Kept, c.Refused, c.Lost, c.Doubled, c.Seconds)
	if c.Why != "" {
		said += " (" + strings.ToValidUTF8(c.Why[:min(len(c.Why), 200)], "") + ")"
	}
	return said
}
