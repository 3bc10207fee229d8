package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// counts says how many cases of each outcome a report holds.
type counts struct{ pass, fail, skip, errored int }

type message struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

type testCase struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Time    string   `xml:"time,attr"`
	Failure *message `xml:"failure"`
	Error   *message `xml:"error"`
	Skipped *message `xml:"skipped"`
	Output  string   `xml:"system-out,omitempty"`
}

type testSuite struct {
	XMLName  xml.Name   `xml:"testsuite"`
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Skipped  int        `xml:"skipped,attr"`
	Cases    []testCase `xml:"testcase"`
}

// junit writes a report and exits as told, whatever the report says.
func junit(args []string) error {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return fmt.Errorf("junit needs a path first; see misbehave --help")
	}
	var want counts
	code := 0
	fields := map[string]*int{"--pass": &want.pass, "--fail": &want.fail, "--skip": &want.skip, "--error": &want.errored, "--exit": &code}
	for i := 1; i < len(args); i += 2 {
		field, ok := fields[args[i]]
		if !ok {
			return fmt.Errorf("junit has no flag %q; see misbehave --help", args[i])
		}
		n, err := number(args, i+1, -1)
		if err != nil {
			return fmt.Errorf("%s: %w", args[i], err)
		}
		*field = n
	}
	if err := writeReport(args[0], want); err != nil {
		return err
	}
	if code != 0 {
		return exitError(code)
	}
	return nil
}

// writeReport writes passed_1, failed_1, ... and makes the directory.
func writeReport(path string, want counts) error {
	suite := testSuite{Name: "misbehave", Failures: want.fail, Errors: want.errored, Skipped: want.skip}
	add := func(n int, name string, outcome func(*testCase)) {
		for i := range n {
			c := testCase{Class: "misbehave", Name: fmt.Sprintf("%s_%d", name, i+1), Time: "0.010"}
			outcome(&c)
			suite.Cases = append(suite.Cases, c)
		}
	}
	add(want.pass, "passed", func(*testCase) {})
	add(want.fail, "failed", func(c *testCase) { c.Failure = &message{"expected 1, got 2", "misbehave_test.go:7"} })
	add(want.errored, "errored", func(c *testCase) { c.Error = &message{"setup broke", "misbehave_test.go:3"} })
	add(want.skip, "skipped", func(c *testCase) { c.Skipped = &message{Message: "not on this day"} })
	suite.Tests = len(suite.Cases)
	return writeXML(path, suite)
}

func writeXML(path string, suite testSuite) error {
	data, err := xml.MarshalIndent(suite, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(path, append([]byte(xml.Header), append(data, '\n')...))
}

// leak shows a variable's value in every place that is kept: log, report and artifact.
func leak(args, env []string, stdout, stderr io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("leak needs the name of one variable")
	}
	var value string
	found := false
	for _, variable := range env {
		if name, v, _ := strings.Cut(variable, "="); name == args[0] {
			value, found = v, true
		}
	}
	if !found {
		return fmt.Errorf("there is no variable %s", args[0])
	}
	fmt.Fprintf(stdout, "stdout says %s\n", value)
	fmt.Fprintf(stderr, "stderr says %s\n", value)
	err := writeXML("results/leak.xml", testSuite{Name: "leak", Tests: 1, Cases: []testCase{
		{Class: "leak", Name: "prints a secret", Time: "0.001", Output: "the report says " + value},
	}})
	if err != nil {
		return err
	}
	return writeFile("results/leak.txt", []byte("the artifact says "+value+"\n"))
}

func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
