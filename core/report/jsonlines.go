package report

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

// jsonLines reads a text of one JSON document a line with one walk, in bounded memory however long
// a line is. A damaged line does not end the reading: the next one begins anew.
type jsonLines struct {
	walk *jsonWalk
	out  *sink
	text lineText
	// line is the number of the line that is read.
	line int
	// stray counts the lines that are not JSON objects; strayLine and strayText are the first one's.
	stray, strayLine int
	strayText        string
}

func newJSONLines(text io.Reader, out *sink) *jsonLines {
	l := &jsonLines{out: out, text: lineText{in: bufio.NewReaderSize(text, 64<<10)}}
	l.walk = newJSONWalk(&l.text, out.limits)
	return l
}

// each calls read with the walk in front of every line's object, and done behind it if the line is
// whole, whose error ends the reading. An error means that the rest was not read; it is a phrase
// that follows the file's name.
func (l *jsonLines) each(what string, read func(), done func() error) error {
	j := l.walk
	for l.text.next() {
		l.line++
		if l.out.full() {
			return limitError(fmt.Sprintf("holds more than %d cases; the rest was not read", l.out.limits.FileCases))
		}
		if first := l.text.peek(); first != '{' {
			if first != 0 {
				l.strayed()
			}
			l.text.drain()
			continue
		}
		j.in.Reset(&l.text)
		j.depth, j.begun, j.line, j.err = 0, 0, l.line, nil
		read()
		if j.peek(); j.err == nil && !j.atEnd() {
			j.fail("something follows behind the object")
		}
		l.text.drain()
		switch stop, isLimit := j.err.(limitError); {
		case l.text.err != nil:
		case isLimit:
			return stop
		case j.err == errJSONEnds && !l.text.whole:
			// Where the text is cut off in a line, the reader misses its last event and says so.
		case j.err != nil:
			l.out.file.Incomplete = true
			l.out.distrust("is damaged in line %d, which is no event of %s: %v; results may be missing", l.line, what, j.err)
		default:
			if err := done(); err != nil {
				return err
			}
		}
	}
	if l.stray > 0 {
		l.out.advise("holds %d lines that are no events of %s, the first in line %d: %s", l.stray, what, l.strayLine, l.strayText)
	}
	if l.text.err != nil {
		return fmt.Errorf("could not be read to its end: %w, after line %d; %s", cause(l.text.err), l.line, wasRead(l.out.file.Tests))
	}
	return nil
}

// strayed notes a line that is no object, as programs print them between.
func (l *jsonLines) strayed() {
	if l.stray++; l.stray == 1 {
		head, _ := l.text.in.Peek(100) // what is there
		head, _, _ = bytes.Cut(head, []byte("\n"))
		l.strayLine, l.strayText = l.line, clean(wholeRunes(head))
	}
}

// lineText gives one line after the other as a text of its own.
type lineText struct {
	in *bufio.Reader
	// ended is true behind the end of the line, whole where the line has one.
	ended, whole bool
	err          error
}

// next begins the next line; false at the end of the text.
func (l *lineText) next() bool {
	_, err := l.in.Peek(1)
	l.fail(err)
	l.ended, l.whole = false, false
	return err == nil
}

func (l *lineText) fail(err error) {
	if err != nil && err != io.EOF {
		l.err = err
	}
}

// peek gives the first byte behind white space; 0 where the line is empty.
func (l *lineText) peek() byte {
	for {
		b, err := l.in.ReadByte()
		switch {
		case err != nil:
			l.fail(err)
			l.ended = true
			return 0
		case b == '\n':
			l.ended, l.whole = true, true
			return 0
		case b != ' ' && b != '\t' && b != '\r':
			_ = l.in.UnreadByte() // a byte was just read
			return b
		}
	}
}

// Read gives the rest of the line without its end.
func (l *lineText) Read(p []byte) (int, error) {
	if l.ended || len(p) == 0 {
		return 0, io.EOF
	}
	if _, err := l.in.Peek(1); err != nil {
		l.fail(err)
		l.ended = true
		return 0, err
	}
	lying, _ := l.in.Peek(l.in.Buffered()) // it is buffered
	lying = lying[:min(len(lying), len(p))]
	taken := len(lying)
	if end := bytes.IndexByte(lying, '\n'); end >= 0 {
		l.ended, l.whole = true, true
		lying, taken = lying[:end], end+1
	}
	n := copy(p, lying)
	_, _ = l.in.Discard(taken) // it was buffered
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// drain leaves the rest of the line out.
func (l *lineText) drain() {
	for !l.ended {
		_, err := l.in.ReadSlice('\n')
		switch {
		case err == bufio.ErrBufferFull:
		case err != nil:
			l.fail(err)
			l.ended = true
		default:
			l.ended, l.whole = true, true
		}
	}
}
