package evidence_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
)

func TestArtifacts(t *testing.T) {
	file := func(kind, path string) evidence.File { return evidence.File{Kind: kind, Path: path} }
	kept := evidence.Result{Files: []evidence.File{
		file(evidence.FileArtifact, "artifacts/test-results/cart/trace.zip"),
		file(evidence.FileArtifact, "artifacts/test-results/pays/trace.zip"),
		file(evidence.FileArtifact, "artifacts/test-results/pays/page.png"),
		file(evidence.FileArtifact, "artifacts/page.png"),
		file(evidence.FileArtifact, "artifacts/var/log/shop.log"),
		file(evidence.FileArtifact, "artifacts/twice/a.png"),
		file(evidence.FileArtifact, "artifacts/twice/a.png"),
		file(evidence.FileReport, "reports/results/out.xml"),
		file(evidence.FileLog, "log.txt"),
	}}.Artifacts()
	for path, want := range map[string]string{
		"test-results/cart/trace.zip":                    "artifacts/test-results/cart/trace.zip",
		"./test-results/../test-results/cart/trace.zip":  "artifacts/test-results/cart/trace.zip",
		"/workspace/test-results/pays/trace.zip":         "artifacts/test-results/pays/trace.zip",
		"file:///workspace/test-results/pays/page.png":   "artifacts/test-results/pays/page.png",
		`C:\work\test-results\pays\page.png`:             "artifacts/test-results/pays/page.png",
		"/var/log/shop.log":                              "artifacts/var/log/shop.log",
		"../cart/trace.zip":                              "artifacts/test-results/cart/trace.zip",
		"pays/page.png":                                  "artifacts/test-results/pays/page.png",
		"page.png":                                       "artifacts/page.png",
		"trace.zip":                                      "", // two of them
		"/elsewhere/page.png":                            "", // a name alone says too little
		"twice/a.png":                                    "", // two shards
		"log.txt":                                        "",
		"results/out.xml":                                "",
		"https://ci.example/test-results/cart/trace.zip": "",
		"../../../../etc/passwd":                         "",
		"/etc/passwd":                                    "",
		"":                                               "",
		"/":                                              "",
		"..":                                             "",
	} {
		found, ok := kept.Find(report.Attachment{Path: path})
		assert.Equal(t, want, found.Path, path)
		assert.Equal(t, want != "", ok, path)
	}
	_, ok := evidence.Artifacts{}.Find(report.Attachment{Path: "a"})
	assert.False(t, ok)
}
