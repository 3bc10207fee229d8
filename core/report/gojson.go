package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"time"
)

// goJSON is the stream of events that `go test -json` writes, one JSON object a line:
// https://pkg.go.dev/cmd/test2json. gotestsum's --jsonfile is the same, and with --rerun-fails the
// stream holds the packages again (https://github.com/gotestyourself/gotestsum).
//
// Package is the suite, Test the name. A package that fails without a test that failed (TestMain, a
// build, an init that panics) is a case of its own that errored; so is a test that began and did
// not end. Lines that are no events stand between them wherever standard error goes the same way.
var goJSON = format{name: "go-json", recognises: recognisesGoJSON, read: readGoJSON}

const (
	// goLine is the longest line that is read; test2json breaks output into pieces of 4 KiB.
	goLine = 1 << 20
	// goOpen is how many tests, and how many packages, may be open at a time.
	goOpen = 100_000
	// goSeen is how many passed tests are remembered to tell a repetition, in some 20 bytes each. Of
	// more than that those that are run again count again, and the file is told to have them.
	goSeen = 2_000_000
)

// goEvent is the TestEvent and the BuildEvent (`go help buildjson`) in one.
type goEvent struct {
	Action, Package, Test, Output string
	ImportPath, FailedBuild       string
	Key, Value                    string
	Elapsed                       float64
}

func goAction(action string) bool {
	switch action {
	case "start", "run", "pause", "cont", "pass", "bench", "fail", "output", "skip", "attr", "artifacts", "build-output", "build-fail":
		return true
	}
	return false
}

var goBroken = regexp.MustCompile(`(?m)^FAIL\t(\S+)(?: \[(?:build|setup) failed\]|\t[0-9.]+s)\s*$`)

func recognisesGoJSON(head []byte) bool {
	if trimmed := bytes.TrimLeft(head, " \t\r\n"); len(trimmed) == 0 || trimmed[0] == '<' || trimmed[0] == '[' {
		return false
	}
	lines := 0
	for line := range bytes.Lines(head) {
		var e goEvent
		if lines++; bytes.HasPrefix(line, []byte("{")) && json.Unmarshal(line, &e) == nil {
			return goAction(e.Action) && (e.Package != "" || e.Test != "" || e.ImportPath != "" || bytes.Contains(line, []byte(`"Time"`)))
		}
	}
	trimmed := bytes.TrimLeft(head, " \t\r\n")
	if trimmed[0] == '{' {
		// One line alone, cut off or longer than head.
		return lines == 1 && bytes.Contains(head, []byte(`"Action":"`)) && bytes.Contains(head, []byte(`"Package":"`))
	}
	return bytes.Contains(head, []byte(" failed]")) && goBroken.Match(head)
}

type goReader struct {
	out      *sink
	decoder  goDecoder
	line     int
	packages map[string]*goPackage
	order    []*goPackage
	builds   map[string]*goBuild
	imports  []string
	// held are the tests that did not pass: a later run of their package may tell more.
	held     []*goHeld
	heldBy   map[string][]*goHeld
	heldSize int
	// seen holds the hashes of the tests that ended well.
	seen   map[uint64]struct{}
	forgot bool // a test may have been counted twice, and it was told
	// nameSize is what the names of packages, builds and open tests take.
	nameSize int
	// openSize is what open tests and packages printed so far, and openTests how many there are.
	openSize, openTests int
	unkept              bool
	compiler            clip // what stands behind the last "# package" line that is no event
	inCompiler          bool
	stray, strayLine    int
	strayText           string
	unknown             map[string]bool
}

type goPackage struct {
	name    string
	suite   []string
	session int
	// running is true between the first event of a session and the package's result.
	running bool
	open    map[string]*goTest
	serial  int
	// failed counts the tests of this session that did not pass.
	failed   int
	benches  map[string]bool
	output   clip
	printed  int
	reported bool // has a case of its own
}

type goTest struct {
	name    string
	serial  int
	output  clip
	printed int
	attrs   []Property
}

type goBuild struct {
	output clip
	failed bool
	told   bool
}

type goHeld struct {
	c       Case
	session int
}

func readGoJSON(text io.Reader, out *sink) error {
	r := &goReader{
		out: out, packages: map[string]*goPackage{}, builds: map[string]*goBuild{},
		heldBy: map[string][]*goHeld{}, seen: map[uint64]struct{}{}, unknown: map[string]bool{},
	}
	err := r.lines(bufio.NewReaderSize(text, 64<<10))
	r.finish(err == nil)
	if err == nil {
		return nil
	}
	if _, stop := err.(limitError); stop {
		return err
	}
	return fmt.Errorf("could not be read to its end: %w, after line %d; %s", cause(err), r.line, wasRead(out.file.Tests))
}

func (r *goReader) lines(in *bufio.Reader) error {
	var long []byte
	for {
		part, err := in.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			if len(long) < goLine {
				long = append(long, part...)
			}
			continue
		}
		if err != nil && err != io.EOF {
			return err
		}
		whole := part
		if len(long) > 0 {
			long = append(long, part...)
			whole = long
		}
		if len(whole) > 0 {
			r.line++
			if stop := r.read(bytes.TrimRight(whole, "\r\n")); stop != nil {
				return stop
			}
		}
		if err == io.EOF {
			return nil
		}
		long = long[:0]
	}
}

func (r *goReader) read(line []byte) error {
	if r.out.full() || len(r.held)+r.out.file.Tests >= r.out.limits.FileCases {
		return limitError(fmt.Sprintf("holds more than %d cases; the rest was not read", r.out.limits.FileCases))
	}
	at := bytes.IndexByte(line, '{')
	if at > 0 && !bytes.Contains(line[at:], []byte(`"Action":`)) {
		at = -1
	}
	if at < 0 {
		r.plain(line)
		return nil
	}
	if at > 0 {
		r.plain(line[:at]) // standard error without an end of line
	}
	var e goEvent
	if !r.decoder.decode(line[at:], &e) {
		e = goEvent{}
		if err := json.Unmarshal(line[at:], &e); err != nil {
			r.damaged(line, at)
			return nil
		}
	}
	r.inCompiler = false
	return r.event(e)
}

// damaged takes a line that should be an event from its byte at on.
func (r *goReader) damaged(line []byte, at int) {
	if at > 0 {
		r.plain(line[at:])
	}
	r.out.file.Incomplete = true
	r.out.distrust("is damaged in line %d, which is no event of go test: %s; results may be missing", r.line, cut(clean(line), 100))
}

// plain takes a line that is no event: what a compiler or go itself writes to standard error.
func (r *goReader) plain(line []byte) {
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	if m := goBroken.FindSubmatch(line); m != nil {
		if len(r.packages) >= goOpen {
			r.out.distrust("has a package that failed, beyond the %d that are followed, in line %d", goOpen, r.line)
			return
		}
		p := r.pkg(string(m[1]))
		if !p.reported && p.failed == 0 {
			if p.output.empty() && !r.compiler.empty() {
				p.output.write([]byte(r.compiler.text()))
			} else {
				p.output.write(line)
			}
			r.packageProblem(p, "", 0)
		}
		p.running = false
		r.compiler.reset(r.out.limits.Detail)
		return
	}
	if bytes.HasPrefix(line, []byte("# ")) {
		r.inCompiler = true
		r.compiler.reset(r.out.limits.Detail)
	}
	if r.inCompiler {
		r.compiler.write(line)
		r.compiler.write([]byte{'\n'})
		return
	}
	if bytes.HasPrefix(line, []byte("--- FAIL: ")) {
		r.out.distrust("holds results of go test as plain text beside the events, in line %d: %s", r.line, cut(clean(line), 100))
	}
	if r.stray++; r.stray == 1 {
		r.strayLine, r.strayText = r.line, cut(clean(line), 100)
	}
}

// seconds makes a duration of a number of seconds that a tool wrote; nonsense is zero.
func seconds(s float64) time.Duration {
	switch {
	case !(s > 0):
		return 0
	case s >= float64(1<<63-1)/float64(time.Second):
		return 1<<63 - 1
	}
	return time.Duration(s * float64(time.Second))
}

// longer adds durations that a report gives; what is too long for one stays the longest there is.
func longer(a, b time.Duration) time.Duration {
	if sum := a + b; sum >= a {
		return sum
	}
	return 1<<63 - 1
}
