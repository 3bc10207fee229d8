// Package gitlabtest is a GitLab for tests: its REST API as far as assay uses it, stricter than the real
// one. It is made after the API's reference (https://docs.gitlab.com/api/rest/), and where that is
// silent after what GitLab's own services do. A parameter that is not documented is refused, although
// GitLab would ignore it; each refusal that a well-behaved client cannot meet is noted as a violation.
package gitlabtest

import (
	"slices"
	"strings"
	"time"
)

// Kinds of tokens.
const (
	ProjectToken  = "project"
	PersonalToken = "personal"
	JobToken      = "job"
)

// Roles in a project; each includes those below it.
const (
	Guest      = 10
	Reporter   = 20
	Developer  = 30
	Maintainer = 40
)

// State is everything that the server knows. It is written as JSON.
type State struct {
	Users    []User     `json:"users"`
	Tokens   []Token    `json:"tokens"`
	Projects []*Project `json:"projects"`
	// NextID is the last number that was given to a note, a status or a pipeline.
	NextID int64 `json:"nextID"`
	// Requests are those that were answered, oldest first.
	Requests []Request `json:"requests"`
	// Violations are requests that a well-behaved client would not have sent.
	Violations []string `json:"violations"`
}

// User is a person, or the bot of a project access token.
type User struct {
	ID       int64  `json:"id"`
	Username string `json:"username"`
	Bot      bool   `json:"bot,omitempty"`
}

// Token stands for a user, as far as its scopes go.
type Token struct {
	Value   string   `json:"value"`
	Kind    string   `json:"kind"`
	User    int64    `json:"user"`
	Scopes  []string `json:"scopes,omitempty"`
	Expired bool     `json:"expired,omitempty"`
	Revoked bool     `json:"revoked,omitempty"`
}

// Project is a private project.
type Project struct {
	ID   int64  `json:"id"`
	Path string `json:"path"`
	// Members gives each user's role.
	Members map[int64]int `json:"members"`
	// Commits are those that the repository has.
	Commits       []string        `json:"commits"`
	MergeRequests []*MergeRequest `json:"mergeRequests"`
	// Pipelines are ordered by their numbers.
	Pipelines []*Pipeline `json:"pipelines"`
	// NoNotes takes the right to write notes from everybody, as a custom role or an archived project does.
	NoNotes bool `json:"noNotes,omitempty"`
}

// MergeRequest is one with its notes.
type MergeRequest struct {
	IID   int64   `json:"iid"`
	Notes []*Note `json:"notes"`
	// Commands are the quick actions that notes have carried out.
	Commands []string `json:"commands,omitempty"`
}

// Note is a note as it is kept.
type Note struct {
	ID      int64     `json:"id"`
	Body    string    `json:"body"`
	Author  int64     `json:"author"`
	System  bool      `json:"system,omitempty"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

// Pipeline belongs to one commit: in one for merged results that is the merge commit.
type Pipeline struct {
	ID     int64  `json:"id"`
	SHA    string `json:"sha"`
	Ref    string `json:"ref"`
	Source string `json:"source"`
	// Protected is true for a protected branch.
	Protected bool      `json:"protected,omitempty"`
	Statuses  []*Status `json:"statuses"`
}

// Status is a commit status; GitLab keeps it as a job of the pipeline.
type Status struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	State       string `json:"state"`
	Description string `json:"description"`
	TargetURL   string `json:"targetURL"`
	Author      int64  `json:"author"`
	// Retried is true where a later one of the same name has taken its place.
	Retried bool `json:"retried,omitempty"`
}

// Request is one that was answered.
type Request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Status int    `json:"status"`
}

func (s *State) user(id int64) User {
	i := slices.IndexFunc(s.Users, func(u User) bool { return u.ID == id })
	if i < 0 {
		return User{ID: id, Username: "ghost"}
	}
	return s.Users[i]
}

func (s *State) project(name string) *Project {
	i := slices.IndexFunc(s.Projects, func(p *Project) bool { return name == p.Path || name == number(p.ID) })
	if i < 0 {
		return nil
	}
	return s.Projects[i]
}

func (p *Project) mergeRequest(iid string) *MergeRequest {
	i := slices.IndexFunc(p.MergeRequests, func(m *MergeRequest) bool { return number(m.IID) == iid })
	if i < 0 {
		return nil
	}
	return p.MergeRequests[i]
}

// Shop is a project acme/shop with number 7, a merge request !12 and a detached pipeline for its head, and
// the token of a bot that is a Developer there. Most tests begin with it.
func Shop(token, head string, pipeline int64) State {
	return State{
		Users:  []User{{ID: 1, Username: "ann"}, {ID: 2, Username: "mallory"}, {ID: 90, Username: "project_7_bot_4f2a", Bot: true}},
		Tokens: []Token{{Value: token, Kind: ProjectToken, User: 90, Scopes: []string{"api"}}},
		Projects: []*Project{{
			ID: 7, Path: "acme/shop", Members: map[int64]int{1: Maintainer, 2: Developer, 90: Developer}, Commits: []string{head},
			MergeRequests: []*MergeRequest{{IID: 12}},
			Pipelines:     []*Pipeline{{ID: pipeline, SHA: head, Ref: "refs/merge-requests/12/head", Source: "merge_request_event"}},
		}},
		NextID: 1000,
	}
}

// quickActions are words that GitLab carries out where they begin a line of a note.
var quickActions = []string{
	"approve", "assign", "assign_reviewer", "award", "close", "confidential", "copy_metadata", "done", "draft", "due", "duplicate", "epic",
	"estimate", "label", "labels", "lock", "merge", "milestone", "move", "ready", "reassign", "rebase", "relabel", "remove_milestone", "reopen",
	"request_review", "shrug", "spend", "subscribe", "tableflip", "target_branch", "title", "todo", "unassign", "unlabel", "unlock", "unsubscribe", "weight", "wip",
}

// takeCommands takes the quick actions out of a note. The real GitLab leaves those in code blocks alone, by
// rules of its own that are not Markdown's; here each line counts.
func takeCommands(body string) (rest string, commands []string) {
	var kept []string
	for line := range strings.SplitSeq(strings.ReplaceAll(body, "\r", ""), "\n") {
		word, _, _ := strings.Cut(strings.TrimPrefix(line, "/"), " ")
		if strings.HasPrefix(line, "/") && slices.Contains(quickActions, strings.ToLower(word)) {
			commands = append(commands, line)
			continue
		}
		kept = append(kept, line)
	}
	return strings.TrimRight(strings.Join(kept, "\n"), " \n\t"), commands
}
