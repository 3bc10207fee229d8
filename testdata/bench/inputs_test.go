package main

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/assay-dev/assay/core/report"
)

// The generated reports are whole, of the format that they are said to be, and hold what they are said to hold.
func TestInputs(t *testing.T) {
	const n = 2 * perSuite
	all := append([]input{{format: "junit", write: func(w io.Writer, n int) { junitFile(w, 0, n/perSuite) }, counts: sameCounts}}, inputs...)
	for _, in := range all {
		t.Run(in.format, func(t *testing.T) {
			var text, again bytes.Buffer
			in.write(&text, n)
			in.write(&again, n)
			assert.True(t, bytes.Equal(text.Bytes(), again.Bytes()), "the same each time")
			f := report.ReadFile(&text, "", "", report.Options{}, nil)
			assert.Equal(t, in.format, f.Format)
			assert.Empty(t, f.Doubts)
			assert.Equal(t, in.counts(n), Counts{f.Tests, f.Passed, f.Failed, f.Errored, f.Skipped})
			if in.tests > 0 {
				assert.InDelta(t, 150, float64(again.Len())/1e6/n*float64(in.tests), 50, "megabytes of the one that is measured")
			} else {
				assert.InDelta(t, 190, float64(again.Len())/n, 10, "bytes a test: 190 MB are a million of them")
			}
		})
	}
}
