package gitlab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/summary"
)

// Reports is the directory, below the checkout, of the files that GitLab shows by itself. It lies in
// .assay, which travels in no workspace. The component names these files; so does whoever writes a job
// without it.
const Reports = ".assay/gitlab"

// The files in Reports.
const (
	JUnitFile       = "junit.xml"        // artifacts:reports:junit
	QualityFile     = "codequality.json" // artifacts:reports:codequality
	AnnotationsFile = "annotations.json" // artifacts:reports:annotations
	DotenvFile      = "assay.env"        // artifacts:reports:dotenv
	SummaryFile     = "summary.md"       // for the artifacts' browser
)

// reports writes the files at the end. At the start there is nothing to show, and what an earlier call
// in the same checkout has left would be taken for this one's: it is removed.
func (p *publisher) reports(s summary.Summary) error {
	files := map[string]func(summary.Summary) ([]byte, error){}
	if p.how.Uses(core.ChannelReports) {
		files[JUnitFile], files[QualityFile] = junit, quality
		files[AnnotationsFile] = func(s summary.Summary) ([]byte, error) { return annotations(s, p.how.Uses(core.ChannelSummary)) }
	}
	if p.how.Uses(core.ChannelSummary) {
		files[SummaryFile] = func(s summary.Summary) ([]byte, error) { return []byte(summary.Markdown(s)), nil }
	}
	var errs []error
	for name, content := range files {
		path := filepath.Join(p.how.Dir, filepath.FromSlash(Reports), name)
		if s.Phase == summary.Started {
			if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
				errs = append(errs, fmt.Errorf("removing the report of an earlier call: %w", err))
			}
			continue
		}
		raw, err := content(s)
		if err == nil {
			err = write(path, raw)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("writing %s for GitLab: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// write puts a file in its place whole: the runner may upload at any moment.
func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // there is none where it was renamed
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// annotation is a link on the job's page
// (https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsannotations).
type annotation struct {
	Link link `json:"external_link"`
}

type link struct {
	Label string `json:"label"`
	URL   string `json:"url"`
}

// annotations are the links on the job's page: the summary where it is written, the evidence, the log.
func annotations(s summary.Summary, summarized bool) ([]byte, error) {
	links := []annotation{} // null is no list to GitLab
	add := func(label, url string) {
		if strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://") {
			links = append(links, annotation{link{label, url}})
		}
	}
	if browse, ok := strings.CutSuffix(s.Context.ArtifactsURL, "/browse"); ok {
		if summarized {
			add(summary.StatusText(s, statusLimit), browse+"/file/"+Reports+"/"+SummaryFile)
		}
		if s.Store != "" && filepath.IsLocal(s.Store) {
			add("Evidence: results, logs, reports", browse+"/browse/"+filepath.ToSlash(filepath.Clean(s.Store))+"/")
		}
	}
	if log, ok := strings.CutSuffix(s.Context.ArtifactsURL, "/artifacts/browse"); ok {
		add("Log of the whole job", log+"/raw")
	}
	return document(map[string][]annotation{"Assay": links})
}

// document is a value as JSON that people can read.
func document(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(v)
	return b.Bytes(), err
}

// Outcome hands the outcome to later jobs, as variables of a dotenv report.
//
// GitLab takes 5 KB and 20 variables, one a line, reads no quotes, and puts other variables' values in
// for what looks like their names
// (https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv).
func Outcome(o ci.Outcome, how core.Publishing) error {
	ready := o.Decision == "READY" || o.Decision == "READY_WITH_WAIVERS"
	content := fmt.Sprintf("ASSAY_DECISION=%s\nASSAY_TITLE=%s\nASSAY_EXIT_CODE=%d\nASSAY_READY=%t\n",
		plain(o.Decision), plain(o.Title), o.ExitCode, ready)
	path := filepath.Join(how.Dir, filepath.FromSlash(Reports), DotenvFile)
	if err := write(path, []byte(content)); err != nil {
		return fmt.Errorf("writing %s for GitLab: %w", DotenvFile, err)
	}
	return nil
}

// plain is a text without anything that GitLab, a shell or a Windows runner would read as more than text.
func plain(s string) string {
	const most = 255
	r := []rune(strings.Map(func(r rune) rune {
		if strings.ContainsRune("$%`'\"\\!", r) {
			return '_'
		}
		return r
	}, summary.Line(s)))
	return string(r[:min(len(r), most)])
}
