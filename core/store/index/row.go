package index

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
)

// Terms are what records are found by. Each is a hash of a word and what it is of: what is found is looked
// at again where two words may share one.
const (
	ofRun        = "run"
	ofSuite      = "suite"
	ofOwner      = "owner"
	ofInvocation = "invocation"
	ofCommit     = "commit"
	ofImage      = "image"
	ofKind       = "kind"
	ofSeries     = "series"
	ofCase       = "case"
	ofTest       = "test"
)

func term(of string, words ...string) int64 {
	var room [256]byte
	b := append(room[:0], of...)
	for _, w := range words {
		b = append(binary.AppendUvarint(b, uint64(len(w))), w...)
	}
	sum := sha256.Sum256(b)
	return int64(binary.BigEndian.Uint64(sum[:8]) >> 2)
}

// commitTerm is of the first characters of a commit, which Query takes for the whole.
func commitTerm(commit string) int64 { return term(ofCommit, commit[:min(len(commit), 7)]) }

// row is a record as the tables have it.
type row struct {
	name   string
	entry  evidence.Entry // its head
	digest [sha256.Size]byte
	terms  []int64
	// series is the suite, environment and covers of a result.
	covers []byte
	// told are the tests that did not simply pass, roster all that were named, and others what is told of those
	// that were not.
	told   map[int64]evidence.TestState
	roster []byte
	others evidence.TestState
}

func rowOf(r backend.Record) row {
	e := r.Entry
	w := row{name: r.Name, entry: evidence.HeadOf(e), digest: sha256.Sum256(r.Data)}
	add := func(of, word string) {
		if word != "" {
			w.terms = append(w.terms, term(of, word))
		}
	}
	subject := func(run, suite, owner string, s evidence.Subject) {
		add(ofRun, run)
		add(ofSuite, suite)
		add(ofOwner, owner)
		if s.Commit != "" {
			w.terms = append(w.terms, commitTerm(s.Commit))
		}
		for _, i := range s.Images {
			add(ofImage, digestOf(i))
		}
	}
	add(ofInvocation, e.Invocation)
	if e.Context.HeadSHA != "" {
		w.terms = append(w.terms, commitTerm(e.Context.HeadSHA))
	}
	if e.Result == nil {
		add(ofKind, e.Kind)
	}
	if e.Plan != nil {
		for _, p := range e.Plan.Runs {
			subject(p.Run, p.Suite, p.Owner, p.Subject)
		}
	}
	if res := e.Result; res != nil {
		subject(res.Run, res.Suite, res.Owner, res.Subject)
		for _, list := range [][]evidence.Workload{res.Observed.Start, res.Observed.End} {
			for _, workload := range list {
				for _, i := range workload.Images {
					add(ofImage, digestOf(i))
				}
			}
		}
		w.covers, _ = json.Marshal(res.Covers) // strings are always written
		w.tests(res)
	}
	slices.Sort(w.terms)
	w.terms = slices.Compact(w.terms)
	return w
}

func (w *row) tests(res *evidence.Result) {
	named, others := evidence.StatesOf(res.Report)
	w.others = others
	roster := make([]int64, 0, len(named))
	for id, state := range named {
		roster = append(roster, term(ofCase, id))
		if state != evidence.TestPassed {
			if w.told == nil {
				w.told = map[int64]evidence.TestState{}
			}
			w.told[term(ofTest, res.Suite, id)] = state
		}
	}
	slices.Sort(roster)
	w.roster = make([]byte, 0, 8*len(roster))
	for _, t := range roster {
		w.roster = binary.BigEndian.AppendUint64(w.roster, uint64(t))
	}
}

// onRoster says whether a test is on a roster.
func onRoster(roster []byte, test int64) bool {
	lo, hi := 0, len(roster)/8
	for lo < hi {
		mid := (lo + hi) / 2
		if binary.BigEndian.Uint64(roster[8*mid:]) < uint64(test) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo < len(roster)/8 && binary.BigEndian.Uint64(roster[8*lo:]) == uint64(test)
}

// digestOf is the digest of an image's reference; one without any is its own.
func digestOf(image string) string { return image[strings.LastIndexByte(image, '@')+1:] }

// order is the place of an entry among others, the newest first: by time, kind and id as a Dir has them.
type order struct {
	second         int64
	ns             int
	kind, id, name string
}

func orderOf(e evidence.Entry, name string) order {
	return order{e.Time.Unix(), e.Time.Nanosecond(), e.Kind, e.ID, name}
}

// before is below 0 where o is given before p.
func (o order) before(p order) int {
	if c := cmp.Compare(p.second, o.second); c != 0 {
		return c
	}
	if c := cmp.Compare(p.ns, o.ns); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(p.rank(), o.rank()), cmp.Compare(p.name, o.name))
}

func (o order) rank() string { return strings.ToLower(o.kind) + "-" + o.id + ".json" }
