package report

import (
	"io"
	"maps"
	"slices"
	"strings"
)

// karmaJSON is what Karma's JSON reporters write: karma-json-reporter
// (https://github.com/douglasduteil/karma-json-reporter, results by the browser's id) and
// karma-structured-json-reporter (https://github.com/tanenbaum/karma-structured-json-reporter, a list
// of browsers with their errors). Both hand on what Karma's adapters say of a spec
// (https://karma-runner.github.io/latest/dev/plugins.html).
//
// Browser, without its versions, and suites are the path of a spec. Errors outside of specs, a file
// that cannot be loaded or an afterAll that broke, are cases that errored; the first reporter says
// only that there were some.
var karmaJSON = format{name: "karma-json", recognises: recognisesKarma, read: readKarma}

// karmaBrowsers is how many browsers are followed.
const karmaBrowsers = 1_000

func recognisesKarma(head []byte) bool {
	keys := jsonKeys(head)
	return keys["browsers"] && (keys["result"] || hasKeys(keys, "summary.exitCode", "summary.disconnected"))
}

type karmaReader struct {
	*jsonWalk
	out *sink
	// names and totals are the browsers' by their ids.
	names  map[string]string
	totals map[string]int
	found  map[string]int
	// outside counts the errors outside of specs that have a text.
	outside int
}

func readKarma(text io.Reader, out *sink) error {
	r := &karmaReader{jsonWalk: newJSONWalk(text, out.limits), out: out, names: map[string]string{}, totals: map[string]int{}, found: map[string]int{}}
	summary := map[string]int{}
	results, summed, failed, disconnected := false, false, false, false
	r.object(func(key string) {
		switch key {
		case "browsers":
			switch r.peek() {
			case '[':
				results = true
				r.array(r.structured)
			default:
				r.object(r.browser)
			}
		case "result":
			results = true
			r.object(func(id string) {
				if len(r.found) < karmaBrowsers {
					r.found[id] += 0
				}
				r.array(func() { r.spec(id, r.names[id]) })
			})
		case "summary":
			summed = true
			r.object(func(key string) {
				switch key {
				case "error":
					failed = r.bool()
				case "disconnected":
					disconnected = r.bool()
				case "success", "failed", "skipped", "exitCode":
					summary[key] = r.count()
				}
			})
		}
	})
	if err := r.end(out); err != nil {
		return err
	}
	_, counted := summary["exitCode"]
	if !results || !summed || !counted {
		out.distrust("has no results or no summary; it is not the whole report")
	}
	if disconnected {
		out.distrust("comes from a run whose browser was disconnected; results are missing")
	}
	specsFailed := out.file.Failed + out.file.Errored - r.outside
	if failed && r.outside == 0 {
		out.add(Case{Name: "(error outside of specs)", Status: Errored, Message: "Karma met an error outside of specs (a file that cannot be loaded, a hook that broke); the report does not say which"})
	}
	bad := out.file.Failed + out.file.Errored
	if code := summary["exitCode"]; code != 0 && bad == 0 && !disconnected {
		out.distrust("says that the run did not succeed (exit code %d), and holds no failure", code)
	}
	if disconnected {
		return nil // Karma counts no disconnected browser
	}
	for _, id := range slices.Sorted(maps.Keys(r.totals)) {
		if total, n := r.totals[id], r.found[id]; total > n {
			out.distrust("disagrees with itself: the browser %q declares %d specs but holds %d", cut(r.names[id], 100), total, n)
		}
	}
	for _, d := range []struct {
		key, what string
		found     int
		serious   bool
	}{
		{"failed", "failed specs", specsFailed, true},
		{"success", "passed specs", out.file.Passed, false},
		{"skipped", "skipped specs", out.file.Skipped, false},
	} {
		if n, ok := summary[d.key]; ok {
			out.declared(d.what, n, d.found, d.serious)
		}
	}
	return nil
}

// browser reads a browser; key is its id, empty where it names itself.
func (r *karmaReader) browser(key string) {
	id, name, total := key, "", 0
	r.object(func(key string) {
		switch key {
		case "id":
			id = r.text(200)
		case "name":
			name = r.name()
		case "lastResult":
			r.object(func(key string) {
				if key == "total" {
					total = r.count()
				}
			})
		}
	})
	if len(r.names) < karmaBrowsers {
		r.names[id], r.totals[id] = karmaName(name), total
	}
	if key == "" {
		r.names[""] = id
	}
}

// structured reads a browser with its errors and specs.
func (r *karmaReader) structured() {
	id := ""
	r.object(func(key string) {
		switch key {
		case "browser":
			r.browser("")
			id = r.names[""]
		case "errors":
			r.array(func() {
				c := Case{Name: "(error outside of specs)", Status: Errored}
				if name := r.names[id]; name != "" {
					c.Suite = []string{name}
				}
				explain(&c, r.text(r.limits.Detail), r.limits)
				if c.Message == "" {
					c.Message = "the report does not say what was wrong"
				}
				r.outside++
				r.addBad(r.out, c)
			})
		case "results":
			r.array(func() { r.spec(id, r.names[id]) })
		}
	})
}

// karmaName leaves the versions of browser and system out of a browser's name, "Chrome Headless
// 156.0.0.0 (Linux x86_64)": a case is the same one after an update.
func karmaName(name string) string {
	name, _, _ = strings.Cut(name, " (")
	words := strings.Fields(name)
	kept := words[:0]
	for _, w := range words {
		if w[0] < '0' || w[0] > '9' {
			kept = append(kept, w)
		}
	}
	return strings.Join(kept, " ")
}

func (r *karmaReader) spec(id, browser string) {
	var c Case
	if browser != "" {
		c.Suite = []string{browser}
	}
	success, skipped, pending, disabled := "", "", false, false
	var log clip
	log.reset(r.limits.Detail)
	r.object(func(key string) {
		switch key {
		case "description":
			c.Name = r.name()
		case "suite":
			r.array(func() {
				if s := r.name(); s != "" && len(c.Suite) < r.limits.Depth {
					c.Suite = append(c.Suite, s)
				}
			})
		case "success":
			success = r.text(16)
		case "skipped":
			skipped = r.text(16)
		case "pending":
			pending = r.bool()
		case "disabled":
			disabled = r.bool()
		case "time":
			c.Duration = seconds(r.number() / 1000)
		case "log":
			r.array(func() { log.write([]byte(r.text(r.limits.Detail) + "\n")) })
		}
	})
	switch {
	case skipped == "true":
		c.Status = Skipped
		switch {
		case disabled:
			c.Message = "left out, by a filter or because other specs are focused"
		case pending:
			c.Message = "pending"
		default:
			c.Message = "skipped"
		}
	case success == "true":
		c.Status = Passed
	case success == "false":
		c.Status = Failed
	default:
		c.Status, c.Message = Errored, "the report does not say how the spec ended"
	}
	if r.err != nil && c.Status != Failed {
		return // cut off: not known to have passed
	}
	if c.Status == Failed {
		explain(&c, cut(log.text(), r.limits.Detail), r.limits)
		c.Type = errorType(c.Message, r.limits)
		if c.Message == "" {
			c.Message = "the spec failed, and the report does not say why"
		}
	}
	if _, known := r.found[id]; known || len(r.found) < karmaBrowsers {
		r.found[id]++
	}
	r.addBad(r.out, c)
}
