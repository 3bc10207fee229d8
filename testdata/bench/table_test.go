package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// measured is a result with every part in it.
func measured() Result {
	pair := func(assay, bare float64) Pair {
		return Pair{
			Assay: Timed{Seconds: assay, Items: map[string]float64{itemCreated: 0.1, itemScheduled: -0.001, itemCollector: 1, itemTest: 1.004, itemExit: 0.1}},
			Bare:  Timed{Seconds: bare, Items: map[string]float64{itemCreated: 0.2, itemScheduled: 0.02, itemTest: 1, itemComplete: 1.5, itemExit: 0.2}},
		}
	}
	burst := func(assay, bare, sidecar float64) Burst {
		timed := func(s float64) Timed {
			return Timed{s, map[string]float64{itemLastTest: s - 1, itemExit: 1}, 2 * s}
		}
		return Burst{timed(assay), timed(2 * bare), timed(bare), timed(sidecar), Count{270, 30}, 57_500_000, 3}
	}
	return Result{
		Conditions: Conditions{Date: time.Date(2025, 11, 22, 10, 0, 0, 0, time.UTC), Commit: "34b4194", Kubernetes: "v1.34.4", Kubectl: "v1.34.4", Nodes: 1, Cores: 2, Memory: 24 << 30, Here: true, Suites: 30},
		One:        []Pair{pair(3.3, 3.3), pair(3.1, 4.2), pair(3.9, 3.2)},
		Many:       []Burst{burst(16, 10, 14), burst(15, 10, 14)},
		Requests:   &Requests{PerRun: []Count{{9, 1}, {9, 1}, {10, 1}}, Peak: []float64{42e6, 43e6, 42e6}, Idle: Count{0, 0}},
		Memory:     &Memory{HighWater: map[string]int64{"run": 4 << 20, "collect": 7 << 20, "connect": 4 << 20}, Together: 97 << 20 / 10, Works: true, Killed: true},
		ReadBack:   &ReadBack{Bytes: 512 << 20, Pairs: []ReadPair{{Assay: 5, Digest: 1, Exec: 4}, {Assay: 5.5, Digest: 1, Exec: 4.6}}},
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "run go test ./testdata/bench -update")
}

func TestTables(t *testing.T) {
	golden(t, "table.md", measured().markdown())
	golden(t, "table.txt", measured().text())
	elsewhere := measured()
	elsewhere.Conditions.Here, elsewhere.Conditions.Nodes, elsewhere.Memory.HighWater = false, 3, nil
	assert.Contains(t, elsewhere.markdown(), "not measured: the node is another machine")
	assert.Contains(t, elsewhere.markdown(), "3 nodes elsewhere")
	assert.Empty(t, Result{}.text(), "what was not measured has no line")
}

// Each bound is held: a figure beyond it says so.
func TestBounds(t *testing.T) {
	over := func(r Result) (rows []string) {
		for _, row := range r.rows() {
			if row.over {
				rows = append(rows, row.what)
			}
		}
		return rows
	}
	good := measured()
	good.Many = good.Many[1:]
	assert.Empty(t, over(good))
	for name, spoil := range map[string]func(*Result){
		"one":      func(r *Result) { r.One = []Pair{{Assay: Timed{Seconds: 4}, Bare: Timed{Seconds: 3.3}}} },
		"many":     func(r *Result) { r.Many[0].Assay.Seconds = 15.1 },
		"requests": func(r *Result) { r.Requests.PerRun[2] = Count{15, 1} },
		"each":     func(r *Result) { r.Many[0].Requests = Count{15 * 30, 1} },
		"idle":     func(r *Result) { r.Requests.Idle = Count{1, 0} },
		"peak":     func(r *Result) { r.Many[0].Peak = 100_000_001 },
		"pod":      func(r *Result) { r.Memory.HighWater["run"] = 5<<20 + 1 },
		"works":    func(r *Result) { r.Memory.Works = false },
		"killed":   func(r *Result) { r.Memory.Killed = false },
		"read":     func(r *Result) { r.ReadBack.Pairs = []ReadPair{{Assay: 5.1, Exec: 4}} },
	} {
		r := measured()
		r.Many = r.Many[1:]
		spoil(&r)
		assert.Len(t, over(r), 1, name)
	}
}

func TestWorked(t *testing.T) {
	assert.InDelta(t, 1.0+0.02+0.3+0.4+0.05, worked("cpu  100 2 30 99999 88888 40 5 77777 0 0\ncpu0 50 1 15 0 0 0 0 0 0 0\n"), 1e-9)
	assert.Zero(t, worked("intr 1 2 3"))
}

func TestSpread(t *testing.T) {
	assert.Equal(t, "3.30 s (3.10 to 4.40)", spread([]float64{3.3, 4.4, 3.1}, "s"))
	assert.Equal(t, "0.98", spread([]float64{0.981, 0.979}, ""), "a range that nobody would see is none")
	assert.Equal(t, "10 (9 to 11)", spread([]float64{9, 10, 11}, "n"))
	assert.Equal(t, "57 MB", spread([]float64{57.4}, "MB"))
}

func TestBetween(t *testing.T) {
	got, err := between("before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n", clusterTable, "new\n")
	require.NoError(t, err)
	assert.Equal(t, "before\n<!-- bench:begin -->\nnew\n<!-- bench:end -->\nafter\n", got)
	for _, broken := range []string{"", "<!-- bench:begin -->\n", "<!-- bench:end --><!-- bench:begin -->\n", "<!-- bench-reports:begin -->\n<!-- bench-reports:end -->\n"} {
		_, err := between(broken, clusterTable, "new")
		assert.Error(t, err, "%q", broken)
	}
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	for _, name := range []string{clusterTable, reportsTable, trendsTable, verdictTable} {
		_, err = between(string(readme), name, "")
		assert.NoError(t, err, "the README has the place")
	}
}

// Each table is replaced by what was measured, and the other stays.
func TestWriteTables(t *testing.T) {
	const before = "<!-- bench:begin -->\nold\n<!-- bench:end -->\n<!-- bench-reports:begin -->\nold reports\n<!-- bench-reports:end -->\n" +
		"<!-- bench-trends:begin -->\nold trends\n<!-- bench-trends:end -->\n<!-- bench-verdict:begin -->\nold verdicts\n<!-- bench-verdict:end -->\n"
	r, drawn := Result{Reports: readings(), Trends: trends(), Verdicts: verdicts()}, Result{Trends: trends()}
	for name, tc := range map[string]struct {
		r         Result
		onCluster bool
		old, gone []string
	}{
		"all":          {r, true, nil, []string{"\nold\n", "old reports", "old trends", "old verdicts"}},
		"no cluster":   {r, false, []string{"\nold\n"}, []string{"old reports", "old trends", "old verdicts"}},
		"trends":       {drawn, false, []string{"\nold\n", "old reports", "old verdicts"}, []string{"old trends"}},
		"cluster only": {Result{}, true, []string{"old reports", "old trends", "old verdicts"}, []string{"\nold\n"}},
	} {
		path := filepath.Join(t.TempDir(), "README.md")
		require.NoError(t, os.WriteFile(path, []byte(before), 0o644))
		require.NoError(t, tc.r.writeTables(path, tc.onCluster), name)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, text := range tc.old {
			assert.Contains(t, string(after), text, name)
		}
		for _, text := range tc.gone {
			assert.NotContains(t, string(after), text, name)
		}
	}
}
