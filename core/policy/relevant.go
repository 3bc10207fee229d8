package policy

import (
	"iter"

	"github.com/assay-dev/assay/core/evidence"
)

// Considered is how many runs of a suite in an environment a decision looks at: the newest ones that
// are about what is under test. Flakiness and since when something fails are told as far back as that.
const Considered = 50

// others is how many further runs are kept, about anything and anywhere, to say what there is where
// the right evidence is missing.
const others = 5

// Relevant keeps of a record, newest first, what can matter to the decision, so that its size is
// bounded by the catalog and not by the store, and offers to h, which may be nil, the results that it
// wants. It reads no entry that its head rules out, and stops when nothing older can matter.
func Relevant(in Input, heads iter.Seq2[evidence.Head, error], h *Historian) ([]evidence.Entry, error) {
	s := newSelection(in)
	var kept []evidence.Entry
	for head, err := range heads {
		if err != nil {
			return nil, err
		}
		keep, wanted := s.offer(head.Entry), h.Wants(head.Entry)
		if keep || wanted {
			e, err := head.Read()
			if err != nil {
				return nil, err
			}
			if keep {
				kept = append(kept, e)
			}
			h.Offer(e)
		}
		if s.full() && h.Full() {
			break
		}
	}
	return kept, nil
}

type selection struct {
	// sought are what evidence must be about, by suite and environment.
	sought map[suiteIn][]*sought
	suites map[string]bool
	// any counts the runs that are kept whatever they are about.
	any  map[string]int
	runs map[runKey]bool
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

type suiteIn struct{ suite, environment string }

func newSelection(in Input) *selection {
	s := &selection{sought: map[suiteIn][]*sought{}, suites: map[string]bool{}, any: map[string]int{}, runs: map[runKey]bool{}}
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
	return s
}

// offer says whether an entry matters.
func (s *selection) offer(e evidence.Entry) (keep bool) {
	consider := func(r ran, suite string, imported bool) {
		key := runKey{e.Invocation, r.run, suite}
		if s.runs[key] || s.wanted(suite, e.Environment.Name, &r, imported) {
			s.runs[key], keep = true, true
		}
	}
	if e.Plan != nil {
		for _, p := range e.Plan.Runs {
			consider(ran{run: p.Run, subject: p.Subject}, p.Suite, false)
		}
	}
	if e.Result != nil {
		consider(ran{run: e.Result.Run, subject: e.Result.Subject}, e.Result.Suite, e.Result.Origin == evidence.OriginImported)
	}
	return keep
}

// wanted counts a run and says whether there is room for it.
func (s *selection) wanted(suite, environment string, r *ran, imported bool) bool {
	if !s.suites[suite] {
		return false
	}
	list := s.sought[suiteIn{suite, environment}]
	if environment == "" {
		// What was brought in and does not say where it ran may count anywhere.
		for of, more := range s.sought {
			if of.suite == suite {
				list = append(list[:len(list):len(list)], more...)
			}
		}
	}
	wanted := false
	for _, a := range list {
		n := &a.cluster
		if imported {
			n = &a.imported
		}
		if *n >= Considered || !a.concerns(r) {
			continue
		}
		wanted = true
		if *n++; n == &a.cluster && *n == Considered && a.demanded {
			s.room--
		}
	}
	if s.any[suite] < others {
		s.any[suite]++
		wanted = true
	}
	return wanted
}

// full says whether nothing older can matter.
func (s *selection) full() bool { return s.demanded > 0 && s.room == 0 }
