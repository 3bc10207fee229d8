package summary

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/report"
)

// changeView is what changed since the last release that was accepted.
type changeView struct {
	// Since names that release; None says why nothing is compared.
	Since, None string
	Images      []imageRow
	ImagesNone  string
	ImagesMore  string
	// Worse and Better are cells whose state changed.
	Worse, Better         []cellChange
	WorseMore, BetterMore string
	// Against says what the tests are compared with.
	Against   string
	Tests     []testRow
	TestsMore string
}

type imageRow struct{ Workload, Was, Now string }

type cellChange struct{ Workload, What, Was, WasShape, Now, NowShape string }

// testRow is what became of the tests of one suite.
type testRow struct {
	Suite, Words string
	Lists        []testNames
}

// testNames are tests to which the same happened.
type testNames struct {
	What, More string
	Names      []string
}

func changesOf(s Summary, all []row) (out changeView) {
	out.tests(s, all)
	was := s.Previous
	if was == nil {
		out.None = "No accepted release is kept, so there is none to compare with."
		return out
	}
	out.Since = cmp.Or(title(was.Release), "the last accepted release") + " (" + title(string(was.Decision))
	if at := stamp(was.Time); at != "" {
		out.Since += ", decided " + at
	}
	out.Since += ")"
	out.images(was, s.Verdict)
	out.cells(was, s.Verdict)
	return out
}

// images compares what was released with what is to be.
func (v *changeView) images(was, now *policy.Verdict) {
	if len(was.Released) == 0 || len(now.Released) == 0 {
		v.ImagesNone = "Which images changed is not known: one of the two verdicts names no release."
		return
	}
	type key struct{ namespace, name string }
	find := func(list []policy.Workload) map[key]policy.Workload {
		m := map[key]policy.Workload{}
		for _, w := range list {
			m[key{w.Namespace, w.Name}] = w
		}
		return m
	}
	before, after := find(was.Released), find(now.Released)
	var names []key
	for k := range before {
		names = append(names, k)
	}
	for k := range after {
		if _, both := before[k]; !both {
			names = append(names, k)
		}
	}
	slices.SortFunc(names, func(a, b key) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.namespace, b.namespace))
	})
	n := 0
	for _, k := range names {
		old, had := before[k]
		next, has := after[k]
		if had && has && evidence.Subject.Equal(evidence.Subject{Images: old.Images}, evidence.Subject{Images: next.Images}) {
			continue
		}
		if n++; n > pageChanges {
			continue
		}
		r := imageRow{Workload: title(k.name), Was: "not released", Now: "not released"}
		if had {
			r.Was = imagesText(old)
		}
		if has {
			r.Now = imagesText(next)
		}
		v.Images = append(v.Images, r)
	}
	if n > pageChanges {
		v.ImagesMore = number(n-pageChanges) + " more."
	}
	if n == 0 {
		v.ImagesNone = "No image changed."
	}
}

// imagesText names the images of a workload by their short digests, and the commit that they are of.
func imagesText(w policy.Workload) string {
	var parts []string
	for i, image := range w.Images {
		if i == 3 {
			parts = append(parts, fmt.Sprintf("%d more", len(w.Images)-i))
			break
		}
		name, digest, _ := strings.Cut(image, "@")
		parts = append(parts, title(name[strings.LastIndexByte(name, '/')+1:]+"@"+shortDigest(digest)))
	}
	text := strings.Join(parts, ", ")
	if w.Commit != "" {
		text += " (commit " + title(shortCommit(w.Commit)) + ")"
	}
	return cmp.Or(text, "no image named")
}

// cells compares the states of the cells that both verdicts have, and names those that came or went
// and are not met.
func (v *changeView) cells(was, now *policy.Verdict) {
	type key struct{ suite, level, workload, environment string }
	of := func(c policy.Cell) key {
		if c.Suite != "" {
			return key{suite: c.Suite, workload: c.Workload, environment: c.Environment}
		}
		return key{level: c.Level, workload: c.Workload, environment: c.Environment}
	}
	before := map[key]policy.Cell{}
	for _, c := range was.Cells {
		before[of(c)] = c
	}
	worse, better := 0, 0
	for _, c := range now.Cells {
		old, had := before[of(c)]
		change := policyRank(c.State) - policyRank(old.State)
		fell := had && change < 0 || !had && !c.State.Fresh() && c.State != policy.StateNotApplicable
		rose := had && change > 0 && c.State != policy.StateNotApplicable
		switch {
		case fell:
			worse++
		case rose:
			better++
		}
		if !fell && !rose || fell && worse > pageChanges || rose && better > pageChanges {
			continue
		}
		r := cellChange{Workload: cmp.Or(title(c.Workload), noWorkload), What: title(c.Suite), Was: "not required", Now: stateWord(c.State), NowShape: shapeOf(c.State)}
		if c.Suite == "" {
			r.What = "level " + title(c.Level)
		}
		if had {
			r.Was, r.WasShape = stateWord(old.State), shapeOf(old.State)
		}
		if fell {
			v.Worse = append(v.Worse, r)
		} else {
			v.Better = append(v.Better, r)
		}
	}
	if worse > pageChanges {
		v.WorseMore = number(worse-pageChanges) + " more."
	}
	if better > pageChanges {
		v.BetterMore = number(better-pageChanges) + " more."
	}
}

// tests says suite by suite what became of the tests.
func (v *changeView) tests(s Summary, all []row) {
	plain := func(s string) string { return shorten(oneLine(s), longestName) }
	v.Against = s.comparedWith(all, plain)
	if v.Against == "" {
		switch {
		case len(s.Base) == 0:
			v.Against = "No earlier results of these suites are at hand, so new failures cannot be told from old ones."
		case s.Previous != nil && !slices.ContainsFunc(s.Base, func(e evidence.Entry) bool { return e.Result == nil || !slices.Contains(s.Previous.Runs, e.Result.Run) }):
			v.Against = "Compared with the results that the last accepted release rests on."
		default:
			v.Against = "Compared with the newest earlier results of these suites."
		}
	}
	n := 0
	for _, r := range all {
		c := s.compare(r)
		words := c.words()
		if words == "" || words == "unchanged" {
			continue
		}
		if n++; n > pageChanges {
			continue
		}
		v.Tests = append(v.Tests, testRow{Suite: title(r.name()), Words: words, Lists: c.changed()})
	}
	if n > pageChanges {
		v.TestsMore = counted(n-pageChanges, "more suite") + "."
	}
}

// changed names the tests that changed. A report lists a pass only where it is out of the ordinary,
// so of a test that failed before and is not listed now it may not be known whether it passed or is gone.
func (c comparison) changed() (out []testNames) {
	if !concluded(c.now) || !concluded(c.was) || c.now.Report == nil || c.was.Report == nil {
		return nil
	}
	var newly, still, fixed, skipped, gone, quiet []string
	now := map[string]report.Status{}
	for _, test := range c.now.Report.Outcomes() {
		id := test.ID()
		if s, seen := now[id]; !seen || s == report.Passed || unmet(test) {
			now[id] = test.Status
		}
		switch {
		case !unmet(test):
		case c.isNew(test):
			newly = append(newly, id)
		case c.failed[id]:
			still = append(still, id)
		}
	}
	whole := len(c.now.Report.Outcomes()) == c.now.Report.Tests+c.now.Report.Thresholds
	for _, test := range c.was.Report.Outcomes() {
		id := test.ID()
		s, listed := now[id]
		switch {
		case !listed && whole:
			gone = append(gone, id)
		case !unmet(test):
		case !listed:
			quiet = append(quiet, id)
		case s == report.Passed:
			fixed = append(fixed, id)
		case s == report.Skipped:
			skipped = append(skipped, id)
		}
	}
	for _, l := range []struct {
		what  string
		names []string
	}{
		{"newly failing", newly}, {"still failing", still}, {"disappeared", gone}, {"failed before, skipped now", skipped},
		{"failed before, passed or gone now", quiet}, {"fixed", fixed},
	} {
		if len(l.names) > 0 {
			out = append(out, namesOf(l.what, l.names, 0))
		}
	}
	return out
}

// namesOf bounds a list of tests; unnamed is how many there are beside those named.
func namesOf(what string, names []string, unnamed int) testNames {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	t := testNames{What: what}
	for _, n := range names[:min(len(names), pageTests)] {
		t.Names = append(t.Names, shorten(oneLine(n), 2*longestName))
	}
	if left := len(names) - len(t.Names) + unnamed; left > 0 {
		t.More = number(left) + " more"
	}
	return t
}

// flakyView are the tests that passed only on a retry.
type flakyView struct {
	Rows []testRow
	More string
}

func flakyOf(s Summary, all []row) (out flakyView) {
	n := 0
	for _, r := range all {
		res := r.result()
		var names []string
		total := 0
		if res != nil && res.Report != nil {
			total = res.Report.Flaky
			for _, c := range res.Report.Cases {
				if c.Status == report.Passed && len(c.Attempts) > 0 {
					names = append(names, c.ID())
				}
			}
		}
		told := slices.IndexFunc(s.Verdict.Findings, func(f policy.Finding) bool {
			return f.Code == policy.CodeFlaky && f.Suite == r.suite && f.Environment == r.environment
		})
		if len(names) == 0 && total == 0 && told < 0 && r.effective() != policy.StateFlaky {
			continue
		}
		if n++; n > pageChanges {
			continue
		}
		t := testRow{Suite: title(r.name()), Words: shorten(oneLine(r.word()), 2*longestName)}
		if told >= 0 {
			t.Words = shorten(oneLine(s.Verdict.Findings[told].Message), longestInline)
		}
		if len(names) > 0 {
			t.Lists = []testNames{namesOf("passed on a retry", names, max(0, total-len(names)))}
		}
		out.Rows = append(out.Rows, t)
	}
	if n > pageChanges {
		out.More = counted(n-pageChanges, "more suite") + "."
	}
	return out
}
