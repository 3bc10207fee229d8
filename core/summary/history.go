package summary

import (
	"errors"
	"time"

	"github.com/assay-dev/assay/core/evidence"
)

// Kinds of documents about a store's history.
const (
	KindCellList    = "CellList"
	KindTestHistory = "TestHistory"
)

// CellListDocument lists the newest run of each workload, suite and environment.
type CellListDocument struct {
	APIVersion string     `json:"apiVersion"`
	Kind       string     `json:"kind"`
	Items      []CellItem `json:"items"`
}

// CellItem is the newest run of a suite that covered a workload; the workload is empty where it covered none.
type CellItem struct {
	Workload string `json:"workload"`
	RunItem
}

// Cells makes items of the newest results. The error joins those that could not be read.
func Cells(newest []evidence.CellResult) ([]CellItem, error) {
	items := []CellItem{}
	var errs []error
	read := map[string]RunItem{} // a result covers several workloads
	for _, c := range newest {
		key := c.Invocation + "\x00" + c.ID
		item, ok := read[key]
		if !ok {
			e, err := c.Read()
			if err != nil {
				errs = append(errs, err)
				continue
			}
			item = runItem(e)
			read[key] = item
		}
		items = append(items, CellItem{c.Workload, item})
	}
	return items, errors.Join(errs...)
}

// CellsText is the table of cells for a terminal. Ages are counted from now.
func CellsText(items []CellItem, now time.Time) string {
	var lines [][]string
	for _, i := range items {
		reason := string(i.Reason)
		if i.Reason == evidence.Completed {
			reason = ""
		}
		lines = append(lines, []string{i.Workload, title(i.Suite), title(i.Environment), i.result(), reason, i.age(now), i.Run, shortSubject(*i.Subject)})
	}
	return Table([]string{"WORKLOAD", "SUITE", "ENVIRONMENT", "RESULT", "REASON", "AGE", "RUN", "SUBJECT"}, lines...)
}

// TestHistoryDocument is what the runs of a suite tell of one test, newest first.
type TestHistoryDocument struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Suite      string    `json:"suite"`
	Test       string    `json:"test"`
	Items      []TestRun `json:"items"`
}

// TestRun is what one attempt of a run tells of a test.
type TestRun struct {
	// State is passed, flaky, failed, errored, skipped; absent where the whole report has no such test; and
	// "not told" where it is not known whether it has.
	State   evidence.TestState `json:"state"`
	Run     string             `json:"run"`
	Attempt int                `json:"attempt"`
	// Outcome is that of the run, and Time when it was kept.
	Outcome     evidence.Outcome `json:"outcome"`
	Time        time.Time        `json:"time"`
	Environment string           `json:"environment,omitempty"`
	Subject     evidence.Subject `json:"subject"`
}

// TestHistory makes a document of what is known of a test.
func TestHistory(suite, test string, runs []evidence.TestRun) TestHistoryDocument {
	d := TestHistoryDocument{APIVersion: evidence.APIVersion, Kind: KindTestHistory, Suite: suite, Test: test, Items: []TestRun{}}
	for _, r := range runs {
		d.Items = append(d.Items, TestRun{r.State, r.Result.Run, r.Result.Attempt, r.Result.Outcome, r.Time.UTC(), r.Environment.Name, r.Result.Subject})
	}
	return d
}

// Text is the history for a terminal. Ages are counted from now.
func (d TestHistoryDocument) Text(now time.Time) string {
	var lines [][]string
	for _, r := range d.Items {
		age := RunItem{Finished: r.Time}.age(now)
		lines = append(lines, []string{string(r.State), r.Run, string(r.Outcome), age, title(r.Environment), shortSubject(r.Subject)})
	}
	return Table([]string{"TEST", "RUN", "RESULT", "AGE", "ENVIRONMENT", "SUBJECT"}, lines...)
}
