package backend

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
)

// A segment holds the records of one UTC day, as lines of JSON:
//
//	{"apiVersion":"assay.dev/v1alpha1","kind":"Segment","day":"2026-03-01","rows":2}
//	{"name":NAME,"digest":"sha256:...","entry":ENTRY}     one for each record, in the order of the names
//	{"end":2,"sha256":"..."}                              over all bytes before this line
//
// ENTRY is the record's canonical JSON, byte for byte, which has no line break. The same records make
// the same bytes, so whoever writes a segment at the same time as somebody else writes the same.
const segmentKind = "Segment"

const (
	// Days are how the days of segments are written, in UTC.
	Days = "2006-01-02"
	// MaxEntry bounds an entry in bytes, so that a reader can hold any entry in memory. What is large
	// belongs into blobs.
	MaxEntry = 64 << 20
	// maxName bounds a record's name, which is a file name or a tag.
	maxName = 255
)

// SegmentName names the given part of a day's segment, counted from 1: DAY, DAY.2, DAY.3.
func SegmentName(day string, part int) string {
	if part == 1 {
		return day
	}
	return day + "." + strconv.Itoa(part)
}

// ParseSegmentName takes a name apart that SegmentName gave; ok is false for all others. A name of a
// segment that came from outside becomes no path before it passed here.
func ParseSegmentName(name string) (day string, part int, ok bool) {
	day, number, more := strings.Cut(name, ".")
	part = 1
	if more {
		n, err := strconv.Atoi(number)
		if err != nil || n < 2 {
			return "", 0, false
		}
		part = n
	}
	if at, err := time.Parse(Days, day); err != nil || at.Format(Days) != day {
		return "", 0, false
	}
	return day, part, SegmentName(day, part) == name
}

// Row is a record as a segment holds it.
type Row struct {
	Name string
	// Digest is that of Data, the entry's canonical JSON.
	Digest string
	Data   []byte
}

// Record reads the row's entry; what cannot be read is in the record's Err.
func (r Row) Record() Record {
	e, err := evidence.Unmarshal(r.Data)
	return Record{Name: r.Name, Data: r.Data, Entry: e, Err: err}
}

// WriteSegment writes the rows, which must be of that day and sorted by name, as a segment. Their digests
// are made here.
func WriteSegment(w io.Writer, day string, rows []Row) error {
	sum := sha256.New()
	b := bufio.NewWriterSize(w, 1<<16)
	all := io.MultiWriter(b, sum)
	if _, err := fmt.Fprintf(all, `{"apiVersion":%q,"kind":%q,"day":%q,"rows":%d}`+"\n", evidence.APIVersion, segmentKind, day, len(rows)); err != nil {
		return err
	}
	last := ""
	for _, r := range rows {
		switch {
		case !validName(r.Name):
			return fmt.Errorf("writing the segment %s: %q is not a record's name", day, r.Name)
		case r.Name <= last:
			return fmt.Errorf("writing the segment %s: the record %s does not come after %s", day, r.Name, last)
		case bytes.IndexByte(r.Data, '\n') >= 0 || len(r.Data) == 0 || len(r.Data) > MaxEntry:
			return fmt.Errorf("writing the segment %s: the record %s is not canonical JSON of at most %d bytes", day, r.Name, MaxEntry)
		}
		last = r.Name
		if _, err := fmt.Fprintf(all, rowName+"%s"+rowDigest+"%s"+rowEntry+"%s"+rowEnd, r.Name, evidence.Digest(r.Data), r.Data); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(b, segmentEnd, len(rows), hex.EncodeToString(sum.Sum(nil))); err != nil {
		return err
	}
	return b.Flush()
}

// What stands around the values of a row and of the last line.
const (
	rowName    = `{"name":"`
	rowDigest  = `","digest":"`
	rowEntry   = `","entry":`
	rowEnd     = "}\n"
	segmentEnd = `{"end":%d,"sha256":"%s"}` + "\n"
)

// validName says whether a record may have this name: letters, digits and ._- after a letter, digit or
// underscore, as in a tag. Such a name stands in JSON as it is.
func validName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i, c := range []byte(s) {
		alnum := '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == '_'
		if !alnum && (i == 0 || c != '.' && c != '-') {
			return false
		}
	}
	return true
}

// ErrDamaged says that a segment is not what WriteSegment writes: it was cut, changed, or is of another
// version. Whoever reads it goes on without it, since its records are there by themselves.
var ErrDamaged = errors.New("the segment is damaged")

// SegmentReader reads a segment row by row. Nothing that it gave may be believed before Next gave io.EOF:
// only then the end was there and the whole is as it was written.
type SegmentReader struct {
	// Day is whose records these are, and Rows how many.
	Day  string
	Rows int

	r     *bufio.Reader
	sum   hash.Hash
	given int
	last  string
	line  []byte
	err   error
}

// NewSegmentReader reads the segment's head. Where it is damaged the error is an ErrDamaged.
func NewSegmentReader(r io.Reader) (*SegmentReader, error) {
	s := &SegmentReader{r: bufio.NewReaderSize(r, 1<<16), sum: sha256.New()}
	line, err := s.readLine()
	if err != nil {
		return nil, err
	}
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Day        string `json:"day"`
		Rows       *int   `json:"rows"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return nil, damaged("its first line is no JSON: %v", err)
	}
	if head.APIVersion != evidence.APIVersion || head.Kind != segmentKind {
		return nil, damaged("it has apiVersion %q and kind %q and this assay knows %s and %s", head.APIVersion, head.Kind, evidence.APIVersion, segmentKind)
	}
	if _, part, ok := ParseSegmentName(head.Day); !ok || part != 1 || head.Rows == nil || *head.Rows < 0 {
		return nil, damaged("its first line names no day or no number of rows")
	}
	s.Day, s.Rows = head.Day, *head.Rows
	s.sum.Write(line)
	return s, nil
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// Next gives the next row, whose digest is that of its data; at the end io.EOF, and where the segment is
// not whole an ErrDamaged. The row's data is the caller's.
func (s *SegmentReader) Next() (Row, error) {
	if s.err != nil {
		return Row{}, s.err
	}
	var row Row
	if row, s.err = s.next(); s.err != nil {
		return Row{}, s.err
	}
	s.last = row.Name
	s.given++
	return row, nil
}

func (s *SegmentReader) next() (Row, error) {
	line, err := s.readLine()
	if err != nil {
		return Row{}, err
	}
	if s.given == s.Rows {
		if want := fmt.Sprintf(segmentEnd, s.Rows, hex.EncodeToString(s.sum.Sum(nil))); string(line) != want {
			return Row{}, damaged("its last line is not that of what stands before")
		}
		if _, err := s.r.ReadByte(); !errors.Is(err, io.EOF) {
			if err != nil {
				return Row{}, fmt.Errorf("reading the end of a segment: %w", err)
			}
			return Row{}, damaged("something follows its end")
		}
		return Row{}, io.EOF
	}
	row, ok := parseRow(line)
	switch {
	case !ok:
		return Row{}, damaged("row %d of %d is none", s.given+1, s.Rows)
	case row.Name <= s.last:
		return Row{}, damaged("row %d (%s) does not come after %s", s.given+1, row.Name, s.last)
	case evidence.Digest(row.Data) != row.Digest:
		return Row{}, damaged("row %d (%s) does not hold what its digest names", s.given+1, row.Name)
	}
	s.sum.Write(line)
	row.Data = bytes.Clone(row.Data)
	return row, nil
}

// parseRow takes a line apart that WriteSegment wrote; the row shares the line's bytes.
func parseRow(line []byte) (Row, bool) {
	rest, ok := bytes.CutPrefix(line, []byte(rowName))
	name, rest, ok1 := bytes.Cut(rest, []byte(rowDigest))
	digest, rest, ok2 := bytes.Cut(rest, []byte(rowEntry))
	data, ok3 := bytes.CutSuffix(rest, []byte(rowEnd))
	row := Row{Name: string(name), Digest: string(digest), Data: data}
	return row, ok && ok1 && ok2 && ok3 && len(data) > 0 && validName(row.Name) && evidence.ValidDigest(row.Digest)
}

// maxLine bounds a line: what stands around an entry is less than a kilobyte.
const maxLine = MaxEntry + 1024

// readLine gives the next line with its end; it is valid until the next call.
func (s *SegmentReader) readLine() ([]byte, error) {
	s.line = s.line[:0]
	for {
		part, err := s.r.ReadSlice('\n')
		s.line = append(s.line, part...)
		switch {
		case err == nil:
			return s.line, nil
		case errors.Is(err, io.EOF):
			return nil, damaged("it ends in the middle")
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("reading a segment: %w", err)
		case len(s.line) > maxLine:
			return nil, damaged("it has a line of more than %d bytes", maxLine)
		}
	}
}
