package policy

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
)

// Considered is how many runs of a suite in an environment a decision looks at: the newest ones that
// are about what is under test. Flakiness and since when something fails are told as far back as that.
const Considered = 50

// others is how many further runs are kept, about anything and anywhere, to say what there is where
// the right evidence is missing.
const others = 5

// Relevant completes an input with what of a record, newest first, can matter to the decision, so that
// its size is bounded by the catalog and not by the store, and offers to h, which may be nil, the results
// that it wants. It reads no entry that its head rules out, and stops when nothing older can matter.
//
// Where the policy has producers, vouch is asked who signed those entries that would matter. What does
// not count takes nobody's place: it is told in the input's Foreign.
func Relevant(in Input, heads iter.Seq2[evidence.Head, error], h *Historian, vouch func(evidence.Entry) (Voucher, error)) (Input, error) {
	s := newSelection(in)
	in.Entries, in.Vouchers = nil, nil
	for head, err := range heads {
		if err != nil {
			return in, err
		}
		c := &candidate{Head: head, vouching: s.vouching, vouch: vouch}
		keep, err := s.offer(c)
		if err != nil {
			return in, err
		}
		wanted := h.Wants(head.Entry)
		if wanted && s.vouching != nil {
			e, err := c.whole()
			if err != nil {
				return in, err
			}
			if wanted, err = c.counts(e.Result.Suite); err != nil {
				return in, err
			}
		}
		if keep || wanted {
			e, err := c.whole()
			if err != nil {
				return in, err
			}
			if keep {
				in.Entries = append(in.Entries, e)
				if c.voucher != nil {
					in.Vouchers = append(in.Vouchers, *c.voucher)
				}
			}
			h.Offer(e)
		}
		if s.full() && h.Full() {
			break
		}
	}
	in.Foreign = s.told()
	return in, nil
}

// candidate is an entry that may matter. It is read, and asked who vouches for it, when it takes that to
// tell, and each once.
type candidate struct {
	evidence.Head
	vouching *Vouching
	vouch    func(evidence.Entry) (Voucher, error)
	entry    *evidence.Entry
	voucher  *Voucher
}

func (c *candidate) whole() (evidence.Entry, error) {
	if c.entry == nil {
		e, err := c.Read()
		if err != nil {
			return e, err
		}
		c.entry = &e
	}
	return *c.entry, nil
}

// counts says whether the entry counts as far as it is about the suite.
func (c *candidate) counts(suite string) (bool, error) {
	if c.vouching == nil {
		return true, nil
	}
	if c.voucher == nil {
		e, err := c.whole()
		if err != nil {
			return false, err
		}
		v, err := c.vouch(e)
		if err != nil {
			return false, err
		}
		c.voucher = &v
	}
	return c.vouching.Counts(suite, *c.voucher), nil
}

type selection struct {
	vouching *Vouching
	// sought are what evidence must be about, by suite and environment.
	sought map[suiteIn][]*sought
	// order are the keys of sought, sorted.
	order  []suiteIn
	suites map[string]bool
	// any counts the runs that are kept whatever they are about.
	any map[string]int
	// looked counts the entries of a suite that were looked at in vain.
	looked map[string]int
	runs   map[runKey]bool
	// left are the runs that do not count, and foreign what is told of them.
	left    map[runKey]bool
	foreign map[suiteIn]*Foreign
	// demanded counts what the policy demands, and room what of it may still have older runs.
	demanded, room int
}

// sought is what evidence must be about for one cell, or for all cells of a suite where they are
// judged by the same runs.
type sought struct {
	about
	demanded bool
	// cluster and imported count the runs that are kept. They are counted apart: what was brought in
	// must not crowd out what the cluster said.
	cluster, imported int
}

// count is the one of the two counters that a run is counted by.
func (a *sought) count(imported bool) *int {
	if imported {
		return &a.imported
	}
	return &a.cluster
}

type suiteIn struct{ suite, environment string }

func newSelection(in Input) *selection {
	s := &selection{vouching: NewVouching(in), sought: map[suiteIn][]*sought{}, suites: map[string]bool{}, any: map[string]int{}, looked: map[string]int{}, runs: map[runKey]bool{},
		left: map[runKey]bool{}, foreign: map[suiteIn]*Foreign{}}
	wants := wantsBySuite(in.Wants)
	demands, _ := demands(in, wants)
	for _, d := range demands {
		if d.suite == "" {
			continue
		}
		at := suiteIn{d.suite, d.environment}
		s.suites[d.suite] = true
		if d.release == nil && len(s.sought[at]) > 0 {
			continue // without a release the cells of a suite are about the same
		}
		want, known := wants[d.suite]
		if !known {
			want = Want{Suite: d.suite}
		}
		s.sought[at] = append(s.sought[at], &sought{about: aboutOf(in, want, d), demanded: true})
		s.demanded++
	}
	for name, want := range wants {
		at := suiteIn{name, in.Environment}
		s.suites[name] = true
		if len(s.sought[at]) == 0 {
			s.sought[at] = []*sought{{about: aboutOf(in, want, demand{suite: name, environment: in.Environment})}}
		}
	}
	s.room = s.demanded
	for at := range s.sought {
		s.order = append(s.order, at)
	}
	slices.SortFunc(s.order, func(a, b suiteIn) int {
		return cmp.Or(strings.Compare(a.suite, b.suite), strings.Compare(a.environment, b.environment))
	})
	return s
}

// offer says whether an entry matters.
func (s *selection) offer(c *candidate) (keep bool, err error) {
	e := c.Entry
	consider := func(r ran, suite string, imported bool) error {
		if !s.suites[suite] {
			return nil
		}
		key := runKey{e.Invocation, r.run, suite}
		known := s.runs[key]
		if known && s.vouching == nil {
			keep = true
			return nil
		}
		fills := s.filledBy(&r, suite, e.Environment.Name, imported)
		// What is about something else only explains: it is not looked for without end.
		explains := s.any[suite] < others && (len(fills) > 0 || s.looked[suite] < Considered)
		if !known && len(fills) == 0 && !explains {
			return nil
		}
		counts, err := c.counts(suite)
		if err != nil {
			return err
		}
		if !counts {
			if s.looked[suite]++; len(fills) > 0 {
				s.leaveOut(key, fills[0].environment, c)
			}
			return nil
		}
		s.runs[key], keep = true, true
		if known {
			return nil
		}
		for _, a := range fills {
			n := a.count(imported)
			if *n++; !imported && *n == Considered && a.demanded {
				s.room--
			}
		}
		if explains {
			s.any[suite]++
		}
		return nil
	}
	if e.Plan != nil {
		for _, p := range e.Plan.Runs {
			if err := consider(ran{run: p.Run, subject: p.Subject}, p.Suite, false); err != nil {
				return false, err
			}
		}
	}
	if e.Result != nil {
		err = consider(ran{run: e.Result.Run, subject: e.Result.Subject}, e.Result.Suite, e.Result.Origin == evidence.OriginImported)
	}
	return keep, err
}

// filledBy gives what a run of the suite may be evidence of, as far as there is room for it.
func (s *selection) filledBy(r *ran, suite, environment string, imported bool) []*sought {
	list := s.sought[suiteIn{suite, environment}]
	if environment == "" {
		// What was brought in and does not say where it ran may count anywhere.
		for _, of := range s.order {
			if of.suite == suite {
				list = append(list[:len(list):len(list)], s.sought[of]...)
			}
		}
	}
	var out []*sought
	for _, a := range list {
		if *a.count(imported) < Considered && a.concerns(r) {
			out = append(out, a)
		}
	}
	return out
}

// leaveOut remembers a run that does not count. The newest entry of it comes first, and is shown.
func (s *selection) leaveOut(key runKey, environment string, c *candidate) {
	if s.left[key] {
		return
	}
	s.left[key] = true
	at := suiteIn{key.suite, environment}
	f := s.foreign[at]
	if f == nil {
		f = &Foreign{Suite: key.suite, Environment: environment}
		s.foreign[at] = f
	}
	if f.Runs++; len(f.Newest) < shownForeign {
		r := ForeignRun{Run: key.run, At: c.Time.UTC(), Voucher: *c.voucher}
		if c.Result != nil {
			r.Outcome = c.Result.Outcome
		}
		f.Newest = append(f.Newest, r)
	}
}

// told is what was left out, in a fixed order.
func (s *selection) told() []Foreign {
	var out []Foreign
	for _, f := range s.foreign {
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b Foreign) int {
		return cmp.Or(strings.Compare(a.Suite, b.Suite), strings.Compare(a.Environment, b.Environment))
	})
	return out
}

// full says whether nothing older can matter.
func (s *selection) full() bool { return s.demanded > 0 && s.room == 0 }
