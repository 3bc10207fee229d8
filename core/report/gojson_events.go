package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// pkg gives the package of that name, new or known. A file may name packages without end; beyond
// a bound they share one.
func (r *goReader) pkg(name string) *goPackage {
	name = cut(clean([]byte(name)), r.out.limits.Name)
	p := r.packages[name]
	if p == nil {
		p = &goPackage{name: name, open: map[string]*goTest{}}
		if name != "" {
			p.suite = []string{name}
		}
		p.output.reset(r.out.limits.Detail)
		r.nameSize += len(name)
		r.packages[name] = p
		r.order = append(r.order, p)
	}
	return p
}

// begin opens a session of the package: the first, or another that a rerun made.
func (p *goPackage) begin(limits Limits) {
	if p.running {
		return
	}
	p.running = true
	p.session++
	p.failed, p.benches = 0, nil
	if p.session > 1 {
		p.output.reset(limits.Detail)
		p.reported = false
	}
}

func (r *goReader) event(e goEvent) error {
	switch e.Action {
	case "build-output", "build-fail":
		b := r.builds[e.ImportPath]
		if b == nil {
			if len(r.builds) >= goOpen {
				return limitError(fmt.Sprintf("names more than %d builds in line %d; the rest was not read", goOpen, r.line))
			}
			b = &goBuild{}
			b.output.reset(r.out.limits.Detail)
			r.builds[e.ImportPath] = b
			r.imports = append(r.imports, e.ImportPath)
			r.nameSize += len(e.ImportPath)
		}
		if e.Action == "build-fail" {
			b.failed = true
		} else if r.room(len(e.Output)) {
			b.output.write([]byte(e.Output))
		}
		return nil
	}
	if len(r.packages) >= goOpen {
		return limitError(fmt.Sprintf("names more than %d packages in line %d; the rest was not read", goOpen, r.line))
	}
	if r.nameSize > r.out.limits.Kept {
		return limitError(fmt.Sprintf("names more packages and open tests than fit into %d MiB in line %d; the rest was not read", r.out.limits.Kept>>20, r.line))
	}
	p := r.pkg(e.Package)
	if e.Test == "" {
		r.packageEvent(p, e)
		return nil
	}
	name := cut(clean([]byte(e.Test)), r.out.limits.Name)
	if name == "" {
		name = "(test case without a name)"
	}
	t := p.open[name]
	switch e.Action {
	case "output":
		if t == nil && p.running && r.openTests < goOpen {
			t = r.openTest(p, name) // a benchmark that old versions do not announce
		}
		r.print(p, t, e.Output)
		return nil
	case "run":
		p.begin(r.out.limits)
		if t != nil && t.output.empty() {
			return nil
		}
		if t != nil { // begun again before it ended
			r.unended(p, t, "")
		}
		if r.openTests >= goOpen {
			return limitError(fmt.Sprintf("has more than %d tests open in line %d; the rest was not read", goOpen, r.line))
		}
		r.openTest(p, name)
	case "attr":
		if t != nil && len(t.attrs) < r.out.limits.Properties {
			t.attrs = append(t.attrs, Property{Name: cut(clean([]byte(e.Key)), r.out.limits.Name), Value: cut(clean([]byte(e.Value)), r.out.limits.Message)})
			r.openSize += len(e.Key) + len(e.Value)
		}
	case "pass", "bench":
		p.begin(r.out.limits)
		r.end(p, name, Passed, e.Elapsed)
	case "skip":
		p.begin(r.out.limits)
		r.end(p, name, Skipped, e.Elapsed)
	case "fail":
		p.begin(r.out.limits)
		r.end(p, name, Failed, e.Elapsed)
	default:
		r.other(e.Action)
	}
	return nil
}

// other takes an action that says nothing about a result: known ones, and those of a later version.
func (r *goReader) other(action string) {
	if goAction(action) || r.unknown[action] || len(r.unknown) >= maxDoubts {
		return
	}
	r.unknown[action] = true
	r.out.advise("has events with the action %q, which this version does not know, the first in line %d", cut(clean([]byte(action)), 60), r.line)
}

// openTest adds an open test.
func (r *goReader) openTest(p *goPackage, name string) *goTest {
	if !p.running {
		p.begin(r.out.limits)
	}
	p.serial++
	t := &goTest{name: name, serial: p.serial}
	t.output.reset(r.out.limits.Detail)
	p.open[name] = t
	r.openTests++
	r.nameSize += len(name)
	return t
}

func (r *goReader) closeTest(p *goPackage, t *goTest) {
	if p.open[t.name] == t {
		delete(p.open, t.name)
		r.openTests--
		r.nameSize -= len(t.name)
	}
	r.openSize -= t.printed
}

// room says whether output of n bytes may be kept: what open tests print together is bounded.
func (r *goReader) room(n int) bool {
	if r.openSize+n > r.out.limits.Kept {
		r.unkept = true
		return false
	}
	r.openSize += n
	return true
}

var goBenchLine = regexp.MustCompile(`^(Benchmark\S*?)(?:-\d+)?\s+\d+\s+[0-9.]+ ns/op`)

// print takes a piece of output. The frames that go test puts around it say nothing that events do not.
func (r *goReader) print(p *goPackage, t *goTest, output string) {
	if m := match(goBenchLine, "B", output); m != nil && p.running {
		if p.benches == nil {
			p.benches = map[string]bool{}
		}
		if len(p.benches) < goOpen {
			p.benches[cut(m[1], r.out.limits.Name)] = true
		}
	}
	trimmed := strings.TrimLeft(output, " ")
	if strings.HasPrefix(trimmed, "=== ") || strings.HasPrefix(trimmed, "--- ") {
		for _, frame := range []string{"=== RUN ", "=== PAUSE ", "=== CONT ", "=== NAME ", "=== ATTR ", "=== ARTIFACTS ", "--- PASS: ", "--- FAIL: ", "--- SKIP: ", "--- BENCH: "} {
			if strings.HasPrefix(trimmed, frame) {
				return
			}
		}
	}
	if !r.room(len(output)) {
		return
	}
	if t == nil {
		p.output.write([]byte(output))
		p.printed += len(output)
		return
	}
	t.output.write([]byte(output))
	t.printed += len(output)
}

// end ends a test with a result.
func (r *goReader) end(p *goPackage, name string, status Status, elapsed float64) {
	t := p.open[name]
	if t == nil {
		t = &goTest{name: name}
		t.output.reset(0)
	}
	c := Case{Suite: p.suite, Name: name, Status: status, Duration: seconds(elapsed), Properties: t.attrs}
	delete(p.benches, name)
	text := t.output.text()
	switch status {
	case Passed:
		c.Output = cut(text, r.out.limits.Output)
	case Skipped:
		c.Message, c.File, c.Line = goReason(text, r.out.limits)
		c.Detail = text
	default:
		c.Message, c.File, c.Line = goReason(text, r.out.limits)
		c.Detail = text
		switch {
		case strings.HasPrefix(c.Message, "panic: "):
			c.Type = "panic"
		case c.Message == "":
			c.Message = "the test failed and printed nothing; a subtest may say why"
		}
	}
	r.closeTest(p, t)
	r.take(p, c)
}

// unended turns a test that began and did not end into one that errored.
func (r *goReader) unended(p *goPackage, t *goTest, because string) {
	text := t.output.text()
	c := Case{Suite: p.suite, Name: t.name, Status: Errored, Detail: text, Properties: t.attrs, Message: "the test began and did not end"}
	if because != "" {
		c.Message += ": " + because
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			c.Message, c.Type = cut(strings.TrimSpace(line), r.out.limits.Message), "panic"
			break
		}
	}
	c.Message = cut(c.Message, r.out.limits.Message)
	r.closeTest(p, t)
	r.take(p, c)
}

func (r *goReader) packageEvent(p *goPackage, e goEvent) {
	switch e.Action {
	case "start":
		p.begin(r.out.limits)
	case "output":
		if !p.running && p.session == 0 {
			p.begin(r.out.limits)
		}
		r.print(p, nil, e.Output)
	case "pass", "skip":
		p.begin(r.out.limits)
		for name := range p.benches {
			if t := p.open[name]; t != nil {
				delete(p.benches, name)
				r.end(p, name, Passed, 0)
			}
		}
		r.endPackage(p, e, "")
		r.close(p)
	case "fail":
		p.begin(r.out.limits)
		r.endPackage(p, e, "its package failed")
		if p.failed == 0 && !p.reported {
			r.packageProblem(p, e.FailedBuild, e.Elapsed)
		}
		r.close(p)
	default:
		r.other(e.Action)
	}
}

func (r *goReader) close(p *goPackage) {
	p.running = false
	p.output = clip{limit: r.out.limits.Detail} // there may be many packages
	r.openSize -= p.printed
	p.printed = 0
}

// endPackage ends what is still open in a package, and counts the benchmarks that have a result
// and no event, as old versions and passing benchmarks of new ones leave it.
func (r *goReader) endPackage(p *goPackage, e goEvent, because string) {
	r.endOpen(p, because)
	var names []string
	for name := range p.benches {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		r.take(p, Case{Suite: p.suite, Name: name, Status: Passed})
	}
	p.benches = nil
}

func (r *goReader) endOpen(p *goPackage, because string) {
	var open []*goTest
	for _, t := range p.open {
		open = append(open, t)
	}
	slices.SortFunc(open, func(a, b *goTest) int { return a.serial - b.serial })
	for _, t := range open {
		if strings.HasPrefix(t.name, "Benchmark") && p.benches[t.name] {
			r.end(p, t.name, Passed, 0)
			continue
		}
		r.unended(p, t, because)
	}
}
