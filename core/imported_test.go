package core_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/suite"
)

func TestImported(t *testing.T) {
	const (
		pass = `<testsuite tests="2"><testcase name="a"/><testcase name="b"/></testsuite>`
		part = `<testsuite tests="2"><testcase name="a"/><testcase name="b"><skipped/></testcase></testsuite>`
		fail = `<testsuite tests="1" failures="1"><testcase name="c"><failure message="no"/></testcase></testsuite>`
		none = `<testsuite tests="0"/>`
		skip = `<testsuite tests="1"><testcase name="d"><skipped/></testcase></testsuite>`
		cut  = `<testsuite tests="2"><testcase name="e"/><testca`
	)
	for name, tc := range map[string]struct {
		files   map[string]string
		reason  evidence.Reason
		outcome evidence.Outcome
		message string
	}{
		"passed":                       {map[string]string{"a.xml": pass}, evidence.Completed, evidence.OutcomePassed, "2 of 2 tests passed"},
		"passed with a skip":           {map[string]string{"a.xml": part}, evidence.Completed, evidence.OutcomePassed, "1 of 2 tests passed, 1 skipped"},
		"failed":                       {map[string]string{"a.xml": pass, "b.xml": fail}, evidence.TestsFailed, evidence.OutcomeFailed, "1 of 3 tests failed: c"},
		"failed beats unreadable":      {map[string]string{"a.xml": cut, "b.xml": fail}, evidence.TestsFailed, evidence.OutcomeFailed, "1 of 2 tests failed: c"},
		"unreadable beside a pass":     {map[string]string{"a.xml": pass, "b.xml": cut}, evidence.ReportUnreadable, evidence.OutcomeError, "b.xml ends early in line 1, inside <testsuite>; 1 case was read"},
		"thresholds unknown":           {map[string]string{"a.xml": k6Machine(0)}, evidence.ThresholdsUnknown, evidence.OutcomeError, "a.xml is in k6's machine-readable schema, which holds neither thresholds nor groups: whether the thresholds held is in k6's exit code alone"},
		"thresholds unknown, failed":   {map[string]string{"a.xml": k6Machine(2)}, evidence.TestsFailed, evidence.OutcomeFailed, "1 of 1 tests failed: home"},
		"no test":                      {map[string]string{"a.xml": none}, evidence.NoTests, evidence.OutcomeError, "the reports hold no test at all"},
		"nothing but skips":            {map[string]string{"a.xml": skip}, evidence.AllSkipped, evidence.OutcomeError, "all 1 tests were skipped"},
		"no file at all proves little": {nil, evidence.NoTests, evidence.OutcomeError, "the reports hold no test at all"},
	} {
		t.Run(name, func(t *testing.T) {
			files, listing := reports(tc.files)
			_, res := core.Imported(core.Import{Suite: suite.Suite{Name: "unit"}, Files: files, Listing: listing})
			assert.Equal(t, tc.reason, res.Reason)
			assert.Equal(t, tc.outcome, res.Outcome)
			assert.Equal(t, tc.message, res.Message)
			assert.Equal(t, evidence.OriginImported, res.Origin)
			assert.Len(t, res.Files, len(tc.files))
		})
	}
}

func TestImportedSaysWhatItIsAbout(t *testing.T) {
	made := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	_, res := core.Imported(core.Import{
		Suite: suite.Suite{Name: "unit", Spec: suite.Spec{
			Owner: "team", Level: "unit", Covers: []suite.Workload{{Kind: suite.Deployment, Name: "shop"}}, DependsOn: []suite.Workload{{Kind: suite.StatefulSet, Name: "db"}},
		}},
		Subject: suite.Subject{Kind: suite.Source, Commit: "abc", Tree: "def"}, Made: made,
	})
	assert.Equal(t, "unit team unit", res.Suite+" "+res.Owner+" "+res.Level)
	assert.Equal(t, []string{"deployment/shop"}, res.Covers)
	assert.Equal(t, []string{"statefulset/db"}, res.DependsOn)
	assert.Equal(t, evidence.Subject{Kind: "source", Commit: "abc", Tree: "def"}, res.Subject)
	assert.Equal(t, made.UTC(), res.Started)
	assert.Equal(t, made.UTC(), res.Finished)
}

// What is kept, what it is named by and what was read of it are the same redacted bytes.
func TestImportedRedacts(t *testing.T) {
	files, listing := reports(map[string]string{
		"a.xml": `<testsuite tests="1" failures="1"><testcase name="t"><failure message="got hunter2!">with hunter2!</failure></testcase></testsuite>`,
		"b.xml": `<testsuite tests="1"><testcase name="u"/></testsuite>`,
	})
	kept, res := core.Imported(core.Import{Suite: suite.Suite{Name: "unit"}, Files: files, Listing: listing, Secrets: []string{"hunter2!"}})
	assert.Equal(t, 2, res.Redactions)
	assert.Equal(t, "got [REDACTED]", res.Report.Cases[0].Message)
	for _, f := range res.Files {
		data, err := fs.ReadFile(kept, f.Path)
		require.NoError(t, err)
		assert.NotContains(t, string(data), "hunter2!")
		assert.Equal(t, evidence.Digest(data), f.Digest)
		assert.EqualValues(t, len(data), f.Size)
	}
	assert.Equal(t, 2, res.Files[0].Redactions)
	assert.Zero(t, res.Files[1].Redactions)
}

// What nobody named is taken out by its shape, from what is kept and from what was read of it.
func TestImportedRedactsShapes(t *testing.T) {
	token := "gh" + "p_" + strings.Repeat("aB3d", 9)
	files, listing := reports(map[string]string{
		"a.xml": `<testsuite tests="1" failures="1"><testcase name="t"><failure message="got ` + token + `">postgres://shop:s3cr3t@db/shop</failure></testcase></testsuite>`,
	})
	kept, res := core.Imported(core.Import{Suite: suite.Suite{Name: "unit"}, Files: files, Listing: listing})
	assert.Equal(t, 2, res.Redactions)
	assert.Equal(t, "got [REDACTED github token]", res.Report.Cases[0].Message)
	assert.Equal(t, "postgres://shop:[REDACTED password]@db/shop", res.Report.Cases[0].Detail)
	data, err := fs.ReadFile(kept, res.Files[0].Path)
	require.NoError(t, err)
	assert.NotContains(t, string(data), token)
	assert.Equal(t, evidence.Digest(data), res.Files[0].Digest)
	assert.EqualValues(t, len(data), res.Files[0].Size)
}

// A file that is gone is no reason to believe the others.
func TestImportedMissesAFile(t *testing.T) {
	files, listing := reports(map[string]string{"a.xml": `<testsuite tests="1"><testcase name="u"/></testsuite>`})
	listing = append(listing, evidence.File{Path: "gone.xml", Kind: evidence.FileReport})
	_, res := core.Imported(core.Import{Suite: suite.Suite{Name: "unit"}, Files: files, Listing: listing})
	assert.Equal(t, evidence.ReportUnreadable, res.Reason)
	assert.Contains(t, res.Message, "gone.xml could not be opened")
	assert.Len(t, res.Files, 1)
	require.Len(t, res.Notes, 1)
	assert.Contains(t, res.Notes[0], "not kept: gone.xml: ")
}

func reports(contents map[string]string) (fstest.MapFS, []evidence.File) {
	files := fstest.MapFS{}
	var listing []evidence.File
	for _, name := range []string{"a.xml", "b.xml"} {
		if text, ok := contents[name]; ok {
			files[name] = &fstest.MapFile{Data: []byte(text)}
			listing = append(listing, evidence.File{Path: name, Kind: evidence.FileReport})
		}
	}
	return files, listing
}
