package storetest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
)

// Crowd is many processes that append to one store at the same time, as the jobs of many pipelines do.
type Crowd struct {
	// Processes append Each entries, one after the other.
	Processes, Each int
}

// Crowded is what became of the entries, as those that appended them were told. Each is named by its ID.
type Crowded struct {
	// Kept were acknowledged; Failed were not, and Errors says why.
	Kept, Failed []string
	Errors       []string
	// Took is from the moment in which all processes were ready to that in which the last had done.
	Took time.Duration
}

// Words that the processes and who starts them say to each other, a line each.
const (
	crowdReady  = "ready"
	crowdGo     = "go"
	crowdKept   = "kept"
	crowdFailed = "failed"
)

// Entry is the ith entry of the nth process, always the same: a result with a log of its own, and a file
// that many have in common.
func (c Crowd) Entry(n, i int) (evidence.Entry, fs.FS) {
	number := n*c.Each + i
	own := bytes.Repeat(fmt.Appendf(nil, "a line that run %d printed\n", number), 80)
	shared := []byte("what every run prints\n")
	return Result(number, 1, "smoke", File("log.txt", own), File("shared.txt", shared)),
		fstest.MapFS{"log.txt": {Data: own}, "shared.txt": {Data: shared}}
}

// Append is what the nth process does: it says that it is ready, waits for the word to begin, and says of
// each entry what became of it. keep is the store's Append, or what it is compared with.
func (c Crowd) Append(ctx context.Context, n int, keep func(context.Context, evidence.Entry, fs.FS) error, in io.Reader, out io.Writer) error {
	if _, err := fmt.Fprintln(out, crowdReady); err != nil {
		return err
	}
	if word, err := bufio.NewReader(in).ReadString('\n'); err != nil || strings.TrimSpace(word) != crowdGo {
		return fmt.Errorf("waiting for the word to begin: got %q: %w", word, err)
	}
	for i := range c.Each {
		e, files := c.Entry(n, i)
		said := crowdKept + " " + e.ID
		if err := keep(ctx, e, files); err != nil {
			said = fmt.Sprintf("%s %s %s", crowdFailed, e.ID, strings.Join(strings.Fields(err.Error()), " "))
		}
		if _, err := fmt.Fprintln(out, said); err != nil {
			return err
		}
	}
	return nil
}

// Run starts the processes, command being the nth, and lets them begin together. Each must call Append
// with its standard input and output. An error is one of the processes themselves.
func (c Crowd) Run(command func(n int) *exec.Cmd) (Crowded, error) {
	var (
		told        Crowded
		mutex       sync.Mutex
		errs        = make([]error, c.Processes)
		ready, done sync.WaitGroup
		begin       = make(chan struct{})
	)
	ready.Add(c.Processes)
	for n := range c.Processes {
		done.Go(func() {
			isReady := sync.OnceFunc(ready.Done)
			defer isReady()
			errs[n] = follow(command(n), isReady, begin, func(word, id, why string) {
				mutex.Lock()
				defer mutex.Unlock()
				if word == crowdKept {
					told.Kept = append(told.Kept, id)
					return
				}
				told.Failed = append(told.Failed, id)
				told.Errors = append(told.Errors, why)
			})
			if errs[n] != nil {
				errs[n] = fmt.Errorf("process %d of %d: %w", n, c.Processes, errs[n])
			}
		})
	}
	ready.Wait()
	began := time.Now()
	close(begin)
	done.Wait()
	told.Took = time.Since(began)
	return told, errors.Join(errs...)
}

// follow runs one process; hear is told of each entry.
func follow(cmd *exec.Cmd, ready func(), begin <-chan struct{}, hear func(word, id, why string)) error {
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var wrong error
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case crowdReady:
			ready()
			<-begin
			if _, err := fmt.Fprintln(stdin, crowdGo); err != nil {
				wrong = err
			}
		case crowdKept, crowdFailed:
			id, why, _ := strings.Cut(rest, " ")
			hear(word, id, why)
		default:
			wrong = fmt.Errorf("it said %q", lines.Text())
		}
	}
	wrong = errors.Join(wrong, lines.Err())
	if err := cmd.Wait(); err != nil {
		wrong = errors.Join(wrong, fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String())))
	}
	return wrong
}

// Compare says which of the entries that were acknowledged are not among those that were found, and which
// were found more than once. found counts by ID.
func (c Crowded) Compare(found map[string]int) (lost, doubled []string) {
	for _, id := range c.Kept {
		if found[id] == 0 {
			lost = append(lost, id)
		}
	}
	for id, n := range found {
		if n > 1 {
			doubled = append(doubled, id)
		}
	}
	slices.Sort(lost)
	slices.Sort(doubled)
	return lost, doubled
}

// Test has the crowd append to a store, which open opens for reading afterwards: everything is there,
// once, with its files.
func (c Crowd) Test(t *testing.T, command func(n int) *exec.Cmd, open func() core.Store) {
	t.Helper()
	told, err := c.Run(command)
	require.NoError(t, err)
	assert.Empty(t, told.Errors)
	require.Len(t, told.Kept, c.Processes*c.Each)

	s, found := open(), map[string]int{}
	for _, e := range All(t, s, evidence.Query{}) {
		found[e.ID]++
	}
	lost, doubled := told.Compare(found)
	assert.Empty(t, lost, "acknowledged and not there")
	assert.Empty(t, doubled, "there more than once")
	assert.Len(t, found, c.Processes*c.Each)
	for n := range c.Processes {
		want, _ := c.Entry(n, c.Each-1)
		for _, f := range want.Files() {
			_, err := read(t.Context(), s, f.Digest)
			assert.NoError(t, err)
		}
	}
}
