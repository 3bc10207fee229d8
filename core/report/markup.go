package report

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// markup splits XML into tokens the way test tools really write it. It differs from encoding/xml
// where reports do: a token never has to fit into memory (a text of any length comes in pieces, an
// attribute is cut), and what XML forbids but the reader can step over (control characters, bytes
// that are no UTF-8, unknown entities, "]]>" in text, a bare "&" or "<", XML 1.1) is read and, where
// it could hide something, told through warn and damage. Entities that a document declares are
// never expanded and nothing outside the document is ever read.
type markup struct {
	r        io.Reader
	window   *[windowSize]byte // what buf is of; nil where it is the caller's
	buf      []byte
	pos, end int
	readErr  error // sticky; io.EOF at the end

	newlines int // in the part of the document that has left buf

	// The token. All slices are valid until the next call of next.
	name  []byte // of a tag, without its namespace prefix
	attrs []attribute
	text  []byte // of a text; see appendText
	raw   bool   // text is out of a CDATA section, so "&" means itself

	arena    []byte // names and values of attrs
	offsets  []attrOffsets
	pendings bool // the tag was <a/>: its end is the next token
	cdata    bool // inside a CDATA section

	// warn is told what is not XML and could be read all the same; damage is told what may have
	// changed the meaning of the rest. Both get a phrase that follows "line N has".
	warn, damage func(line int, what string)
	told         int

	// decisive are the beginnings of the tags that decide results; an attribute that holds one has
	// swallowed it.
	decisive []string
}

// attribute is one attribute of a start tag, entities decoded.
type attribute struct{ name, value []byte }

type attrOffsets struct{ name, value, end int }

// token is the kind of a token.
type token int

const (
	startTag token = iota
	endTag
	textToken
	endOfText
)

const (
	windowSize   = 64 << 10
	maxAttrs     = 64       // kept per tag
	maxAttrValue = 64 << 10 // bytes kept per attribute
	maxTagName   = 256      // bytes kept per name
	maxReference = 20       // bytes of the longest reference that is decoded, leading zeros included
)

// errEndsInside means that the text ended in the middle of a tag, a comment or the like.
var errEndsInside = errors.New("the file ends inside a tag")

// windows are the buffers of markup that was read to its end. A run may have thousands of small files.
var windows = sync.Pool{New: func() any { return new([windowSize]byte) }}

func newMarkup(r io.Reader) *markup {
	window := windows.Get().(*[windowSize]byte)
	return &markup{r: r, window: window, buf: window[:], warn: ignore, damage: ignore, decisive: junitDecisive}
}

// newMarkupOf reads text that is in memory, where it is.
func newMarkupOf(text []byte) *markup {
	return &markup{readErr: io.EOF, buf: text, end: len(text), warn: ignore, damage: ignore, decisive: junitDecisive}
}

func ignore(int, string) {}

// release gives the buffer to the next. Nothing can be read afterwards, nor is any token valid.
func (m *markup) release() {
	if m.window != nil {
		windows.Put(m.window)
	}
	*m = markup{readErr: io.EOF, newlines: m.line() - 1, warn: ignore, damage: ignore}
}

// line is the number of the line being read, from 1.
func (m *markup) line() int {
	return m.newlines + bytes.Count(m.buf[:m.pos], []byte{'\n'}) + 1
}

// tell calls warn or damage. A file may be wrong in every byte, and finding out the line takes time:
// after the first ones it is 0.
func (m *markup) tell(whom func(int, string), what string) {
	line := 0
	if m.told++; m.told <= 4*maxDoubts {
		line = m.line()
	}
	whom(line, what)
}

// next reads the next token. Comments, processing instructions and document type declarations are
// stepped over. At the end it gives endOfText; the error is that of the reader underneath, or
// errEndsInside.
func (m *markup) next() (token, error) {
	if m.pendings {
		m.pendings = false
		m.attrs = m.attrs[:0]
		return endTag, nil
	}
	for {
		if m.cdata {
			if ok, err := m.cdataPiece(); ok || err != nil {
				return textToken, err
			}
			continue
		}
		if m.pos == m.end && !m.fill(1) {
			return endOfText, m.failure(nil)
		}
		if m.buf[m.pos] != '<' {
			m.textPiece()
			return textToken, nil
		}
		m.fill(len("<![CDATA["))
		rest := m.buf[m.pos:m.end]
		switch {
		case len(rest) < 2:
			return endOfText, m.failure(errEndsInside)
		case rest[1] == '/':
			m.pos += 2
			return endTag, m.endTag()
		case rest[1] == '?':
			m.pos += 2
			if err := m.skipPast("?>"); err != nil {
				return endOfText, err
			}
		case bytes.HasPrefix(rest, []byte("<!--")):
			m.pos += 4
			if err := m.skipPast("-->"); err != nil {
				return endOfText, err
			}
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			m.pos += len("<![CDATA[")
			m.cdata = true
		case rest[1] == '!':
			m.pos += 2
			if err := m.skipDeclaration(); err != nil {
				return endOfText, err
			}
		case isNameStart(rest[1]):
			m.pos++
			return startTag, m.startTag()
		default:
			m.tell(m.warn, "a bare \"<\" in text")
			m.text, m.raw = m.buf[m.pos:m.pos+1], true
			m.pos++
			return textToken, nil
		}
	}
}

// appendText appends the current text token to dst, references decoded.
func (m *markup) appendText(dst []byte) []byte {
	if m.raw {
		return append(dst, m.text...)
	}
	return appendDecoded(dst, m.text)
}

// fill makes at least n bytes available from pos on, if the text has as many.
func (m *markup) fill(n int) bool {
	if m.end-m.pos >= n {
		return true
	}
	if m.readErr != nil {
		return false // and buf stays as it is, which may not be ours
	}
	if m.pos > 0 {
		m.newlines += bytes.Count(m.buf[:m.pos], []byte{'\n'})
		m.end = copy(m.buf, m.buf[m.pos:m.end])
		m.pos = 0
	}
	for empty := 0; m.end < n && m.readErr == nil; {
		k, err := m.r.Read(m.buf[m.end:])
		m.end += k
		m.readErr = err
		if k > 0 {
			empty = 0
		} else if empty++; empty == 100 && err == nil {
			m.readErr = io.ErrNoProgress
		}
	}
	return m.end-m.pos >= n
}

// failure is the reader's error if it had one, and otherwise whole.
func (m *markup) failure(whole error) error {
	if m.readErr != nil && m.readErr != io.EOF {
		return m.readErr
	}
	return whole
}

// textPiece takes text up to the next "<", or to the end of the window without cutting a reference.
func (m *markup) textPiece() {
	m.fill(maxReference)
	rest := m.buf[m.pos:m.end]
	n := bytes.IndexByte(rest, '<')
	if n < 0 {
		n = len(rest)
		last := max(0, n-maxReference+1)
		if amp := bytes.LastIndexByte(rest[last:], '&'); last+amp > 0 && amp >= 0 && bytes.IndexByte(rest[last+amp:], ';') < 0 && m.readErr == nil {
			n = last + amp
		}
	}
	m.text, m.raw = rest[:n], false
	m.pos += n
}

// cdataPiece takes a piece of a CDATA section; ok is false where the section ended.
func (m *markup) cdataPiece() (ok bool, err error) {
	if !m.fill(3) {
		m.pos = m.end
		return false, m.failure(errEndsInside)
	}
	rest := m.buf[m.pos:m.end]
	n := bytes.Index(rest, []byte("]]>"))
	if n == 0 {
		m.pos += 3
		m.cdata = false
		return false, nil
	}
	if n < 0 {
		n = len(rest) - 2 // "]]" may be the beginning of the end
	}
	m.text, m.raw = rest[:n], true
	m.pos += n
	return true, nil
}

// skipPast moves behind the next occurrence of mark.
func (m *markup) skipPast(mark string) error {
	for m.fill(len(mark)) {
		rest := m.buf[m.pos:m.end]
		if n := bytes.Index(rest, []byte(mark)); n >= 0 {
			m.pos += n + len(mark)
			return nil
		}
		m.pos = m.end - len(mark) + 1
	}
	m.pos = m.end
	return m.failure(errEndsInside)
}

// skipDeclaration moves behind a <!DOCTYPE ...>, internal subset included. Nothing in it is used.
func (m *markup) skipDeclaration() error {
	subset := 0 // depth of [ ] and of declarations inside
	for {
		c, ok := m.byte()
		if !ok {
			return m.failure(errEndsInside)
		}
		switch c {
		case '"', '\'':
			if err := m.skipPast(string(c)); err != nil {
				return err
			}
		case '<':
			if m.fill(3) && string(m.buf[m.pos:m.pos+3]) == "!--" {
				m.pos += 3
				if err := m.skipPast("-->"); err != nil {
					return err
				}
				continue
			}
			subset++
		case '[':
			subset++
		case ']':
			subset--
		case '>':
			if subset <= 0 {
				return nil
			}
			subset--
		}
	}
}

// byte takes one byte.
func (m *markup) byte() (byte, bool) {
	if m.pos == m.end && !m.fill(1) {
		return 0, false
	}
	c := m.buf[m.pos]
	m.pos++
	return c, true
}

// peek looks at the next byte; 0 at the end.
func (m *markup) peek() byte {
	if m.pos == m.end && !m.fill(1) {
		return 0
	}
	return m.buf[m.pos]
}

// more says whether there is anything left to read.
func (m *markup) more() bool { return m.pos < m.end || m.fill(1) }
