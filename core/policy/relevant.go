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
	// abouts are what evidence must be about, by suite and environment.
	abouts map[suiteIn][]about
	// demanded are the suites and environments that the policy demands.
	demanded map[suiteIn]bool
	suites   map[string]bool
	// about and any count the runs that are kept.
	about map[suiteIn]int
	any   map[string]int
	runs  map[runKey]bool
	// room counts the demanded whose runs are not all kept.
	room int
}

type suiteIn struct{ suite, environment string }

func newSelection(in Input) *selection {
	s := &selection{abouts: map[suiteIn][]about{}, demanded: map[suiteIn]bool{}, suites: map[string]bool{},
		about: map[suiteIn]int{}, any: map[string]int{}, runs: map[runKey]bool{}}
	wants := wantsBySuite(in.Wants)
	demands, _ := demands(in, wants)
	for _, d := range demands {
		if d.suite == "" {
			continue
		}
		at := suiteIn{d.suite, d.environment}
		want, known := wants[d.suite]
		if !known {
			want = Want{Suite: d.suite}
		}
		s.suites[d.suite], s.demanded[at] = true, true
		s.abouts[at] = append(s.abouts[at], aboutOf(in, want, d))
	}
	for name, want := range wants {
		at := suiteIn{name, in.Environment}
		s.suites[name] = true
		if len(s.abouts[at]) == 0 {
			s.abouts[at] = []about{aboutOf(in, want, demand{suite: name, environment: in.Environment})}
		}
	}
	s.room = len(s.demanded)
	return s
}

// offer says whether an entry matters.
func (s *selection) offer(e evidence.Entry) (keep bool) {
	consider := func(run, suite string, subject evidence.Subject) {
		key := runKey{e.Invocation, run, suite}
		if s.runs[key] || s.wanted(suite, e.Environment.Name, subject) {
			s.runs[key], keep = true, true
		}
	}
	if e.Plan != nil {
		for _, p := range e.Plan.Runs {
			consider(p.Run, p.Suite, p.Subject)
		}
	}
	if e.Result != nil {
		consider(e.Result.Run, e.Result.Suite, e.Result.Subject)
	}
	return keep
}

// wanted counts a run and says whether there is room for it.
func (s *selection) wanted(suite, environment string, subject evidence.Subject) bool {
	if !s.suites[suite] {
		return false
	}
	at := suiteIn{suite, environment}
	abouts := s.abouts[at]
	if environment == "" {
		// What was brought in and does not say where it ran may count anywhere.
		for of, list := range s.abouts {
			if of.suite == suite {
				abouts = append(abouts, list...)
			}
		}
	}
	wanted := false
	for _, a := range abouts {
		if s.about[at] < Considered && a.concerns(&ran{subject: subject}) {
			if s.about[at]++; s.about[at] == Considered && s.demanded[at] {
				s.room--
			}
			wanted = true
			break
		}
	}
	if s.any[suite] < others {
		s.any[suite]++
		wanted = true
	}
	return wanted
}

// full says whether nothing older can matter.
func (s *selection) full() bool { return len(s.demanded) > 0 && s.room == 0 }
