package report

import "bytes"

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
