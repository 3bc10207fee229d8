package gitlabtest

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// longestNote is GitLab's limit, in characters.
const longestNote = 1_000_000

// mergeRequest finds a merge request that the token's user may see: in a private project a Guest sees none.
func (c *call) mergeRequest(names []string) (*Project, *MergeRequest, bool) {
	p, ok := c.project(names[0], 0)
	if !ok {
		return nil, nil, false
	}
	m := p.mergeRequest(names[1])
	if m == nil || p.Members[c.token.User] < Reporter {
		c.refuse(http.StatusNotFound, "Not found")
		return nil, nil, false
	}
	return p, m, true
}

func (c *call) show(m *MergeRequest, p *Project, n *Note) map[string]any {
	u := c.state.user(n.Author)
	return map[string]any{
		"id": n.ID, "type": nil, "body": n.Body, "author": map[string]any{"id": u.ID, "username": u.Username, "name": u.Username, "state": "active"},
		"created_at": n.Created, "updated_at": n.Updated, "system": n.System, "noteable_iid": m.IID, "noteable_type": "MergeRequest", "project_id": p.ID,
		"resolvable": false, "internal": false, "confidential": false,
	}
}

func (c *call) listNotes(names []string) {
	p, m, ok := c.mergeRequest(names)
	if !ok || !c.oneOf("sort", "asc", "desc") || !c.oneOf("order_by", "created_at", "updated_at") || !c.oneOf("activity_filter", "all_notes", "only_comments", "only_activity") {
		return
	}
	list := slices.Clone(m.Notes)
	if c.params["sort"] != "asc" {
		slices.Reverse(list)
	}
	list, ok = page(c, list)
	if !ok {
		return
	}
	out := []any{}
	for _, n := range list {
		out = append(out, c.show(m, p, n))
	}
	c.body = out
}

// note finds a note.
func (c *call) note(names []string) (*Project, *MergeRequest, *Note, bool) {
	p, m, ok := c.mergeRequest(names)
	if !ok {
		return nil, nil, nil, false
	}
	i := slices.IndexFunc(m.Notes, func(n *Note) bool { return number(n.ID) == names[2] })
	if i < 0 {
		c.refuse(http.StatusNotFound, "Note Not Found")
		return nil, nil, nil, false
	}
	return p, m, m.Notes[i], true
}

func (c *call) getNote(names []string) {
	if p, m, n, ok := c.note(names); ok {
		c.body = c.show(m, p, n)
	}
}

// text takes a note's body, without the commands in it.
func (c *call) text(m *MergeRequest) (string, bool) {
	body := c.params["body"]
	switch {
	case strings.TrimSpace(body) == "":
		c.violate("body is empty")
		return "", false
	case utf8.RuneCountInString(body) > longestNote:
		c.refuse(http.StatusBadRequest, "Bad request - Note {:note=>[\"is too long (maximum is 1000000 characters)\"]}")
		return "", false
	}
	body, commands := takeCommands(body)
	m.Commands = append(m.Commands, commands...)
	return body, true
}

func (c *call) createNote(names []string) {
	p, m, ok := c.mergeRequest(names)
	if !ok {
		return
	}
	if p.NoNotes {
		c.refuse(http.StatusForbidden, "Forbidden")
		return
	}
	body, ok := c.text(m)
	if !ok {
		return
	}
	n := &Note{ID: c.state.next(), Body: body, Author: c.token.User, Created: c.now(), Updated: c.now()}
	m.Notes = append(m.Notes, n)
	c.status, c.body = http.StatusCreated, c.show(m, p, n)
}

// mine finds a note of the token's own user: to change another's is nothing that assay ever does.
func (c *call) mine(names []string) (*Project, *MergeRequest, *Note, bool) {
	p, m, n, ok := c.note(names)
	if !ok {
		return nil, nil, nil, false
	}
	if n.Author != c.token.User {
		c.violate("the note is %s's", c.state.user(n.Author).Username)
		c.refuse(http.StatusForbidden, "Forbidden")
		return nil, nil, nil, false
	}
	if p.NoNotes {
		c.refuse(http.StatusForbidden, "Forbidden")
		return nil, nil, nil, false
	}
	return p, m, n, true
}

func (c *call) updateNote(names []string) {
	p, m, n, ok := c.mine(names)
	if !ok {
		return
	}
	body, ok := c.text(m)
	if !ok {
		return
	}
	n.Body, n.Updated = body, c.now()
	c.body = c.show(m, p, n)
}

func (c *call) deleteNote(names []string) {
	_, m, n, ok := c.mine(names)
	if !ok {
		return
	}
	m.Notes = slices.DeleteFunc(m.Notes, func(o *Note) bool { return o == n })
	c.status = http.StatusNoContent
}

// Write adds a note as a user, by name.
func (s *State) Write(project string, iid int64, username, body string) int64 {
	id := s.next()
	i := slices.IndexFunc(s.Users, func(u User) bool { return u.Username == username })
	if i < 0 {
		s.Users = append(s.Users, User{ID: s.next(), Username: username})
		i = len(s.Users) - 1
	}
	m := s.project(project).mergeRequest(number(iid))
	m.Notes = append(m.Notes, &Note{ID: id, Body: body, Author: s.Users[i].ID})
	return id
}
