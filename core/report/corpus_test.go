package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCorpus reads real report files collected elsewhere and compares the counts with those that
// their own repositories assert. ASSAY_CORPUS names the directory that holds them and the tables
// EXPECTED.tsv, EXPECTED_GROUPS.tsv, EXPECTED_SPECIAL.tsv and EXPECTED_ERRORS.tsv.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("ASSAY_CORPUS")
	if dir == "" {
		t.Skip("ASSAY_CORPUS is not set: no corpus of report files to read")
	}
	for _, table := range []string{"EXPECTED.tsv", "EXPECTED_GROUPS.tsv"} {
		t.Run(table, func(t *testing.T) {
			right, wrong := 0, 0
			for _, row := range corpusRows(t, dir, table) {
				if !corpusFormat(row[1]) {
					continue
				}
				if why := corpusDeviates[row[0]]; why != "" {
					t.Logf("%s: not compared: %s", row[0], why)
					continue
				}
				got, doubts := corpusTotals(t, dir, strings.Split(row[0], ";"))
				if row[1] == playwrightJSON.name {
					got.Passed -= got.Flaky // the source counts them apart
				}
				if problem := corpusCompare(row[2:7], got); problem != "" {
					wrong++
					t.Errorf("%s: %s, doubts %q", cut(row[0], 200), problem, doubts)
					continue
				}
				right++
			}
			t.Logf("%s: %d right, %d wrong", table, right, wrong)
			require.Positive(t, right)
		})
	}
	for _, table := range []string{"EXPECTED_SPECIAL.tsv", "EXPECTED_ERRORS.tsv"} {
		t.Run(table, func(t *testing.T) {
			read, green := 0, 0
			for _, row := range corpusRows(t, dir, table) {
				report := Read(os.DirFS(dir), []Source{{Path: row[0]}}, Options{})
				read++
				// A special row may expect a pass; an erroneous file never is one.
				passes := table == "EXPECTED_SPECIAL.tsv" && row[4] == "0" && row[5] == "0" && row[3] != "0" && row[3] != "-"
				if report.Clean() && !passes {
					green++
					t.Errorf("%s is read as a pass: %+v", row[0], report.Totals)
				}
				if corpusFormat(row[1]) {
					t.Logf("%s %v: %+v %v", row[0], row[2:], report.Totals, report.Doubts)
				}
			}
			t.Logf("%s: %d files, %d false greens", table, read, green)
		})
	}
}

// corpusDeviates names rows that are counted otherwise on purpose, and why.
var corpusDeviates = map[string]string{
	"gotestyourself+gotestsum/testjson/testdata/input/go-test-json.out": "a package that failed without a test that did is a failure there and no test, as in no other row; here it is a case",
}

func corpusFormat(name string) bool {
	for _, f := range formats {
		if f.name == name {
			return true
		}
	}
	return false
}

func corpusRows(t *testing.T, dir, table string) [][]string {
	b, err := os.ReadFile(filepath.Join(dir, table))
	require.NoError(t, err)
	var rows [][]string
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n")[1:] {
		rows = append(rows, strings.Split(line, "\t"))
	}
	return rows
}

func corpusTotals(t *testing.T, dir string, paths []string) (total Totals, doubts []string) {
	for _, path := range paths {
		f, err := os.Open(filepath.Join(dir, path))
		require.NoError(t, err)
		file := ReadFile(f, filepath.Base(path), "", Options{}, nil)
		require.NoError(t, f.Close())
		total.Merge(file.Totals)
		for _, d := range file.Doubts {
			doubts = append(doubts, d.Message)
		}
	}
	return total, doubts
}

// corpusCompare compares tests, passed, failed, errored, skipped; "-" is not asserted, and where
// errored is not, the source counts errors as failures.
func corpusCompare(want []string, got Totals) string {
	failed := got.Failed
	if want[3] == "-" {
		failed += got.Errored
	}
	var wrong []string
	for i, n := range []int{got.Tests, got.Passed, failed, got.Errored, got.Skipped} {
		if want[i] != "-" && want[i] != strconv.Itoa(n) {
			wrong = append(wrong, fmt.Sprintf("%s: want %s, got %d", []string{"tests", "passed", "failed", "errored", "skipped"}[i], want[i], n))
		}
	}
	return strings.Join(wrong, ", ")
}
