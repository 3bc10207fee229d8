// Package local tells the context of a developer's own machine: what git says of the checkout.
package local

import (
	"context"
	"os/exec"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/ci"
)

// Name is this integration's word in a Context.
const Name = "local"

// bound keeps a git that waits for something (a lock, a network file system) from holding up a run.
const bound = 10 * time.Second

// Context reads the checkout at dir. A directory that is no checkout, or a machine without git,
// gives a context that knows no commit; that is no error.
func Context(ctx context.Context, dir string) ci.Context {
	c := ci.Context{CI: Name, Event: "manual", RunAttempt: 1}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	git := func(args ...string) (string, bool) {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...)
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err == nil
	}
	head, ok := git("rev-parse", "--verify", "HEAD")
	if !ok {
		return c
	}
	c.HeadSHA = head
	if branch, ok := git("symbolic-ref", "--quiet", "--short", "HEAD"); ok {
		c.Branch = branch
	}
	if url, ok := git("remote", "get-url", "origin"); ok {
		c.Repository = repository(url)
	}
	if changes, ok := git("status", "--porcelain", "--untracked-files=normal"); ok {
		c.Dirty = changes != ""
	}
	return c
}

// repository takes owner/name out of a remote's address, and nothing that could be a credential.
func repository(url string) string {
	url, _, _ = strings.Cut(url, "?") // a token may be there
	url, _, _ = strings.Cut(url, "#")
	url = strings.TrimSuffix(strings.TrimRight(url, "/"), ".git")
	if _, rest, ok := strings.Cut(url, "://"); ok {
		host, path, _ := strings.Cut(rest, "/")
		if host == "" {
			return "" // file:///...
		}
		return path
	}
	// HOST:PATH, as scp has it. A host of one letter is a drive, and an @ behind the colon makes what
	// stands before it a password.
	host, path, ok := strings.Cut(url, ":")
	if !ok || len(host) < 2 || strings.Contains(host, "/") || strings.Contains(path, "@") {
		return "" // a path of this machine names no repository
	}
	return strings.TrimLeft(path, "/")
}
