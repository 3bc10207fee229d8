package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/store"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"assay": main})
}

// TestScripts runs the journeys in testdata/script with the real program.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			// Commits have the same id wherever and whenever the scripts run.
			env.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
			env.Setenv("GIT_CONFIG_SYSTEM", os.DevNull)
			for _, who := range []string{"AUTHOR", "COMMITTER"} {
				env.Setenv("GIT_"+who+"_NAME", "a")
				env.Setenv("GIT_"+who+"_EMAIL", "a@example.com")
				env.Setenv("GIT_"+who+"_DATE", "2026-01-02T03:04:05Z")
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits, "keep": keep, "bad": bad, "vouched": vouched, "registry": serveRegistry, "discover": discover},
	})
}

// exits runs a program and demands its exit code: exits CODE PROGRAM [ARG...].
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		got = ended.ExitCode()
	case err != nil:
		ts.Fatalf("running %s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("exit code %d, not %d", got, want)
	}
}

// keep appends entries as a run in the cluster would have: keep STORE FILE [KEY]. The file holds
// {"entries": [...], "content": {PATH: TEXT}}; digests and sizes of the entries' files are those of
// the content. With a KEY that has no password they are signed.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: keep STORE FILE [KEY]")
	}
	var in struct {
		Entries []evidence.Entry  `json:"entries"`
		Content map[string]string `json:"content"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &in))
	files := fstest.MapFS{}
	for name, text := range in.Content {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	var s core.Store
	s, err := store.OpenDir(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(args) == 3 {
		key, err := attest.ParseKey([]byte(ts.ReadFile(args[2])), nil)
		ts.Check(err)
		s = core.Signed(s, key)
	}
	for _, e := range in.Entries {
		if e.Result != nil {
			for i := range e.Result.Files {
				f := &e.Result.Files[i]
				f.Digest, f.Size = evidence.Digest(files[f.Path].Data), int64(len(files[f.Path].Data))
			}
		}
		ts.Check(s.Append(context.Background(), e, files))
	}
}

// vouched demands that all entries of a store are signed with a key, or none: vouched STORE PUBLIC-KEY COUNT,
// where COUNT is how many are signed.
func vouched(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: [!] vouched STORE PUBLIC-KEY COUNT")
	}
	public, err := attest.ParsePublicKey([]byte(ts.ReadFile(args[1])))
	ts.Check(err)
	s, err := store.OpenDir(ts.MkAbs(args[0]))
	ts.Check(err)
	signed := 0
	for e, err := range s.Query(context.Background(), evidence.Query{}) {
		ts.Check(err)
		bundle, err := s.Attestation(context.Background(), e)
		ts.Check(err)
		if bundle == nil {
			continue
		}
		said, err := attest.Verify(bundle, []attest.PublicKey{public})
		if neg {
			if !errors.Is(err, attest.ErrUnknownKey) {
				ts.Fatalf("%s is signed with the key, or badly: %v", e.ID, err)
			}
			return
		}
		ts.Check(err)
		entry, err := attest.EntryOf(said.Statement)
		ts.Check(err)
		data, err := evidence.Marshal(e)
		ts.Check(err)
		if string(entry) != string(data) {
			ts.Fatalf("%s is not what was signed", e.ID)
		}
		signed++
	}
	if strconv.Itoa(signed) != args[2] {
		ts.Fatalf("%d entries are signed, not %s", signed, args[2])
	}
}

// bad makes what a script cannot hold: bad KIND [FILE].
func bad(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: bad KIND [FILE]")
	}
	if args[0] == "run-control" {
		exits(ts, false, []string{"64", "assay", "run", "--catalog", "gone\x1b]0;title\a\x1b[31m\u202e.yaml"})
		return
	}
	path := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	switch args[0] {
	case "huge":
		ts.Check(os.WriteFile(path, nil, 0o600))
		ts.Check(os.Truncate(path, 300<<20))
	case "sparse":
		ts.Check(os.WriteFile(path, nil, 0o600))
		ts.Check(os.Truncate(path, 3<<30))
	case "deep":
		ts.Check(os.WriteFile(path, []byte("a: "+strings.Repeat("[", 100_000)), 0o600))
	case "utf16":
		ts.Check(os.WriteFile(path, []byte("\xff\xfea\x00:\x00"), 0o600))
	case "binary":
		ts.Check(os.WriteFile(path, []byte("\x00\x01\x02\x7fELF"), 0o600))
	case "pipe":
		ts.Check(syscall.Mkfifo(path, 0o600))
	default:
		ts.Fatalf("bad knows no %s", args[0])
	}
}
