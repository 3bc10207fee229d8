package index

import (
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/assay-dev/assay/core/evidence"
)

// kinds are written as their place here.
var kinds = []string{"", evidence.KindPlan, evidence.KindResult, evidence.KindVerdict, evidence.KindHold, evidence.KindTombstone}

func kindNumber(kind string) int {
	for i, k := range kinds {
		if k == kind {
			return i
		}
	}
	return -1
}

// headWriter writes heads: numbers as varints, texts that entries share as their ids, others with their
// length. The first error stays.
type headWriter struct {
	b   []byte
	id  func(text string) (uint64, error)
	err error
}

func (w *headWriter) number(n uint64) { w.b = binary.AppendUvarint(w.b, n) }
func (w *headWriter) own(s string)    { w.b = append(binary.AppendUvarint(w.b, uint64(len(s))), s...) }

func (w *headWriter) text(s string) {
	if s == "" {
		w.number(0)
		return
	}
	id, err := w.id(s)
	if w.err == nil {
		w.err = err
	}
	w.number(id)
}

func (w *headWriter) subject(s evidence.Subject) {
	w.text(s.Kind)
	w.text(s.Commit)
	w.text(s.Tree)
	w.number(uint64(len(s.Images)))
	for _, image := range s.Images {
		w.text(image)
	}
}

// head writes what evidence.HeadOf leaves of an entry, but for its second, which its row's id tells.
func (w *headWriter) head(e evidence.Entry) {
	w.number(uint64(kindNumber(e.Kind)))
	w.number(uint64(e.Time.Nanosecond()))
	w.own(e.Invocation)
	w.text(e.Context.Repository)
	w.text(e.Context.Branch)
	w.text(e.Context.HeadSHA)
	w.number(uint64(e.Context.PullRequest))
	w.text(e.Environment.Name)
	switch {
	case e.Plan != nil:
		w.number(uint64(len(e.Plan.Runs)))
		for _, r := range e.Plan.Runs {
			w.own(r.Run)
			w.text(r.Suite)
			w.text(r.Owner)
			w.subject(r.Subject)
		}
	case e.Result != nil:
		r := e.Result
		w.own(r.Run)
		w.number(uint64(r.Attempt))
		w.text(r.Suite)
		w.text(r.Owner)
		w.subject(r.Subject)
		w.text(r.Origin)
		w.text(string(r.Outcome))
	case e.Verdict != nil:
		w.text(e.Verdict.Decision)
		w.text(e.Verdict.Release)
	default:
		var body any = e.Hold
		if e.Tombstone != nil {
			body = e.Tombstone
		}
		raw, err := json.Marshal(body)
		if w.err == nil {
			w.err = err
		}
		w.own(string(raw))
	}
}

// headReader takes what a headWriter wrote off the beginning of a text. What it cannot is zero, and makes it bad.
type headReader struct {
	rest  string
	texts []string
	bad   bool
}

func (r *headReader) number() (n uint64) {
	for shift := 0; shift < 64 && len(r.rest) > 0; shift += 7 {
		b := r.rest[0]
		r.rest = r.rest[1:]
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	r.bad, r.rest = true, ""
	return 0
}

// count reads how many bytes, or other things of at least a byte each, follow.
func (r *headReader) count() uint64 {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, ""
		return 0
	}
	return n
}

func (r *headReader) own() string {
	n := r.count()
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (r *headReader) text() string {
	i := r.number()
	if i == 0 {
		return ""
	}
	if i > uint64(len(r.texts)) {
		r.bad, r.rest = true, ""
		return ""
	}
	return r.texts[i-1]
}

func (r *headReader) subject() evidence.Subject {
	s := evidence.Subject{Kind: r.text(), Commit: r.text(), Tree: r.text()}
	for range r.count() {
		s.Images = append(s.Images, r.text())
	}
	return s
}

// head reads a head of a second; ok is false where it is none.
func (r *headReader) head(second int64) (e evidence.Entry, ok bool) {
	kind := r.number()
	if kind == 0 || kind >= uint64(len(kinds)) {
		return e, false
	}
	e = evidence.Entry{APIVersion: evidence.APIVersion, Kind: kinds[kind], Time: time.Unix(second, int64(r.number())).UTC(), Invocation: r.own()}
	e.ID = e.Invocation
	e.Context.Repository, e.Context.Branch, e.Context.HeadSHA, e.Context.PullRequest = r.text(), r.text(), r.text(), int(r.number())
	e.Environment.Name = r.text()
	switch e.Kind {
	case evidence.KindPlan:
		e.Plan = &evidence.Plan{Runs: make([]evidence.PlannedRun, r.count())}
		for i := range e.Plan.Runs {
			e.Plan.Runs[i] = evidence.PlannedRun{Run: r.own(), Suite: r.text(), Owner: r.text(), Subject: r.subject()}
		}
	case evidence.KindResult:
		e.Result = &evidence.Result{Run: r.own(), Attempt: int(r.number()), Suite: r.text(), Owner: r.text(), Subject: r.subject(), Origin: r.text(), Outcome: evidence.Outcome(r.text())}
		e.ID = evidence.ResultID(e.Result.Run, e.Result.Attempt)
	case evidence.KindVerdict:
		e.Verdict = &evidence.Verdict{Decision: r.text(), Release: r.text()}
	case evidence.KindHold:
		e.Hold = &evidence.Hold{}
		r.bad = json.Unmarshal([]byte(r.own()), e.Hold) != nil || r.bad
	case evidence.KindTombstone:
		e.Tombstone = &evidence.Tombstone{}
		r.bad = json.Unmarshal([]byte(r.own()), e.Tombstone) != nil || r.bad
	}
	return e, !r.bad && r.rest == ""
}
