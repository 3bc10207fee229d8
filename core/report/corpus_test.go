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
// EXPECTED.tsv, EXPECTED_GROUPS.tsv, EXPECTED_SPECIAL.tsv and EXPECTED_ERRORS.tsv. `make corpus`
// runs it and prints what it counted.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("ASSAY_CORPUS")
	if dir == "" {
		t.Skip("ASSAY_CORPUS is not set: no corpus of report files to read")
	}
	for _, table := range []string{"EXPECTED.tsv", "EXPECTED_GROUPS.tsv"} {
		t.Run(table, func(t *testing.T) {
			counts := corpusCounts{}
			for _, row := range corpusRows(t, dir, table) {
				format := corpusFormat(row[1])
				if format == "" {
					counts.at("(not read)").rows++
					continue
				}
				count := counts.at(format)
				count.rows++
				got, formats, doubts := corpusTotals(t, dir, strings.Split(row[0], ";"))
				if !slices.ContainsFunc(formats, func(f string) bool { return f != format }) {
					count.read++
				}
				if format == playwrightJSON.name {
					got.Passed -= got.Flaky // the source counts them apart
				}
				problem, reason := corpusCompare(row[2:7], got), corpusDispute(row[0])
				switch {
				case problem == "" && reason != "":
					t.Errorf("%s is no longer disputed: take it off the list", row[0])
				case problem == "":
					count.right++
				case reason != "":
					count.wrong++
					fmt.Printf("  not followed: %s: %s. It %s\n", row[0], problem, reason)
				default:
					count.wrong++
					t.Errorf("%s: %s, doubts %q", cut(row[0], 200), problem, doubts)
				}
			}
			counts.print(table)
			require.Positive(t, counts.sum().right)
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
				t.Logf("%s %v: %+v %v", row[0], row[2:], report.Totals, report.Doubts)
			}
			fmt.Printf("%s: %d files, %d false greens\n", table, read, green)
		})
	}
}

// corpusCounts are rows of a table by the format's name.
type corpusCounts map[string]*corpusCount

type corpusCount struct{ rows, read, right, wrong int }

func (c corpusCounts) at(format string) *corpusCount {
	if c[format] == nil {
		c[format] = &corpusCount{}
	}
	return c[format]
}

func (c corpusCounts) sum() (all corpusCount) {
	for _, n := range c {
		all.rows, all.read, all.right, all.wrong = all.rows+n.rows, all.read+n.read, all.right+n.right, all.wrong+n.wrong
	}
	return all
}

func (c corpusCounts) print(table string) {
	fmt.Printf("%-22s %5s %5s %5s %5s\n", table, "ROWS", "READ", "RIGHT", "WRONG")
	for _, format := range slices.Sorted(maps.Keys(c)) {
		n := c[format]
		fmt.Printf("  %-20s %5d %5d %5d %5d\n", format, n.rows, n.read, n.right, n.wrong)
	}
	all := c.sum()
	fmt.Printf("  %-20s %5d %5d %5d %5d\n", "all", all.rows, all.read, all.right, all.wrong)
}

// corpusNames are the corpus's own names of formats that have another one here.
var corpusNames = map[string]string{
	"gtest": "junit", "nunit2": "nunit", "nunit3": "nunit", "boost-xml": "boost", "ctest-xml": "ctest",
}

// corpusDisputed are rows whose expectation is not followed, each with what speaks against it.
var corpusDisputed = map[string]string{
	"yami_YAMILEX_2015-10-24_04_18_59.trx":               "counts an aborted and a not runnable test as skipped; the producer's own counters keep both apart from those not executed",
	"xunit/types/boosttest/testcase4/input.xml":          "holds four of the five TestCase elements twice, once for their suite and once for the one around it",
	"xunit/types/nunit/testcase15/input.xml":             "counts six tests whose result is Skipped as passed; the file's own count of skipped tests is six",
	"gotestsum/testjson/testdata/input/go-test-json.out": "counts a package that failed without a failed test among the failures and not among the tests; go test has no test to blame, and here it is one that errored",
	"xunit/types/nunit3/testcase3/input.xml":             "counts an inconclusive test as errored; the file counts it apart from its failures, and here it is skipped",
}

// corpusDispute says why a row's expectation is not followed; empty where it is.
func corpusDispute(path string) string {
	for suffix, reason := range corpusDisputed {
		if strings.HasSuffix(path, suffix) {
			return reason
		}
	}
	return ""
}

// corpusFormat gives our name of a format of the corpus; empty where it is not read.
func corpusFormat(name string) string {
	if ours, ok := corpusNames[name]; ok {
		name = ours
	}
	if !slices.Contains(Formats(), name) {
		return ""
	}
	return name
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

func corpusTotals(t *testing.T, dir string, paths []string) (total Totals, formats, doubts []string) {
	for _, path := range paths {
		f, err := os.Open(filepath.Join(dir, path))
		require.NoError(t, err)
		file := ReadFile(f, filepath.Base(path), "", Options{}, nil)
		require.NoError(t, f.Close())
		total.Merge(file.Totals)
		formats = append(formats, file.Format)
		for _, d := range file.Doubts {
			doubts = append(doubts, d.Message)
		}
	}
	return total, formats, doubts
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
