package report

import (
	"strconv"
	"strings"
)

// catch2OkToFail is what Catch2 says of a test whose failure its author allows, with [!mayfail] or
// [!shouldfail] (https://github.com/catchorg/Catch2/blob/devel/src/catch2/reporters/catch_reporter_junit.cpp).
const catch2OkToFail = "TEST_CASE tagged with !mayfail"

// settleAllowedFailure reads a failure that Catch2 writes beside that <skipped> as it means it: it
// fails no run, and its suite's counts leave it out.
func (c *junitCase) settleAllowedFailure() {
	if !c.okToFail || c.c.Status != Failed && c.c.Status != Errored {
		return
	}
	c.c.Status = Skipped
	if c.c.Message = "failed, as it may: " + c.c.Message; c.c.Message == "failed, as it may: " {
		c.c.Message = "failed, as it may"
	}
}

// settleSkipReason finds why a test was skipped where Playwright writes it: in the property that its
// annotation becomes (https://playwright.dev/docs/test-annotations).
func (c *junitCase) settleSkipReason() {
	if c.c.Status != Skipped || c.c.Message != "" {
		return
	}
	for _, p := range c.c.Properties {
		if p.Name == "skip" || p.Name == "fixme" {
			c.c.Message = p.Value
		}
	}
}

// settleNotRun takes what CTest could not run for an error. CTest writes every test that it did not
// run as <skipped>, and counts as failed those that it could not run: a missing program or file, a
// fixture that broke. Only what begins with SKIP_ was skipped on purpose; a disabled test has a status
// of its own (https://gitlab.kitware.com/cmake/cmake/-/blob/master/Source/CTest/cmCTestTestHandler.cxx).
// It reports whether it did.
func (c *junitCase) settleNotRun() bool {
	if !c.notRun || c.results != 1 || c.c.Status != Skipped || c.c.Message == "" || c.name != c.c.Class || strings.HasPrefix(c.c.Message, "SKIP_") {
		return false
	}
	c.c.Status = Errored
	return true
}

// saysNothing tells the lines that tools put before what went wrong: the frame that go test puts
// around a test's output, GoogleTest's place, Catch2's headline, PHPUnit's name of the test.
func saysNothing(line string) bool {
	switch {
	case strings.HasPrefix(line, "=== "), strings.HasPrefix(line, "--- "), line == "unknown file", line == "FAILED:":
		return true
	case strings.ContainsAny(line, " \t"), !strings.Contains(line, ":"):
		return false
	case strings.Contains(line, "::"):
		return true
	}
	_, err := strconv.Atoi(line[strings.LastIndexByte(line, ':')+1:])
	return err == nil
}
