package report

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// jmeterCSV and jmeterXML are the logs of samples (JTL) that JMeter writes with -l. The references are
//
//   - https://jmeter.apache.org/usermanual/listeners.html (both, "Sample Result Save Configuration"),
//   - https://jmeter.apache.org/usermanual/properties_reference.html (jmeter.save.saveservice.*).
//
// Every sample is a case, named by its label: JMeter repeats one on purpose, so none of them is a
// retry of another, and one failure among a thousand is one failure. A sample inside another (a
// resource of a page, a request of a transaction) has the labels of the outer ones as its suite path.
var (
	jmeterCSV = format{name: "jmeter-csv", recognises: recognisesJMeterCSV, read: readJMeterCSV}
	jmeterXML = format{name: "jmeter-xml", recognises: recognisesJMeterXML, read: readJMeterXML}
)

// jmeterColumns is the order in which JMeter writes without a header, where nobody changed it.
var jmeterColumns = []string{"timeStamp", "elapsed", "label", "responseCode", "responseMessage", "threadName", "dataType", "success"}

const jmeterDelimiters = ",;\t|"

func recognisesJMeterCSV(head []byte) bool {
	_, _, ok := jmeterLayout(head)
	return ok
}

// jmeterLayout finds the delimiter and the columns in the first row; header says whether it names them.
func jmeterLayout(head []byte) (delimiter byte, header bool, ok bool) {
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	line = bytes.TrimRight(line, "\r")
	for _, d := range []byte(jmeterDelimiters) {
		fields := strings.Split(string(line), string(d))
		for i := range fields {
			fields[i] = strings.Trim(strings.TrimSpace(fields[i]), `"`)
		}
		names := map[string]bool{}
		for _, f := range fields {
			names[f] = true
		}
		if names["label"] && names["elapsed"] && (names["timeStamp"] || names["success"]) {
			return d, true, true
		}
		// A label or a message may hold the delimiter in quotes, so it is looked for in a row as it is read.
		in := newRows(bytes.NewReader(head), d, 1<<10)
		row, err := in.next()
		if err == nil && len(row) > len(jmeterColumns) && jmeterTime(row[0]) && isDigits(row[1]) && isBool(row[7]) {
			return d, false, true
		}
	}
	return 0, false, false
}

// jmeterTime says whether a field may be a time: milliseconds, or a date in whatever pattern.
func jmeterTime(s string) bool {
	return len(s) >= 8 && len(s) <= 40 && strings.Trim(s, "0123456789/-:. TZ+,") == "" && s[0] >= '0' && s[0] <= '9'
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func isBool(s string) bool { return strings.EqualFold(s, "true") || strings.EqualFold(s, "false") }

func readJMeterCSV(text io.Reader, out *sink) error {
	buffered := bufio.NewReaderSize(text, headSize)
	head, _ := buffered.Peek(headSize) // an error comes again when the rows are read
	delimiter, header, ok := jmeterLayout(head)
	if !ok {
		return fmt.Errorf("does not begin as a JTL file does")
	}
	in := newRows(buffered, delimiter, out.limits.Detail)
	columns := map[string]int{}
	width := len(jmeterColumns)
	name := func(names []string) {
		for i, n := range names {
			if n = strings.TrimSpace(n); columns[n] == 0 {
				columns[n] = i + 1
			}
		}
	}
	name(jmeterColumns)
	if header {
		row, err := in.next()
		if err != nil {
			return fmt.Errorf("could not be read: %w", cause(err))
		}
		clear(columns)
		name(row)
		width = len(row)
		if columns["success"] == 0 {
			return fmt.Errorf("has no column \"success\", so which samples failed is not known (jmeter.save.saveservice.successful=true writes it)")
		}
	}
	for first := true; ; first = false {
		row, err := in.next()
		switch {
		case err == io.EOF:
			return nil
		case err == errEndsInside:
			return fmt.Errorf("ends early in line %d, inside a quoted field; %s", in.line, wasRead(out.file.Tests))
		case err != nil:
			return fmt.Errorf("could not be read to its end: %w, after line %d; %s", cause(err), in.line, wasRead(out.file.Tests))
		case len(row) == 1 && strings.TrimSpace(row[0]) == "":
			continue
		case out.full():
			return limitError(fmt.Sprintf("holds more than %d cases; the rest was not read", out.limits.FileCases))
		}
		if !header && first {
			width = len(row)
		}
		field := func(name string) string {
			if i := columns[name]; i > 0 && i <= len(row) {
				return strings.TrimSpace(row[i-1])
			}
			return ""
		}
		if header && field("label") == "label" && field("success") == "success" {
			continue // appended by another run
		}
		if len(row) < width || in.wide {
			out.file.Incomplete = true
			out.distrust("has %d fields in line %d where %d are due; that sample is not counted", len(row), in.began, width)
			continue
		}
		s := jmeterSample{
			label: field("label"), code: field("responseCode"), message: field("responseMessage"),
			elapsed: field("elapsed"), success: field("success"), failure: field("failureMessage"), thread: field("threadName"),
		}
		// Without a header the message of a failed assertion stands where otherwise the size does.
		if !header && len(row) > width-1 && len(row) > 8 && !isDigits(strings.TrimSpace(row[8])) {
			s.failure = strings.TrimSpace(row[8])
		}
		out.add(s.toCase(nil, out.limits))
	}
}

// jmeterSample is a sample as either format tells it.
type jmeterSample struct {
	label, code, message, elapsed, success, failure, thread, assertion string
	// failed and broken say that an assertion did not hold, or could not be evaluated.
	failed, broken bool
	data           string
}

func (s jmeterSample) toCase(path []string, limits Limits) Case {
	line := func(v string, limit int) string {
		return cut(strings.Join(strings.Fields(clean([]byte(v))), " "), limit)
	}
	c := Case{Suite: path, Name: line(s.label, limits.Name), Status: Passed}
	if c.Name == "" {
		c.Name = "(sample without a label)"
	}
	if ms, err := strconv.ParseInt(s.elapsed, 10, 64); err == nil && ms >= 0 && ms < 1<<40 {
		c.Duration = time.Duration(ms) * time.Millisecond
	}
	switch {
	case !isBool(s.success):
		c.Status = Errored
		c.Message = fmt.Sprintf("the log does not say whether the sample succeeded: %q", line(s.success, 60))
	case strings.EqualFold(s.success, "false"), s.failed, s.broken:
		c.Status = Failed
		if s.broken && !s.failed {
			c.Status = Errored
		}
	default:
		return c
	}
	c.Type = line(s.assertion, limits.Name)
	response := strings.TrimSpace(s.code + " " + s.message)
	for _, m := range []string{c.Message, s.failure, response, "the sample failed, and the log says no more"} {
		if m = tellingLine(clean([]byte(m))); m != "" {
			c.Message = cut(m, limits.Message)
			break
		}
	}
	c.Detail = cut(clean([]byte(strings.TrimSpace(s.failure))), limits.Detail)
	c.Output = s.data
	for _, p := range []Property{{"responseCode", s.code}, {"responseMessage", s.message}, {"threadName", s.thread}} {
		if p.Value = line(p.Value, limits.Name); p.Value != "" && len(c.Properties) < limits.Properties {
			c.Properties = append(c.Properties, p)
		}
	}
	return c
}
