package report

import (
	"fmt"
	"io"
	"strings"
)

// newmanJSON is what `newman run --reporters json` writes, Postman's collections run from the command
// line: https://github.com/postmanlabs/newman#json-reporter. The file is the summary of the run
// (lib/run/summary.js), the collection itself included.
//
// An assertion of a request in an iteration is a case; folders, request and, where there are
// several, the iteration are its path. A request that got no answer and a script that broke are
// cases that errored; a request without assertions proves nothing and is none. newman lists a
// request again for every answer it got (a digest login needs two), each time with all its assertions.
var newmanJSON = format{name: "newman-json", recognises: recognisesNewman, read: readNewman}

// newmanFolders is how many requests' folders are kept.
const newmanFolders = 100_000

func recognisesNewman(head []byte) bool {
	keys := jsonKeys(head)
	if keys["run.executions"] || keys["run.stats"] {
		return keys["collection"] || keys["run.failures"] || keys["run.timings"]
	}
	return keys["collection.item"] && len(head) == headSize // the run stands behind a long collection
}

type newmanReader struct {
	*jsonWalk
	out *sink
	// folders are the paths of the requests by their ids.
	folders map[string][]string
	size    int
	// stats holds total and failed of what newman counts, as "assertions.failed".
	stats map[string]int
	// last is the execution that was read before.
	last string
	// told are the executions that have a case which is no pass; untold says that not all are kept.
	told   map[string]bool
	untold bool
	// assertions, failed, requests and scripts count the cases of each kind.
	assertions, failed, requests, scripts int
}

func readNewman(text io.Reader, out *sink) error {
	r := &newmanReader{jsonWalk: newJSONWalk(text, out.limits), out: out, folders: map[string][]string{}, stats: map[string]int{}, told: map[string]bool{}}
	run, executions, broken := false, false, ""
	r.object(func(key string) {
		switch key {
		case "collection":
			r.object(func(key string) {
				if key == "item" {
					r.array(func() { r.item(nil) })
				}
			})
		case "run":
			run = true
			r.object(func(key string) {
				switch key {
				case "stats":
					r.object(func(what string) {
						r.object(func(key string) {
							if n := r.count(); len(r.stats) < 100 {
								r.stats[what+"."+key] = n
							}
						})
					})
				case "executions":
					executions = true
					r.array(r.execution)
				case "failures":
					r.array(r.failure)
				case "error":
					if r.peek() == '"' {
						broken = r.text(r.limits.Message)
					} else if r.peek() == '{' {
						c := r.newmanError()
						broken = c.Message
					}
				}
			})
		}
	})
	if err := r.end(out); err != nil {
		return err
	}
	if !run || !executions {
		out.distrust("has no run or no executions; it is not the whole report")
	}
	if broken != "" {
		out.distrust("comes from a run that broke: %s", cut(tellingLine(broken), 300))
	}
	for _, d := range []struct {
		what, key string
		found     int
	}{
		{"assertions", "assertions.total", r.assertions},
		{"failed assertions", "assertions.failed", r.failed},
		{"failed requests", "requests.failed", r.requests},
		{"failed scripts", "scripts.failed", r.scripts},
	} {
		if n, ok := r.stats[d.key]; ok {
			out.declared(d.what, n, d.found, true)
		}
	}
	for _, what := range []string{"iterations", "items"} {
		if n := r.stats[what+".pending"]; n > 0 {
			out.distrust("comes from a run that was ended: %d of its %s were begun and not finished", n, what)
		}
	}
	return nil
}

// item reads a folder or a request of the collection.
func (r *newmanReader) item(path []string) {
	id, name := "", ""
	folder := false
	r.object(func(key string) {
		switch key {
		case "id":
			id = r.text(200)
		case "name":
			name = r.name()
		case "item":
			folder = true
			inside := path
			if name != "" && len(path) < r.limits.Depth-2 && r.size < r.limits.Kept {
				inside = append(path[:len(path):len(path)], name)
				r.size += len(name) + 16*len(inside)
			}
			r.array(func() { r.item(inside) })
		}
	})
	if !folder && id != "" && len(path) > 0 && len(r.folders) < newmanFolders && r.size < r.limits.Kept {
		r.folders[id] = path
		r.size += len(id) + 64
	}
}

// execution reads a request that was sent, with its assertions and scripts.
func (r *newmanReader) execution() {
	ref, id, name := "", "", ""
	iteration, cycles := 0, 1
	var cases []Case
	assertions, failed, requests, scripts, size := 0, 0, 0, 0, 0
	hold := func(c Case) {
		if r.err != nil && c.Status != Failed && c.Status != Errored {
			return // cut off: not known to have passed
		}
		if size < r.limits.Kept {
			cases = append(cases, c)
			size += sizeOf(c)
			return
		}
		if r.err == nil {
			r.err = limitError(fmt.Sprintf("has a request with more assertions than are followed, in line %d; the rest was not read", r.line))
		}
	}
	r.object(func(key string) {
		switch key {
		case "cursor":
			ref, iteration, cycles = r.cursor()
		case "item":
			r.object(func(key string) {
				switch key {
				case "id":
					id = r.text(200)
				case "name":
					name = r.name()
				}
			})
		case "requestError":
			if r.peek() == '{' {
				c := r.newmanError()
				c.Name, c.Status = "(request)", Errored
				requests++
				hold(c)
			}
		case "prerequestScript", "testScript":
			script := "(" + strings.TrimSuffix(key, "Script") + " script)"
			r.array(func() {
				r.object(func(key string) {
					if key != "error" || r.peek() != '{' {
						return
					}
					c := r.newmanError()
					c.Name, c.Status = script, Errored
					scripts++
					// With --bail newman ends the script of a failed assertion by an error of its own.
					if c.Type != "AssertionFailure" || failed == 0 {
						hold(c)
					}
				})
			})
		case "assertions":
			r.array(func() {
				c := r.assertion()
				assertions++
				if c.Status == Failed || c.Status == Errored {
					failed++
				}
				hold(c)
			})
		}
	})
	if ref != "" && ref == r.last {
		return
	}
	r.last = ref
	r.assertions, r.failed, r.requests, r.scripts = r.assertions+assertions, r.failed+failed, r.requests+requests, r.scripts+scripts
	if requests+scripts+failed > 0 {
		r.tell(ref)
	}
	path := append(r.folders[id][:len(r.folders[id]):len(r.folders[id])], name)
	if cycles > 1 || iteration > 0 {
		path = append(path, fmt.Sprintf("iteration %d", iteration+1))
	}
	for _, c := range cases {
		c.Suite = path
		r.addBad(r.out, c)
	}
}

// tell remembers that an execution has a case which is no pass.
func (r *newmanReader) tell(ref string) {
	if len(r.told) < r.limits.Problems {
		r.told[ref] = true
	} else {
		r.untold = true
	}
}

func (r *newmanReader) assertion() Case {
	var c Case
	skipped, wrong := "", false
	r.object(func(key string) {
		switch key {
		case "assertion":
			c.Name = r.name()
		case "skipped":
			skipped = r.text(16)
		case "error":
			if r.peek() == '{' {
				wrong = true
				e := r.newmanError()
				c.Message, c.Type, c.Detail = e.Message, e.Type, e.Detail
			}
		}
	})
	switch {
	case wrong:
		c.Status = Failed
	case skipped == "true":
		c.Status, c.Message = Skipped, "skipped"
	case skipped == "false" || skipped == "":
		c.Status = Passed
	default:
		c.Status, c.Message = Errored, fmt.Sprintf("the assertion has %q for skipped, which this version does not know", skipped)
	}
	return c
}

// newmanError reads an error. Those of Node's network have a code and no message.
func (r *newmanReader) newmanError() Case {
	var c Case
	parts := map[string]string{}
	stack := ""
	r.object(func(key string) {
		switch key {
		case "name":
			c.Type = r.name()
		case "message":
			c.Message = r.text(r.limits.Detail)
		case "stack":
			stack = r.text(r.limits.Detail)
		case "syscall", "code", "hostname", "address", "port":
			parts[key] = r.text(200)
		}
	})
	if c.Message == "" {
		if parts["port"] != "" {
			parts["address"] += ":" + parts["port"]
		}
		c.Message = strings.Join(strings.Fields(parts["syscall"]+" "+parts["code"]+" "+parts["hostname"]+" "+parts["address"]), " ")
	}
	if c.Type == "" {
		c.Type = cut(parts["code"], r.limits.Name)
	}
	explain(&c, stack, r.limits)
	if c.Message == "" {
		c.Message = "newman does not say what was wrong"
	}
	return c
}

// failure reads what newman lists again of all that went wrong. What happened outside of an
// execution, a script in front of a request that was not sent, stands here only.
func (r *newmanReader) failure() {
	var c Case
	ref, at, name, parent, iteration := "", "", "", "", 0
	r.object(func(key string) {
		switch key {
		case "error":
			if r.peek() == '{' {
				c = r.newmanError()
			}
		case "at":
			at = r.name()
		case "cursor":
			ref, iteration, _ = r.cursor()
		case "source":
			r.object(func(key string) {
				if key == "name" {
					name = r.name()
				}
			})
		case "parent":
			r.object(func(key string) {
				if key == "name" {
					parent = r.name()
				}
			})
		}
	})
	if r.err != nil || r.told[ref] || r.untold {
		return
	}
	c.Status, c.Name = Errored, cut("("+at+")", r.limits.Name)
	for _, s := range []string{parent, name} {
		if s != "" {
			c.Suite = append(c.Suite, s)
		}
	}
	if iteration > 0 {
		c.Suite = append(c.Suite, fmt.Sprintf("iteration %d", iteration+1))
	}
	if strings.Contains(at, "script") {
		r.scripts++
	} else if at == "request" {
		r.requests++
	}
	if c.Message == "" {
		c.Message = "newman does not say what was wrong"
	}
	r.add(r.out, c)
}

// cursor says which request of which iteration something belongs to, and how many iterations there are.
func (r *newmanReader) cursor() (ref string, iteration, cycles int) {
	r.object(func(key string) {
		switch key {
		case "ref":
			ref = r.text(200)
		case "iteration":
			iteration = max(r.count(), 0)
		case "cycles":
			cycles = r.count()
		}
	})
	return ref, iteration, cycles
}
