// Package local tells the context of a developer's own machine: what git says of the checkout.
package local

import (
	"context"
	"strings"

	"github.com/assay-dev/assay/core/ci"
)

// Name is this integration's word in a Context.
const Name = "local"

// Context reads the checkout. A directory that is no checkout, or a machine without git, gives a
// context that knows no commit; that is no error.
func Context(ctx context.Context, place ci.Place) (ci.Context, error) {
	c := ci.Context{CI: Name, Event: "manual", RunAttempt: 1}
	head, ok := place.Git(ctx, "rev-parse", "--verify", "HEAD")
	if !ok {
		return c, nil
	}
	c.HeadSHA = head
	if branch, ok := place.Git(ctx, "symbolic-ref", "--quiet", "--short", "HEAD"); ok {
		c.Branch = branch
	}
	if url, ok := place.Git(ctx, "remote", "get-url", "origin"); ok {
		c.Repository = repository(url)
	}
	if changes, ok := place.Git(ctx, "status", "--porcelain", "--untracked-files=normal"); ok {
		c.Dirty = changes != ""
	}
	return c, nil
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
