package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// schemaVersion changes with what the tables mean.
const schemaVersion = 1

// An id is the second of the entry's time and a number below the second, so that rows lie in the order in
// which they are asked for; it is never given twice, and what else knows it may outlast the record. A record
// that is gone keeps its row without a name.
const schema = `
CREATE TABLE IF NOT EXISTS record (id INTEGER PRIMARY KEY, name TEXT UNIQUE, kind INTEGER, gen INTEGER, digest BLOB, head BLOB);
CREATE TABLE IF NOT EXISTS term (term INTEGER, record INTEGER, PRIMARY KEY (term, record)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, suite BLOB, environment BLOB, covers BLOB, UNIQUE (suite, environment, covers));
CREATE TABLE IF NOT EXISTS told (test INTEGER, record INTEGER, state INTEGER, PRIMARY KEY (test, record)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS roster (id INTEGER PRIMARY KEY, sum BLOB UNIQUE, tests BLOB);
CREATE TABLE IF NOT EXISTS text (id INTEGER PRIMARY KEY, text BLOB);
CREATE TABLE IF NOT EXISTS bad (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (id INTEGER PRIMARY KEY CHECK (id = 0), gen INTEGER, state BLOB);
INSERT OR IGNORE INTO meta VALUES (0, 0, NULL);
`

var (
	// errDamaged says that the file is no index that can be believed.
	errDamaged = errors.New("the index is damaged")
	// errReplaced says that another file stands in its place.
	errReplaced = errors.New("the index was replaced")
)

// db is the file. SQLite sees neither a page whose bytes were changed behind its back, nor, without a journal,
// one that a dying process left half written. So every change ends with a seal: a time of modification that
// no clock gives any more. Whoever writes to the file in any way breaks it, and a file without it is made
// anew, which is all a journal could save. Changes and their seals happen under SQLite's exclusive lock, so
// that a reader, under its shared one, sees no broken seal of a change that goes on.
type db struct {
	path string
	sql  *sql.DB
	conn *sql.Conn
	stmt map[string]*sql.Stmt
	// file is the one that is open.
	file os.FileInfo
	// texts are those of the table, by their ids less one; ids has their ids.
	texts []string
	ids   map[string]uint64
}

// cacheSize bounds how much of the file is in memory, in KiB.
const cacheSize = "PRAGMA cache_size = -4000"

func openDB(path string, patience time.Duration) (*db, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	before, err := os.Lstat(path)
	if err == nil && !before.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	// Without a journal on the disk there is none that belongs to another file of this name.
	u := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: fmt.Sprintf("_pragma=busy_timeout(%d)&_pragma=journal_mode(MEMORY)&_pragma=synchronous(NORMAL)", patience.Milliseconds())}
	s, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	d := &db{path: path, sql: s, stmt: map[string]*sql.Stmt{}, ids: map[string]uint64{}}
	if d.conn, err = s.Conn(context.Background()); err == nil {
		err = d.do(cacheSize)
	}
	if err == nil {
		err = d.begin("BEGIN", before)
	}
	if err == nil {
		err = d.do("COMMIT")
	}
	if err == nil {
		err = d.create()
	}
	if err != nil {
		_ = d.close()
		return nil, judged(err)
	}
	return d, nil
}

// create makes the tables in a file that is empty.
func (d *db) create() error {
	if info, err := os.Stat(d.path); err != nil || info.Size() > 0 {
		return err
	}
	return d.change(func() error {
		_, err := d.conn.ExecContext(context.Background(), schema)
		return err
	})
}

func (d *db) close() error {
	for _, s := range d.stmt {
		_ = s.Close()
	}
	if d.conn != nil {
		_ = d.conn.Close()
	}
	return d.sql.Close()
}

// current says whether the file that is open is the one at its path.
func (d *db) current() bool {
	info, err := os.Stat(d.path)
	return err == nil && os.SameFile(info, d.file)
}

// seal is the time that says that a file of this size is whole. Its years are those of no clock, and such as
// every archive can hold.
func seal(size int64) time.Time {
	const since, years = 1_000_000_000, 15 * 365 * 24 * 3600
	sum := crc32.ChecksumIEEE(fmt.Append(nil, "assay index ", schemaVersion, size))
	return time.Unix(since+int64(sum)%years/2*2, 0) // some file systems count in steps of two seconds
}

// begin begins a transaction, which holds a lock when it returns, of the file that may be believed. before is
// the file that was there before it was opened, if any.
func (d *db) begin(how string, before os.FileInfo) error {
	if err := d.do(how); err != nil {
		return err
	}
	var n int
	err := d.row("SELECT count(*) FROM sqlite_schema", nil, &n)
	var info os.FileInfo
	if err == nil {
		info, err = os.Stat(d.path)
	}
	switch {
	case err != nil:
	case d.file == nil && before != nil && !os.SameFile(info, before), d.file != nil && !os.SameFile(info, d.file):
		err = errReplaced
	case info.Size() == 0 && n == 0: // new
	case !info.ModTime().Equal(seal(info.Size())):
		err = errDamaged
	}
	if err != nil {
		_ = d.do("ROLLBACK")
		return err
	}
	if d.file == nil {
		d.file = info
	}
	return nil
}

// view calls f while nothing changes.
func (d *db) view(f func() error) error {
	if err := d.begin("BEGIN", nil); err != nil {
		return judged(err)
	}
	err := f()
	if cerr := d.do("COMMIT"); err == nil {
		err = cerr
	}
	return judged(err)
}

// change calls f, and keeps all that it does or nothing of it.
func (d *db) change(f func() error) error {
	err := d.begin("BEGIN IMMEDIATE", nil)
	if err == nil {
		if err = f(); err == nil {
			err = d.commit()
		}
		if err != nil {
			_ = d.do("ROLLBACK")
			// What was thought of may not be there.
			d.texts, d.ids = nil, map[string]uint64{}
		}
	}
	return judged(err)
}

func (d *db) commit() error {
	// The lock is kept past the end of the transaction, until the seal is there.
	if err := d.do("PRAGMA locking_mode = EXCLUSIVE"); err != nil {
		return err
	}
	err := d.do("COMMIT")
	if err == nil {
		var info os.FileInfo
		if info, err = os.Stat(d.path); err == nil && !os.SameFile(info, d.file) {
			err = errReplaced
		}
		if err == nil {
			at := seal(info.Size())
			err = os.Chtimes(d.path, at, at)
		}
	}
	var n int
	return errors.Join(err, d.do("PRAGMA locking_mode = NORMAL"), d.row("SELECT count(*) FROM sqlite_schema", nil, &n))
}

// judged makes errDamaged of what only a damaged file gives: all but those errors that say that SQLite could
// not get at it.
func judged(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_CANTOPEN, lib.SQLITE_READONLY, lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_PERM, lib.SQLITE_NOMEM, lib.SQLITE_NOLFS:
		return err
	}
	return fmt.Errorf("%w: %w", errDamaged, err)
}

// Statements are short, and ended by no context: one that ends them takes longer than they do.

func (d *db) prepare(text string) (*sql.Stmt, error) {
	if s, ok := d.stmt[text]; ok {
		return s, nil
	}
	s, err := d.conn.PrepareContext(context.Background(), text)
	if err == nil {
		d.stmt[text] = s
	}
	return s, err
}

func (d *db) do(text string, args ...any) error {
	_, err := d.count(text, args...)
	return err
}

// count is do, and says how many rows changed.
func (d *db) count(text string, args ...any) (int64, error) {
	s, err := d.prepare(text)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// row reads the one row that there is.
func (d *db) row(text string, args []any, to ...any) error {
	s, err := d.prepare(text)
	if err != nil {
		return err
	}
	return s.QueryRowContext(context.Background(), args...).Scan(to...)
}

// each calls f with each row scanned.
func (d *db) each(text string, args, to []any, f func()) error {
	s, err := d.prepare(text)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return err
		}
		f()
	}
	return rows.Err()
}

// load reads the texts that were added since.
func (d *db) load() error {
	var id int
	var text []byte
	wrong := false
	err := d.each("SELECT id, text FROM text WHERE id > ? ORDER BY id", []any{len(d.texts)}, []any{&id, &text}, func() {
		wrong = wrong || id != len(d.texts)+1
		d.texts = append(d.texts, string(text))
		d.ids[d.texts[len(d.texts)-1]] = uint64(len(d.texts))
	})
	if err == nil && wrong {
		err = errDamaged
	}
	return err
}

// id gives the id of a text, which is added where it is new; load was called in the same transaction.
func (d *db) id(text string) (uint64, error) {
	if id, ok := d.ids[text]; ok {
		return id, nil
	}
	id := uint64(len(d.texts) + 1)
	if err := d.do("INSERT INTO text VALUES (?, ?)", int64(id), []byte(text)); err != nil {
		return 0, err
	}
	d.texts = append(d.texts, text)
	d.ids[text] = id
	return id, nil
}
