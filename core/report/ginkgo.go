package report

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// ginkgoJSON is what `ginkgo --json-report` writes, an array of suites:
// https://onsi.github.io/ginkgo/#generating-machine-readable-reports, described by Report in
// https://github.com/onsi/ginkgo/blob/master/types/types.go.
//
// Suite and containers are the path of a spec. Nodes of the suite (BeforeSuite, AfterSuite and the
// like) count where they did not succeed, and so does what failed a suite as a whole. A failure in
// a node of setup or cleanup is an error, as are panics. In a dry run Ginkgo calls specs passed that
// did not run: they are skipped.
var ginkgoJSON = format{name: "ginkgo-json", recognises: recognisesGinkgo, read: readGinkgo}

func recognisesGinkgo(head []byte) bool {
	keys := jsonKeys(head)
	return keys["[].SuitePath"] && (keys["[].SuiteSucceeded"] || keys["[].SuiteDescription"])
}

type ginkgoReader struct {
	*jsonWalk
	out *sink
	// suite is the name of the suite that is read.
	suite  string
	dryRun bool
	// specs counts the specs of the suite, bad what did not succeed in it, nodes of the suite among them.
	specs, bad int
}

func readGinkgo(text io.Reader, out *sink) error {
	r := &ginkgoReader{jsonWalk: newJSONWalk(text, out.limits), out: out}
	if r.peek() != '[' {
		r.fail("a report is an array of suites")
	}
	r.array(r.readSuite)
	return r.end(out)
}

func (r *ginkgoReader) readSuite() {
	path, succeeded, declared, specs := "", "", -1, false
	focused, broken := false, false
	var reasons []string
	r.suite, r.dryRun, r.specs, r.bad = "", false, 0, 0
	r.object(func(key string) {
		switch key {
		case "SuitePath":
			path = r.name()
		case "SuiteDescription":
			r.suite = r.name()
		case "SuiteSucceeded":
			succeeded = r.text(16)
		case "SuiteHasProgrammaticFocus":
			focused = r.bool()
		case "SpecialSuiteFailureReasons":
			r.array(func() {
				if reason := r.text(r.limits.Detail); len(reasons) < 10 {
					reasons = append(reasons, strings.TrimSpace(reason))
				}
			})
		case "PreRunStats":
			r.object(func(key string) {
				if key == "TotalSpecs" {
					declared = r.count()
				}
			})
		case "SuiteConfig":
			r.object(func(key string) {
				if key == "DryRun" {
					r.dryRun = r.bool()
				}
			})
		case "SpecReports":
			specs = true
			if r.suite == "" {
				r.suite = baseName(path)
			}
			r.array(func() {
				if r.spec() {
					broken = true
				}
			})
		}
	})
	if r.suite == "" {
		r.suite = baseName(path)
	}
	if r.err != nil {
		return
	}
	if succeeded != "true" {
		c := Case{Suite: []string{r.suite}, Name: "(suite)", Status: Errored}
		if len(reasons) > 0 {
			c.Message = strings.Join(strings.Fields(reasons[0]), " ") // a compiler's error stands in lines of its own
		}
		explain(&c, cut(strings.Join(reasons, "\n"), r.limits.Detail), r.limits)
		switch {
		case len(reasons) > 0:
			r.add(r.out, c) // it did not compile, was interrupted, or was not run
		case succeeded != "false":
			c.Message = "the report does not say whether the suite succeeded"
			r.add(r.out, c)
		case r.bad == 0:
			c.Message = "the suite failed, and nothing in it did"
			r.add(r.out, c)
		}
	}
	suite := cut(r.suite, 100)
	switch {
	case !specs:
		r.out.distrust("has no SpecReports for the suite %q; it is not the whole report", suite)
	case broken || len(reasons) > 0: // specs that were not reached are not listed
	case declared > r.specs:
		r.out.distrust("disagrees with itself: the suite %q declares %d specs but holds %d", suite, declared, r.specs)
	case declared >= 0 && declared < r.specs:
		r.out.advise("disagrees with itself: the suite %q declares %d specs but holds %d", suite, declared, r.specs)
	}
	if focused {
		r.out.advise("holds the suite %q, some specs of which are focused in the code; the others were skipped", suite)
	}
}

// ginkgoFailure is a Failure with the state of what failed.
type ginkgoFailure struct {
	state, message, panicked string
	context, node            string
	file                     string
	line                     int
	trace                    string
}

// spec reads a SpecReport, and says whether it is a node of the suite that did not succeed.
func (r *ginkgoReader) spec() (broken bool) {
	c := Case{Suite: []string{r.suite}}
	node, output, others := "", clip{}, clip{}
	output.reset(r.limits.Output)
	others.reset(r.limits.Detail)
	var failure ginkgoFailure
	attempts, flakes := 0, 0
	label := func() {
		if s := r.name(); s != "" && len(c.Properties) < r.limits.Properties {
			c.Properties = append(c.Properties, Property{"label", cut(s, r.limits.Message)})
		}
	}
	state := ""
	r.object(func(key string) {
		switch key {
		case "ContainerHierarchyTexts":
			r.array(func() {
				if s := r.name(); s != "" && len(c.Suite) < r.limits.Depth {
					c.Suite = append(c.Suite, s)
				}
			})
		case "ContainerHierarchyLabels":
			r.array(func() { r.array(label) })
		case "LeafNodeLabels":
			r.array(label)
		case "LeafNodeType":
			node = r.text(100)
		case "LeafNodeLocation":
			c.File, c.Line, _ = r.ginkgoLocation()
		case "LeafNodeText":
			c.Name = r.name()
		case "State":
			state = r.text(100)
		case "RunTime":
			c.Duration = time.Duration(min(max(r.number(), 0), 1<<62))
		case "NumAttempts":
			attempts = r.count()
		case "MaxFlakeAttempts":
			flakes = r.count()
		case "CapturedGinkgoWriterOutput", "CapturedStdOutErr":
			if s := r.text(r.limits.Output); s != "" {
				output.write([]byte(s + "\n"))
			}
		case "Failure":
			failure = r.failure()
		case "AdditionalFailures":
			r.array(func() { r.additional(&c, &others) })
		}
	})
	failure.state = state
	c.Output = cut(output.text(), r.limits.Output)
	isSpec := node == "It"
	if !isSpec {
		c.Name = strings.TrimSpace("[" + cut(node, 100) + "] " + c.Name)
	}
	r.decide(&c, failure, others.text())
	if isSpec && c.Status == Passed && r.dryRun {
		c.Status, c.Message = Skipped, "a dry run: the spec did not run"
	}
	bad := c.Status == Failed || c.Status == Errored
	if r.err != nil && !bad {
		return false
	}
	if c.Status == Passed || bad {
		if flakes > 1 {
			for len(c.Attempts) < min(attempts-1, r.limits.Attempts) {
				c.Attempts = append(c.Attempts, Attempt{Status: Failed, Message: "the report does not say why this try failed"})
			}
		}
	}
	if isSpec {
		r.specs++
	} else if !bad {
		return false
	}
	if bad {
		r.bad++
	}
	r.addBad(r.out, c)
	return bad && !isSpec
}

// decide gives a case the state that Ginkgo has for it.
func (r *ginkgoReader) decide(c *Case, f ginkgoFailure, others string) {
	c.Status = f.status()
	switch c.Status {
	case Passed:
		return
	case Skipped:
		if c.Message = cut(tellingLine(f.message), r.limits.Message); c.Message == "" {
			c.Message = f.state
		}
		return
	}
	c.Message = f.message
	if f.panicked != "" {
		c.Message += ": " + f.panicked
	}
	explain(c, cut(strings.TrimSpace(f.trace+"\n\n"+others), r.limits.Detail), r.limits)
	switch f.state {
	case "failed":
	case "timedout", "panicked", "interrupted", "aborted":
		c.Type = f.state
	default:
		if r.err != nil {
			c.Status = "" // cut off within the state
			return
		}
		c.Message = fmt.Sprintf("the spec has the state %q, which this version does not know", cut(f.state, 60))
	}
	if c.Message == "" {
		c.Message = "the spec ended as " + f.state
	}
	if f.file != "" {
		c.File, c.Line = f.file, f.line
	}
}

// status maps SpecState. What failed outside of the spec's own node is setup or cleanup.
func (f ginkgoFailure) status() Status {
	switch f.state {
	case "passed":
		return Passed
	case "pending", "skipped":
		return Skipped
	case "failed", "timedout":
		if f.context == "leaf-node" && f.node == "It" || f.context == "" {
			return Failed
		}
	}
	return Errored
}

// failure reads a Failure.
func (r *ginkgoReader) failure() ginkgoFailure {
	var f ginkgoFailure
	r.object(func(key string) {
		switch key {
		case "Message":
			f.message = strings.TrimSpace(r.text(r.limits.Detail))
		case "Location":
			f.file, f.line, f.trace = r.ginkgoLocation()
		case "ForwardedPanic":
			f.panicked = r.text(r.limits.Detail)
		case "FailureNodeContext":
			f.context = r.text(100)
		case "FailureNodeType":
			f.node = r.text(100)
		}
	})
	return f
}

// additional reads an AdditionalFailure: the failure of an earlier try, which its message tells, or
// one that came behind the first.
func (r *ginkgoReader) additional(c *Case, others *clip) {
	state := ""
	var f ginkgoFailure
	r.object(func(key string) {
		switch key {
		case "State":
			state = r.text(100)
		case "Failure":
			f = r.failure()
		}
	})
	f.state = state
	if _, message, found := strings.Cut(f.message, ":\n"); found && strings.HasPrefix(f.message, "Failure recorded during attempt ") {
		f.message = message
		var try Case
		r.decide(&try, f, "")
		if len(c.Attempts) < r.limits.Attempts {
			c.Attempts = append(c.Attempts, Attempt{Status: try.Status, Message: try.Message, Type: try.Type, Detail: try.Detail})
		}
		return
	}
	others.write([]byte(fmt.Sprintf("%s in %s: %s\n%s:%d\n", state, f.node, f.message, f.file, f.line)))
}

// ginkgoLocation reads a CodeLocation.
func (r *ginkgoReader) ginkgoLocation() (file string, line int, trace string) {
	r.object(func(key string) {
		switch key {
		case "FileName":
			file = r.name()
		case "LineNumber":
			line = max(r.count(), 0)
		case "FullStackTrace", "CustomMessage":
			trace += r.text(r.limits.Detail)
		}
	})
	return file, line, cut(trace, r.limits.Detail)
}
