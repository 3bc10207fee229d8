//go:build soak

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fault is one row of the table: what goes wrong, and what a user must see.
type fault struct {
	name, injected string
	// alone is true where it disturbs the whole cluster.
	alone bool
	// long is true where it takes minutes: SOAK_SHORT=1 leaves it out.
	long bool
	// bound is how long `assay run` may take before it counts as hung; default 4 minutes.
	bound time.Duration
	// spec is the suite's, as in suite.
	spec string
	// before prepares and says how to undo it by t.Cleanup; during runs while `assay run` does; after
	// looks at what there is besides what want says.
	before, during func(s *scene)
	after          func(s *scene, o outcome)
	// want is what must be seen.
	want want
}

// want is what must be seen of a run.
type want struct {
	code            int
	outcome, reason string
	// says is a part of the message, notes of one of the notes.
	says, notes string
	// log is what the log must be, byte for byte; nil where it is not compared.
	log []byte
	// begins is what the log must begin with.
	begins string
	// files are the artifacts by name, with their SHA-256.
	files map[string]string
	// nothing is true where the store must hold no result, and stderr instead is a part of what is said.
	nothing bool
	stderr  string
	// also is what after looks at, for the table.
	also string
	// left is true where the Job rightly stays; it must be said what removes it.
	left bool
}

func (w want) String() string {
	out := fmt.Sprintf("%s (%s), exit %d", w.outcome, w.reason, w.code)
	if w.nothing {
		out = fmt.Sprintf("no result kept, said so, exit %d", w.code)
	}
	if w.log != nil {
		out += fmt.Sprintf("; log of %d B, byte for byte", len(w.log))
	}
	if w.begins != "" {
		out += "; what was printed before is kept"
	}
	if len(w.files) > 0 {
		out += fmt.Sprintf("; %d artifact, SHA-256 equal", len(w.files))
	}
	if w.notes != "" {
		out += fmt.Sprintf("; a note of %q", w.notes)
	}
	if w.also != "" {
		out += "; " + w.also
	}
	if w.left {
		return out + "; what is left and what removes it is said"
	}
	return out + "; no Job or pod left"
}

// scene is one fault being played.
type scene struct {
	*project
	fault
	suite string
	// runs is the namespace, kubeconfig the credentials, assay the binary, store the directory.
	runs, kubeconfig, binary, store string
	// user runs assay as somebody else than root.
	user uint32

	stderr  *lockedBuffer
	process *os.Process
	ended   chan struct{}
	row     row
	// short is what fell short.
	short []string
}

// row is a line of the table.
type row struct{ injected, expected, seen string }

// failf notes a shortcoming in the table and fails the test.
func (s *scene) failf(format string, args ...any) {
	s.t.Helper()
	message := fmt.Sprintf(format, args...)
	s.short = append(s.short, "**"+message+"**")
	s.t.Errorf("%s", message)
}

var table struct {
	sync.Mutex
	order []string
	rows  map[string]row
	big   []string
}

// play is one fault from beginning to end.
func play(t *testing.T, f fault) {
	if f.bound == 0 {
		f.bound = 4 * time.Minute
	}
	s := &scene{fault: f, suite: f.name, runs: lab.runs, kubeconfig: lab.kubeconfig, binary: lab.assay, store: ".assay", stderr: &lockedBuffer{}, ended: make(chan struct{})}
	s.row = row{injected: f.injected, seen: "the harness failed"}
	defer func() {
		table.Lock()
		defer table.Unlock()
		s.row.expected = s.want.String() // before may have worked some of it out
		s.row.seen = strings.Join(append([]string{s.row.seen}, s.short...), "; ")
		table.rows[f.name] = s.row
	}()
	s.project = newProject(t, suite(f.name, f.spec))
	s.env = []string{"TMPDIR=" + s.tmp()}
	if f.before != nil {
		f.before(s)
	}
	o, took := s.go_()
	s.judge(o, took)
}

// tmp is where assay keeps what it reads back until it is in the store.
func (s *scene) tmp() string {
	dir := filepath.Join(s.dir, "tmp")
	_ = os.MkdirAll(dir, 0o777)
	return dir
}

func (s *scene) cmd(ctx context.Context, args ...string) *exec.Cmd {
	c := s.command(ctx, args...)
	c.Path = s.binary
	c.Env = append(c.Env, "ASSAY_KUBECONFIG="+s.kubeconfig, "ASSAY_STORE="+s.store)
	if s.user != 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: s.user, Gid: s.user}}
	}
	return c
}

// go_ plays: `assay run` beside what goes wrong. A run that does not end within its bound is killed.
func (s *scene) go_() (outcome, time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), s.bound)
	defer cancel()
	c := s.cmd(ctx, "run", "--output", "json", s.suite)
	var stdout bytes.Buffer
	c.Stdout = &stdout
	c.Stderr = &lastOf{to: s.stderr}
	began := time.Now()
	require.NoError(s.t, c.Start())
	s.process = c.Process
	go func() { _ = c.Wait(); close(s.ended) }()
	// A fault that cannot be played must not leave assay running.
	defer func() { cancel(); <-s.ended }()
	if s.during != nil {
		s.during(s)
	}
	<-s.ended
	took := time.Since(began)
	o := outcome{code: c.ProcessState.ExitCode(), stdout: stdout.String(), stderr: s.stderr.String()}
	s.t.Logf("assay run %s -> %d after %s\n%s%s", s.suite, o.code, took.Round(100*time.Millisecond), clip(o.stderr), clip(o.stdout))
	s.row.seen = fmt.Sprintf("exit %d after %.0f s", o.code, took.Seconds())
	if ctx.Err() != nil {
		s.failf("hung: killed after %s", s.bound)
	}
	if o.stdout != "" {
		if err := json.Unmarshal([]byte(o.stdout), &o.doc); err != nil {
			s.failf("stdout is no JSON document: %v", err)
		}
	}
	return o, took
}

// lastOf passes lines on but for the test's own output, of which there is much.
type lastOf struct {
	to  io.Writer
	buf []byte
}

// ownOutput says whether a line is one of misbehave's many.
func ownOutput(line []byte) bool {
	i := bytes.Index(line, []byte(" | "))
	return i >= 0 && (bytes.HasSuffix(line, []byte("----------")) || bytes.HasPrefix(line[i+3:], []byte("xxxxxxxxxx")))
}

func (l *lastOf) Write(p []byte) (int, error) {
	l.buf = append(l.buf, p...)
	rest := l.buf
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			l.buf = append(l.buf[:0], rest...)
			return len(p), nil
		}
		if line := rest[:i+1]; len(line) < 8<<10 && !ownOutput(line[:i]) {
			_, _ = l.to.Write(line)
		}
		rest = rest[i+1:]
	}
}

// judge compares what is seen with what was wanted.
func (s *scene) judge(o outcome, took time.Duration) {
	s.t.Helper()
	w := s.want
	run, result := s.kept()
	switch {
	case result != nil:
		s.row.seen = fmt.Sprintf("%s (%s), exit %d after %.0f s", result.Outcome, result.Reason, o.code, took.Seconds())
	default:
		s.row.seen = fmt.Sprintf("no result kept, exit %d after %.0f s", o.code, took.Seconds())
	}
	if o.code == 0 && w.code != 0 {
		s.failf("a false pass")
	}
	if o.code != w.code {
		s.failf("the exit code must be %d", w.code)
	}
	switch {
	case w.nothing && result != nil:
		s.failf("there must be no result")
	case w.nothing:
	case result == nil:
		s.failf("the result is lost: %s", oneLineOf(o.stderr))
	default:
		if result.Outcome != w.outcome || result.Reason != w.reason {
			s.failf("must be %s (%s); it says: %s", w.outcome, w.reason, result.Message)
		}
		if !strings.Contains(result.Message, w.says) {
			s.failf("the message must say %q; it says: %s", w.says, result.Message)
		}
		if w.notes != "" && !strings.Contains(strings.Join(result.Notes, "\n"), w.notes) {
			s.failf("a note must say %q; they are: %q", w.notes, result.Notes)
		}
		if len(result.Notes) > 0 {
			s.t.Logf("notes: %q", result.Notes)
		}
	}
	if !strings.Contains(o.stderr, w.stderr) {
		s.failf("standard error must say %q; it says: %s", w.stderr, oneLineOf(o.stderr))
	}
	if w.log != nil || w.begins != "" {
		s.compareLog(run)
	}
	if len(w.files) > 0 {
		s.compareFiles(run)
	}
	s.verifyStore()
	s.nothingLeft(o)
	if s.after != nil {
		s.after(s, o)
	}
}

func oneLineOf(text string) string {
	fields := strings.Fields(text)
	line := strings.Join(fields, " ")
	if len(line) > 300 {
		line = "..." + line[len(line)-300:]
	}
	return strings.ReplaceAll(line, "|", "/")
}

// result is what the store says of a run, as far as it matters here.
type result struct {
	Run, Outcome, Reason, Message string
	Notes                         []string
	Files                         []struct {
		Path, Digest string
		Size         int64
	}
}

// entries reads the store's files, as anybody could.
func (s *scene) entries() (planned []string, results []result) {
	s.t.Helper()
	store := s.store
	if !filepath.IsAbs(store) {
		store = filepath.Join(s.dir, store)
	}
	files, err := filepath.Glob(filepath.Join(store, "entries", "*"))
	require.NoError(s.t, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(s.t, err)
		var e struct {
			Plan   *struct{ Runs []struct{ Run string } }
			Result *result
		}
		require.NoError(s.t, json.Unmarshal(data, &e), file)
		if e.Plan != nil {
			for _, r := range e.Plan.Runs {
				planned = append(planned, r.Run)
			}
		}
		if e.Result != nil {
			results = append(results, *e.Result)
		}
	}
	return planned, results
}

func (s *scene) kept() (string, *result) {
	planned, results := s.entries()
	switch {
	case len(results) > 0:
		return results[len(results)-1].Run, &results[len(results)-1]
	case len(planned) > 0:
		return planned[len(planned)-1], nil
	}
	return "", nil
}

// verifyStore holds every file that a kept result names against its digest: what was acknowledged is there.
func (s *scene) verifyStore() {
	store := s.store
	if !filepath.IsAbs(store) {
		store = filepath.Join(s.dir, store)
	}
	_, results := s.entries()
	for _, r := range results {
		for _, f := range r.Files {
			sum, size, err := hashFile(filepath.Join(store, "blobs", "sha256", strings.TrimPrefix(f.Digest, "sha256:")))
			if err != nil || "sha256:"+sum != f.Digest || size != f.Size {
				s.failf("acknowledged evidence is lost: %s: %v", f.Path, err)
			}
		}
	}
}

func hashFile(path string) (string, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), n, err
}

// ownNotes are the shim's own lines, which stand between the test's.
var ownNotes = regexp.MustCompile(`assay: [^\n]*\n`)

func (s *scene) compareLog(run string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := s.cmd(ctx, "logs", run)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	got, err := c.Output()
	if err != nil {
		s.failf("the log cannot be read: %v: %s", err, oneLineOf(stderr.String()))
		return
	}
	got = ownNotes.ReplaceAll(got, nil)
	if !bytes.HasPrefix(got, []byte(s.want.begins)) {
		s.failf("the log begins with %q", clip(string(got)))
	}
	if s.want.log == nil {
		return
	}
	if !bytes.Equal(got, s.want.log) {
		at := 0
		for at < min(len(got), len(s.want.log)) && got[at] == s.want.log[at] {
			at++
		}
		s.failf("the log has %d bytes and not %d, and differs at %d", len(got), len(s.want.log), at)
		return
	}
	s.row.seen += fmt.Sprintf("; log of %d B equal", len(got))
}

func (s *scene) compareFiles(run string) {
	out := filepath.Join(s.dir, "out")
	defer os.RemoveAll(out)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if said, err := s.cmd(ctx, "artifacts", run, "-o", out).CombinedOutput(); err != nil {
		s.failf("the artifacts cannot be read: %v: %s", err, oneLineOf(string(said)))
		return
	}
	equal := 0
	for name, want := range s.want.files {
		got, _, err := hashFile(filepath.Join(out, "artifacts", name))
		if err != nil || got != want {
			s.failf("the artifact %s differs: %v", name, err)
			continue
		}
		equal++
	}
	s.row.seen += fmt.Sprintf("; %d artifact equal", equal)
}

// What a pod may take to be gone after assay has ended: kubelet ends it in its own time, and the cluster's
// garbage collector takes longer where it has to find the API server again.
const (
	leaveGrace      = 20 * time.Second
	leaveGraceAlone = 3 * time.Minute
)

// nothingLeft looks for Jobs and pods of the suite in its namespace, whatever their runs are called.
func (s *scene) nothingLeft(o outcome) {
	var left string
	grace := leaveGrace
	if s.alone {
		grace = leaveGraceAlone
	}
	began := time.Now()
	for ; ; time.Sleep(300 * time.Millisecond) {
		out, err := kubectl("", "get", "jobs,pods", "-n", s.runs, "-l", "assay.dev/suite="+s.suite, "-o",
			"jsonpath={range .items[*]}{.kind} {.metadata.name} {.status.phase}, deleted {.metadata.deletionTimestamp} with a grace of {.metadata.deletionGracePeriodSeconds}; {end}")
		left = strings.Join(strings.Fields(out), " ")
		if err != nil {
			left = err.Error()
		}
		if left == "" || time.Since(began) > grace {
			break
		}
	}
	defer func() {
		_, _ = kubectl("", "delete", "jobs,pods", "-n", s.runs, "-l", "assay.dev/suite="+s.suite, "--grace-period=1", "--wait=false")
	}()
	if left == "" {
		s.row.seen += "; nothing left"
		if took := time.Since(began); took > 10*time.Second {
			s.row.seen += fmt.Sprintf(" %.0f s later", took.Seconds())
		}
		return
	}
	if s.want.left && regexp.MustCompile(`(?i)assay sweep|removed when|drain`).MatchString(o.stderr) {
		s.row.seen += "; what is left is said"
		return
	}
	s.failf("left behind: %s", left)
}

// await waits until what holds, as long as assay runs.
func (s *scene) await(what string, holds func() bool) {
	s.t.Helper()
	for !holds() {
		select {
		case <-s.ended:
			s.t.Logf("assay had said:\n%s", s.stderr.String())
			require.FailNow(s.t, "assay ended before "+what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// printed waits until the test has printed this.
func (s *scene) printed(text string) {
	s.await("the test printed "+text, func() bool { return strings.Contains(s.stderr.String(), text) })
}

// pod gives the run's pod by a path in it, as soon as there is something.
func (s *scene) pod(path string) string {
	s.t.Helper()
	var out string
	s.await("the pod had "+path, func() bool {
		var err error
		out, err = kubectl("", "get", "pods", "-n", s.runs, "-l", "assay.dev/suite="+s.suite, "-o", "jsonpath={.items[0]"+path+"}")
		out = strings.TrimSpace(out)
		return err == nil && out != ""
	})
	return out
}

// place gives the scene a run namespace of its own, for what reaches a whole namespace.
func (s *scene) place() {
	s.t.Helper()
	s.runs = lab.runs + "-" + s.suite
	var err error
	s.kubeconfig, err = install(s.t.TempDir(), s.runs)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _, _ = kubectl("", "delete", "namespace", s.runs, "--wait=false") })
	s.catalog(func(all string) string { return strings.ReplaceAll(all, environment(), environmentIn(s.runs)) })
}

// catalog changes the catalog.
func (s *scene) catalog(change func(string) string) {
	data, err := os.ReadFile(filepath.Join(s.dir, "assay.yaml"))
	require.NoError(s.t, err)
	s.write("assay.yaml", change(string(data)))
}

// image lets the suite run in another image.
func (s *scene) image(ref string) {
	s.catalog(func(all string) string { return strings.ReplaceAll(all, lab.testImage, ref) })
}

// emitInto writes what misbehave emit N prints.
func emitInto(w io.Writer, n int) {
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<20)
	dashes := strings.Repeat("-", 50)
	for i := range n / 64 {
		fmt.Fprintf(out, "%012d %s\n", i, dashes)
	}
	_ = out.Flush()
	fmt.Fprintf(w, "sha256 %x\n", sum.Sum(nil))
}

// emitted is what misbehave emit N prints, worked out anew.
func emitted(n int) []byte {
	var b bytes.Buffer
	emitInto(&b, n)
	return b.Bytes()
}

// noise is the SHA-256 of the i-th file that misbehave files writes.
func noise(size int64, i uint64) string {
	var key [32]byte
	for j := range 8 {
		key[j] = byte(i >> (8 * j))
	}
	h := sha256.New()
	_, _ = io.CopyN(h, rand.NewChaCha8(key), size)
	return hex.EncodeToString(h.Sum(nil))
}

// component stops, starts or restarts a part of the lab.
func component(t *testing.T, verb, name string) {
	t.Helper()
	out, err := exec.Command(os.Getenv("SOAK_LAB"), verb, name).CombinedOutput()
	require.NoError(t, err, "lab %s %s: %s", verb, name, out)
}

// down stops a part of the lab for a while; it is up again at the end whatever happens.
func (s *scene) down(name string, while func()) {
	s.t.Helper()
	component(s.t, "stop", name)
	defer component(s.t, "start", name)
	while()
}

// nodeFiles are files on the node, below the volumes of the run's pod.
func (s *scene) nodeFiles(pattern string) string {
	return filepath.Join(state(), "kubelet", "pods", s.pod(".metadata.uid"), "volumes", "kubernetes.io~empty-dir", pattern)
}

func state() string {
	if dir := os.Getenv("ASSAY_LAB_STATE"); dir != "" {
		return dir
	}
	return "/var/lib/assay-lab"
}

// size of the first file that the pattern names, or -1.
func size(pattern string) int64 {
	files, _ := filepath.Glob(pattern)
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			return info.Size()
		}
	}
	return -1
}

// isExit says whether a command ran and ended, whatever its exit code.
func isExit(err error) bool {
	var exited *exec.ExitError
	return err == nil || errors.As(err, &exited)
}
