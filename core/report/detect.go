package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// format is one kind of report that can be read. Each has its own file, with its producer's reference.
type format struct {
	// name is what a suite's reports[].format and File.Format say.
	name string
	// recognises says whether a text that begins with head is in this format.
	recognises func(head []byte) bool
	// read reads the text to its end and hands what it finds to out. An error means that the rest
	// could not be read; it is a phrase that follows the file's name ("ends early in line 7: ...").
	read func(text io.Reader, out *sink) error
}

// formats is the one table of formats. Detection asks them in this order.
var formats = []format{
	junit,
	tap,
	k6,
	jmeterCSV,
	jmeterXML,
	trx, nunit, xunit, boost, testng, robot, ctest, catch2,
	goJSON,
	playwrightJSON,
	mochaJSON,
	mochawesomeJSON,
	jestJSON,
	dartJSON,
	rspecJSON,
	ctrfJSON,
	cucumberJSON,
	pytestReportLog,
	ginkgoJSON,
	newmanJSON,
	karmaJSON,
	testcafeJSON,
	gtestJSON,
}

// Formats names the formats that can be read, in the order in which detection asks them.
func Formats() []string {
	var names []string
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// headSize is how much of a file detection sees: the root element of an XML file may come late,
// behind a licence or a document type declaration.
const headSize = 64 << 10

// detect finds the format of a text by its content; names of files say nothing reliable. Where it
// finds none, problem says what the file is instead, as a phrase that follows its name.
func detect(head []byte, wanted string) (f format, problem string) {
	if len(bytes.TrimSpace(head)) == 0 {
		return format{}, "is empty"
	}
	known := false
	for _, f := range formats {
		if wanted != "" && f.name != wanted {
			continue
		}
		known = true
		if f.recognises(head) {
			return f, ""
		}
	}
	if !known {
		return format{}, fmt.Sprintf("is promised in the format %q, which this version does not read; it reads %s", cut(wanted, 100), strings.Join(Formats(), ", "))
	}
	return format{}, describe(head, wanted)
}

// describe says in words what a file is that is no report.
func describe(head []byte, wanted string) string {
	expected := "not a test report"
	if wanted != "" {
		expected = "not a test report in the format " + wanted
	}
	trimmed := bytes.TrimSpace(head)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}), bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return "is a compressed file, " + expected + "; unpack it first"
	case bytes.IndexByte(head, 0) >= 0:
		return "is a binary file, " + expected
	case trimmed[0] == '{', trimmed[0] == '[':
		return "is JSON, " + expected + " that this version reads"
	case trimmed[0] == '<':
		root := rootElement(head)
		switch {
		case strings.EqualFold(root, "html"), bytes.HasPrefix(bytes.ToLower(trimmed[:min(len(trimmed), 14)]), []byte("<!doctype html")):
			return "is an HTML page, " + expected
		case root == "" && len(head) == headSize:
			return fmt.Sprintf("is XML without an element in its first %d KiB, %s that this version reads", headSize>>10, expected)
		case root == "":
			return "is XML that holds no element, " + expected
		}
		return fmt.Sprintf("is XML with the root element <%s>, %s that this version reads", cut(clean([]byte(root)), 60), expected)
	case !utf8.Valid(wholeRunes(head)):
		return "is a binary file, " + expected
	}
	return "is plain text, " + expected + " that this version reads"
}

// rootElement gives the name of the first element of an XML text; empty where there is none in head
// or where other text comes before it.
func rootElement(head []byte) string {
	m := newMarkupOf(head)
	for {
		t, err := m.next()
		switch {
		case err != nil || t == endTag || t == endOfText:
			return ""
		case t == startTag:
			return string(m.name)
		case len(bytes.TrimSpace(m.text)) > 0:
			return ""
		}
	}
}
