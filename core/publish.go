package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/summary"
)

// The channels that a publisher may have. Not every forge has each.
const (
	ChannelCheck   = "check"   // a check run with annotations
	ChannelComment = "comment" // one comment on the pull request, kept up to date
	ChannelStatus  = "status"  // a commit status
	ChannelSummary = "summary" // the CI job's own page
	ChannelReports = "reports" // files that the CI system shows by itself
)

// Channels are all of them.
var Channels = []string{ChannelCheck, ChannelComment, ChannelStatus, ChannelSummary, ChannelReports}

// Publishing is what a publisher needs to know besides the summary.
type Publishing struct {
	// Key tells several publications of one repository apart; empty where there is one.
	Key string
	// Channels are those to use; empty means all that the forge has.
	Channels []string
	// UserAgent names this program and its version.
	UserAgent string
	// Env looks variables up: credentials, addresses, files that a CI system names.
	Env func(string) (string, bool)
	// Dir is the checkout, where files for the CI system are written.
	Dir string
	// Note tells a person what could not be shown where it should have been, and why.
	Note func(string)
	// Now is the clock, Wait waits or gives up with the context; nil means the machine's own.
	Now  func() time.Time
	Wait func(context.Context, time.Duration) error
}

// Uses says whether a channel is to be used.
func (p Publishing) Uses(channel string) bool {
	return len(p.Channels) == 0 || slices.Contains(p.Channels, channel)
}

// Say tells a person something.
func (p Publishing) Say(format string, args ...any) {
	if p.Note != nil {
		p.Note(fmt.Sprintf(format, args...))
	}
}

// Pause waits for d, or less where the context ends; then it is the context's error.
func (p Publishing) Pause(ctx context.Context, d time.Duration) error {
	if p.Wait != nil {
		return p.Wait(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// publishBound bounds one publication, and hastyBound that of a run which was stopped: a CI system
// waits a few seconds before it kills.
const (
	publishBound = 3 * time.Minute
	hastyBound   = 5 * time.Second
)

// publication shows a summary at the start and at the end. The start is shown while the tests run
// already, so that a slow forge holds nothing up.
type publication struct {
	publisher Publisher
	failed    func(error)
	started   chan struct{}
	stop      context.CancelFunc
}

func (p Pipeline) publication() *publication {
	return &publication{publisher: p.Publisher, failed: p.PublishFailed}
}

// start begins to show that the work has begun.
func (p *publication) start(ctx context.Context, s summary.Summary) {
	if p.publisher == nil {
		return
	}
	ctx, p.stop = context.WithTimeout(ctx, publishBound)
	p.started = make(chan struct{})
	go func() {
		defer close(p.started)
		if err := p.publisher.Publish(ctx, s); err != nil && ctx.Err() == nil {
			p.fail(fmt.Errorf("showing that the tests have begun: %w", err))
		}
	}()
}

// finish shows the outcome. A failure to publish is said and never turns a verdict.
func (p *publication) finish(ctx context.Context, s summary.Summary) {
	if p.publisher == nil {
		return
	}
	if p.started != nil {
		// What is begun is ended before the end is shown, or a late start would stand last.
		if ctx.Err() != nil {
			p.stop()
		}
		<-p.started
		p.stop()
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishBound)
	defer cancel()
	// Whoever stops it, before or meanwhile, is not kept waiting.
	defer context.AfterFunc(ctx, func() { time.AfterFunc(hastyBound, cancel) })()
	if err := p.publisher.Publish(last, s); err != nil {
		p.fail(fmt.Errorf("publishing the outcome: %w", err))
	}
}

func (p *publication) fail(err error) {
	if p.failed != nil {
		p.failed(err)
	}
}

// Publishers publishes to each in turn; the errors are joined.
type Publishers []Publisher

// Publish implements Publisher.
func (all Publishers) Publish(ctx context.Context, s summary.Summary) error {
	var errs []error
	for _, p := range all {
		errs = append(errs, p.Publish(ctx, s))
	}
	return errors.Join(errs...)
}

// Base finds what the suites said of the commit that a pull request starts from, or where it did not
// run there, of the branch it is to be merged into: the newest result of each, in the suites' order.
func (p Pipeline) Base(ctx context.Context, suites []string, environment string) ([]evidence.Entry, error) {
	c := p.Context
	if !c.IsPullRequest() || c.BaseSHA == "" && c.BaseBranch == "" {
		return nil, nil
	}
	exact, near := map[string]evidence.Entry{}, map[string]evidence.Entry{}
	who := p.witness()
	for e, err := range headsOf(ctx, p.Store, evidence.Query{Kind: evidence.KindResult}) {
		if err != nil {
			return nil, fmt.Errorf("reading the evidence of the base: %w", err)
		}
		of := e.Context
		if of.IsPullRequest() || of.Repository != c.Repository || e.Environment.Name != environment || !slices.Contains(suites, e.Result.Suite) {
			continue
		}
		// The newest come first.
		into := near
		switch {
		case c.BaseSHA != "" && of.HeadSHA == c.BaseSHA:
			into = exact
		case c.BaseBranch == "" || of.Branch != c.BaseBranch:
			continue
		}
		if _, seen := into[e.Result.Suite]; seen {
			continue
		}
		whole, err := e.Read()
		if err != nil {
			return nil, fmt.Errorf("reading the evidence of the base: %w", err)
		}
		switch counts, err := who.counts(ctx, whole, whole.Result.Suite); {
		case err != nil:
			return nil, fmt.Errorf("reading the evidence of the base: %w", err)
		case counts:
			into[e.Result.Suite] = whole
		}
	}
	var out []evidence.Entry
	for _, name := range suites {
		e, ok := exact[name]
		if !ok {
			e, ok = near[name]
		}
		if ok {
			out = append(out, e)
		}
	}
	return out, nil
}

func suiteNames(runs []suite.Run) []string {
	var out []string
	for _, r := range runs {
		out = append(out, r.Suite.Name)
	}
	return out
}
