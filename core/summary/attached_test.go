package summary

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
)

// withAttachments is a run with a failed test that attached things, of which some were kept.
func withAttachments() Summary {
	rep := report.Report{}
	for _, c := range []report.Case{
		{Name: "pays", Status: report.Failed, Message: "502", File: "e2e/pay.ts", Line: 3, AttachmentsOmitted: 7, Attachments: []report.Attachment{
			{Name: "trace", Path: "/workspace/out/pays/trace.zip", MediaType: "application/zip"},
			{Path: "/tmp/@everyone `page`.png"},
			{MediaType: "image/png"}, {MediaType: "image/png"}, {Name: "note"},
			{Path: "out/pays/1.png"}, {Path: "out/pays/2.png"}, {Path: "out/pays/3.png"},
		}},
		{Name: "is quick", Status: report.Passed, Attempts: []report.Attempt{{Status: report.Failed, Message: "slow"}}, Attachments: []report.Attachment{{Path: "out/quick.png"}}},
	} {
		rep.Add(c)
		rep.Cases = append(rep.Cases, c)
	}
	res := &evidence.Result{Run: "r1", Attempt: 1, Suite: "e2e", Outcome: evidence.OutcomeFailed, Reason: evidence.TestsFailed, Report: &rep}
	for _, path := range []string{"out/pays/trace.zip", "out/pays/1.png", "out/pays/2.png", "out/pays/3.png", "out/quick.png"} {
		res.Files = append(res.Files, evidence.File{Path: "artifacts/" + path, Kind: evidence.FileArtifact})
	}
	return Summary{Phase: Final, Results: []evidence.Entry{{Kind: evidence.KindResult, ID: "r1.a1", Result: res}}}
}

func TestAttached(t *testing.T) {
	s := withAttachments()
	shown := RunText("r1", s.Results, TextOptions{})
	assert.Contains(t, shown, `  pays (e2e/pay.ts:3)
    502
    attached: artifacts/out/pays/trace.zip: trace
    attached: /tmp/@everyone `+"`page`"+`.png (not kept)
    attached: artifacts/out/pays/1.png
    attached: artifacts/out/pays/2.png
    attached: artifacts/out/pays/3.png
    attached: 2 image/png, in the report itself
    attached: 1 of unknown type, in the report itself
    attached: 7 more, in the report
`)
	assert.Contains(t, shown, "    an earlier try failed: slow\n    attached: artifacts/out/quick.png\n")

	assert.Contains(t, Text(s, TextOptions{Width: 200}), "\n    attached: artifacts/out/pays/trace.zip, artifacts/out/pays/1.png, artifacts/out/pays/2.png and 1 more\n")

	markdown := Markdown(s)
	assert.Contains(t, markdown, "\nattached: `artifacts/out/pays/trace.zip`, `artifacts/out/pays/1.png`, `artifacts/out/pays/2.png` and 1 more\n")
	assert.NotContains(t, markdown, "everyone", "what was not kept is of no use in a comment")

	list, _ := Annotations(s, 0)
	require.Len(t, list, 1)
	assert.Equal(t, "502\nattached: artifacts/out/pays/trace.zip, artifacts/out/pays/1.png, artifacts/out/pays/2.png and 1 more", list[0].Message)
}
