package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"unicode/utf8"
)

func (p performance) createComment(number int, body []byte) {
	text, ok := p.bodyOf(body)
	switch {
	case !ok:
	case !slices.ContainsFunc(p.state.Pulls, func(x *Pull) bool { return x.Number == number }):
		p.missing()
	default:
		c := &Comment{ID: p.next(), Number: number, Author: p.Login, Body: text}
		p.state.Comments = append(p.state.Comments, c)
		give(p.w, http.StatusCreated, p.shown(c))
	}
}

func (p performance) comment(id int64, operation string, body []byte) {
	i := slices.IndexFunc(p.state.Comments, func(c *Comment) bool { return c.ID == id })
	if i < 0 {
		p.missing()
		return
	}
	c := p.state.Comments[i]
	if operation != "issues/get-comment" && c.Author != p.Login {
		// GitHub lets whoever may write do it. Nobody has any business to.
		p.complain("%s: comment %d is %s's, not %s's", operation, id, c.Author, p.Login)
	}
	switch operation {
	case "issues/delete-comment":
		p.state.Comments = slices.Delete(p.state.Comments, i, i+1)
		p.w.WriteHeader(http.StatusNoContent)
		return
	case "issues/update-comment":
		text, ok := p.bodyOf(body)
		if !ok {
			return
		}
		c.Body = text
		c.Edited++
	}
	give(p.w, http.StatusOK, p.shown(c))
}

func (p performance) bodyOf(body []byte) (string, bool) {
	var c struct {
		Body string `json:"body"`
	}
	if err := json.Unmarshal(body, &c); err != nil {
		p.invalid("%v", err)
		return "", false
	}
	if c.Body == "" {
		p.invalid("body can't be blank")
		return "", false
	}
	if utf8.RuneCountInString(c.Body) > commentLimit {
		p.invalid("body is too long (maximum is %d characters)", commentLimit)
		return "", false
	}
	return c.Body, true
}

func (p performance) comments(number int) {
	if !slices.ContainsFunc(p.state.Pulls, func(x *Pull) bool { return x.Number == number }) {
		p.missing()
		return
	}
	list := []any{}
	for _, c := range p.state.Comments { // the oldest come first
		if c.Number == number {
			list = append(list, p.shown(c))
		}
	}
	give(p.w, http.StatusOK, page(p, list))
}

func (p performance) shown(c *Comment) map[string]any {
	v := p.description.example("issue-comment")
	v["id"], v["body"], v["user"] = c.ID, c.Body, p.person(c.Author)
	v["url"] = fmt.Sprintf("%s/issues/comments/%d", p.base(), c.ID)
	v["html_url"] = fmt.Sprintf("http://%s/%s/pull/%d#issuecomment-%d", p.r.Host, p.repository, c.Number, c.ID)
	v["issue_url"] = fmt.Sprintf("%s/issues/%d", p.base(), c.Number)
	if app := p.app(c.Author); app != nil {
		v["performed_via_github_app"] = app
	}
	return v
}
