package main

import (
	"context"
	"fmt"
	"time"

	"github.com/assay-dev/assay/core/store/upkeep"
	"github.com/assay-dev/assay/core/summary"
)

// storeAuthor is who keeps a hold or a tombstone: the one who triggered the job, else this machine's user.
func (a *app) storeAuthor(ctx context.Context) (upkeep.Author, error) {
	where, err := a.context(ctx)
	if err != nil {
		return upkeep.Author{}, err
	}
	by := where.Actor
	for _, name := range []string{"USER", "LOGNAME", "USERNAME"} {
		if by == "" {
			by, _ = a.env(name)
		}
	}
	author := upkeep.Author{Invocation: newInvocation(a.now()), Context: where, Producer: version, By: by, Now: a.now()}
	if a.signKey != "" {
		author.Signer, err = a.signer()
	}
	return author, err
}

// Progress is told so often: overwritten on a terminal, and as lines elsewhere.
const (
	progressTerminal = 100 * time.Millisecond
	progressLines    = 10 * time.Second
)

// progress tells how far long work is. What is done sooner says nothing. stop takes the line away.
func (a *app) progress(verb string) (tell upkeep.Progress, stop func()) {
	c := a.console(nil)
	last, every := a.now(), progressLines
	if c.tty {
		every = progressTerminal
	}
	tell = func(done, total int, what string) {
		now := a.now()
		if now.Sub(last) < every {
			return
		}
		last = now
		line := summary.Line(fmt.Sprintf("%s: %d of %d %s", verb, done, total, what))
		if !c.tty {
			fmt.Fprintln(a.stderr, "assay:", line)
			return
		}
		c.erase()
		fmt.Fprint(a.stderr, line)
		c.status = true
	}
	return tell, c.erase
}
