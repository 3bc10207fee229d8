package report

import (
	"io"
	"strings"
)

func recognisesJMeterXML(head []byte) bool { return rootElement(head) == "testResults" }

// What an element of a JTL file in XML means.
const (
	jmeterSampled role = iota + 1
	jmeterData
	jmeterAssertion
	jmeterAssertionName
	jmeterAssertionFailed
	jmeterAssertionBroken
	jmeterAssertionMessage
)

type jmeterReader struct {
	*elements
	samples []*jmeterSample
	body    clip // of an element of an assertion
	data    clip // what the server answered
	// assertion is the name of the assertion being read, failure and broken what it says.
	assertion       string
	failure, broken bool
}

func readJMeterXML(text io.Reader, out *sink) error {
	r := &jmeterReader{elements: newElements(newMarkup(text), out, "<sample", "</sample", "<httpSample", "</httpSample", "<assertionResult", "<failure")}
	r.start, r.end = r.startElement, r.endElement
	return r.run()
}

func (r *jmeterReader) startElement(name string) (role, *clip) {
	if r.parentRole() == jmeterData {
		return opaque, &r.data
	}
	switch name {
	case "sample", "httpSample":
		attr := func(name string) string {
			v, _ := r.in.attr(name)
			return string(v)
		}
		r.samples = append(r.samples, &jmeterSample{
			label: attr("lb"), code: attr("rc"), message: attr("rm"), elapsed: attr("t"), success: attr("s"), thread: attr("tn"),
		})
		return jmeterSampled, nil
	case "responseData":
		if len(r.samples) == 0 {
			return opaque, nil
		}
		r.data.reset(r.out.limits.Output)
		return jmeterData, &r.data
	case "responseHeader", "requestHeader", "samplerData", "queryString", "cookies":
		return opaque, nil
	}
	if len(r.samples) == 0 {
		return noRole, nil
	}
	if name == "assertionResult" {
		r.assertion, r.failure, r.broken = "", false, false
		return jmeterAssertion, nil
	}
	is := noRole
	if r.parentRole() == jmeterAssertion {
		switch name {
		case "name":
			is = jmeterAssertionName
		case "failure":
			is = jmeterAssertionFailed
		case "error":
			is = jmeterAssertionBroken
		case "failureMessage":
			is = jmeterAssertionMessage
		}
	}
	if is == noRole {
		return noRole, nil
	}
	r.body.reset(r.out.limits.Detail)
	return is, &r.body
}

func (r *jmeterReader) endElement(what role, _ bool) {
	sample := r.samples[len(r.samples)-1]
	switch what {
	case jmeterSampled:
		r.samples = r.samples[:len(r.samples)-1]
		// A sample that is cut off is not known to have succeeded; what it says of failing counts.
		if r.ended && !sample.failed && !sample.broken && !strings.EqualFold(sample.success, "false") {
			return
		}
		r.out.add(sample.toCase(r.path(), r.out.limits))
	case jmeterData:
		sample.data = r.data.text()
	case jmeterAssertion:
		sample.failed = sample.failed || r.failure
		sample.broken = sample.broken || r.broken
		if (r.failure || r.broken) && sample.assertion == "" {
			sample.assertion = r.assertion
		}
	case jmeterAssertionName:
		r.assertion = strings.TrimSpace(r.body.text())
	case jmeterAssertionFailed:
		r.failure = strings.EqualFold(strings.TrimSpace(r.body.text()), "true")
	case jmeterAssertionBroken:
		r.broken = strings.EqualFold(strings.TrimSpace(r.body.text()), "true")
	case jmeterAssertionMessage:
		if text := strings.TrimSpace(r.body.text()); text != "" {
			sample.failure = cut(strings.TrimSpace(sample.failure+"\n"+text), r.out.limits.Detail)
		}
	}
}

// path gives the labels of the samples that are open.
func (r *jmeterReader) path() []string {
	var path []string
	for _, s := range r.samples {
		if label := strings.Join(strings.Fields(clean([]byte(s.label))), " "); label != "" {
			path = append(path, cut(label, r.out.limits.Name))
		}
	}
	return path
}
