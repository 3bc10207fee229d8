package summary

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
)

// evidenceView is what the verdict rests on: the runs, and in an appendix every digest in full.
type evidenceView struct {
	Intro  string
	Runs   []evidenceRow
	More   string
	Verify string
	// Digests are those that the page names shortly.
	Digests     []digestView
	DigestsMore string
	// Basis are commit and policy in full.
	Basis []pageFact
	// Images are the images under test, in full.
	Images     []imageView
	ImagesMore string
	// Notes are what a reader should know before trusting a run.
	Notes     []string
	NotesMore string
}

// evidenceRow is one run.
type evidenceRow struct {
	Suite, Where, Run, Word, Shape, Rests, Ended string
	Digests                                      []digestView
}

type imageView struct{ Workload, Image, Commit string }

// digestView is the digest of an entry: short where it is referred to, whole in the appendix.
type digestView struct {
	// ID is the place in the appendix; zero where there was no room for it.
	ID          int
	Short, Full string
	Suite, Run  string
}

// digestList collects the digests that the page names, each once.
type digestList struct {
	list []digestView
	at   map[string]int
	// left counts those there was no room for.
	left int
}

// all gives them, and in words how many there was no room for.
func (l *digestList) all() (list []digestView, more string) {
	if l.left > 0 {
		more = counted(l.left, "more digest") + " not shown here."
	}
	return l.list, more
}

// refer gives the places in the appendix of the digests of a run's entries.
func (l *digestList) refer(digests []string, suite, run string) (out []digestView) {
	if l.at == nil {
		l.at = map[string]int{}
	}
	for _, d := range digests {
		d = oneLine(d)
		i, seen := l.at[d]
		if !seen {
			v := digestView{Short: shorten(shortDigest(d), longestName), Full: shorten(d, 2*longestName), Suite: title(suite), Run: title(run)}
			if len(l.list) < pageDigests {
				v.ID = len(l.list) + 1
				l.list = append(l.list, v)
				l.at[d] = v.ID
			} else {
				l.at[d] = 0
				l.left++
			}
			i = v.ID
		}
		if len(out) < pageTests {
			out = append(out, digestView{ID: i, Short: shorten(shortDigest(d), longestName)})
		}
	}
	return out
}

func evidenceOf(s Summary, all []row, digests *digestList) (out evidenceView) {
	type key struct{ suite, environment, run string }
	var order []key
	// Of the cells that a run fills the worst is shown; a release may have some that it does not fill.
	found := map[key]*row{}
	entries := map[key][]string{}
	add := func(r row, digests []string) {
		k := key{r.suite, r.environment, r.run}
		if r.run == "" {
			return
		}
		have := found[k]
		switch {
		case have == nil:
			order = append(order, k)
			found[k] = &r
		case r.state != "" && (have.state == "" || policyRank(r.state) < policyRank(have.state)):
			have.state, have.reason, have.note = r.state, r.reason, r.note
		}
		for _, d := range digests {
			if !slices.Contains(entries[k], d) {
				entries[k] = append(entries[k], d)
			}
		}
	}
	if s.Verdict != nil {
		for _, c := range s.Verdict.Cells {
			add(row{suite: c.Suite, environment: c.Environment, run: c.Run, state: c.State, reason: c.Reason, note: c.Note}, c.Evidence)
		}
	}
	newest := map[string]*evidence.Entry{}
	for i := range s.Results {
		if e := &s.Results[i]; e.Result != nil && (newest[e.Result.Run] == nil || newer(e, newest[e.Result.Run])) {
			newest[e.Result.Run] = e
		}
	}
	for _, r := range all {
		if s.Verdict == nil || r.entry != nil {
			add(r, nil)
		}
	}
	slices.SortFunc(order, func(a, b key) int {
		return cmp.Or(strings.Compare(a.suite, b.suite), strings.Compare(a.environment, b.environment), strings.Compare(a.run, b.run))
	})
	for i, k := range order {
		if i == pageRuns {
			out.More = counted(len(order)-i, "more run") + " not shown here."
			break
		}
		r := *found[k]
		r.entry = newest[k.run]
		e := evidenceRow{Suite: title(k.suite), Run: title(k.run), Digests: digests.refer(entries[k], k.suite, k.run),
			Word: shorten(oneLine(r.word()), 2*longestName), Shape: shapeOf(r.effective()), Rests: "no result"}
		if k.environment != "" && oneLine(k.environment) != s.environmentName() {
			e.Where = title(k.environment)
		}
		if res := r.result(); res != nil {
			e.Rests, e.Ended = r.testsText(), shortStamp(res.Finished)
		}
		out.Runs = append(out.Runs, e)
	}
	out.Intro = "It rests on no run."
	if len(order) > 0 {
		out.Intro = fmt.Sprintf("It rests on %s.", counted(len(order), "run"))
		out.Verify = cmp.Or(oneLine(lookCloser(all)), oneLine(order[0].run))
		if !plain.MatchString(out.Verify) {
			out.Verify = "RUN"
		}
	}
	out.basis(s)
	out.images(s)
	out.notes(all)
	return out
}

// testsText says what a run counted and how long it took; its files are in the store.
func (r row) testsText() string {
	if parts := r.evidenceParts(); len(parts) > 0 {
		return shorten(oneLine(strings.Join(parts, " · ")), longestInline)
	}
	return title(r.noEvidence())
}

// basis are the commit and the policy, in full.
func (v *evidenceView) basis(s Summary) {
	say := func(name, text string) {
		if text = shorten(oneLine(text), 2*longestName); text != "" {
			v.Basis = append(v.Basis, pageFact{Name: name, Text: text})
		}
	}
	say("Commit", s.Context.HeadSHA)
	if s.Verdict != nil {
		say("Policy", s.Verdict.PolicyDigest)
	}
	say("Policy read at commit", s.PolicyFrom)
}

// images lists what is to be released, or else what was under test.
func (v *evidenceView) images(s Summary) {
	if s.Verdict == nil {
		return
	}
	n := 0
	add := func(workload, image, commit string) {
		if n++; n <= pageDigests {
			v.Images = append(v.Images, imageView{Workload: title(workload), Image: shorten(oneLine(image), 3*longestName), Commit: title(commit)})
		}
	}
	for _, w := range s.Verdict.Released {
		for _, i := range w.Images {
			add(w.Name, i, w.Commit)
		}
	}
	if n == 0 {
		for _, subject := range s.Verdict.Subjects {
			if len(subject.Images) == 0 {
				add("", subjectText(subject), "")
			}
			for _, i := range subject.Images {
				add("", i, "")
			}
		}
	}
	if n > pageDigests {
		v.ImagesMore = counted(n-pageDigests, "more image") + " not shown here."
	}
}

// notes are the doubts and remarks of the runs.
func (v *evidenceView) notes(all []row) {
	total := 0
	for _, r := range all {
		if r.result() == nil {
			continue
		}
		for _, n := range notes(r.result()) {
			if total++; total <= pageChanges {
				v.Notes = append(v.Notes, title(r.name())+": "+shorten(oneLine(n), longestInline))
			}
		}
	}
	if total > pageChanges {
		v.NotesMore = number(total-pageChanges) + " more."
	}
}
