// Package jenkins tells the context of a Jenkins build from Jenkins' predefined variables and the
// checkout, and hands the outcome to the step that is in vars/assay.groovy. Jenkins is no forge: what is
// published goes to the GitHub or GitLab that the code comes from.
package jenkins

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
)

// Name is this integration's word in a Context.
const Name = "jenkins"

// Variables that say what Jenkins does not.
const (
	scmVariable  = "ASSAY_CI_SCM"      // the forge, where its host's name does not tell: github or gitlab
	shaVariable  = "ASSAY_CI_SHA"      // the head commit of a change
	baseVariable = "ASSAY_CI_BASE_SHA" // the commit that a change is judged by
	// outcomeVariable names the file that the outcome is written to.
	outcomeVariable = "ASSAY_STEP_OUTCOME"
)

// Detect says whether a Jenkins runs us. JENKINS_URL is only set where an administrator has said it.
func Detect(p ci.Place) bool {
	return p.Get("JENKINS_URL") != "" || p.Get("JENKINS_HOME") != "" && p.Get("BUILD_TAG") != ""
}

// Context reads Jenkins' variables. What they leave open, such as the commits of a change, the checkout
// tells. An error says that a change's commit cannot be told.
func Context(ctx context.Context, p ci.Place) (ci.Context, error) {
	c := ci.Context{
		CI: Name, Event: "push", RunAttempt: 1, RunURL: p.Get("BUILD_URL"), Actor: p.Get("CHANGE_AUTHOR"),
		// It names job and number.
		RunID: p.Get("BUILD_TAG"),
	}
	if c.RunID == "" && p.Get("JOB_NAME") != "" {
		c.RunID = p.Get("JOB_NAME") + "-" + p.Get("BUILD_NUMBER")
	}
	if c.RunURL != "" {
		c.ArtifactsURL = strings.TrimSuffix(c.RunURL, "/") + "/artifact/"
	}
	// Some plugins replace the number by a text of their own; then nothing orders the builds.
	c.Sequence, _ = strconv.ParseInt(p.Get("BUILD_NUMBER"), 10, 64)
	if err := addForge(ctx, p, &c); err != nil {
		return c, err
	}
	head := firstOf(p.Get("GIT_COMMIT"), ask(ctx, p, "rev-parse", "--verify", "HEAD"))
	if !commit.MatchString(head) {
		head = ""
	}
	id := p.Get("CHANGE_ID")
	if id == "" {
		c.HeadSHA = firstOf(p.Get(shaVariable), head)
		c.Branch = firstOf(p.Get("BRANCH_NAME"), strings.TrimPrefix(p.Get("GIT_BRANCH"), "origin/"))
		return c, checkSHAs(p)
	}
	number, err := strconv.Atoi(id)
	if err != nil || number < 1 {
		return c, fmt.Errorf("the variable CHANGE_ID is %q: it takes the number of a pull or merge request", id)
	}
	c.Event, c.PullRequest = "pull_request", number
	c.Branch, c.BaseBranch, c.Fork = p.Get("CHANGE_BRANCH"), p.Get("CHANGE_TARGET"), p.Get("CHANGE_FORK") != ""
	if err := checkSHAs(p); err != nil {
		return c, err
	}
	if c.HeadSHA, c.BaseSHA, err = commits(ctx, p, head); err != nil {
		return c, err
	}
	return c, nil
}

var commit = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

func checkSHAs(p ci.Place) error {
	for _, name := range []string{shaVariable, baseVariable} {
		if value := p.Get(name); value != "" && !commit.MatchString(value) {
			return fmt.Errorf("the variable %s is %q: it takes the whole name of a commit, 40 hexadecimal digits", name, value)
		}
	}
	return nil
}

// commits gives the head of a change and the commit that it is judged by. Jenkins builds a change either
// as it is or merged with its target, which makes a commit that the forge has never seen. Which of the
// two it is must not be read from a commit, because the change's author writes those: the references that
// Jenkins has fetched from the forge tell.
func commits(ctx context.Context, p ci.Place, built string) (head, base string, err error) {
	base = firstOf(p.Get(baseVariable), tip(ctx, p, p.Get("CHANGE_TARGET")))
	if said := p.Get(shaVariable); said != "" {
		return said, base, nil
	}
	parents := parentsOf(ctx, p, built)
	fetched := fetched(ctx, p, p.Get("BRANCH_NAME"))
	if len(parents) < 2 || fetched == built {
		return built, base, nil
	}
	if i := slices.Index(parents, fetched); i >= 0 && len(parents) == 2 && base != "" {
		if _, ok := p.Git(ctx, "merge-base", "--is-ancestor", parents[1-i], base); ok {
			return fetched, base, nil
		}
	}
	return "", "", fmt.Errorf("commit %s is a merge, and nothing says whether Jenkins made it or it is the head of the change: check out by `checkout scm`, as Jenkins does by itself, or set %s to the head commit", built, shaVariable)
}

// tip is the newest commit of the branch that a change is to be merged into, and not where the change
// branched off: its author could choose an old commit for the policy in it.
func tip(ctx context.Context, p ci.Place, branch string) string {
	if branch == "" {
		return ""
	}
	if sha := fetched(ctx, p, branch); sha != "" {
		return sha
	}
	// A change that is built as it is comes without its target.
	sha, _, _ := strings.Cut(ask(ctx, p, "ls-remote", "--exit-code", "origin", "refs/heads/"+branch), "\t")
	if !commit.MatchString(sha) {
		return ""
	}
	return sha
}

// fetched is what Jenkins got from the forge under this name; a change's is such as PR-12 or MR-12.
func fetched(ctx context.Context, p ci.Place, name string) string {
	return ask(ctx, p, "rev-parse", "--verify", "--quiet", "refs/remotes/origin/"+name+"^{commit}")
}

func parentsOf(ctx context.Context, p ci.Place, sha string) []string {
	if !commit.MatchString(sha) {
		return nil
	}
	fields := strings.Fields(ask(ctx, p, "rev-list", "--parents", "-n", "1", sha))
	if len(fields) == 0 {
		return nil
	}
	return fields[1:]
}

func ask(ctx context.Context, p ci.Place, args ...string) string {
	if p.Git == nil {
		return ""
	}
	if answer, ok := p.Git(ctx, args...); ok {
		return answer
	}
	return ""
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// change is the path of a pull or merge request's page: the repository, and what tells the forge.
var change = regexp.MustCompile(`^/(.+?)/(?:-/)?(pull|merge_requests)/\d+/?$`)

// addForge says where the code comes from. A change's page is asked first: a remote may be a mirror,
// or a fork.
func addForge(ctx context.Context, p ci.Place, c *ci.Context) error {
	host := ""
	if u, err := url.Parse(p.Get("CHANGE_URL")); err == nil && u.Host != "" {
		host = u.Host
		if m := change.FindStringSubmatch(u.Path); m != nil {
			c.Repository = m[1]
			c.SCM = map[string]string{"pull": "github", "merge_requests": "gitlab"}[m[2]]
		}
	}
	if c.Repository == "" {
		host, c.Repository = address(firstOf(p.Get("GIT_URL"), p.Get("GIT_URL_1"), ask(ctx, p, "remote", "get-url", "origin")))
	}
	if c.SCM == "" {
		c.SCM = forge(host)
	}
	switch said := p.Get(scmVariable); said {
	case "":
	case "github", "gitlab":
		c.SCM = said
	default:
		return fmt.Errorf("%s is %q: use github or gitlab, or leave it out", scmVariable, said)
	}
	if host != "" && c.Repository != "" {
		c.RepositoryURL = "https://" + host + "/" + c.Repository
	}
	return nil
}

// forge tells the forge from a host's name, where it is part of it: github.com, gitlab.example.org.
func forge(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	for label := range strings.SplitSeq(strings.ToLower(host), ".") {
		if label == "github" || label == "gitlab" {
			return label
		}
	}
	return ""
}

// address takes host and owner/name out of a remote's address, and nothing that could be a credential.
func address(remote string) (host, repository string) {
	if u, err := url.Parse(remote); err == nil && u.Host != "" {
		host = u.Host
		if u.Scheme != "https" && u.Scheme != "http" {
			host = u.Hostname() // the port is ssh's or git's
		}
		return host, trim(u.Path)
	}
	// HOST:PATH, as scp has it, with or without a user; an @ behind the colon makes what stands before it
	// a password.
	host, path, ok := strings.Cut(remote, ":")
	if !ok || len(host) < 2 || strings.ContainsAny(host, "/\\") || strings.HasPrefix(path, "//") || strings.Contains(path, "@") {
		return "", "" // a path of this machine
	}
	return host[strings.LastIndexByte(host, '@')+1:], trim(path)
}

func trim(path string) string {
	return strings.TrimSuffix(strings.Trim(path, "/"), ".git")
}

// Outcome writes the outcome to the file that the step asks for: one NAME=VALUE a line, and a line for
// each run. Without the step around there is nobody to read it.
func Outcome(o ci.Outcome, how core.Publishing) error {
	file, _ := how.Env(outcomeVariable)
	if file == "" {
		return nil
	}
	lines := []string{"decision=" + o.Decision, "title=" + o.Title, "exit-code=" + strconv.Itoa(o.ExitCode)}
	for _, run := range o.Runs {
		lines = append(lines, "run="+run)
	}
	for i, line := range lines {
		lines[i] = strings.Map(func(r rune) rune {
			if r < ' ' {
				return ' '
			}
			return r
		}, line)
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("handing the outcome to the Jenkins step: %w", err)
	}
	return nil
}
