package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// checkBody is what a request says of a check run.
type checkBody struct {
	Name        *string    `json:"name"`
	HeadSHA     string     `json:"head_sha"`
	DetailsURL  *string    `json:"details_url"`
	ExternalID  *string    `json:"external_id"`
	Status      *string    `json:"status"`
	Conclusion  *string    `json:"conclusion"`
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
	Output      *struct {
		Title       *string      `json:"title"`
		Summary     string       `json:"summary"`
		Text        *string      `json:"text"`
		Annotations []Annotation `json:"annotations"`
	} `json:"output"`
}

// wrong says which limit a request breaks.
func (b checkBody) wrong() string {
	switch {
	case b.DetailsURL != nil && !web(*b.DetailsURL):
		return "details_url must use http(s) scheme"
	case b.Output == nil:
		return ""
	case b.Output.Title != nil && utf8.RuneCountInString(*b.Output.Title) > titleLimit:
		return "output.title is too long"
	case b.Output.Title != nil && *b.Output.Title == "":
		return "output.title can't be blank"
	case utf8.RuneCountInString(b.Output.Summary) > outputLimit:
		return "output.summary is too long"
	case b.Output.Text != nil && utf8.RuneCountInString(*b.Output.Text) > outputLimit:
		return "output.text is too long"
	case len(b.Output.Annotations) > annotationLimit:
		return "only 50 annotations are allowed per request"
	}
	for _, a := range b.Output.Annotations {
		switch {
		case utf8.RuneCountInString(a.Title) > titleLimit:
			return "an annotation's title is too long"
		case a.Message == "":
			return "an annotation's message can't be blank"
		case len(a.Message) > messageLimit || len(a.Details) > messageLimit:
			return "an annotation's message is too long"
		case a.StartLine < 1 || a.EndLine < a.StartLine:
			return "an annotation's lines are not in order"
		case path.IsAbs(a.Path) || strings.HasPrefix(a.Path, ".."):
			return "an annotation's path leads out of the repository"
		}
	}
	return ""
}

func (p performance) writeCheck(id int64, body []byte) {
	var b checkBody
	if err := json.Unmarshal(body, &b); err != nil {
		p.invalid("%v", err)
		return
	}
	if why := b.wrong(); why != "" {
		p.invalid("%s", why)
		return
	}
	if id != 0 {
		p.withCheck(id, func(run *CheckRun) {
			if run.App != p.Login {
				refuse(p.w, http.StatusForbidden, "Invalid app_id - check run can only be modified by the GitHub App that created it.")
				return
			}
			p.apply(run, b)
			give(p.w, http.StatusOK, p.check(run))
		})
		return
	}
	if !sha.MatchString(b.HeadSHA) {
		p.invalid("No commit found for SHA: %s", b.HeadSHA)
		return
	}
	run := &CheckRun{ID: p.next(), App: p.Login, HeadSHA: b.HeadSHA, Status: "queued", StartedAt: p.Now()}
	p.apply(run, b)
	p.state.CheckRuns = append(p.state.CheckRuns, run)
	give(p.w, http.StatusCreated, p.check(run))
}

func (p performance) apply(run *CheckRun, b checkBody) {
	set := func(to *string, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&run.Name, b.Name)
	set(&run.DetailsURL, b.DetailsURL)
	set(&run.ExternalID, b.ExternalID)
	if b.StartedAt != nil {
		run.StartedAt = *b.StartedAt
	}
	if b.Status != nil {
		run.Status, run.Conclusion, run.CompletedAt = *b.Status, "", nil
	}
	if b.Conclusion != nil {
		run.Status, run.Conclusion, run.CompletedAt = "completed", *b.Conclusion, b.CompletedAt
		if run.CompletedAt == nil {
			now := p.Now()
			run.CompletedAt = &now
		}
	}
	if run.Status == "completed" && run.Conclusion == "" {
		p.complain("check run %q is completed and has no conclusion", run.Name)
	}
	if o := b.Output; o != nil {
		set(&run.Title, o.Title)
		run.Summary = o.Summary
		set(&run.Text, o.Text)
		run.Annotations = append(run.Annotations, o.Annotations...) // they are only ever added
	}
}

func (p performance) withCheck(id int64, f func(*CheckRun)) {
	i := slices.IndexFunc(p.state.CheckRuns, func(c *CheckRun) bool { return c.ID == id })
	if i < 0 {
		p.missing()
		return
	}
	f(p.state.CheckRuns[i])
}

func (p performance) checks(ref string) {
	q := p.r.URL.Query()
	list, seen := []any{}, map[string]bool{}
	for _, run := range slices.Backward(p.state.CheckRuns) { // the newest come first
		if run.HeadSHA != ref || q.Has("check_name") && run.Name != q.Get("check_name") || q.Has("status") && run.Status != q.Get("status") {
			continue
		}
		if q.Get("filter") != "all" && seen[run.App+"/"+run.Name] {
			continue
		}
		seen[run.App+"/"+run.Name] = true
		list = append(list, p.check(run))
	}
	give(p.w, http.StatusOK, map[string]any{"total_count": len(list), "check_runs": page(p, list)})
}

func (p performance) check(run *CheckRun) map[string]any {
	v := p.description.example("check-run-example-of-in-progress-conclusion")
	v["id"], v["name"], v["head_sha"], v["external_id"], v["status"] = run.ID, run.Name, run.HeadSHA, run.ExternalID, run.Status
	v["started_at"], v["completed_at"], v["conclusion"] = p.time(run.StartedAt), nil, nil
	if run.CompletedAt != nil {
		v["completed_at"], v["conclusion"] = p.time(*run.CompletedAt), run.Conclusion
	}
	v["url"] = fmt.Sprintf("%s/check-runs/%d", p.base(), run.ID)
	v["html_url"] = fmt.Sprintf("http://%s/%s/runs/%d", p.r.Host, p.repository, run.ID)
	v["details_url"] = run.DetailsURL
	v["output"] = map[string]any{
		"title": run.Title, "summary": run.Summary, "text": run.Text,
		"annotations_count": len(run.Annotations), "annotations_url": fmt.Sprintf("%s/check-runs/%d/annotations", p.base(), run.ID),
	}
	v["app"], v["pull_requests"] = p.app(run.App), []any{}
	return v
}

func (p performance) annotations(run *CheckRun) {
	list := []any{}
	for _, a := range run.Annotations {
		list = append(list, map[string]any{
			"path": a.Path, "blob_href": p.base() + "/blob/" + run.HeadSHA + "/" + a.Path, "start_line": a.StartLine, "end_line": a.EndLine,
			"start_column": nil, "end_column": nil, "annotation_level": a.Level, "title": a.Title, "message": a.Message, "raw_details": a.Details,
		})
	}
	give(p.w, http.StatusOK, page(p, list))
}
