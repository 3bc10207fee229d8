package report

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
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
			right, wrong, disputed := 0, 0, 0
			byFormat := map[string][2]int{}
			for _, row := range corpusRows(t, dir, table) {
				if !corpusFormat(row[1]) {
					continue
				}
				got, doubts := corpusTotals(t, dir, strings.Split(row[0], ";"))
				if row[1] == playwrightJSON.name {
					got.Passed -= got.Flaky // the source counts them apart
				}
				if problem := corpusCompare(row[2:7], got); problem != "" && corpusIsDisputed(row[0]) {
					t.Logf("%s is disputed: %s", row[0], problem)
					disputed++
					continue
				} else if problem != "" {
					wrong++
					byFormat[row[1]] = [2]int{byFormat[row[1]][0], byFormat[row[1]][1] + 1}
					t.Errorf("%s: %s, doubts %q", cut(row[0], 200), problem, doubts)
					continue
				}
				if corpusIsDisputed(row[0]) {
					t.Errorf("%s is no longer disputed: take it off the list", row[0])
				}
				right++
				byFormat[row[1]] = [2]int{byFormat[row[1]][0] + 1, byFormat[row[1]][1]}
			}
			t.Logf("%s: %d right, %d wrong, of them %d whose expectation is not followed", table, right, wrong+disputed, disputed)
			for _, format := range slices.Sorted(maps.Keys(byFormat)) {
				t.Logf("%s: %d right, %d wrong", format, byFormat[format][0], byFormat[format][1])
			}
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

// corpusNames are the corpus's own names of formats that have another one here.
var corpusNames = map[string]string{
	"gtest": "junit", "nunit2": "nunit", "nunit3": "nunit", "boost-xml": "boost", "ctest-xml": "ctest",
}

// corpusDisputed are rows whose expectation is not followed, each with what speaks against it.
var corpusDisputed = map[string]string{
	"yami_YAMILEX_2015-10-24_04_18_59.trx":               "counts an aborted and a not runnable test as skipped, which would hide that they could not be carried out",
	"xunit/types/boosttest/testcase4/input.xml":          "counts nine where the file has five TestCase elements",
	"xunit/types/ctest/testcase2/input.xml":              "counts a notrun without a reason as skipped; its output says SKIP, and the report has no word of it",
	"xunit/types/nunit/testcase15/input.xml":             "counts six tests whose result is Skipped as passed",
	"gotestsum/testjson/testdata/input/go-test-json.out": "counts a package that failed without a failed test as no test, as no other row does",
	"xunit/types/nunit3/testcase3/input.xml":             "counts an inconclusive test as errored, against other rows",
}

func corpusIsDisputed(path string) bool {
	for suffix := range corpusDisputed {
		if strings.HasSuffix(path, suffix) {
			return true
		}
	}
	return false
}

func corpusFormat(name string) bool {
	if ours, ok := corpusNames[name]; ok {
		name = ours
	}
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
