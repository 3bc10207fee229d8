package summary

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/report"
)

// markerValues are keys and other values that somebody may give.
var markerValues = []string{"", "payments", "a b", "a_b", "a%20b", "team/pay:2@x+y", "-->", "--", "---", "--!>", "a--b", "<!-- x", "\n", "\x00", "日本語", "\xff\xfe",
	"key=x sha=y", strings.Repeat("-", 100), strings.Repeat("é", 5000), strings.Repeat("x", 5000)}

func TestMarkerRoundTrip(t *testing.T) {
	for _, value := range markerValues {
		m := Marker{Key: value, SHA: value, CI: value, Sequence: 1<<62 + 7, Attempt: 3, Started: now}
		text := m.String()
		require.NotContains(t, strings.TrimSuffix(strings.TrimPrefix(text, "<!--"), "-->"), "--", "%q cannot end the hidden comment", value)
		require.NotContains(t, text, "\n")
		require.LessOrEqual(t, len(text), 1300)

		// A browser sees one comment and nothing else.
		doc, err := html.Parse(strings.NewReader(text))
		require.NoError(t, err)
		require.Equal(t, html.CommentNode, doc.FirstChild.Type)
		assert.Equal(t, "\n", shown(t, text), "%q shows nothing", value)

		read, ok := ParseMarker(text + "\n## Ready to release")
		require.True(t, ok, "%q", value)
		if len(value) <= longestMarkerWord {
			assert.Equal(t, m, read)
		}
		assert.Equal(t, text, read.String(), "read and written again it is the same")
		assert.True(t, m.Same(read) && read.Same(m))
		assert.False(t, m.Newer(read) || read.Newer(m))
	}
	for _, started := range []time.Time{{}, time.Unix(0, 0).UTC(), time.Unix(-5, 0).UTC()} {
		m := Marker{Sequence: -1, Started: started}
		read, ok := ParseMarker(m.String())
		assert.True(t, ok)
		assert.Equal(t, m, read)
	}
}

func TestMarkersOfTwoKeysAreTwoComments(t *testing.T) {
	for i, a := range markerValues {
		for j, b := range markerValues {
			assert.Equal(t, i == j, Marker{Key: a}.Same(Marker{Key: b, SHA: "other", Started: now}), "%q and %q", a, b)
		}
	}
}

func TestParseMarkerOnlyAtTheStart(t *testing.T) {
	good := Marker{Key: "k", SHA: commit, CI: "github", Sequence: 8, Attempt: 1, Started: now}.String()
	for _, body := range []string{
		"", "## Ready", " " + good, "\n" + good, "> " + good, "x" + good, "## Ready\n" + good,
		strings.Replace(good, "v1", "v2", 1), strings.Replace(good, "key=k", "key=k k", 1), strings.Replace(good, " -->", "", 1),
		strings.Replace(good, "run=8.1", "run=8", 1), strings.Replace(good, "run=8", "run=99999999999999999999", 1),
		strings.Replace(good, "key=k", "key=%zz", 1), strings.Replace(good, "key=k", "key=-->", 1), strings.ReplaceAll(good, " ", "  "),
	} {
		_, ok := ParseMarker(body)
		assert.False(t, ok, "%q", body)
	}
	_, ok := ParseMarker(good)
	assert.True(t, ok)
}

func TestNewer(t *testing.T) {
	at := func(seconds int) time.Time { return now.Add(time.Duration(seconds) * time.Second) }
	for _, c := range []struct {
		name     string
		new, old Marker
	}{
		{"a later run", Marker{CI: "github", Sequence: 8, Attempt: 1, Started: at(0)}, Marker{CI: "github", Sequence: 7, Attempt: 1, Started: at(0)}},
		{"a later run against an old one that was run again", Marker{CI: "github", Sequence: 8, Attempt: 1, Started: at(0)}, Marker{CI: "github", Sequence: 7, Attempt: 3, Started: at(900)}},
		{"a second attempt", Marker{CI: "github", Sequence: 8, Attempt: 2}, Marker{CI: "github", Sequence: 8, Attempt: 1}},
		{"two calls of one job", Marker{CI: "github", Sequence: 8, Attempt: 1, Started: at(60)}, Marker{CI: "github", Sequence: 8, Attempt: 1, Started: at(0)}},
		{"a system that does not count", Marker{CI: "tekton", Started: at(1)}, Marker{CI: "tekton", Started: at(0)}},
		{"two systems", Marker{CI: "jenkins", Sequence: 1, Started: at(1)}, Marker{CI: "github", Sequence: 900, Started: at(0)}},
	} {
		assert.True(t, c.new.Newer(c.old), c.name)
		assert.False(t, c.old.Newer(c.new), "%s: not the other way round", c.name)
		assert.False(t, c.new.Newer(c.new), "%s: not newer than itself", c.name)
	}
}

// Newer is a strict weak order wherever one rule orders all: of any three, none is newer in a circle.
func TestNewerIsAStrictOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 11))
	for _, counted := range []bool{true, false} {
		var all []Marker
		for range 60 {
			m := Marker{CI: "github", Attempt: 1 + random.IntN(3), Started: now.Add(time.Duration(random.IntN(4)) * time.Second)}
			if counted {
				m.Sequence = int64(1 + random.IntN(4))
			}
			all = append(all, m)
		}
		for _, a := range all {
			require.False(t, a.Newer(a))
			for _, b := range all {
				require.False(t, a.Newer(b) && b.Newer(a), "%v %v", a, b)
				for _, c := range all {
					require.False(t, a.Newer(b) && b.Newer(c) && !a.Newer(c), "%v %v %v", a, b, c)
					require.False(t, !a.Newer(b) && !b.Newer(a) && !b.Newer(c) && !c.Newer(b) && (a.Newer(c) || c.Newer(a)), "%v %v %v", a, b, c)
				}
			}
		}
	}
}

func TestMarkerOf(t *testing.T) {
	s := notReadyScene()
	s.Started = now.Add(123 * time.Millisecond)
	assert.Equal(t, Marker{Key: "k", SHA: commit, CI: "github", Sequence: 311, Attempt: 2, Started: now}, MarkerOf(s, "k"))
}

// multiByte is a summary with characters of one to four bytes wherever a text of somebody else stands.
func multiByte() Summary {
	const text = "é日本🚀ß 名前|`x` "
	s := notReadyScene()
	s.Context.Repository, s.Store, s.Environment.Name, s.Verdict.Environment = strings.Repeat(text, 9), text, text, text
	for i := range s.Verdict.Findings {
		s.Verdict.Findings[i].Message, s.Verdict.Findings[i].Owner = strings.Repeat(text, 50), text
	}
	for i := range s.Results {
		if rep := s.Results[i].Result.Report; rep != nil {
			for j := range rep.Cases {
				rep.Cases[j].Name, rep.Cases[j].Message, rep.Cases[j].Detail = strings.Repeat(text, 20), strings.Repeat(text, 90), strings.Repeat(text+"\n", 90)
			}
		}
	}
	return s
}

func TestCommentKeepsWithinItsLimit(t *testing.T) {
	all := scenes()
	all["hostile"], all["multi-byte"] = hostileSummary(), multiByte()
	for name, s := range all {
		for _, key := range []string{"", "payments", strings.Repeat("<!-- -->é", 3000)} {
			for _, limit := range []int{1500, 2000, 3000, 5000, 9000, 20000, commentLimit} {
				body := Comment(s, key, limit)
				require.LessOrEqual(t, len(body), limit, "%s within %d", name, limit)
				require.True(t, utf8.ValidString(body), "%s within %d", name, limit)
				m, ok := ParseMarker(body)
				require.True(t, ok)
				require.True(t, m.Same(MarkerOf(s, key)))
				decent(t, body, placesOf(s.Context)...)
			}
		}
	}
}

func TestNamesOfCheckAndStatus(t *testing.T) {
	whole, some := readyScene(), named(passing("a", "x", 1), passing("b", "x", 1))
	some.Named = []string{"a", "b"}
	many := some
	many.Named = []string{strings.Repeat("a", 100), "b\n" + evil}
	seen := map[string]string{}
	for _, c := range []struct {
		s             Summary
		key           string
		check, status string
	}{
		{whole, "", "Assay verdict", "assay/verdict"},
		{whole, "payments", "Assay verdict (payments)", "assay/verdict/payments"},
		{some, "", "Assay suites: a, b", "assay/suites/a,b"},
		{some, "payments", "Assay suites: a, b (payments)", "assay/suites/a,b/payments"},
		{many, "", "Assay suites: " + strings.Repeat("a", 79) + "…", "assay/suites/" + strings.Repeat("a", 79) + "…"},
	} {
		check, status := CheckName(c.s, c.key), StatusName(c.s, c.key)
		assert.Equal(t, c.check, check)
		assert.Equal(t, c.status, status)
		for _, name := range []string{check, status} {
			assert.Empty(t, seen[name], "a check and a status of one name would both be required")
			seen[name] = name
			assert.LessOrEqual(t, utf8.RuneCountInString(name), 255)
			assert.NotContains(t, name, "\n")
		}
	}
}

func TestStatusText(t *testing.T) {
	for name, s := range scenes() {
		assert.Equal(t, Title(s), StatusText(s, 1000), name)
		for _, n := range []int{1, 20, 140} {
			short := StatusText(s, n)
			assert.LessOrEqual(t, utf8.RuneCountInString(short), n)
			assert.True(t, strings.HasPrefix(Title(s), strings.TrimSuffix(short, "…")), "the same words: %s", short)
		}
	}
}

func TestSucceeded(t *testing.T) {
	a, f := passing("a", "x", 1), failing("f", "x")
	byName := func(runs ...suiteRun) Summary {
		s := named(runs...)
		s.Named = []string{"a"}
		return s
	}
	with := func(s Summary, change func(*Summary)) Summary { change(&s); return s }
	decision := func(d policy.Decision) Summary {
		return Summary{Phase: Final, Verdict: &policy.Verdict{Decision: d}}
	}
	ready := decided(requiring("a"), []suiteRun{a})
	for _, c := range []struct {
		name string
		s    Summary
		want bool
	}{
		{"ready", ready, true},
		{"ready with waivers", decision(policy.ReadyWithWaivers), true},
		{"not ready", decision(policy.NotReady), false},
		{"not enough evidence", decision(policy.InsufficientEvidence), false},
		{"could not tell", decision(policy.Error), false},
		{"a word of a later version", decision("SPLENDID"), false},
		{"no word", decision(""), false},
		{"a named suite passed", byName(a), true},
		{"a named suite failed", byName(a, f), false},
		{"a named suite could not be told", byName(a, outOfMemory()), false},
		{"no named suite ran", byName(), false},
		{"nothing decided and nothing named", named(a), false},
		{"nothing at all", Summary{}, false},
		{"only begun", with(ready, func(s *Summary) { s.Phase = Started }), false},
		{"no phase", with(ready, func(s *Summary) { s.Phase = "" }), false},
		{"a problem", with(ready, func(s *Summary) { s.Problem = "the store failed" }), false},
		{"a problem with named suites", with(byName(a), func(s *Summary) { s.Problem = "the store failed" }), false},
	} {
		assert.Equal(t, c.want, Succeeded(c.s), c.name)
	}
}

func TestAnnotations(t *testing.T) {
	at := func(name, file string, line int) report.Case {
		return report.Case{Name: name, Status: report.Failed, File: file, Line: line, Message: "broke"}
	}
	run := func(suite string, cases ...report.Case) suiteRun {
		return suiteRun{suite: suite, owner: "x", outcome: evidence.OutcomeFailed, reason: evidence.TestsFailed, report: listed(cases, 3)}
	}
	lint := run("lint", at("new", "l/new_test.go", 1), at("old", "l/old_test.go", 2))
	unit := run("unit", at("old", "u/old_test.go", 3), at("new", "u/new_test.go", 4), report.Case{Name: "nowhere", Status: report.Errored, Message: "no file"})
	s := decided(requiring("unit"), []suiteRun{lint, unit})
	s.Context = ci.Context{PullRequest: 1, BaseSHA: baseCommit, BaseBranch: "main"}
	s = based(s, run("lint", at("old", "", 0)), run("unit", at("old", "", 0)))

	places := func(list []Annotation) (out []string) {
		for _, a := range list {
			out = append(out, fmt.Sprintf("%s:%d %t %t", a.Path, a.Line, a.Blocking, a.New))
		}
		return out
	}
	want := []string{"u/new_test.go:4 true true", "u/old_test.go:3 true false", "l/new_test.go:1 false true", "l/old_test.go:2 false false"}
	list, total := Annotations(s, 0)
	assert.Equal(t, want, places(list), "blocking ones first, of these the new ones")
	assert.Equal(t, 5, total, "the one that is nowhere counts too")
	assert.Equal(t, Annotation{Path: "u/new_test.go", Line: 4, Blocking: true, New: true, Suite: "unit", Title: "unit: new", Message: "broke"}, list[0])
	list, total = Annotations(s, 3)
	assert.Equal(t, want[:3], places(list))
	assert.Equal(t, 5, total)

	t.Run("of a waived suite they do not block", func(t *testing.T) {
		waived := s
		v := *s.Verdict
		v.Cells = slices.Clone(v.Cells)
		v.Cells[0].State = policy.StateWaived
		waived.Verdict = &v
		for _, a := range first(Annotations(waived, 0)) {
			assert.False(t, a.Blocking)
		}
	})
	t.Run("of suites run by name they do", func(t *testing.T) {
		for _, a := range first(Annotations(named(lint), 0)) {
			assert.True(t, a.Blocking)
			assert.False(t, a.New, "without a base nothing is known to be new")
		}
	})
	t.Run("new only where the whole base is known", func(t *testing.T) {
		for name, change := range map[string]func(*evidence.Result){
			"no report":      func(r *evidence.Result) { r.Report = nil },
			"broken off":     func(r *evidence.Result) { r.Outcome, r.Reason = evidence.OutcomeError, evidence.OOMKilled },
			"failures cut":   func(r *evidence.Result) { r.Report.Failed++ },
			"another suite":  func(r *evidence.Result) { r.Suite = "other" },
			"nothing failed": nil,
		} {
			b := based(s, run("unit", at("old", "", 0)))
			if change == nil {
				b = based(s, passing("unit", "x", 3))
			} else {
				change(b.Base[0].Result)
			}
			for _, a := range first(Annotations(b, 0)) {
				assert.Equal(t, change == nil && a.Suite == "unit", a.New, "%s: %s", name, a.Title)
			}
		}
		b := based(s, run("unit", at("old", "", 0)))
		b.Base[0].Environment.Name = "production"
		assert.False(t, first(Annotations(b, 0))[0].New, "another environment is no base")
	})
	t.Run("without end", func(t *testing.T) {
		list, total := Annotations(tenThousandScene(), 50)
		assert.Empty(t, list, "they do not say where they are")
		assert.Equal(t, 10000, total)
	})
	t.Run("whatever the tests printed", func(t *testing.T) {
		long := at(strings.Repeat("名", 1000), "x_test.go", -7)
		long.Message, long.Detail = evil, strings.Repeat(strings.Repeat("名", 5000)+"\n", 5000)
		empty := report.Case{Name: "empty", Status: report.Errored, File: "y_test.go"}
		list, _ := Annotations(named(run("unit", long, empty)), 0)
		require.Len(t, list, 2)
		assert.Equal(t, 1, list[0].Line)
		assert.LessOrEqual(t, utf8.RuneCountInString(list[0].Title), 255)
		assert.Less(t, len(list[0].Message), 64<<10)
		assert.Contains(t, list[0].Message, "4,980 more lines")
		assert.Equal(t, "The test errored without a message.", list[1].Message)
		for _, a := range list {
			for _, r := range a.Title + a.Message {
				assert.False(t, r != '\n' && invisible(r), "%U", r)
			}
		}
	})
}

func first[A, B any](a A, _ B) A { return a }

func TestRepositoryPath(t *testing.T) {
	for in, want := range map[string]string{
		"e2e/a_test.go": "e2e/a_test.go", "./a.go": "a.go", "a//b/./c.go": "a/b/c.go", "a/../b.go": "b.go", `win\dir\a.cs`: "win/dir/a.cs",
		"a b/ü.py": "a b/ü.py", "tests/test_a.py::TestX": "tests/test_a.py::TestX", "..a/b": "..a/b",
		"": "", ".": "", "/": "", "/etc/passwd": "", "..": "", "../x": "", "a/../../x": "", `..\x`: "", `C:\x\a.cs`: "", "c:/x": "",
		`\\server\share\a`: "", "http://x/a.js": "", "https://x": "", "file:///a": "", "webpack://./src/a.ts": "", "node:internal/a": "", "javascript:alert(1)": "",
		"a\n/../../b": "", "\u202e/etc": "",
	} {
		assert.Equal(t, want, repositoryPath(in), "%q", in)
	}
}
