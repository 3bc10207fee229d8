package report

import (
	"fmt"
	"io"
	"strings"
)

// mochaJSON is what mocha's json reporter writes: https://mochajs.org/next/reporters/json/
// (lib/reporters/json.js). "tests" lists what ran without saying how it ended; the lists "passes",
// "pending" and "failures" do, and failures hold hooks as well, which "tests" leaves out. The
// reporter tells only the last try of a test: currentRetry says how many failed before.
var mochaJSON = format{name: "mocha-json", recognises: recognisesMocha, read: readMocha}

// mochawesomeJSON is the report of https://github.com/adamgruber/mochawesome, which Cypress uses as well:
// a tree of suites in "results", with its hooks.
var mochawesomeJSON = format{name: "mochawesome", recognises: recognisesMochawesome, read: readMochawesome}

func recognisesMocha(head []byte) bool {
	keys := jsonKeys(head)
	return hasKeys(keys, "stats.passes", "stats.failures", "stats.pending") && !keys["results"] &&
		(keys["tests"] || keys["passes"] || keys["failures"])
}

func recognisesMochawesome(head []byte) bool {
	return hasKeys(jsonKeys(head), "stats.passes", "stats.failures", "results")
}

// mochaTest is a test or a hook in either report.
type mochaTest struct {
	c                            Case
	full, state                  string
	retries                      int
	pass, fail, pending, skipped bool
	assertion, wrong, timedOut   bool
	timed                        bool // has a duration
}

func (j *jsonWalk) mochaTest() mochaTest {
	var t mochaTest
	stack, diff := "", ""
	j.object(func(key string) {
		switch key {
		case "title":
			t.c.Name = j.name()
		case "fullTitle":
			t.full = j.name()
		case "file":
			t.c.File = j.name()
		case "duration":
			t.timed = true
			t.c.Duration = seconds(j.number() / 1000)
		case "currentRetry":
			t.retries = max(j.count(), 0)
		case "state":
			t.state = j.text(100)
		case "pass":
			t.pass = j.bool()
		case "fail":
			t.fail = j.bool()
		case "pending":
			t.pending = j.bool()
		case "skipped":
			t.skipped = j.bool()
		case "timedOut":
			t.timedOut = j.bool()
		case "context":
			t.c.attachContext(j.text(2*j.limits.Message), j.limits)
		case "err":
			j.object(func(key string) {
				t.wrong = true
				switch key {
				case "message":
					t.c.Message = j.text(j.limits.Detail)
				case "stack", "estack":
					stack = j.text(j.limits.Detail)
				case "name":
					t.c.Type = j.name()
				case "diff":
					diff = j.text(j.limits.Detail)
					t.assertion = t.assertion || diff != ""
				case "expected", "actual", "operator", "generatedMessage", "errorMode", "showDiff":
					t.assertion = true
				}
			})
		}
	})
	if t.c.Type == "" {
		if name, _, found := strings.Cut(strings.TrimSpace(stack), ":"); found && !strings.ContainsAny(name, "\n") {
			if name, _, _ = strings.Cut(name, " ["); strings.HasSuffix(name, "Error") && !strings.Contains(name, " ") {
				t.c.Type = cut(name, j.limits.Name)
			}
		}
	}
	t.assertion = t.assertion || strings.HasSuffix(t.c.Type, "AssertionError")
	if diff != "" && !strings.Contains(stack, diff) {
		stack += "\n\n" + diff
	}
	explain(&t.c, stack, j.limits)
	return t
}

// failed gives a test that did not pass its status: an assertion that did not hold is a failure,
// a hook or anything else that was thrown is an error.
func (t *mochaTest) failed() {
	t.c.Status = Errored
	if t.assertion && !mochaHook(t.c.Name) {
		t.c.Status = Failed
	}
	if t.c.Message == "" {
		t.c.Message = "the test did not pass, and the report does not say why"
	}
}

// mochaHook says whether a title is one that mocha gives a hook.
func mochaHook(title string) bool {
	for _, hook := range []string{`"before all" hook`, `"before each" hook`, `"after all" hook`, `"after each" hook`} {
		if strings.HasPrefix(title, hook) {
			return true
		}
	}
	return false
}

// tried notes the tries before the last one, of which mocha tells no more than their number.
func (t *mochaTest) tried(limits Limits) {
	for i := 0; i < min(t.retries, limits.Attempts); i++ {
		t.c.Attempts = append(t.c.Attempts, Attempt{Status: Failed, Message: "mocha does not say why this try failed"})
	}
}

func (t *mochaTest) suite() {
	if suite := strings.TrimSpace(strings.TrimSuffix(t.full, t.c.Name)); suite != "" && suite != t.full {
		t.c.Suite = []string{suite}
	}
}

func readMocha(text io.Reader, out *sink) error {
	j := newJSONWalk(text, out.limits)
	stats, lists := map[string]int{}, map[string]int{}
	listed, hooks, timed := 0, 0, 0
	j.object(func(key string) {
		switch key {
		case "stats":
			j.counts(stats)
		case "tests":
			lists[key] = 0
			j.array(func() { listed++ })
		case "passes", "pending", "failures":
			lists[key] = 0
			j.array(func() {
				t := j.mochaTest()
				if j.err != nil && key != "failures" {
					return
				}
				lists[key]++
				t.suite()
				t.tried(out.limits)
				switch key {
				case "failures":
					if mochaHook(t.c.Name) {
						hooks++
					}
					t.failed()
				case "pending":
					t.c.Status, t.c.Message, t.c.Detail = Skipped, "pending", ""
				case "passes":
					if t.timed {
						timed++
					}
					t.c.Status = Passed
					if t.wrong {
						t.c.Status = Errored
						t.c.Message = "the test is listed as passed and has an error: " + cut(t.c.Message, out.limits.Message/2)
					}
				}
				j.addBad(out, t.c)
			})
		}
	})
	if err := j.end(out); err != nil {
		return err
	}
	for _, key := range []string{"passes", "pending", "failures"} {
		if _, ok := lists[key]; !ok {
			out.distrust("has no list %q; it is not the whole report", key)
		}
	}
	for _, key := range []string{"passes", "pending", "failures"} {
		if n, ok := stats[key]; ok {
			out.declared(key, n, lists[key], key == "failures")
		}
	}
	if lists["passes"] > 0 && timed == 0 {
		// mocha measures every test that it runs.
		out.distrust("says of no test that passed how long it took, as after mocha --dry-run, which runs none")
	}
	if _, ok := lists["tests"]; ok {
		if found := out.file.Tests - hooks; listed > found {
			out.distrust("lists %d tests and says of %d only how they ended", listed, found)
		}
	}
	return nil
}

type mochawesomeReader struct {
	*jsonWalk
	out   *sink
	path  []string
	hooks int
}

func readMochawesome(text io.Reader, out *sink) error {
	r := &mochawesomeReader{jsonWalk: newJSONWalk(text, out.limits), out: out}
	stats := map[string]int{}
	results := false
	r.object(func(key string) {
		switch key {
		case "stats":
			r.counts(stats)
		case "results":
			results = true
			if r.peek() == '[' {
				r.array(func() { r.suite("") })
			} else {
				r.suite("")
			}
		}
	})
	if err := r.end(out); err != nil {
		return err
	}
	if !results {
		out.distrust("has no results; it is not the whole report")
	}
	bad := out.file.Failed + out.file.Errored
	if n, ok := stats["failures"]; ok && n != bad-r.hooks { // some versions count hooks
		out.declared("failures", n, bad, true)
	}
	if n, ok := stats["passes"]; ok {
		out.declared("passes", n, out.file.Passed, false)
	}
	return nil
}

func (r *mochawesomeReader) suite(file string) {
	depth := len(r.path)
	title, named := "", false
	enter := func() {
		if title != "" && !named {
			r.path = append(r.path[:depth:depth], title)
			named = true
		}
	}
	r.object(func(key string) {
		switch key {
		case "title":
			title = r.name()
		case "file":
			if f := r.name(); f != "" {
				file = f
			}
		case "beforeHooks", "afterHooks":
			enter()
			r.array(func() { r.hook(file) })
		case "tests":
			enter()
			r.array(func() { r.test(file) })
		case "suites":
			enter()
			r.array(func() { r.suite(file) })
		}
	})
	r.path = r.path[:depth]
}

func (r *mochawesomeReader) hook(file string) {
	t := r.mochaTest()
	if !t.fail && t.state != "failed" && !t.wrong {
		return
	}
	r.hooks++
	t.failed()
	t.c.Status = Errored
	t.c.Suite, t.c.File = r.path, file
	r.addBad(r.out, t.c)
}

func (r *mochawesomeReader) test(file string) {
	t := r.mochaTest()
	t.c.Suite = r.path
	if t.c.File == "" {
		t.c.File = file
	}
	t.tried(r.limits)
	switch {
	case t.fail || t.state == "failed" || t.wrong:
		t.failed()
		r.addBad(r.out, t.c)
		return
	case r.err != nil:
		return
	case t.skipped:
		t.c.Status, t.c.Message = Skipped, "it did not run, because a hook failed or the run ended"
	case t.pending || t.state == "pending":
		t.c.Status, t.c.Message = Skipped, "pending"
	case t.pass || t.state == "passed":
		t.c.Status = Passed
	default:
		t.c.Status, t.c.Message = Errored, fmt.Sprintf("the test has the state %q, which this version does not know", cut(t.state, 60))
	}
	r.add(r.out, t.c)
}
