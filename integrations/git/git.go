// Package git asks the git of this machine about a checkout: what it stands on, and what a commit
// holds. It is no vendor; the table hands it to those who need it.
package git

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// bound keeps a git that waits for something (a lock, a network file system) from holding up a run;
// fetching may take longer.
const (
	bound      = 10 * time.Second
	fetchBound = 2 * time.Minute
)

// Checkout is a directory that git knows, or may know.
type Checkout struct {
	Dir string
}

// Ask runs git with its answer on one line; ok is false where git is not there or says no.
func (c Checkout) Ask(ctx context.Context, args ...string) (answer string, ok bool) {
	out, err := c.run(ctx, bound, args...)
	return strings.TrimSpace(string(out)), err == nil
}

func (c Checkout) run(ctx context.Context, bound time.Duration, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", c.Dir}, args...)...)
	// Nobody is there to be asked for a password.
	cmd.Env = append(cmd.Environ(), "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	cmd.WaitDelay = time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err == nil {
		return out, nil
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("git %s did not answer within %s", args[0], bound)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		// Its first line says what is wrong, the others what one might try.
		if said, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n"); said != "" {
			return nil, fmt.Errorf("git %s: %s", args[0], credentials.ReplaceAllString(said, "://"))
		}
	}
	return nil, fmt.Errorf("git %s: %w", args[0], err)
}

// credentials are what stands in an address before the host; git repeats addresses in its errors.
var credentials = regexp.MustCompile(`://[^/@\s]*@`)

// commit is a whole object name; anything shorter could be a branch, or an option.
var commit = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// Need makes a commit available, fetching it alone from origin where a shallow checkout lacks it.
func (c Checkout) Need(ctx context.Context, sha string) error {
	if !commit.MatchString(sha) {
		return fmt.Errorf("%q is not the name of a commit", sha)
	}
	if _, ok := c.Ask(ctx, "cat-file", "-e", sha+"^{commit}"); ok {
		return nil
	}
	if _, err := c.run(ctx, fetchBound, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--depth=1", "origin", sha); err != nil {
		return fmt.Errorf("commit %s is not in the checkout, and could not be fetched: %w", sha, err)
	}
	return nil
}

// Files gives the files at and below the paths of a commit, as they are in it; a path that the commit
// lacks gives nothing. Paths are relative to the checkout's directory.
func (c Checkout) Files(ctx context.Context, sha string, paths ...string) (fs.FS, error) {
	if err := c.Need(ctx, sha); err != nil {
		return nil, err
	}
	// Relative names are asked for from the directory itself, which need not be the repository's root.
	args := append([]string{"ls-tree", "-r", "-z", sha, "--"}, paths...)
	list, err := c.run(ctx, bound, args...)
	if err != nil {
		return nil, err
	}
	// An archive in memory is an fs.FS.
	var packed bytes.Buffer
	files := zip.NewWriter(&packed)
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		meta, name, ok := strings.Cut(entry, "\t")
		fields := strings.Fields(meta)
		// A link or a submodule in the place of a catalog would lead elsewhere.
		if !ok || len(fields) != 3 || fields[1] != "blob" || fields[0] == "120000" || !fs.ValidPath(name) {
			continue
		}
		data, err := c.run(ctx, bound, "cat-file", "blob", fields[2])
		if err != nil {
			return nil, fmt.Errorf("reading %s of commit %s: %w", name, sha, err)
		}
		w, err := files.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(data); err != nil {
			return nil, err
		}
	}
	if err := files.Close(); err != nil {
		return nil, err
	}
	return zip.NewReader(bytes.NewReader(packed.Bytes()), int64(packed.Len()))
}
