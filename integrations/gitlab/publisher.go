package gitlab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/summary"
)

// publisher shows summaries on GitLab: as a note on the merge request, as a commit status, and in a job
// of GitLab CI as report files. GitLab has no check runs.
type publisher struct {
	context ci.Context
	how     core.Publishing
	// api is nil until it is needed, and where there is no token.
	api       *api
	connected bool
	// user is the token's own user; 0 until it is known.
	user int64
	// told are the notes that were made already: the start and the end meet the same obstacles.
	told map[string]bool
}

// Publisher gives the publisher of a context whose SCM is GitLab.
func Publisher(c ci.Context, how core.Publishing) (core.Publisher, error) {
	return &publisher{context: c, how: how, told: map[string]bool{}}, nil
}

// Publish implements core.Publisher.
func (p *publisher) Publish(ctx context.Context, s summary.Summary) error {
	var errs []error
	if p.context.CI == Name {
		errs = append(errs, p.reports(s))
	}
	status, comment := p.wants(core.ChannelStatus, s), p.wants(core.ChannelComment, s) && s.Context.IsPullRequest()
	if !status && !comment {
		return errors.Join(errs...)
	}
	if !p.connected {
		var err error
		if p.api, err = connect(p.context, p.how); err != nil {
			return errors.Join(append(errs, err)...)
		}
		p.connected = true
	}
	if p.api == nil {
		return errors.Join(append(errs, p.withoutToken())...)
	}
	// The status first: it is one request, and who was interrupted has little time.
	if status {
		errs = append(errs, p.degrade(core.ChannelStatus, p.status(ctx, s)))
	}
	if comment {
		errs = append(errs, p.degrade(core.ChannelComment, p.comment(ctx, s)))
	}
	return errors.Join(errs...)
}

// wants says whether a summary is to be shown in a channel. Suites that were run by name are shown on
// the merge request only where that is asked for: note and status are the verdict's.
func (p *publisher) wants(channel string, s summary.Summary) bool {
	if len(s.Named) > 0 {
		return p.demanded(channel)
	}
	return p.how.Uses(channel)
}

// demanded says whether a channel was asked for by name; then it is an error that it cannot be used.
func (p *publisher) demanded(channel string) bool {
	return slices.Contains(p.how.Channels, channel)
}

// withoutToken says what is left out for want of a token, and what adds it.
func (p *publisher) withoutToken() error {
	const adds = "A project access token with the scope api and the role Developer, in the masked variable ASSAY_GITLAB_TOKEN, adds both."
	why := "there is no token (" + strings.Join(TokenVariables, ", ") + ")."
	if env(p.how, "CI_JOB_TOKEN") != "" {
		why = "the job's own token (CI_JOB_TOKEN) may write neither."
	}
	text := "the note on the merge request and the commit status are left out: " + why + " " + adds
	if p.demanded(core.ChannelComment) || p.demanded(core.ChannelStatus) {
		return errors.New("publishing to GitLab: " + text)
	}
	p.note(text)
	return nil
}

// note tells a person something, once.
func (p *publisher) note(text string) {
	if !p.told[text] {
		p.told[text] = true
		p.how.Say("%s", text)
	}
}

// channelWords are what people call the channels.
var channelWords = map[string]string{core.ChannelComment: "the note on the merge request", core.ChannelStatus: "the commit status"}

// degrade makes a note of what the token may not do, where the channel was not asked for by name.
func (p *publisher) degrade(channel string, err error) error {
	var r *refusal
	if err == nil || !errors.As(err, &r) {
		return err
	}
	mend := p.mend(channel, r)
	if mend == "" {
		return fmt.Errorf("publishing to GitLab: %w", err)
	}
	text := fmt.Sprintf("%s is left out: %s. %s", channelWords[channel], r.Error(), mend)
	if p.demanded(channel) {
		return errors.New("publishing to GitLab: " + text)
	}
	p.note(text)
	return nil
}

// mend says what the token lacks; nothing where that is not what is wrong.
func (p *publisher) mend(channel string, r *refusal) string {
	token := "The token in " + p.api.variable
	switch {
	case r.status == http.StatusUnauthorized:
		return token + " is none that GitLab takes here: it has expired, was revoked, or is of another kind. Make a project access token with the scope api and the role Developer."
	case r.status == http.StatusForbidden && strings.Contains(r.message, "insufficient_scope"):
		return token + " needs the scope api."
	case r.status == http.StatusForbidden && channel == core.ChannelStatus:
		return token + " needs the role Developer in the project, and on a protected branch a role that may push or merge there (Maintainer)."
	case r.status == http.StatusForbidden:
		return token + " needs the role Developer in the project."
	case r.status == http.StatusNotFound:
		return token + " belongs to nobody who can see this: it needs the role Developer in the project " + p.context.Repository + "."
	}
	return ""
}

// whoAmI is the token's own user. Notes are told from other people's by it.
func (p *publisher) whoAmI(ctx context.Context) (int64, error) {
	if p.user != 0 {
		return p.user, nil
	}
	err := p.api.do(ctx, "ask whose token it is", func(with gitlab.RequestOptionFunc) (*gitlab.Response, error) {
		user, resp, err := p.api.client.Users.CurrentUser(with)
		if err == nil {
			p.user = user.ID
		}
		return resp, err
	}, nil)
	if err == nil && p.user == 0 {
		err = errors.New("asking GitLab whose token it is: it names no user")
	}
	return p.user, err
}

// own is a predefined variable of this job, where the context is that of a job of GitLab CI: elsewhere
// it would speak of something else.
func (p *publisher) own(name string) string {
	if p.context.CI != Name {
		return ""
	}
	return env(p.how, name)
}
