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
	url = strings.TrimSuffix(strings.TrimSuffix(url, "/"), ".git")
	if _, rest, ok := strings.Cut(url, "://"); ok {
		_, path, ok := strings.Cut(rest, "/")
		if !ok {
			return ""
		}
		return path
	}
	if host, path, ok := strings.Cut(url, ":"); ok && !strings.Contains(host, "/") {
		return path
	}
	return "" // a path of this machine names no repository
}
