package report

// List is the document that assay import --dry-run --output json prints.
type List struct {
	APIVersion string     `json:"apiVersion"`
	Kind       string     `json:"kind"`
	Reports    []ListItem `json:"reports"`
}

// ListItem is one file of a List. Numbers are those of the cases that could be read.
type ListItem struct {
	Path   string `json:"path"`
	Format string `json:"format"`
	// Tests is the sum of the four that follow.
	Tests   int `json:"tests"`
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Errored int `json:"errored"`
	Skipped int `json:"skipped"`
	Judged
	// Incomplete is true where only a part of the file could be read.
	Incomplete bool `json:"incomplete"`
	// Doubts are sentences; empty where there are none.
	Doubts []string `json:"doubts"`
}

// NewList makes the document. Its lists are never null.
func NewList(files []File) List {
	l := List{APIVersion: "assay.dev/v1alpha1", Kind: "ReportList", Reports: []ListItem{}}
	for _, f := range files {
		item := ListItem{
			Path: f.Path, Format: f.Format,
			Tests: f.Tests, Passed: f.Passed, Failed: f.Failed, Errored: f.Errored, Skipped: f.Skipped,
			Judged:     f.Judged,
			Incomplete: f.Incomplete, Doubts: []string{},
		}
		for _, d := range f.Doubts {
			item.Doubts = append(item.Doubts, d.Message)
		}
		l.Reports = append(l.Reports, item)
	}
	return l
}
