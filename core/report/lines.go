package report

import (
	"bufio"
	"io"
)

// boundedLines splits a text into lines of which it keeps the beginning, however long they are.
type boundedLines struct {
	r    *bufio.Reader
	buf  []byte
	line int // the number of the line that was read last, from 1
}

const longestLine = 64 << 10

func newBoundedLines(r io.Reader) *boundedLines {
	return &boundedLines{r: bufio.NewReaderSize(r, windowSize)}
}

// next gives the next line, valid until the next call; io.EOF at the end.
func (l *boundedLines) next() ([]byte, error) {
	l.buf = l.buf[:0]
	for began := false; ; began = true {
		piece, err := l.r.ReadSlice('\n')
		if room := longestLine - len(l.buf); room > 0 {
			l.buf = append(l.buf, piece[:min(room, len(piece))]...)
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && (began || len(piece) > 0):
			l.line++
			return l.buf, nil
		case err != nil:
			return nil, err
		}
		l.line++
		return l.buf, nil
	}
}
