package store

import (
	"crypto/rand"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
)

// The heads of entries are kept in one file, so that choosing among many entries needs not read them all.
// The file is a cache and never the truth: each row says which file it was read from, and counts only
// as long as that file is untouched (see stamp). Without it, or where it is damaged, all is read anew.
// Readers replace it whole, and whose comes last stays; who deletes it loses nothing but time.
//
//	magic
//	number of texts, then each: length, bytes
//	number of rows, then each: length, row; newest first
//	CRC-32C of all before, 4 bytes
//
// A row is its file's name and stamp, and what the name does not tell of the head. Numbers are varints.
// Texts that rows share stand in the list of texts, and rows have their index.
const headsMagic = "assay heads 2 " + evidence.APIVersion + "\n"

const (
	// headsWorth is how many entries must have been read in vain before the file is written: small
	// stores have none.
	headsWorth = 1000
	// settled is how old a change must be before a stamp is believed: a file changed twice within one
	// tick of its file system's clock has one stamp.
	settled = 5 * time.Second
	// maxHeads bounds the file in bytes. What is larger was not written by this version.
	maxHeads = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// stamp tells whether a file is still the one that was read: whoever changes its content, or puts
// another in its place, changes the stamp.
type stamp struct {
	size, modified int64
	// changed and inode are 0 where the system does not tell.
	changed int64
	inode   uint64
}

func stampOf(info os.FileInfo) stamp {
	s := stamp{size: info.Size(), modified: info.ModTime().UnixNano()}
	s.changed, s.inode = identity(info)
	return s
}

func (s stamp) settled(now time.Time) bool {
	return now.UnixNano()-max(s.modified, s.changed) > int64(settled)
}

// headsWriter collects rows, newest first.
type headsWriter struct {
	index map[string]uint64
	texts []byte
	rows  []byte
	row   []byte
	n     int
}

func (w *headsWriter) text(s string) {
	i, ok := w.index[s]
	if !ok {
		if w.index == nil {
			w.index = map[string]uint64{}
		}
		i = uint64(len(w.index))
		w.index[strings.Clone(s)] = i
		w.texts = append(binary.AppendUvarint(w.texts, uint64(len(s))), s...)
	}
	w.number(i)
}

func (w *headsWriter) number(n uint64) { w.row = binary.AppendUvarint(w.row, n) }
func (w *headsWriter) signed(n int64)  { w.row = binary.AppendVarint(w.row, n) }
func (w *headsWriter) own(s string) {
	w.row = append(binary.AppendUvarint(w.row, uint64(len(s))), s...)
}

func (w *headsWriter) subject(s evidence.Subject) {
	w.text(s.Kind)
	w.text(s.Commit)
	w.text(s.Tree)
	w.number(uint64(len(s.Images)))
	for _, image := range s.Images {
		w.text(image)
	}
}

// add adds the row of an entry; of it only the head is looked at.
func (w *headsWriter) add(name string, s stamp, e evidence.Entry) {
	w.row = w.row[:0]
	w.own(name)
	w.signed(s.size)
	w.signed(s.modified)
	w.signed(s.changed - s.modified)
	w.number(s.inode)
	w.text(e.Context.Repository)
	w.text(e.Context.Branch)
	w.text(e.Context.HeadSHA)
	w.signed(int64(e.Context.PullRequest))
	w.text(e.Environment.Name)
	if e.Plan != nil {
		w.number(uint64(len(e.Plan.Runs)))
		for _, r := range e.Plan.Runs {
			w.own(r.Run)
			w.text(r.Suite)
			w.text(r.Owner)
			w.subject(r.Subject)
		}
	}
	if r := e.Result; r != nil {
		w.text(e.Invocation)
		w.signed(int64(r.Attempt))
		w.text(r.Suite)
		w.text(r.Owner)
		w.subject(r.Subject)
		w.text(r.Origin)
		w.text(string(r.Outcome))
	}
	if v := e.Verdict; v != nil {
		w.text(v.Decision)
		w.text(v.Release)
	}
	w.rows = append(binary.AppendUvarint(w.rows, uint64(len(w.row))), w.row...)
	w.n++
}

func (w *headsWriter) bytes() []byte {
	out := make([]byte, 0, len(headsMagic)+len(w.texts)+len(w.rows)+2*binary.MaxVarintLen64+crc32.Size)
	out = binary.AppendUvarint(append(out, headsMagic...), uint64(len(w.index)))
	out = binary.AppendUvarint(append(out, w.texts...), uint64(w.n))
	out = append(out, w.rows...)
	return binary.LittleEndian.AppendUint32(out, crc32.Checksum(out, castagnoli))
}

// headsReader gives rows in their order. Its zero value has none.
type headsReader struct {
	texts []string
	left  uint64
	rest  string
	// The row that is next, if there is one: its file, and what follows in it.
	name  string
	stamp stamp
	head  string
}

// openHeads reads what bytes wrote; it has no rows where that is damaged or of another version.
func openHeads(data string) *headsReader {
	none := &headsReader{}
	body, ok := strings.CutPrefix(data, headsMagic)
	if !ok || len(body) < crc32.Size {
		return none
	}
	end := len(data) - crc32.Size
	if crc32.Checksum([]byte(data[:end]), castagnoli) != binary.LittleEndian.Uint32([]byte(data[end:])) {
		return none
	}
	c := cut{rest: body[:len(body)-crc32.Size]}
	r := &headsReader{texts: make([]string, 0, min(c.peek(), uint64(len(data))))}
	for range c.number() {
		if c.bad {
			return none
		}
		r.texts = append(r.texts, c.own())
	}
	r.left, r.rest = c.number(), c.rest
	if c.bad {
		return none
	}
	r.next()
	return r
}

// next goes to the next row; behind the last one the name is empty.
func (r *headsReader) next() {
	r.name = ""
	if r.left == 0 {
		return
	}
	r.left--
	c := cut{rest: r.rest}
	row := cut{rest: c.own()}
	r.rest = c.rest
	name := row.own()
	s := stamp{size: row.signed(), modified: row.signed()}
	s.changed, s.inode = s.modified+row.signed(), row.number()
	if c.bad || row.bad {
		r.left = 0
		return
	}
	r.name, r.stamp, r.head = name, s, row.rest
}

// find goes to the row of a file, past those of newer ones.
func (r *headsReader) find(name string) bool {
	for r.name > name {
		r.next()
	}
	return r.name == name
}

// entry is the head that a row has of a file.
func (r *headsReader) entry(name, head string) (evidence.Entry, bool) {
	at, kind, id, ok := parts(name)
	c := cut{rest: head, texts: r.texts, bad: !ok}
	e := evidence.Entry{APIVersion: evidence.APIVersion, ID: id, Time: at}
	e.Context.Repository, e.Context.Branch, e.Context.HeadSHA, e.Context.PullRequest = c.text(), c.text(), c.text(), int(c.signed())
	e.Environment.Name = c.text()
	switch kind {
	case strings.ToLower(evidence.KindPlan):
		e.Kind, e.Invocation = evidence.KindPlan, id
		n := min(c.number(), uint64(len(c.rest)))
		e.Plan = &evidence.Plan{Runs: make([]evidence.PlannedRun, n)}
		for i := range e.Plan.Runs {
			e.Plan.Runs[i] = evidence.PlannedRun{Run: c.own(), Suite: c.text(), Owner: c.text(), Subject: c.subject()}
		}
	case strings.ToLower(evidence.KindResult):
		e.Kind, e.Invocation = evidence.KindResult, c.text()
		e.Result = &evidence.Result{Run: runOf(id), Attempt: int(c.signed()), Suite: c.text(), Owner: c.text(), Subject: c.subject(), Origin: c.text(), Outcome: evidence.Outcome(c.text())}
	case strings.ToLower(evidence.KindVerdict):
		e.Kind, e.Invocation = evidence.KindVerdict, id
		e.Verdict = &evidence.Verdict{Decision: c.text(), Release: c.text()}
	default:
		c.bad = true
	}
	return e, !c.bad && c.rest == ""
}

// cut takes values off the beginning of a text. What it cannot is zero, and makes it bad.
type cut struct {
	rest  string
	texts []string
	bad   bool
}

func (c *cut) peek() uint64 { look := *c; return look.number() }

func (c *cut) number() (n uint64) {
	for shift := 0; shift < 64 && len(c.rest) > 0; shift += 7 {
		b := c.rest[0]
		c.rest = c.rest[1:]
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	c.bad, c.rest = true, ""
	return 0
}

func (c *cut) signed() int64 {
	n := c.number()
	return int64(n>>1) ^ -int64(n&1)
}

func (c *cut) own() string {
	n := c.number()
	if n > uint64(len(c.rest)) {
		c.bad, c.rest = true, ""
		return ""
	}
	s := c.rest[:n]
	c.rest = c.rest[n:]
	return s
}

func (c *cut) text() string {
	i := c.number()
	if i >= uint64(len(c.texts)) {
		c.bad, c.rest = true, ""
		return ""
	}
	return c.texts[i]
}

func (c *cut) subject() evidence.Subject {
	s := evidence.Subject{Kind: c.text(), Commit: c.text(), Tree: c.text()}
	for range min(c.number(), uint64(len(c.rest))) {
		s.Images = append(s.Images, c.text())
	}
	return s
}

// headsFile is where the heads are kept.
func (d *Dir) headsFile() string { return filepath.Join(d.root, "cache", "heads") }

func (d *Dir) readHeads() *headsReader {
	info, err := os.Stat(d.headsFile())
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxHeads {
		return &headsReader{}
	}
	data, err := os.ReadFile(d.headsFile())
	if err != nil {
		return &headsReader{}
	}
	return openHeads(string(data))
}

// writeHeads adds the rows that fresh has to those of the files that are there still. What cannot be
// written harms nobody.
func (d *Dir) writeHeads(fresh headsWriter, names []string) {
	all := fresh
	if was := d.readHeads(); was.name != "" {
		is := openHeads(string(fresh.bytes()))
		all = headsWriter{}
		for _, name := range names {
			from := is
			if !is.find(name) {
				if from = was; !was.find(name) {
					continue
				}
			}
			if e, ok := from.entry(name, from.head); ok {
				all.add(name, from.stamp, e)
			}
		}
	}
	if err := os.MkdirAll(filepath.Dir(d.headsFile()), 0o777); err != nil {
		return
	}
	tmp := d.headsFile() + "." + rand.Text()
	err := os.WriteFile(tmp, all.bytes(), 0o666)
	if err == nil {
		err = os.Rename(tmp, d.headsFile())
	}
	if err != nil {
		_ = os.Remove(tmp)
	}
}
