package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// goEvents writes events from words: "run p T", "fail p" and so on; other lines stay as they are.
func goEvents(lines ...string) string {
	var s strings.Builder
	for _, l := range lines {
		w := strings.SplitN(l, " ", 4)
		switch {
		case !goAction(w[0]):
			s.WriteString(l)
		case w[0] == "output":
			fmt.Fprintf(&s, `{"Time":"2026-01-01T00:00:00Z","Action":"output","Package":%q,"Test":%q,"Output":%q}`, w[1], w[2], w[3]+"\n")
		case len(w) == 3:
			fmt.Fprintf(&s, `{"Action":%q,"Package":%q,"Test":%q,"Elapsed":0.5}`, w[0], w[1], w[2])
		default:
			fmt.Fprintf(&s, `{"Action":%q,"Package":%q,"Elapsed":0.5}`, w[0], w[1])
		}
		s.WriteString("\n")
	}
	return s.String()
}

func TestGoJSON(t *testing.T) {
	for _, tt := range []struct {
		name   string
		events []string
		want   []string
		doubts []string
	}{
		{"results", []string{"start p", "run p A", "pass p A", "run p B", "skip p B", "run p C", "fail p C", "fail p"},
			[]string{"p > A=passed", "p > B=skipped", "p > C=failed"}, nil},
		{"a package that failed alone", []string{"start p", "run p A", "pass p A", "fail p"}, []string{"p > A=passed", "p=errored"}, nil},
		{"began and never ended", []string{"run p A", "run p B", "pass p B", "fail p"}, []string{"p > B=passed", "p > A=errored"}, nil},
		{"never ended in a package that passed", []string{"run p A", "pass p"}, []string{"p > A=errored"}, nil},
		{"no test files", []string{"start p", "skip p", "start q", "run q A", "pass q A", "pass q"}, []string{"q > A=passed"}, nil},
		{"cut off between events", []string{"start p", "run p A", "pass p A"}, []string{"p > A=passed"},
			[]string{`SERIOUS r.xml ends before the package "p" has a result; results are missing`}},
		{"cut off in a line", []string{"start p", "run p A", "pass p A", "pass p", `{"Action":"pa`}, []string{"p > A=passed"},
			[]string{`SERIOUS r.xml is damaged in line 5, which is no event of go test: {"Action":"pa; results may be missing`}},
		{"a rerun that passed", []string{"run p A", "fail p A", "run p B", "pass p B", "fail p", "start p", "run p A", "pass p A", "run p B", "pass p B", "pass p"},
			[]string{"p > B=passed", "p > A=passed"}, nil},
		{"a rerun that failed again", []string{"run p A", "fail p A", "fail p", "start p", "run p A", "fail p A", "fail p"}, []string{"p > A=failed"}, nil},
		{"a rerun that skipped", []string{"run p A", "fail p A", "fail p", "start p", "run p A", "skip p A", "pass p"}, []string{"p > A=failed"}, nil},
		{"a rerun without the test", []string{"run p A", "fail p A", "fail p", "start p", "pass p"}, []string{"p > A=failed"}, nil},
		{"a rerun that crashed", []string{"run p A", "fail p A", "fail p", "start p", "fail p"}, []string{"p=errored", "p > A=failed"}, nil},
		{"repeated with -count", []string{"run p A", "fail p A", "run p A", "pass p A", "fail p"}, []string{"p > A=passed", "p > A=failed"}, nil},
		{"a benchmark without an end", []string{"start p", "run p BenchmarkA", "output p BenchmarkA BenchmarkA-8 \t 10\t 66.1 ns/op", "pass p"}, []string{"p > BenchmarkA=passed"}, nil},
		{"a benchmark that never had a result", []string{"start p", "run p BenchmarkA", "pass p"}, []string{"p > BenchmarkA=errored"}, nil},
		{"a build as plain text", []string{"# p [p.test]", "./p.go:4:6: unused declared but not used", "FAIL\tp [build failed]", "start q", "run q A", "pass q A", "pass q"},
			[]string{"p=errored", "q > A=passed"}, nil},
		{"a package as plain text", []string{"run q A", "pass q A", "pass q", "FAIL\tp\t0.003s"}, []string{"q > A=passed", "p=errored"}, nil},
		{"the same failure twice", []string{"FAIL\tp [build failed]", "start p", "fail p", "FAIL\tp [build failed]"}, []string{"p=errored"}, nil},
		{"a build nobody tells of", []string{`{"ImportPath":"x","Action":"build-output","Output":"x.go:1:2: no\n"}`, `{"ImportPath":"x","Action":"build-fail"}`, "start q", "run q A", "pass q A", "pass q"},
			[]string{"q > A=passed", "x=errored"}, nil},
		{"lines between", []string{"go: downloading a v1", "start p", "warning" + `{"Action":"run","Package":"p","Test":"A"}`, "pass p A", "", "pass p"},
			[]string{"p > A=passed"}, []string{"r.xml holds 2 lines that are no events of go test, the first in line 1: go: downloading a v1"}},
		{"plain results between", []string{"start p", "run p A", "pass p A", "pass p", "--- FAIL: TestB (0.00s)"},
			[]string{"p > A=passed"}, []string{"SERIOUS r.xml holds results of go test as plain text beside the events, in line 5: --- FAIL: TestB (0.00s)", "r.xml holds 1 lines that are no events of go test, the first in line 5: --- FAIL: TestB (0.00s)"}},
		{"an action of another version", []string{"start p", `{"Action":"dance","Package":"p","Test":"A"}`, "run p A", "pass p A", "pass p"},
			[]string{"p > A=passed"}, []string{`r.xml has events with the action "dance", which this version does not know, the first in line 2`}},
		{"an unknown end", []string{"run p A", `{"Action":"perhaps","Package":"p","Test":"A"}`, "pass p"}, []string{"p > A=errored"},
			[]string{`r.xml has events with the action "perhaps", which this version does not know, the first in line 2`}},
		{"no tests", []string{"start p", "pass p"}, []string{}, []string{"r.xml holds no test case"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, cases := readString(goEvents(tt.events...), Limits{})
			assert.Equal(t, "go-json", f.Format)
			assert.Equal(t, tt.want, statuses(cases))
			if tt.doubts == nil {
				tt.doubts = []string{}
			}
			assert.Equal(t, tt.doubts, messages(f.Doubts))
		})
	}
}

func TestGoJSONReason(t *testing.T) {
	for _, tt := range []struct{ text, message, file string }{
		{"    a_test.go:3: log\n    a_test.go:9: want 1\n", "want 1", "a_test.go"},
		{"    a_test.go:3: \n        \tError Trace:\ta_test.go:3\n        \tError:      \tNot equal: \n", "Not equal:", "a_test.go"},
		{"some\npanic: oh no [recovered]\n\ta.go:1\n", "panic: oh no [recovered]", ""},
		{"# p\nb/b.go:5:28: undefined: x\n", "undefined: x", "b/b.go"},
		{"TestMain: no database\nexit status 1\n", "TestMain: no database", ""},
	} {
		message, file, _ := goReason(tt.text, Limits{}.withDefaults())
		assert.Equal(t, tt.message, message)
		assert.Equal(t, tt.file, file)
	}
}

// TestGoJSONBounded holds that tests and packages without end, and what they print, are not kept.
func TestGoJSONBounded(t *testing.T) {
	f, _ := readString(strings.Repeat(goEvents("output p T "+strings.Repeat("x", 1000)), 1000)+goEvents("run p T"), Limits{Kept: 10_000})
	assert.NotEmpty(t, f.SeriousDoubts())
	f, cases := readString(goEvents("run p A", "fail p A", "run p B", "fail p B", "fail p"), Limits{Problems: 1})
	assert.Equal(t, 2, f.Failed)
	assert.Len(t, cases, 2)
	f, _ = readString(strings.Repeat(goEvents("run p A", "pass p A"), 10)+goEvents("pass p"), Limits{FileCases: 5})
	assert.NotEmpty(t, f.SeriousDoubts())
}
