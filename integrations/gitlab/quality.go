package gitlab

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/assay-dev/assay/core/summary"
)

// remark is a finding at a place in the code, as GitLab's Code Quality knows it
// (https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format).
type remark struct {
	Description string `json:"description"`
	// CheckName groups remarks; Fingerprint tells one from another, and one run's from the next's.
	CheckName   string   `json:"check_name"`
	Fingerprint string   `json:"fingerprint"`
	Severity    string   `json:"severity"` // info, minor, major, critical or blocker
	Location    location `json:"location"`
}

type location struct {
	Path  string `json:"path"`
	Lines lines  `json:"lines"`
}

type lines struct {
	Begin int `json:"begin"`
}

const (
	// mostRemarks is how many failed tests are shown at their place; GitLab's widget shows a few at a time.
	mostRemarks = 1000
	// longestRemark is in characters.
	longestRemark = 1000
)

// quality shows failed tests at their place in the changed files. An empty list is written as well: it
// is what the next change is compared with.
func quality(s summary.Summary) ([]byte, error) {
	list, total := summary.Annotations(s, mostRemarks)
	remarks := make([]remark, 0, len(list))
	seen := map[string]int{}
	for _, a := range list {
		message, _, _ := strings.Cut(a.Message, "\n")
		description := []rune(summary.Line(a.Title + ": " + message))
		if len(description) > longestRemark {
			description = append(description[:longestRemark-1], '…')
		}
		// Not the line: a test that moves within its file is the same one.
		identity := a.Suite + "\x00" + a.Path + "\x00" + a.Title
		seen[identity]++
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", identity, seen[identity]))
		severity := "minor"
		if a.Blocking {
			severity = "blocker"
		}
		remarks = append(remarks, remark{
			Description: string(description), CheckName: "assay/" + summary.Line(a.Suite), Fingerprint: hex.EncodeToString(sum[:]),
			Severity: severity, Location: location{a.Path, lines{a.Line}},
		})
	}
	if text := summary.UnannotatedText(s, len(list), total); text != "" && len(list) > 0 {
		// GitLab has no other place for it in this list. How many there are is not part of what tells it
		// from others.
		sum := sha256.Sum256([]byte("left out"))
		remarks = append(remarks, remark{
			Description: summary.Line(text), CheckName: "assay", Fingerprint: hex.EncodeToString(sum[:]),
			Severity: "info", Location: location{list[len(list)-1].Path, lines{1}},
		})
	}
	return document(remarks)
}
