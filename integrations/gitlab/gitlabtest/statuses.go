package gitlabtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"unicode/utf8"
)

// dangling are sources of pipelines to which no commit status can be added: they are no pipelines of
// their commit, but parts of others or of something else.
var dangling = []string{"parent_pipeline", "webide", "ondemand_dast_scan", "ondemand_dast_validation", "security_orchestration_policy"}

// pipeline finds the newest pipeline that a status belongs to.
func (c *call) pipeline(p *Project, sha string) *Pipeline {
	var found *Pipeline
	for _, l := range p.Pipelines {
		if l.SHA != sha || slices.Contains(dangling, l.Source) {
			continue
		}
		if ref, given := c.params["ref"]; given && l.Ref != ref {
			continue
		}
		if id, given := c.params["pipeline_id"]; given && number(l.ID) != id {
			continue
		}
		found = l
	}
	return found
}

func (c *call) setStatus(names []string) {
	p, ok := c.project(names[0], Developer)
	if !ok || !c.oneOf("state", "pending", "running", "success", "failed", "canceled", "skipped") {
		return
	}
	sha := names[1]
	if !slices.Contains(p.Commits, sha) {
		c.refuse(http.StatusNotFound, "Commit Not Found")
		return
	}
	if why := c.wrongStatus(); why != nil {
		c.refuse(http.StatusBadRequest, why)
		return
	}
	pipeline := c.pipeline(p, sha)
	if pipeline == nil {
		if _, given := c.params["pipeline_id"]; given {
			c.refuse(http.StatusNotFound, "Pipeline for pipeline_id, sha and ref Not Found")
			return
		}
		// The pipeline that one does not want.
		pipeline = &Pipeline{ID: c.state.next(), SHA: sha, Ref: c.params["ref"], Source: "external"}
		p.Pipelines = append(p.Pipelines, pipeline)
	}
	if pipeline.Protected && p.Members[c.token.User] < Maintainer {
		c.refuse(http.StatusForbidden, "Forbidden")
		return
	}
	name := c.params["name"]
	if name == "" {
		name = c.params["context"]
	}
	if name == "" {
		name = "default"
	}
	c.change(p, pipeline, name)
}

// wrongStatus holds the limits of GitLab's model.
func (c *call) wrongStatus() map[string]any {
	for _, limited := range []string{"description", "target_url", "name"} {
		if utf8.RuneCountInString(c.params[limited]) > 255 {
			return map[string]any{limited: []string{"is too long (maximum is 255 characters)"}}
		}
	}
	if address, given := c.params["target_url"]; given {
		if u, err := url.Parse(address); err != nil || u.Scheme != "https" && u.Scheme != "http" {
			return map[string]any{"target_url": []string{"is blocked: Only allowed schemes are http, https"}}
		}
	}
	return nil
}

// events are the state machine of commit statuses: from which states each event leads where.
var events = map[string]struct {
	name string
	from []string
}{
	"pending":  {"enqueue", []string{"created"}},
	"running":  {"run", []string{"created", "pending"}},
	"success":  {"success", []string{"created", "pending", "running"}},
	"failed":   {"drop", []string{"created", "pending", "running"}},
	"canceled": {"cancel", []string{"created", "pending", "running"}},
	"skipped":  {"skip", []string{"created", "pending"}},
}

// change finds the user's own unfinished status of that name, or makes a new one in place of a finished
// one, and moves it to the state that is asked for.
func (c *call) change(p *Project, pipeline *Pipeline, name string) {
	i := slices.IndexFunc(pipeline.Statuses, func(s *Status) bool {
		return s.Name == name && s.Author == c.token.User && (s.State == "pending" || s.State == "running")
	})
	status := &Status{Name: name, State: "created", Author: c.token.User}
	if i >= 0 {
		status = pipeline.Statuses[i]
	}
	event := events[c.params["state"]]
	if !slices.Contains(event.from, status.State) {
		c.status, c.body = http.StatusBadRequest, map[string]any{
			"message": fmt.Sprintf("Cannot transition status via :%s from :%s (Reason(s): Status cannot transition via %q)", event.name, status.State, event.name),
		}
		return
	}
	status.State = c.params["state"]
	if text, given := c.params["description"]; given {
		status.Description = text
	}
	if address, given := c.params["target_url"]; given {
		status.TargetURL = address
	}
	if i < 0 {
		for _, s := range pipeline.Statuses {
			s.Retried = s.Retried || s.Name == name
		}
		status.ID = c.state.next()
		pipeline.Statuses = append(pipeline.Statuses, status)
	}
	c.status, c.body = http.StatusCreated, c.showStatus(pipeline, status)
}

func (c *call) showStatus(p *Pipeline, s *Status) map[string]any {
	u := c.state.user(s.Author)
	return map[string]any{
		"id": s.ID, "sha": p.SHA, "ref": p.Ref, "status": s.State, "name": s.Name, "target_url": s.TargetURL, "description": s.Description,
		"pipeline_id": p.ID, "allow_failure": false, "coverage": nil, "author": map[string]any{"id": u.ID, "username": u.Username},
	}
}

func (c *call) listStatuses(names []string) {
	p, ok := c.project(names[0], Reporter)
	if !ok {
		return
	}
	if !slices.Contains(p.Commits, names[1]) {
		c.refuse(http.StatusNotFound, "Commit Not Found")
		return
	}
	fits := func(name, value string) bool {
		v, given := c.params[name]
		return !given || v == value
	}
	var list []any
	for _, l := range p.Pipelines {
		if l.SHA != names[1] || !fits("pipeline_id", number(l.ID)) || !fits("ref", l.Ref) {
			continue
		}
		for _, s := range l.Statuses {
			if fits("name", s.Name) && (!s.Retried || c.params["all"] == "true") {
				list = append(list, c.showStatus(l, s))
			}
		}
	}
	if list, ok = page(c, list); ok {
		c.body = append([]any{}, list...)
	}
}
