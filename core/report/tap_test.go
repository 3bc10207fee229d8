package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readText reads a small report of any format.
func readText(text string, opts Options) (File, []Case) {
	var cases []Case
	f := ReadFile(strings.NewReader(text), "r", "", opts, func(c Case) { cases = append(cases, c) })
	return f, cases
}

// briefly writes cases as "status id: message".
func briefly(cases []Case) []string {
	var out []string
	for _, c := range cases {
		s := string(c.Status) + " " + c.ID()
		if c.Message != "" {
			s += ": " + c.Message
		}
		out = append(out, s)
	}
	return out
}

func TestTAP(t *testing.T) {
	for name, test := range map[string]struct {
		text    string
		want    []string
		serious []string
	}{
		"12":                       {"1..2\nok 1 - a\nok 2 b\n", []string{"passed a", "passed b"}, nil},
		"plan last":                {"ok 1 a\nok 2 b\n1..2\n", []string{"passed a", "passed b"}, nil},
		"no names and numbers":     {"1..3\nok\nok - a\nok-b\n", []string{"passed test 1", "passed a", "passed b"}, nil},
		"windows":                  {"TAP version 13\r\n1..1\r\nok 1 - a\r\n", []string{"passed a"}, nil},
		"directives":               {"1..5\nok 1 a # SKIP no disk\nnot ok 2 b # TODO later\nok 3 c # todo\nok 4 # Skipped: x\nnot ok 5 e # skip no coins\n", []string{"skipped a: no disk", "skipped b: todo: later", "passed c", "skipped test 4: x", "skipped e: no coins"}, nil},
		"escapes":                  {"TAP version 14\n1..2\nok 1 - a \\# SKIP b\nok 2 - issue #12 \\\\ x\n", []string{"passed a # SKIP b", `passed issue #12 \ x`}, nil},
		"comments of a failure":    {"1..2\nnot ok 1 - a\n#   Failed test 'a'\n#   at t/a.t line 7.\nok 2\n", []string{"failed a: Failed test 'a'", "passed test 2"}, nil},
		"yaml":                     {"1..1\nnot ok 1 - a\n  ---\n  message: 'it''s wrong'\n  at:\n    file: a.js\n    line: 8\n  dump: |\n    not ok 2\n    1..9\n  ...\n", []string{"failed a: it's wrong"}, nil},
		"yaml of tape":             {"1..1\nnot ok 1 - a\n  ---\n    operator: equal\n    expected: |-\n      { b: 4 }\n    actual: 3\n    stack: |-\n      expected: 5\n  ...\n", []string{"failed a: expected { b: 4 }, got 3"}, nil},
		"yaml with one of the two": {"1..1\nnot ok 1 - a\n  ---\n  expected: 4\n  ...\n", []string{"failed a: expected: 4"}, nil},
		"yaml of AVA":              {"1..1\nnot ok 1 - a\n  ---\n    name: AssertionError\n    details:\n      message: not this\n    message: wrong\n    expected: 1\n    actual: 2\n  ...\n", []string{"failed a: wrong"}, nil},
		"noise":                    {"starting\n1..1\nokay then\nok, fine\n  ok 2 printed\nok 1 a\n", []string{"passed a"}, nil},
		"subtest":                  {"1..2\n# Subtest: s\n    ok 1 - a\n    not ok 2 - b\n    1..2\nnot ok 1 - s\nok 2 - c\n", []string{"passed s > a", "failed s > b", "passed c"}, nil},
		"subtest without comment":  {"    1..1\n    ok 1 - a\nok 1 - s\n1..1\n", []string{"passed s > a"}, nil},
		"subtests in subtests":     {"        ok 1 - a\n        1..1\n    ok 1 - s\n    ok 2 - b\n    1..2\nok 1 - t\n1..1\n", []string{"passed t > s > a", "passed t > b"}, nil},
		"buffered subtest":         {"ok 1 - s {\n    ok 1 - a\n    1..1\n}\nok 2 - b\n1..2\n", []string{"passed s > a", "passed b"}, nil},
		"subtest that is skipped":  {"    1..0 # SKIP no net\nok 1 - s # SKIP no net\n1..1\n", []string{"skipped s: no net"}, nil},
		"subtest that is a todo":   {"    not ok 1 - a\n    1..1\nnot ok 1 - s # TODO later\n1..1\n", []string{"skipped s > a: todo: later"}, nil},
		"subtest failed by itself": {"    ok 1 - a\n    1..1\nnot ok 1 - s\n1..1\n", []string{"passed s > a", "failed s: the subtest failed, and none of its tests did"}, nil},
		"skip all":                 {"1..0 # SKIP only on solaris\n", nil, nil},
		"strict, nothing stray":    {"TAP version 14\npragma +strict\n1..1\nok 1 a\n", []string{"passed a"}, nil},

		"no plan":                    {"ok 1 a\nok 2 b\n", []string{"passed a", "passed b"}, []string{"r has no plan, so nothing shows that all tests ran; 2 cases were read"}},
		"too few":                    {"1..3\nok 1 a\nok 2 b\n", []string{"passed a", "passed b"}, []string{"r plans 3 tests and holds 2"}},
		"too many":                   {"1..1\nok 1 a\nok 2 b\n", []string{"passed a", "passed b"}, []string{"r plans 1 tests and holds 2"}},
		"numbered twice":             {"1..2\nok 1 a\nok 1 a\n", []string{"passed a", "passed a"}, []string{"r numbers a test 1 in line 3 where 2 is due: tests are missing, doubled or out of order"}},
		"out of order":               {"1..2\nok 2 a\nok 1 b\n", []string{"passed a", "passed b"}, []string{"r numbers a test 2 in line 2 where 1 is due: tests are missing, doubled or out of order"}},
		"given up":                   {"1..9\nok 1 a\nBail out! no database\nok 2 b\n", []string{"passed a"}, []string{"r was given up in line 3 (Bail out!): no database"}},
		"given up in a subtest":      {"1..1\n    ok 1 a\n    Bail out!\n", []string{"passed a"}, []string{"r was given up in line 3 (Bail out!): without a reason"}},
		"two plans":                  {"1..1\nok 1 a\n1..1\n", []string{"passed a"}, []string{"r has a second plan in line 3"}},
		"plan in the middle":         {"ok 1 a\n1..2\nok 2 b\n", []string{"passed a", "passed b"}, []string{"r has its plan between the tests, where it means nothing"}},
		"two streams":                {"TAP version 13\n1..1\nok 1 a\nTAP version 13\n", []string{"passed a"}, []string{`r says "TAP version 13" in line 4, behind tests: it is several streams in one, or a damaged one`}},
		"another version":            {"TAP version 15\n1..1\nok 1 a\n", []string{"passed a"}, []string{"r is in TAP version 15; this version reads 12, 13 and 14"}},
		"plan of a subtest":          {"    1..2\n    ok 1 a\nok 1 - s\n1..1\n", []string{"passed s > a"}, []string{`r plans 2 tests in the subtest "" and holds 1`}},
		"subtest without a summary":  {"1..0\n    ok 1 a\n    1..1\n", []string{"passed a"}, []string{"r ends early in line 3: a subtest has no test point that sums it up; 1 case was read"}},
		"cut off in the diagnostics": {"1..1\nok 1 a\n  ---\n  duration_ms: 5\n", []string{"passed a"}, []string{`r ends early in line 4, inside the diagnostics of the test "a" that begin in line 3; 1 case was read`}},
		"diagnostics without an end": {"1..2\nok 1 a\n  ---\n  x: y\nnot ok 2 b\n", []string{"passed a", "failed b"}, []string{"r has diagnostics in line 3 that do not end before line 5"}},
		"strict, and something else": {"pragma +strict\n1..1\nhello\nok 1 a\n", []string{"passed a"}, []string{`r holds what is no TAP although it demands strictness: line 3, "hello"`}},
		"died":                       {"1..1\nok 1 a\n# Looks like your test exited with 255 just after 1.\n", []string{"passed a"}, []string{"r says in line 3: Looks like your test exited with 255 just after 1."}},
		"says it failed":             {"ok 1 a\n1..1\n# tests 2\n# fail 1\n", []string{"passed a"}, []string{`r says "fail 1" in line 4 and holds no failed test`}},
		"plan of nonsense":           {"2..3\nok 1 a\n", []string{"passed a"}, []string{`r has a plan in line 1 that is none: "2..3"`, "r has no plan, so nothing shows that all tests ran; 1 case was read"}},
	} {
		t.Run(name, func(t *testing.T) {
			f, cases := readText(test.text, Options{})
			assert.Equal(t, "tap", f.Format)
			assert.Equal(t, test.want, briefly(cases))
			var serious []string
			for _, d := range f.SeriousDoubts() {
				serious = append(serious, d.Message)
			}
			assert.Equal(t, test.serious, serious)
		})
	}
}

func TestTAPPlaces(t *testing.T) {
	for text, want := range map[string]string{
		"#   at t/a.t line 7.":                      "t/a.t:7",
		"# (in test file shop.bats, line 2)":        "shop.bats:2",
		"  ---\n  at: f (/w/a.js:3:1)\n  ...":       "/w/a.js:3",
		"  ---\n  location: '/w/a.mjs:6:11'\n  ...": "/w/a.mjs:6",
		"  ---\n  file: a.py\n  line: 12\n  ...":    "a.py:12",
	} {
		_, cases := readText("1..1\nnot ok 1 - a\n"+text+"\n", Options{})
		require.Len(t, cases, 1)
		assert.Equal(t, want, fmt.Sprintf("%s:%d", cases[0].File, cases[0].Line), text)
	}
}

// TestTAPBounds: a subtest that does not end and a line that does not end cost bounded memory.
func TestTAPBounds(t *testing.T) {
	var b strings.Builder
	b.WriteString("TAP version 14\n1..1\n")
	const n = 100_000
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "    ok %d - case %d\n", i, i)
	}
	fmt.Fprintf(&b, "    1..%d\nok 1 - s\n%s\n", n, strings.Repeat("x", 1<<20))
	f, cases := readText(b.String(), Options{})
	assert.Equal(t, n, f.Passed)
	assert.Empty(t, f.Doubts)
	assert.Equal(t, "case 1", cases[0].Name)
	assert.Equal(t, []string{"s"}, cases[n-1].Suite)

	f, _ = readText("1..9\nok 1\nok 2\nok 3\n", Options{Limits: Limits{FileCases: 2}})
	assert.NotEmpty(t, f.SeriousDoubts())
	deep := "1..1\n"
	for i := 1; i < 20; i++ {
		deep += strings.Repeat("    ", i) + "1..1\n"
	}
	f, _ = readText(deep, Options{Limits: Limits{Depth: 5}})
	assert.Contains(t, f.Doubts[0].Message, "nested deeper than 5 subtests in line 6")
}
