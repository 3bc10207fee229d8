package report

import (
	"bytes"
	"encoding/json"
	"path"
	"strings"
)

// Attachment is a file that a tool says it attached to a case: a screenshot, a trace, a log. Nothing
// of it is opened or checked. What a Path names may not exist, or be anything.
type Attachment struct {
	// Name is what the tool calls it; empty where it has no name but its path.
	Name string `json:"name,omitempty"`
	// Path is the file's path or address as the tool wrote it, relative to a directory that the tool
	// knows; empty where the content stands in the report itself, which is never kept.
	Path string `json:"path,omitempty"`
	// MediaType is as the tool wrote it ("image/png"); empty where it does not say.
	MediaType string `json:"mediaType,omitempty"`
}

// attach adds an attachment to the case, within the limits. Retries attach the same file more than
// once in some reports; it is one.
func (c *Case) attach(a Attachment, limits Limits) {
	if a == (Attachment{}) {
		return
	}
	if a.Path != "" {
		for _, b := range c.Attachments {
			if b == a {
				return
			}
		}
	}
	if len(c.Attachments) >= limits.Attachments {
		c.AttachmentsOmitted++
		return
	}
	c.Attachments = append(c.Attachments, a)
}

// attachmentMarks finds [[ATTACHMENT|path]] in what a case printed, which is how JUnit files name
// attachments: https://plugins.jenkins.io/junit-attachments/ defines it, and Playwright and Gradle
// write it. Text may come in pieces of any size.
type attachmentMarks struct {
	open   []byte // what has been read of a mark, its beginning included
	inPath bool
	limit  int
}

const (
	markBegin = "[[ATTACHMENT|"
	markEnd   = "]]"
)

// read looks through a piece of text and hands each path to found.
func (m *attachmentMarks) read(p []byte, found func(path string)) {
	for len(p) > 0 {
		if !m.inPath {
			if len(m.open) == 0 {
				at := bytes.IndexByte(p, '[')
				if at < 0 {
					return
				}
				p = p[at:]
			}
			n := 0
			for n < len(p) && len(m.open) < len(markBegin) && p[n] == markBegin[len(m.open)] {
				m.open = append(m.open, p[n])
				n++
			}
			p = p[n:]
			switch {
			case len(m.open) == len(markBegin):
				m.open, m.inPath = m.open[:0], true
			case len(p) == 0:
				return
			case len(m.open) == 2 && p[0] == '[': // [[[ATTACHMENT|
				p = p[1:]
			default:
				m.open = m.open[:0]
			}
			continue
		}
		c := p[0]
		p = p[1:]
		m.open = append(m.open, c)
		switch {
		case c == '\n' || len(m.open) > m.limit: // no mark ends on another line
			m.open, m.inPath = m.open[:0], false
		case bytes.HasSuffix(m.open, []byte(markEnd)):
			if name := oneLine(m.open[:len(m.open)-len(markEnd)], m.limit); name != "" {
				found(name)
			}
			m.open, m.inPath = m.open[:0], false
		}
	}
}

// attachment reads an object that names an attachment by the keys that Playwright and CTRF have.
func (j *jsonWalk) attachment() (a Attachment) {
	j.object(func(key string) {
		switch key {
		case "name":
			a.Name = j.name()
		case "contentType":
			a.MediaType = j.name()
		case "path":
			a.Path = j.name()
		}
	})
	return a
}

// shown are the extensions that mochawesome's report shows as an image or a video
// (mochawesome-report-generator 6.2).
var shown = map[string]bool{".png": true, ".jpg": true, ".jpeg": true, ".gif": true, ".mp4": true, ".webm": true}

// attachContext takes the images and videos out of a test's context, which mochawesome keeps as JSON
// in a string: a text, an object with title and value, or a list of them
// (https://github.com/adamgruber/mochawesome#adding-test-context). Other contexts are no files.
func (c *Case) attachContext(text string, limits Limits) {
	var context any
	if json.Unmarshal([]byte(text), &context) != nil {
		return // cut off at a limit, or not what mochawesome writes
	}
	list, many := context.([]any)
	if !many {
		list = []any{context}
	}
	for _, one := range list {
		title := ""
		if o, is := one.(map[string]any); is {
			title, _ = o["title"].(string)
			one = o["value"]
		}
		value, _ := one.(string)
		file, _, _ := strings.Cut(value, "?")
		if shown[strings.ToLower(path.Ext(file))] {
			c.attach(Attachment{Name: oneLine([]byte(title), limits.Name), Path: oneLine([]byte(value), limits.Name)}, limits)
		}
	}
}
