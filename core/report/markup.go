package report

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// markup splits XML into tokens the way test tools really write it. It differs from encoding/xml
// where reports do: a token never has to fit into memory (a text of any length comes in pieces, an
// attribute is cut), and what XML forbids but the reader can step over (control characters, bytes
// that are no UTF-8, unknown entities, "]]>" in text, a bare "&" or "<", XML 1.1) is read and, where
// it could hide something, told through warn and damage. Entities that a document declares are
// never expanded and nothing outside the document is ever read.
type markup struct {
	r        io.Reader
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

func newMarkup(r io.Reader) *markup {
	ignore := func(int, string) {}
	return &markup{r: r, buf: make([]byte, windowSize), warn: ignore, damage: ignore, decisive: junitDecisive}
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

func (m *markup) endTag() error {
	m.arena, m.attrs = m.arena[:0], m.attrs[:0]
	m.takeName()
	m.name = localName(m.arena)
	for {
		c, ok := m.byte()
		if !ok {
			return m.failure(errEndsInside)
		}
		if c == '>' {
			return nil
		}
		if c == '<' {
			m.pos--
			m.tell(m.damage, "an end tag without its \">\"")
			return nil
		}
	}
}

// startTag reads name and attributes. The first of several attributes of one name counts.
func (m *markup) startTag() error {
	m.arena, m.offsets, m.attrs = m.arena[:0], m.offsets[:0], m.attrs[:0]
	m.takeName()
	nameEnd := len(m.arena)
	for {
		m.skipSpace()
		if !m.more() {
			return m.failure(errEndsInside)
		}
		switch c := m.peek(); c {
		case '>':
			m.pos++
			m.resolve(nameEnd)
			return nil
		case '/':
			m.pos++
			if m.peek() == '>' {
				m.pos++
				m.pendings = true
				m.resolve(nameEnd)
				return nil
			}
			m.tell(m.damage, "a stray \"/\" in a tag")
		case '<':
			m.tell(m.damage, "a tag without its \">\"")
			m.resolve(nameEnd)
			return nil
		default:
			if err := m.attribute(); err != nil {
				return err
			}
		}
	}
}

// attribute reads name="value".
func (m *markup) attribute() error {
	mark := len(m.arena)
	if m.takeName() == 0 {
		m.pos++ // not a name: step over it, or it would be met for ever
		m.tell(m.damage, "a character in a tag that belongs to no attribute")
		return nil
	}
	o := attrOffsets{name: mark, value: len(m.arena)}
	m.skipSpace()
	if !m.more() {
		return m.failure(errEndsInside)
	}
	if m.peek() != '=' {
		m.tell(m.damage, "an attribute without a value")
		m.arena = m.arena[:mark]
		return nil
	}
	m.pos++
	m.skipSpace()
	if !m.more() {
		return m.failure(errEndsInside)
	}
	quote := m.peek()
	if quote != '"' && quote != '\'' {
		m.tell(m.damage, "an attribute without quotes")
		m.arena = m.arena[:mark]
		return nil
	}
	m.pos++
	bare, hides := false, false
	for {
		if !m.more() {
			return m.failure(errEndsInside)
		}
		rest := m.buf[m.pos:m.end]
		n := bytes.IndexByte(rest, quote)
		closed := n >= 0
		if !closed {
			n = len(rest)
		}
		if bytes.IndexByte(rest[:n], '<') >= 0 {
			bare, hides = true, hides || m.hidesElement(rest[:n])
		}
		if keep := min(n, maxAttrValue-(len(m.arena)-o.value)); keep > 0 {
			m.arena = append(m.arena, rest[:keep]...)
		}
		m.pos += n
		if closed {
			m.pos++
			break
		}
	}
	switch {
	case hides:
		m.tell(m.damage, "an attribute that swallows other elements, as a missing quote does")
	case bare:
		m.tell(m.warn, "a bare \"<\" in an attribute")
	}
	value := m.arena[o.value:]
	if bytes.IndexByte(value, '&') >= 0 {
		// A reference is never shorter than the character it stands for, so this can be done in place.
		m.arena = appendDecoded(m.arena[:o.value], value)
	}
	if c := m.peek(); !isSpace(c) && c != '>' && c != '/' && c != '?' && m.more() {
		m.tell(m.damage, "no space between two attributes, as where a quote is not escaped")
	}
	if o.end = len(m.arena); len(m.offsets) < maxAttrs {
		m.offsets = append(m.offsets, o)
	} else {
		m.arena = m.arena[:mark]
	}
	return nil
}

// hidesElement says whether text that should be an attribute's holds a tag that decides a result.
func (m *markup) hidesElement(b []byte) bool {
	for _, tag := range m.decisive {
		if bytes.Contains(b, []byte(tag)) {
			return true
		}
	}
	return false
}

// resolve turns offsets into slices, now that the arena does not move any more.
func (m *markup) resolve(nameEnd int) {
	m.name = localName(m.arena[:nameEnd])
	for _, o := range m.offsets {
		m.attrs = append(m.attrs, attribute{m.arena[o.name:o.value], m.arena[o.value:o.end]})
	}
}

// attr gives an attribute's value and whether there is one.
func (m *markup) attr(name string) ([]byte, bool) {
	for _, a := range m.attrs {
		if string(a.name) == name {
			return a.value, true
		}
	}
	return nil, false
}

// takeName appends a name to the arena and gives its full length.
func (m *markup) takeName() int {
	taken := 0
	for {
		rest := m.buf[m.pos:m.end]
		n := 0
		for n < len(rest) && isNameByte(rest[n]) {
			n++
		}
		if keep := min(n, maxTagName-taken); keep > 0 {
			m.arena = append(m.arena, rest[:keep]...)
		}
		taken += n
		m.pos += n
		if n < len(rest) || !m.fill(1) {
			return taken
		}
	}
}

func (m *markup) skipSpace() {
	for m.pos < m.end || m.fill(1) {
		if !isSpace(m.buf[m.pos]) {
			return
		}
		m.pos++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func isNameStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == ':' || c >= 0x80
}

// isNameByte is generous: whatever cannot end a name belongs to it.
func isNameByte(c byte) bool {
	switch c {
	case '=', '>', '/', '<', '"', '\'', '?', '!', '&':
		return false
	}
	return c > ' '
}

// localName cuts a namespace prefix off.
func localName(name []byte) []byte { return name[bytes.IndexByte(name, ':')+1:] }

// appendDecoded appends text with the five references of XML and the numeric ones replaced. Others
// stay as they are written. dst may be the space that text begins in.
func appendDecoded(dst, text []byte) []byte {
	for len(text) > 0 {
		amp := bytes.IndexByte(text, '&')
		if amp < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:amp]...)
		text = text[amp:]
		r, n := reference(text)
		if n == 0 {
			dst, text = append(dst, '&'), text[1:]
			continue
		}
		text = text[n:]
		// Java tools write characters beyond U+FFFF as two references, one for each half of the pair.
		if r >= 0xd800 && r < 0xdc00 {
			if low, n := reference(text); n > 0 && low >= 0xdc00 && low < 0xe000 {
				r, text = 0x10000+(r-0xd800)<<10+(low-0xdc00), text[n:]
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// reference reads the reference that b begins with; n is 0 if it is none that is decoded.
func reference(b []byte) (r rune, n int) {
	if len(b) == 0 || b[0] != '&' {
		return 0, 0
	}
	end := bytes.IndexByte(b[:min(len(b), maxReference)], ';')
	if end < 2 {
		return 0, 0
	}
	switch name := string(b[1:end]); name {
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "amp":
		return '&', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	default:
		digits, isNumber := strings.CutPrefix(name, "#")
		if !isNumber {
			return 0, 0
		}
		base := rune(10)
		if hex, ok := strings.CutPrefix(strings.ToLower(digits), "x"); ok {
			digits, base = hex, 16
		}
		if digits == "" {
			return 0, 0
		}
		for _, c := range digits {
			d := rune(99)
			switch {
			case c >= '0' && c <= '9':
				d = c - '0'
			case c >= 'a' && c <= 'f':
				d = c - 'a' + 10
			}
			if d >= base {
				return 0, 0
			}
			if r = r*base + d; r > utf8.MaxRune {
				r = utf8.MaxRune + 1 // becomes U+FFFD
			}
		}
		return r, end + 1
	}
}
