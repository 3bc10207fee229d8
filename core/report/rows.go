package report

import (
	"bufio"
	"bytes"
	"io"
)

// rows reads separated values: quotes around a field may hold the delimiter, line ends, and quotes
// that are doubled.
type rows struct {
	r           *bufio.Reader
	delimiter   byte
	limit       int    // of a row, in bytes
	text        []byte // of the row
	ends        []int  // of its fields in text
	row         []string
	line, began int
	wide        bool // the row has more fields than are read
}

// rowFields is how many fields of a row are read.
const rowFields = 200

func newRows(r io.Reader, delimiter byte, limit int) *rows {
	return &rows{r: bufio.NewReaderSize(r, windowSize), delimiter: delimiter, limit: limit, line: 1}
}

// next gives the next row, valid until the next call. errEndsInside is an open quote at the end.
func (c *rows) next() ([]string, error) {
	c.text, c.ends, c.wide = c.text[:0], c.ends[:0], false
	c.began = c.line
	if c.simple() {
		return c.fields(), nil
	}
	quoted, began := false, false
	for start := true; ; {
		b, err := c.r.ReadByte()
		switch {
		case err == io.EOF && quoted:
			return nil, errEndsInside
		case err == io.EOF && !began:
			return nil, io.EOF
		case err == io.EOF:
			c.end()
			return c.fields(), nil
		case err != nil:
			return nil, err
		}
		began = true
		if b == '\n' {
			c.line++
		}
		switch {
		case quoted && b == '"':
			if next, err := c.r.Peek(1); err == nil && next[0] == '"' {
				_, _ = c.r.ReadByte() // peeked, so it is there
				break
			}
			quoted = false
			continue
		case quoted:
		case b == '"' && start:
			quoted, start = true, false
			continue
		case b == c.delimiter:
			c.end()
			start = true
			continue
		case b == '\n':
			if n := len(c.text); n > c.begin() && c.text[n-1] == '\r' {
				c.text = c.text[:n-1]
			}
			c.end()
			return c.fields(), nil
		}
		start = false
		c.take([]byte{b})
	}
}

// simple takes a row without quotes that lies in the buffer whole, as nearly all do.
func (c *rows) simple() bool {
	_, _ = c.r.Peek(1)                   // fills the buffer; an error comes again
	lying, _ := c.r.Peek(c.r.Buffered()) // buffered, so it is there
	n := bytes.IndexByte(lying, '\n')
	if n < 0 || n > c.limit || bytes.IndexByte(lying[:n], '"') >= 0 {
		return false
	}
	for rest := bytes.TrimSuffix(lying[:n], []byte{'\r'}); ; {
		to := bytes.IndexByte(rest, c.delimiter)
		if to < 0 {
			c.take(rest)
			c.end()
			break
		}
		c.take(rest[:to])
		c.end()
		rest = rest[to+1:]
	}
	_, _ = c.r.Discard(n + 1)
	c.line++
	return true
}

// take appends to the field that is open, within the limit of the row.
func (c *rows) take(b []byte) {
	if room := c.limit - len(c.text); room < len(b) {
		b = b[:max(room, 0)]
	}
	c.text = append(c.text, b...)
}

// begin is where the field that is open begins in text.
func (c *rows) begin() int {
	if n := len(c.ends); n > 0 {
		return c.ends[n-1]
	}
	return 0
}

func (c *rows) end() {
	if len(c.ends) == rowFields {
		c.wide, c.text = true, c.text[:c.begin()]
		return
	}
	c.ends = append(c.ends, len(c.text))
}

// fields gives the fields as strings, which share one.
func (c *rows) fields() []string {
	c.row = c.row[:0]
	text, from := string(c.text), 0
	for _, to := range c.ends {
		c.row = append(c.row, text[from:to])
		from = to
	}
	return c.row
}
