package evidence

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"sort"
	"strings"
)

// Redacted stands in kept text where the value of a known secret was. Where something was taken out
// for its shape, the mark says which shape: [REDACTED github token].
const Redacted = "[REDACTED]"

// Redactor takes the values of secrets out of text, in the forms in which they usually appear (see
// forms.go), and then what has the shape of a secret (see shapes.go). Where the places of several secrets overlap, everything they cover is taken out
// and counts as one place. A Redactor is never changed after it was made and may be used from
// several goroutines; nil and the zero value leave text as it is.
// A secret that Redacted itself spells, alone or with the text beside it, cannot be taken out.
type Redactor struct {
	forms []string // sorted, no duplicates; each at least minForm bytes long
	// starts finds forms by their first four bytes, the longest first.
	starts map[uint32][]string
	// filter has a bit for the hash of each key of starts. It is what makes long logs fast:
	// nearly every position is dismissed by one look at these 8 KiB.
	filter  [1 << 16 / 64]uint64
	first   [256]bool // bytes that a form begins with
	longest int
	shapes  bool // take shapes out too
}

// NewRedactor makes a Redactor for the values of secrets and for the shapes of others. White space around a value is ignored;
// values shorter than four bytes are too common in any text to be taken out, and are left.
func NewRedactor(secrets []string) *Redactor {
	r := newValueRedactor(secrets)
	r.shapes = true
	return r
}

// newValueRedactor makes a Redactor that knows nothing but the values.
func newValueRedactor(secrets []string) *Redactor {
	r := &Redactor{starts: map[uint32][]string{}}
	for _, s := range secrets {
		r.forms = append(r.forms, forms(s)...)
	}
	slices.Sort(r.forms)
	r.forms = slices.Compact(r.forms)
	for _, f := range r.forms {
		key := binary.LittleEndian.Uint32([]byte(f))
		r.starts[key] = append(r.starts[key], f)
		h := hash(key)
		r.filter[h>>6] |= 1 << (h & 63)
		r.first[f[0]] = true
		r.longest = max(r.longest, len(f))
	}
	for _, fs := range r.starts {
		slices.SortFunc(fs, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	}
	return r
}

// String gives s without secrets, and the number of places where something was taken out.
func (r *Redactor) String(s string) (string, int) {
	if r.idle() || len(s) < minForm {
		return s, 0
	}
	var out bytes.Buffer
	w := r.Writer(&out)
	// A bytes.Buffer never fails.
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	if w.Count() == 0 {
		return s, 0
	}
	return out.String(), w.Count()
}

// Writer gives a writer that hands on to w what is written to it, without secrets. A secret is
// found however it is split over writes: the bytes at the end that may be the beginning of one are
// held back until more is written or Close is called, and nothing else is.
func (r *Redactor) Writer(w io.Writer) *RedactingWriter {
	rw := &RedactingWriter{r: r, w: w}
	if r != nil && r.shapes {
		rw.shaper = &shaper{}
	}
	return rw
}

// Reader gives a reader of what src holds, without secrets.
func (r *Redactor) Reader(src io.Reader) *RedactingReader {
	rr := &RedactingReader{src: src}
	rr.w = r.Writer(&rr.ready)
	return rr
}

// ReaderOfAny is Reader for a file of any kind: in one that begins as no text does (there is a zero
// byte in its first 8 KiB, as git has it), shapes would be accidents, and stay.
func (r *Redactor) ReaderOfAny(src io.Reader) *RedactingReader {
	rr := r.Reader(src)
	rr.sniff = true
	return rr
}

// idle says that text is left as it is.
func (r *Redactor) idle() bool { return r.empty() && (r == nil || !r.shapes) }

// empty says that there are no known values.
func (r *Redactor) empty() bool { return r == nil || len(r.forms) == 0 }

func hash(key uint32) uint32 { return key * 2654435761 >> 16 } // Knuth's multiplicative hash

// match gives the length of the longest form that b begins with, or 0. b has at least four bytes.
func (r *Redactor) match(b []byte) int {
	for _, f := range r.starts[binary.LittleEndian.Uint32(b)] {
		if len(f) <= len(b) && string(b[:len(f)]) == f {
			return len(f)
		}
	}
	return 0
}

// open gives the first position of b from which all that follows is the beginning of a form and
// not yet the whole of it; len(b) where there is none.
func (r *Redactor) open(b []byte) int {
	p := max(0, len(b)-r.longest+1)
	for ; p+minForm <= len(b); p++ {
		if r.mayStart(b[p:]) && r.continues(b[p:]) {
			return p
		}
	}
	for ; p < len(b); p++ {
		if r.first[b[p]] && r.continues(b[p:]) {
			return p
		}
	}
	return len(b)
}

// mayStart is false where no form begins as b does, and nearly always only there. b has at least
// four bytes.
func (r *Redactor) mayStart(b []byte) bool {
	h := hash(binary.LittleEndian.Uint32(b))
	return r.filter[h>>6]&(1<<(h&63)) != 0
}

// continues says whether some form begins with tail and is longer.
func (r *Redactor) continues(tail []byte) bool {
	// Such forms directly follow tail in sorted order.
	i := sort.Search(len(r.forms), func(i int) bool { return r.forms[i] > string(tail) })
	return i < len(r.forms) && strings.HasPrefix(r.forms[i], string(tail))
}

// RedactingWriter is a writer that takes secrets out. Use it from one goroutine at a time.
type RedactingWriter struct {
	r *Redactor
	w io.Writer
	// held are the bytes whose fate is open. The first covered of them belong to a place for
	// which Redacted was written already; they are kept because another secret may begin there.
	held    []byte
	covered int
	out     []byte // reused between writes
	count   int
	err     error
	shaper  *shaper // what known values leave goes through it; nil where shapes stay
}

// Write takes p in whole. An error of the underlying writer is returned by this call and by
// every later one.
func (w *RedactingWriter) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if w.r.empty() {
		w.write(p)
		if w.err != nil {
			return 0, w.err
		}
		return len(p), nil
	}
	b := p
	if len(w.held) > 0 {
		w.held = append(w.held, p...)
		b = w.held
	}
	end := w.r.open(b)
	w.pass(b, end)
	// append copies forward within one array where b is held itself, which copy allows.
	w.held = append(w.held[:0], b[end:]...)
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// WriteString is Write for a string.
func (w *RedactingWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// Flush hands on what is held back. A secret whose beginning is flushed is not found when the rest
// follows, so this is for showing a prompt to a waiting person, never for what is kept.
func (w *RedactingWriter) Flush() error {
	if w.err == nil && len(w.held) > 0 {
		w.pass(w.held, len(w.held))
		w.held = w.held[:0]
	}
	if w.err == nil && w.shaper != nil {
		w.shaper.flush(w.emit)
	}
	return w.err
}

// Close hands on what is held back; nothing may be written afterwards. It does not close the
// underlying writer. Closing twice is harmless.
func (w *RedactingWriter) Close() error {
	err := w.Flush()
	if w.err == nil {
		w.err = errClosed
	}
	if errors.Is(err, errClosed) {
		return nil
	}
	return err
}

var errClosed = errors.New("writing to a redacting writer that is closed")

// Count gives the number of places where something was taken out until now.
func (w *RedactingWriter) Count() int {
	if w.shaper != nil {
		return w.count + w.shaper.count
	}
	return w.count
}

// pass hands on b up to end, without secrets. Forms may begin before end and reach beyond it.
func (w *RedactingWriter) pass(b []byte, end int) {
	w.out = w.out[:0]
	from := w.covered // from here on nothing is written yet
	last := min(end, len(b)-minForm+1)
	for p := 0; p < last; p++ {
		if !w.r.mayStart(b[p:]) {
			continue
		}
		n := w.r.match(b[p:])
		if n == 0 {
			continue
		}
		if p >= from {
			w.out = append(w.out, b[from:p]...)
			w.out = append(w.out, Redacted...)
			w.count++
		}
		from = max(from, p+n)
	}
	switch {
	case len(w.out) == 0 && from < end:
		w.write(b[from:end]) // the usual case: no copy
	case from < end:
		w.write(append(w.out, b[from:end]...))
	default:
		w.write(w.out)
	}
	w.covered = max(0, from-end)
}

func (w *RedactingWriter) write(b []byte) {
	if w.shaper != nil {
		w.shaper.write(b, w.emit)
		return
	}
	w.emit(b)
}

func (w *RedactingWriter) emit(b []byte) {
	if len(b) == 0 || w.err != nil {
		return
	}
	n, err := w.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	w.err = err
}

// RedactingReader is a reader that takes secrets out. Use it from one goroutine at a time.
type RedactingReader struct {
	src   io.Reader
	w     *RedactingWriter
	ready bytes.Buffer
	chunk []byte
	err   error
	sniff bool // see whether it is text before the first byte is given
}

// Read reads on. What precedes an error of the source is given first, but for the bytes held back,
// which may be half a secret.
func (r *RedactingReader) Read(p []byte) (int, error) {
	if r.w.r.idle() {
		return r.src.Read(p)
	}
	for r.ready.Len() == 0 && r.err == nil {
		if r.chunk == nil {
			r.chunk = make([]byte, 64<<10)
		}
		n, err := r.next()
		_, _ = r.w.Write(r.chunk[:n]) // into a bytes.Buffer, which never fails
		if err == io.EOF {
			_ = r.w.Close()
		}
		r.err = err
	}
	if r.ready.Len() == 0 && len(p) > 0 {
		return 0, r.err
	}
	return r.ready.Read(p)
}

func (r *RedactingReader) next() (int, error) {
	if !r.sniff {
		return r.src.Read(r.chunk)
	}
	r.sniff = false
	const start = 8 << 10
	n, err := io.ReadAtLeast(r.src, r.chunk, start)
	if err == io.ErrUnexpectedEOF && n > 0 {
		err = nil // the next read says how it ends
	}
	if bytes.IndexByte(r.chunk[:min(n, start)], 0) >= 0 {
		r.w.shaper = nil
	}
	return n, err
}

// Leaves says, once something was read, that all of the file is left as it is: there is no known value
// to take out, and shapes stay in a file that is no text.
func (r *RedactingReader) Leaves() bool { return !r.sniff && r.w.shaper == nil && r.w.r.empty() }

// Count gives the number of places where something was taken out until now.
func (r *RedactingReader) Count() int { return r.w.Count() }
