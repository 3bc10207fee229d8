package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readings are figures of every kind.
func readings() *Reports {
	took := func(seconds ...float64) (r Readings) {
		for _, s := range seconds {
			r.Samples = append(r.Samples, Cost{Seconds: s, CPU: s + 0.5, Peak: int64(40e6 + s*1e6)})
		}
		return r
	}
	return &Reports{
		Tests: 1_000_000, Bytes: 190e6, Files: 2000, Node: "v20.1.0",
		Readers: []Reader{
			{Name: assayName, One: took(1, 1.2, 1.1), Many: took(2, 2, 3)},
			{Name: "joshdk/go-junit", Version: "1.0.0", One: took(12, 11, 13), Many: took(14, 15, 13)},
			{Name: "other", Version: "2.0.0", Note: "counts an error as a failure", One: Readings{Wrong: "finds 3 tests | or\nfour"}, Many: Readings{Wrong: "died of memory after 60.00 s"}},
		},
		Formats: []Format{
			{Name: "trx", Tests: 140_000, Bytes: 150e6, Assay: took(1, 2).Samples, Tokens: took(3, 3).Samples, Against: "encoding/xml"},
			{Name: "tap", Tests: 1_200_000, Bytes: 170e6, Assay: took(4, 4).Samples},
		},
	}
}

func TestReportsTables(t *testing.T) {
	c := Conditions{Date: time.Date(2025, 11, 22, 10, 0, 0, 0, time.UTC), Commit: "34b4194", Cores: 2, Memory: 24 << 30, Load: 0.2}
	golden(t, "reports.md", readings().markdown(c))
	golden(t, "reports.txt", Result{Reports: readings()}.text())
}

func TestReadingsOver(t *testing.T) {
	fine := Cost{Seconds: 5, Peak: 100e6}
	assert.False(t, Readings{Samples: []Cost{fine, fine, {Seconds: 9, Peak: 1}}}.over(), "the median decides over the time")
	assert.True(t, Readings{Samples: []Cost{{Seconds: 5.01}}}.over())
	assert.True(t, Readings{Samples: []Cost{fine, fine, {Seconds: 1, Peak: 100e6 + 1}}}.over(), "memory is bounded each time")
	assert.True(t, Readings{Wrong: "died"}.over())
	assert.True(t, Format{Assay: []Cost{fine, {Peak: 100e6 + 1}}}.over())
}

func TestAssayTold(t *testing.T) {
	c, err := assayTold([]byte(`{"reports":[{"path":"a","tests":3,"passed":1,"failed":1,"errored":1,"doubts":[]},{"path":"b","tests":2,"passed":1,"skipped":1,"doubts":[]}]}`))
	require.NoError(t, err)
	assert.Equal(t, Counts{5, 2, 1, 1, 1}, c)
	for _, bad := range []string{``, `{"reports":[{"path":"a","tests":1,"passed":1,"doubts":["it ends early"]}]}`, `{"reports":[{"path":"a","incomplete":true}]}`} {
		_, err := assayTold([]byte(bad))
		assert.Error(t, err, bad)
	}
}

// What a reader takes is measured and its figures count only where its counts are right.
func TestContend(t *testing.T) {
	d := &desk{dir: t.TempDir(), stdout: t.Output()}
	want := Counts{Tests: 2, Passed: 2}
	said := func(text string, exit string) contender {
		return contender{
			Reader:  Reader{Name: "sh"},
			command: func(string, bool) []string { return []string{"sh", "-c", "echo '" + text + "'; exit " + exit} },
			told: func(out []byte) (Counts, error) {
				return map[string]Counts{"right\n": want, "wrong\n": {Tests: 1}}[string(out)], nil
			},
			knows: func(c Counts) Counts { return c },
		}
	}
	for name, tc := range map[string]struct {
		c     contender
		wrong string
	}{
		"right":   {said("right", "0"), ""},
		"wrong":   {said("wrong", "0"), "finds 1 tests, 0 passed, 0 failed, 0 errored, 0 skipped"},
		"fails":   {said("right", "1"), "exit status 1: "},
		"killed":  {said("right", "$(kill -9 $$)"), "died of memory after "},
		"missing": {contender{command: func(string, bool) []string { return []string{"/nothing/here"} }}, "no such file"},
	} {
		var r Readings
		require.NoError(t, d.contend(t.Context(), &tc.c, "", false, want, &r), name)
		if tc.wrong == "" {
			require.Len(t, r.Samples, 1, name)
			assert.Positive(t, r.Samples[0].Peak, name)
			assert.Positive(t, r.Samples[0].Seconds, name)
			continue
		}
		assert.Empty(t, r.Samples, name)
		assert.Contains(t, r.Wrong, tc.wrong, name)
	}
	ours := said("wrong", "0")
	ours.Name = assayName
	assert.Error(t, d.contend(t.Context(), &ours, "", false, want, &Readings{}), "Assay has to be right")
}
