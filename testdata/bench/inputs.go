package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Counts are what a report holds. They are known before it is written, and every reader has to find
// the same.
type Counts struct {
	Tests   int `json:"tests"`
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Errored int `json:"errored"`
	Skipped int `json:"skipped"`
}

func (c Counts) String() string {
	return fmt.Sprintf("%d tests, %d passed, %d failed, %d errored, %d skipped", c.Tests, c.Passed, c.Failed, c.Errored, c.Skipped)
}

// outcome is how a test of a generated report ended.
type outcome int

const (
	passes outcome = iota
	fails
	breaks // the test could not be carried out
	isSkipped
	isFlaky // it passed when it was tried again; in no generated report
)

// outcomeOf says how test i ended: of a thousand, 5 failed, 1 broke, 20 were skipped. It is the
// same in every report of every format that knows such an outcome.
func outcomeOf(i int) outcome {
	switch {
	case i%200 == 17:
		return fails
	case i%1000 == 503:
		return breaks
	case i%50 == 29:
		return isSkipped
	}
	return passes
}

// countsOf counts the tests from first to before last.
func countsOf(first, last int) Counts {
	var c Counts
	for i := first; i < last; i++ {
		c.Tests++
		switch outcomeOf(i) {
		case passes:
			c.Passed++
		case fails:
			c.Failed++
		case breaks:
			c.Errored++
		case isSkipped:
			c.Skipped++
		}
	}
	return c
}

// perSuite is how many tests a suite of a generated report has.
const perSuite = 500

var (
	subjects = []string{"basket", "checkout", "voucher", "customer", "invoice", "shipment", "payment", "catalogue"}
	verbs    = []string{"rejects", "accepts", "rounds", "stores", "sorts", "expires", "merges", "reports"}
	objects  = []string{"an empty list", "a negative price", "two currencies", "a leap day", "an unknown country", "a closed account", "a huge order"}
)

func pick(words []string, i int) string { return words[i%len(words)] }

// className and testName are those of test i, as a Java project has them.
func className(i int) string {
	k := i / perSuite
	return fmt.Sprintf("com.example.shop.%s.%sRules%dTest", pick(subjects, k), pick(verbs, k/8), k)
}

func testName(i int) string {
	return fmt.Sprintf("%s %s %d", pick(verbs, i), pick(objects, i/8), i)
}

// trace is a stack trace of 12 to 31 frames.
func trace(i int) string {
	var b strings.Builder
	for f := range 12 + i/200%20 {
		fmt.Fprintf(&b, "\tat com.example.shop.%s.%sHandler.apply%d(%sHandler.java:%d)\n", pick(subjects, i+f), pick(verbs, f), f, pick(verbs, f), 20+i%300+f)
	}
	return b.String()
}

// printed is what test i printed: most print nothing.
func printed(i int) string {
	if i%10 != 0 {
		return ""
	}
	var b strings.Builder
	for line := range 4 + i/10%5 {
		fmt.Fprintf(&b, "2025-11-22 10:%02d:%02d.%03d INFO  [worker-%d] %s - order %d has %d articles, total %d.%02d EUR\n",
			i/60%60, i%60, i%1000, i%8, pick(subjects, i), i, line+1, i%900, i%100)
	}
	return b.String()
}

// junitSuite writes suite k of a JUnit report as Surefire and others do, declared counts included.
func junitSuite(w io.Writer, k int) {
	first := k * perSuite
	c := countsOf(first, first+perSuite)
	fmt.Fprintf(w, "  <testsuite name=%q tests=\"%d\" failures=\"%d\" errors=\"%d\" skipped=\"%d\" time=\"4.231\" timestamp=\"2025-11-22T10:%02d:%02d\" hostname=\"runner\">\n",
		className(first), c.Tests, c.Failed, c.Errored, c.Skipped, k/60%60, k%60)
	io.WriteString(w, "    <properties>\n      <property name=\"java.version\" value=\"21.0.5\"/>\n      <property name=\"user.language\" value=\"en\"/>\n    </properties>\n")
	for i := first; i < first+perSuite; i++ {
		fmt.Fprintf(w, "    <testcase name=%q classname=%q time=\"0.%03d\"", testName(i), className(i), i%1000)
		switch outcomeOf(i) {
		case fails:
			fmt.Fprintf(w, ">\n      <failure message=\"expected: &lt;%d&gt; but was: &lt;%d&gt;\" type=\"org.opentest4j.AssertionFailedError\"><![CDATA[org.opentest4j.AssertionFailedError: expected: <%d> but was: <%d>\n%s]]></failure>\n", i, i+1, i, i+1, trace(i))
		case breaks:
			fmt.Fprintf(w, ">\n      <error message=\"Connection refused\" type=\"java.net.ConnectException\"><![CDATA[java.net.ConnectException: Connection refused\n%s]]></error>\n", trace(i))
		case isSkipped:
			io.WriteString(w, ">\n      <skipped message=\"needs a licence\"/>\n")
		default:
			out := printed(i)
			if out == "" {
				io.WriteString(w, "/>\n")
				continue
			}
			fmt.Fprintf(w, ">\n      <system-out><![CDATA[%s]]></system-out>\n", out)
		}
		io.WriteString(w, "    </testcase>\n")
	}
	io.WriteString(w, "  </testsuite>\n")
}

// junitFile writes a report of the suites from first to before last.
func junitFile(w io.Writer, first, last int) {
	c := countsOf(first*perSuite, last*perSuite)
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"shop\" tests=\"%d\" failures=\"%d\" errors=\"%d\" skipped=\"%d\" time=\"423.1\">\n", c.Tests, c.Failed, c.Errored, c.Skipped)
	for k := first; k < last; k++ {
		junitSuite(w, k)
	}
	io.WriteString(w, "</testsuites>\n")
}

// input is a format of which a report is made to see how fast it is read.
type input struct {
	format, name string
	// tests is how many the report has that is measured: 100 to 200 MB of them.
	tests int
	// write writes a report of n tests, which is a multiple of perSuite.
	write func(w io.Writer, n int)
	// counts are those of a report of n tests; not every format knows every outcome.
	counts func(n int) Counts
	// tokens is the reader of the format's bytes to compare with, and word what it counts; there are
	// words of them in a report of n tests.
	tokens, word string
	words        func(n int) int
}

func sameCounts(n int) Counts { return countsOf(0, n) }
func same(n int) int          { return n }

// withoutErrors are the counts where a test that broke is one that failed.
func withoutErrors(n int) Counts {
	c := countsOf(0, n)
	c.Failed, c.Errored = c.Failed+c.Errored, 0
	return c
}

var inputs = []input{
	{
		format: "playwright-json", name: "report.json", tests: 140_000, write: writePlaywright, counts: withoutErrors,
		tokens: "json", word: "expectedStatus", words: same,
	},
	{
		format: "jest-json", name: "report.json", tests: 400_000, write: writeJest, counts: withoutErrors,
		tokens: "json", word: "fullName", words: same,
	},
	{
		format: "go-json", name: "report.jsonl", tests: 180_000, write: writeGoTest, counts: withoutErrors,
		tokens: "json", word: "Elapsed", words: func(n int) int { return n + n/perSuite },
	},
	{
		format: "trx", name: "report.trx", tests: 110_000, write: writeTRX, counts: sameCounts,
		tokens: "xml", word: "UnitTestResult", words: same,
	},
	{
		format: "jmeter-csv", name: "report.jtl", tests: 1_100_000, write: writeJMeter,
		counts: func(n int) Counts {
			c := withoutErrors(n)
			c.Passed, c.Skipped = c.Passed+c.Skipped, 0 // a sample is never skipped
			return c
		},
		tokens: "csv", word: "label", words: func(n int) int { return n + 1 },
	},
	{
		format: "tap", name: "report.tap", tests: 1_200_000, write: writeTAP, counts: withoutErrors,
	},
}

// writePlaywright writes what Playwright's json reporter does, indentation included.
func writePlaywright(w io.Writer, n int) {
	c := countsOf(0, n)
	io.WriteString(w, "{\n  \"config\": {\n    \"rootDir\": \"/home/ci/shop/e2e\",\n    \"forbidOnly\": true,\n    \"fullyParallel\": true,\n    \"projects\": [\n      {\n        \"name\": \"chromium\"\n      }\n    ]\n  },\n  \"suites\": [\n")
	for first := 0; first < n; first += perSuite {
		file := fmt.Sprintf("%s/rules-%d.spec.ts", pick(subjects, first/perSuite), first/perSuite)
		fmt.Fprintf(w, "    {\n      \"title\": %q,\n      \"file\": %q,\n      \"column\": 0,\n      \"line\": 0,\n      \"specs\": [\n", file, file)
		for i := first; i < first+perSuite; i++ {
			status, expected, result := "expected", "passed", "passed"
			errors, out := "[]", "[]"
			switch outcomeOf(i) {
			case fails, breaks:
				status, result = "unexpected", "failed"
				at := fmt.Sprintf("{\n                        \"file\": %q,\n                        \"column\": 9,\n                        \"line\": %d\n                      }", "/home/ci/shop/e2e/"+file, i%300)
				errors = fmt.Sprintf("[\n                    {\n                      \"location\": %s,\n                      \"message\": %q\n                    }\n                  ]", at, "Error: expect(received).toBe(expected)\n\nExpected: 1\nReceived: 2\n"+trace(i))
			case isSkipped:
				status, expected, result = "skipped", "skipped", "skipped"
			default:
				if s := printed(i); s != "" {
					out = fmt.Sprintf("[\n                    {\n                      \"text\": %q\n                    }\n                  ]", s)
				}
			}
			fmt.Fprintf(w, "        {\n          \"title\": %q,\n          \"ok\": %v,\n          \"tags\": [],\n          \"tests\": [\n            {\n              \"timeout\": 30000,\n              \"annotations\": [],\n"+
				"              \"expectedStatus\": %q,\n              \"projectId\": \"chromium\",\n              \"projectName\": \"chromium\",\n              \"results\": [\n                {\n"+
				"                  \"workerIndex\": %d,\n                  \"parallelIndex\": %d,\n                  \"status\": %q,\n                  \"duration\": %d,\n                  \"errors\": %s,\n                  \"stdout\": %s,\n"+
				"                  \"stderr\": [],\n                  \"retry\": 0,\n                  \"startTime\": \"2025-11-22T10:%02d:%02d.%03dZ\",\n                  \"attachments\": []\n                }\n              ],\n              \"status\": %q\n            }\n          ],\n"+
				"          \"id\": \"%016x-%020x\",\n          \"file\": %q,\n          \"line\": %d,\n          \"column\": 5\n        }",
				testName(i), status != "unexpected", expected, i%8, i%8, result, i%1000, errors, out, i/60%60, i%60, i%1000, status, first, i, file, i%500+1)
			comma(w, i+1 < first+perSuite)
		}
		io.WriteString(w, "      ]\n    }")
		comma(w, first+perSuite < n)
	}
	fmt.Fprintf(w, "  ],\n  \"errors\": [],\n  \"stats\": {\n    \"startTime\": \"2025-11-22T10:00:00.000Z\",\n    \"duration\": 423100,\n    \"expected\": %d,\n    \"skipped\": %d,\n    \"unexpected\": %d,\n    \"flaky\": 0\n  }\n}\n", c.Passed, c.Skipped, c.Failed+c.Errored)
}

func comma(w io.Writer, more bool) {
	if more {
		io.WriteString(w, ",")
	}
	io.WriteString(w, "\n")
}

// writeJest writes what jest --json and Vitest's json reporter do, on one line.
func writeJest(w io.Writer, n int) {
	c := countsOf(0, n)
	bad := 0
	for first := 0; first < n; first += perSuite {
		if s := countsOf(first, first+perSuite); s.Failed+s.Errored > 0 {
			bad++
		}
	}
	suites := n / perSuite
	fmt.Fprintf(w, `{"numFailedTestSuites":%d,"numFailedTests":%d,"numPassedTestSuites":%d,"numPassedTests":%d,"numPendingTestSuites":0,"numPendingTests":%d,"numRuntimeErrorTestSuites":0,"numTodoTests":0,"numTotalTestSuites":%d,"numTotalTests":%d,"openHandles":[],"startTime":1763805600000,"success":false,"testResults":[`,
		bad, c.Failed+c.Errored, suites-bad, c.Passed, c.Skipped, suites, n)
	for first := 0; first < n; first += perSuite {
		if first > 0 {
			io.WriteString(w, ",")
		}
		io.WriteString(w, `{"assertionResults":[`)
		status := "passed"
		for i := first; i < first+perSuite; i++ {
			if i > first {
				io.WriteString(w, ",")
			}
			is, messages := "passed", "[]"
			switch outcomeOf(i) {
			case fails, breaks:
				is, status = "failed", "failed"
				messages = fmt.Sprintf("[%q]", "Error: expect(received).toBe(expected)\n\nExpected: 1\nReceived: 2\n"+trace(i))
			case isSkipped:
				is = "pending"
			}
			fmt.Fprintf(w, `{"ancestorTitles":[%q,"rules"],"duration":%d,"failureDetails":[],"failureMessages":%s,"fullName":%q,"invocations":1,"location":null,"numPassingAsserts":2,"retryReasons":[],"startAt":%d,"status":%q,"title":%q}`,
				className(i), i%1000, messages, className(i)+" rules "+testName(i), 1763805600000+i, is, testName(i))
		}
		fmt.Fprintf(w, `],"endTime":1763805604231,"message":"","name":"/home/ci/shop/src/%s/rules-%d.test.ts","startTime":1763805600000,"status":%q,"summary":""}`, pick(subjects, first/perSuite), first/perSuite, status)
	}
	io.WriteString(w, `],"wasInterrupted":false}`+"\n")
}

// writeGoTest writes what go test -json does.
func writeGoTest(w io.Writer, n int) {
	for first := 0; first < n; first += perSuite {
		pkg := fmt.Sprintf("example.com/shop/%s/rules%d", pick(subjects, first/perSuite), first/perSuite)
		event := func(i int, action, test, rest string) {
			if test != "" {
				test = fmt.Sprintf(`,"Test":%q`, test)
			}
			fmt.Fprintf(w, "{\"Time\":\"2025-11-22T10:%02d:%02d.%09dZ\",\"Action\":%q,\"Package\":%q%s%s}\n", i/60%60, i%60, i, action, pkg, test, rest)
		}
		output := func(i int, test, text string) { event(i, "output", test, fmt.Sprintf(`,"Output":%q`, text)) }
		event(first, "start", "", "")
		result := "pass"
		for i := first; i < first+perSuite; i++ {
			test := "Test" + strings.ReplaceAll(testName(i), " ", "_")
			event(i, "run", test, "")
			output(i, test, "=== RUN   "+test+"\n")
			for line := range strings.Lines(printed(i)) {
				output(i, test, line)
			}
			action, word := "pass", "PASS"
			switch outcomeOf(i) {
			case fails, breaks:
				action, word, result = "fail", "FAIL", "fail"
				output(i, test, "    rules_test.go:42: got 1, want 2\n")
				for line := range strings.Lines(trace(i)) {
					output(i, test, line)
				}
			case isSkipped:
				action, word = "skip", "SKIP"
				output(i, test, "    rules_test.go:12: needs a licence\n")
			}
			output(i, test, fmt.Sprintf("--- %s: %s (0.%02ds)\n", word, test, i%100))
			event(i, action, test, fmt.Sprintf(`,"Elapsed":0.%02d`, i%100))
		}
		output(first, "", strings.ToUpper(result)+"\n")
		event(first, result, "", `,"Elapsed":4.231`)
	}
}

// writeTRX writes what `dotnet test --logger trx` does: the definitions stand behind the results.
func writeTRX(w io.Writer, n int) {
	id := func(i int) string { return fmt.Sprintf("%08x-5b1e-4c7d-9a3f-%012x", i, i*7919) }
	io.WriteString(w, "\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<TestRun id=\"5c2b8d1e-0000-4000-8000-000000000001\" name=\"shop\" xmlns=\"http://microsoft.com/schemas/VisualStudio/TeamTest/2010\">\n  <Results>\n")
	for i := range n {
		outcome, inside := "Passed", ""
		switch outcomeOf(i) {
		case fails:
			outcome = "Failed"
			inside = fmt.Sprintf("<ErrorInfo>\n          <Message>Assert.Equal() Failure\nExpected: %d\nActual:   %d</Message>\n          <StackTrace>%s</StackTrace>\n        </ErrorInfo>", i, i+1, trace(i))
		case breaks:
			outcome = "Error"
			inside = fmt.Sprintf("<ErrorInfo>\n          <Message>Connection refused</Message>\n          <StackTrace>%s</StackTrace>\n        </ErrorInfo>", trace(i))
		case isSkipped:
			outcome = "NotExecuted"
			inside = "<ErrorInfo>\n          <Message>needs a licence</Message>\n        </ErrorInfo>"
		default:
			if out := printed(i); out != "" {
				inside = "<StdOut>" + out + "</StdOut>"
			}
		}
		fmt.Fprintf(w, "    <UnitTestResult executionId=%q testId=%q testName=%q computerName=\"runner\" duration=\"00:00:00.%07d\" startTime=\"2025-11-22T10:%02d:%02d.0000000+00:00\" endTime=\"2025-11-22T10:%02d:%02d.0000000+00:00\" testType=\"13cdc9d9-ddb5-4fa4-a97d-d965ccfc6d4b\" outcome=%q testListId=\"8c84fa94-04c1-424b-9868-57a2d4851a1d\" relativeResultsDirectory=%q",
			id(i+n), id(i), className(i)+"."+testName(i), i%10_000_000, i/60%60, i%60, i/60%60, i%60, outcome, id(i+n))
		if inside == "" {
			io.WriteString(w, " />\n")
			continue
		}
		fmt.Fprintf(w, ">\n      <Output>\n        %s\n      </Output>\n    </UnitTestResult>\n", inside)
	}
	io.WriteString(w, "  </Results>\n  <TestDefinitions>\n")
	for i := range n {
		fmt.Fprintf(w, "    <UnitTest name=%q storage=\"/home/ci/shop/bin/release/net9.0/shop.tests.dll\" id=%q>\n      <Execution id=%q />\n      <TestMethod codeBase=\"/home/ci/shop/bin/Release/net9.0/Shop.Tests.dll\" adapterTypeName=\"executor://xunit/VsTestRunner2/netcoreapp\" className=%q name=%q />\n    </UnitTest>\n",
			className(i)+"."+testName(i), id(i), id(i+n), className(i), testName(i))
	}
	c := countsOf(0, n)
	fmt.Fprintf(w, "  </TestDefinitions>\n  <ResultSummary outcome=\"Failed\">\n    <Counters total=\"%d\" executed=\"%d\" passed=\"%d\" failed=\"%d\" error=\"%d\" timeout=\"0\" aborted=\"0\" inconclusive=\"0\" passedButRunAborted=\"0\" notRunnable=\"0\" notExecuted=\"0\" disconnected=\"0\" warning=\"0\" completed=\"0\" inProgress=\"0\" pending=\"0\" />\n  </ResultSummary>\n</TestRun>\n",
		n, n-c.Skipped, c.Passed, c.Failed, c.Errored)
}

// writeJMeter writes what jmeter -l does in its default columns.
func writeJMeter(w io.Writer, n int) {
	io.WriteString(w, "timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,failureMessage,bytes,sentBytes,grpThreads,allThreads,URL,Latency,IdleTime,Connect\n")
	for i := range n {
		code, message, ok, why := 200, "OK", true, ""
		switch outcomeOf(i) {
		case fails:
			ok, why = false, `"Test failed: text expected to contain /total, net/"`
		case breaks:
			code, message, ok = 503, "Service Unavailable", false
		}
		fmt.Fprintf(w, "%d,%d,%s %s,%d,%s,shoppers 1-%d,text,%v,%s,%d,%d,50,50,https://shop.example.com/api/v2/%s/%d,%d,0,%d\n",
			1763805600000+i, 20+i%400, pick(verbs, i), pick(subjects, i), code, message, i%50, ok, why, 900+i%5000, 180+i%90, pick(subjects, i), i, 15+i%300, i%9)
	}
}

// writeTAP writes what Test::More and others print.
func writeTAP(w io.Writer, n int) {
	io.WriteString(w, "TAP version 13\n")
	for i := range n {
		switch outcomeOf(i) {
		case fails, breaks:
			fmt.Fprintf(w, "not ok %d - %s %s\n#   Failed test '%s'\n#   at t/%s.t line %d.\n#          got: '1'\n#     expected: '2'\n", i+1, className(i), testName(i), testName(i), pick(subjects, i), i%300+1)
		case isSkipped:
			fmt.Fprintf(w, "ok %d - %s %s # SKIP needs a licence\n", i+1, className(i), testName(i))
		default:
			if out := printed(i); out != "" {
				fmt.Fprintf(w, "# %s\n", strings.ReplaceAll(strings.TrimSpace(out), "\n", "\n# "))
			}
			fmt.Fprintf(w, "ok %d - %s %s\n", i+1, className(i), testName(i))
		}
	}
	fmt.Fprintf(w, "1..%d\n", n)
}

// writeFile writes a file and gives its size.
func writeFile(name string, write func(io.Writer)) (size int64, err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return 0, err
	}
	f, err := os.Create(name)
	if err != nil {
		return 0, err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	b := bufio.NewWriterSize(f, 1<<20) // keeps the first error until Flush
	write(b)
	if err := b.Flush(); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
