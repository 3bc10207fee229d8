package report

import (
	"bytes"
	"io"
	"strings"
)

// xunit is the XML of xUnit.net v2 and v3 (https://xunit.net/docs/format-xml-v2 and
// https://xunit.net/docs/format-xml-v3): root assemblies or a single assembly, and v1's, which has
// classes where the later ones have collections.
//
// <errors> of an assembly are what went wrong outside of tests (a class cleanup, a fixture that could
// not be disposed of): each is an error of its own.
var xunit = format{name: "xunit", recognises: recognisesXUnit, read: readXUnit}

func recognisesXUnit(head []byte) bool {
	switch rootElement(head) {
	case "assemblies":
		return true
	case "assembly": // .NET has manifests and other files with this root
		return bytes.Contains(head, []byte("test-framework")) || bytes.Contains(head, []byte("run-date"))
	}
	return false
}

const (
	xunitAssembly role = iota + 1
	xunitCollection
	xunitCase
	xunitError
	xunitText
)

type xunitReader struct {
	*elements
	suites nestedSuites
	k      elementCase
	// inCase is true inside a test, inError inside an error that belongs to none.
	inCase, inError bool
	failure         bool
}

func readXUnit(text io.Reader, out *sink) error {
	r := &xunitReader{suites: nestedSuites{out: out}}
	r.elements = newElements(newMarkup(text), out, "<test ", "</test>", "<collection", "</collection", "<assembly ", "</assembly", "<failure", "<errors")
	r.start, r.end = r.startElement, r.endElement
	return r.run()
}

func (r *xunitReader) startElement(name string) (role, *clip) {
	if r.inCase || r.inError {
		return r.insideElement(name)
	}
	switch name {
	case "assembly", "collection", "class":
		s := &nestedSuite{name: assemblyName(r.name("name")), declared: map[string]int{}}
		for _, count := range []string{"total", "failed", "errors", "skipped", "not-run"} {
			s.declared[count] = r.number(count)
		}
		if name == "assembly" {
			r.suites.push(s)
			return xunitAssembly, nil
		}
		// A collection is named by default after a class, which each of its cases has already.
		if name == "class" || strings.HasPrefix(s.name, "Test collection for ") {
			s.name = ""
		}
		r.suites.push(s)
		return xunitCollection, nil
	case "test":
		r.startCase()
		return xunitCase, nil
	case "error":
		r.inError = true
		r.k.begin(r.out.limits)
		r.k.c.Suite = r.suites.path()
		kind, of := r.name("type"), r.name("name")
		if r.k.c.Name = of; of == "" {
			r.k.c.Name = kind
		} else if kind != "" {
			r.k.c.Name = kind + ": " + of
		}
		if r.k.c.Name == "" {
			r.k.c.Name = "(error outside of tests)"
		}
		r.k.c.Name = cut(r.k.c.Name, r.out.limits.Name)
		r.k.c.Status = Errored
		return xunitError, nil
	}
	return noRole, nil
}

func (r *xunitReader) insideElement(name string) (role, *clip) {
	switch name {
	case "failure":
		r.failure = true
		r.k.c.Type = r.name("exception-type")
	case "message":
		if r.parent() == "failure" || r.parent() == "reason" { // v1 has one in the reason of a skip
			return xunitText, &r.k.message
		}
	case "stack-trace":
		if r.parent() == "failure" {
			return xunitText, &r.k.detail
		}
	case "reason":
		if r.parentRole() == xunitCase && r.k.c.Status == Skipped {
			return noRole, &r.k.message
		}
	case "output":
		return opaque, &r.k.output
	case "trait":
		if n := r.name("name"); n != "" && len(r.k.c.Properties) < r.out.limits.Properties {
			v, _ := r.in.attr("value")
			r.k.c.Properties = append(r.k.c.Properties, Property{n, cut(clean(v), r.out.limits.Message)})
		}
	}
	return noRole, nil
}

func (r *xunitReader) startCase() {
	r.inCase, r.failure = true, false
	r.k.begin(r.out.limits)
	c := &r.k.c
	c.Suite = r.suites.path()
	c.Class = r.name("type")
	c.Name = r.name("name")
	if short, found := strings.CutPrefix(c.Name, c.Class+"."); found && short != "" && c.Class != "" {
		c.Name = short
	}
	c.Duration = r.seconds("time")
	c.File = r.name("source-file")
	c.Line = max(r.number("source-line"), 0)
	switch result := r.name("result"); strings.ToLower(result) {
	case "pass":
		c.Status = Passed
	case "fail":
		c.Status = Failed
	case "skip":
		c.Status = Skipped
	case "notrun": // an explicit test, v3
		c.Status, c.Type = Skipped, "an explicit test, not run"
	case "":
		c.Status, c.Type = Errored, "the report does not say how the case ended"
	default:
		c.Status, c.Type = Errored, "unknown result "+result
	}
}

func (r *xunitReader) endElement(what role, cutOff bool) {
	switch what {
	case xunitCase:
		r.inCase = false
		if r.failure && (r.k.c.Status == Passed || r.k.c.Status == Skipped) {
			r.k.c.Status = Failed
		}
		if cutOff && r.k.c.Status == Passed {
			return // what comes behind could have said otherwise
		}
		fallback := ""
		if r.k.c.Status == Skipped || !r.failure && r.k.c.Status == Errored {
			fallback, r.k.c.Type = r.k.c.Type, ""
		}
		c := r.k.finish(r.out.limits, fallback)
		placeDotnet(&c)
		r.suites.add(c)
	case xunitError:
		r.inError = false
		c := r.k.finish(r.out.limits, "an error outside of tests")
		placeDotnet(&c)
		s := r.suites.top()
		if s != nil && s.declared["errors"] > 0 {
			s.declared["errors"]--
		}
		if s == nil {
			r.out.add(c)
			return
		}
		r.suites.add(c)
		s.found.Tests-- // total does not count it
		s.found.Errored--
	case xunitAssembly, xunitCollection:
		s := r.suites.top()
		r.compare(s.declared["total"], s.found.Tests-max(s.declared["not-run"], 0), s.found.Tests, "tests")
		r.compare(s.declared["failed"], 0, s.found.Failed+s.found.Errored, "failures")
		if what == xunitAssembly {
			r.compare(s.declared["errors"], 0, 0, "further errors outside of tests")
		}
		r.suites.pop()
	}
}
