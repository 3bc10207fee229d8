package storetest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/store/backend"
)

// numbered makes the entry n, always the same, with three files, on another day than its neighbours; every third
// is about an image.
func numbered(n int) (evidence.Entry, fs.FS) {
	files, listed := fstest.MapFS{}, []evidence.File{}
	for i, size := range []int{10, 5_000, 200_000} {
		content := bytes.Repeat(fmt.Appendf(nil, "%d/%d ", n, i), size/4)
		path := fmt.Sprintf("artifacts/%d", i)
		files[path] = &fstest.MapFile{Data: content}
		listed = append(listed, File(path, content))
	}
	e := Result(n, 1, "smoke", listed...)
	e.Time = e.Time.AddDate(0, 0, n%5)
	if n%3 == 0 {
		e.Result.Subject = evidence.Subject{Kind: "candidate", Images: []string{"registry.example/shop/web@" + evidence.Digest([]byte("web"))}}
	}
	return e, files
}

// signedNumber says whether the entry of a number is signed.
func signedNumber(n int) bool { return n%2 == 1 }

// appendNumbered appends the entry of a number as producers do.
func appendNumbered(ctx context.Context, b backend.Backend, key attest.Key, n int, e evidence.Entry, files fs.FS) error {
	var s core.Store = b
	if signedNumber(n) {
		s = core.Signed(b, key)
	}
	return s.Append(ctx, e, files)
}

const (
	victimVariable = "ASSAY_STORETEST_VICTIM"
	// keyVariable is the private key of a test, which signs nothing else.
	keyVariable = "ASSAY_STORETEST_KEY"
)

// signingKey is a private key that another process can be given: not encrypted, since opening one that is
// takes longer than most victims live.
type signingKey struct {
	attest.Key
	text string
}

func newSigningKey(t *testing.T) signingKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	key, err := attest.ParseKey(text, nil)
	require.NoError(t, err)
	return signingKey{key, string(text)}
}

// Victim does what the process was started for until it is killed: it appends entry after entry, or
// compacts again and again, and prints a number for each time that it was told that this is done.
func Victim(b backend.Backend, compact Compact) error {
	ctx := context.Background()
	role, first, _ := strings.Cut(os.Getenv(victimVariable), " ")
	if role == "compact" {
		return compactForever(ctx, b, compact)
	}
	key, err := attest.ParseKey([]byte(os.Getenv(keyVariable)), nil)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	for ; ; n++ {
		e, files := numbered(n)
		if err := appendNumbered(ctx, b, key, n, e, files); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func compactForever(ctx context.Context, b backend.Backend, compact Compact) error {
	for n := 0; ; n++ {
		if err := compact(ctx, b, afterwards); err != nil {
			return err
		}
		fmt.Println(n)
		// There is always a segment to write.
		segments, err := b.ListSegments(ctx)
		if err != nil {
			return err
		}
		if len(segments) == 0 {
			continue
		}
		if err := b.RemoveSegment(ctx, segments[n%len(segments)]); err != nil {
			return err
		}
	}
}

// process is a victim.
type process struct {
	cmd    *exec.Cmd
	lines  *bufio.Scanner
	stderr bytes.Buffer
}

func begin(t *testing.T, cmd *exec.Cmd, role string, key signingKey) *process {
	t.Helper()
	p := &process{cmd: cmd}
	cmd.Env = append(cmd.Environ(), victimVariable+"="+role, keyVariable+"="+key.text)
	cmd.Stderr = &p.stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p.lines = bufio.NewScanner(stdout)
	return p
}

// next waits for the next number; ok is false where the process is dead.
func (p *process) next(t *testing.T) (n int, ok bool) {
	t.Helper()
	if !p.lines.Scan() {
		return 0, false
	}
	n, err := strconv.Atoi(p.lines.Text())
	require.NoError(t, err)
	return n, true
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Kill())
}

func (p *process) end(t *testing.T) {
	t.Helper()
	require.Error(t, p.cmd.Wait(), "it was killed")
	require.Empty(t, p.stderr.String())
}
