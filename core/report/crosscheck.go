package report

import (
	"fmt"

	peer "github.com/joshdk/go-junit"
)

// peerDepth is the nesting from which the second reader is not asked: its memory grows with the
// square of the depth.
const peerDepth = 64

// crossCheck has a small JUnit file read by an independent reader and notes where the counts
// disagree. That reader rejects much that real files hold, so its refusal says nothing; nor does
// it count errors of whole suites or the worst of several results, and such files are not given to it.
func crossCheck(content []byte, out *sink) {
	theirs, ok := peerTotals(content)
	if !ok {
		return
	}
	ours := out.file.Totals
	ours.Flaky = 0
	if ours != theirs {
		out.advise("is counted differently by a second reader (joshdk/go-junit): %s there, %s here", theirs.short(), ours.short())
	}
}

// peerTotals counts with joshdk/go-junit. It must not end the process, whatever the file holds.
func peerTotals(content []byte) (t Totals, ok bool) {
	defer func() {
		if recover() != nil {
			t, ok = Totals{}, false
		}
	}()
	suites, err := peer.Ingest(content)
	if err != nil {
		return Totals{}, false
	}
	for _, s := range suites {
		t.Merge(Totals{
			Tests: s.Totals.Tests, Passed: s.Totals.Passed, Failed: s.Totals.Failed,
			Errored: s.Totals.Error, Skipped: s.Totals.Skipped,
		})
	}
	return t, true
}

func (t Totals) short() string {
	return fmt.Sprintf("%d tests, %d failed, %d errored, %d skipped", t.Tests, t.Failed, t.Errored, t.Skipped)
}
