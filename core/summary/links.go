package summary

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/assay-dev/assay/core/report"
)

// Links lead only to where the CI system and the forge of this very work say they are. Nothing that a
// test, a report or a name says becomes one.

// longestAddress bounds an address, in bytes; browsers and forges take at least that.
const longestAddress = 2000

// webHost is a host that can stand in a link as it is: a name, or a number in brackets, and a port.
var webHost = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?$`)

// webAddress makes an address fit for a link: http or https, without credentials, and without any
// character that means something to Markdown. Empty where the text is no such address.
func webAddress(text string) string {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || !webHost.MatchString(u.Host) {
		return ""
	}
	u.User = nil
	host := u.Scheme + "://" + u.Host
	var b strings.Builder
	b.WriteString(host)
	for _, c := range []byte(strings.TrimPrefix(u.String(), host)) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._:/?#&+,;=%", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	if b.Len() > longestAddress {
		return ""
	}
	return b.String()
}

// link makes text, which is Markdown already, a link where there is an address.
func link(text, address string) string {
	if address == "" {
		return text
	}
	return "[" + text + "](" + strings.ReplaceAll(address, "&", "&amp;") + ")"
}

// forgePaths are the ways to things below a repository's address, by forge.
var forgePaths = map[string]struct{ commit, file, change, word string }{
	"github": {"/commit/", "/blob/", "/pull/", "pull request"},
	"gitlab": {"/-/commit/", "/-/blob/", "/-/merge_requests/", "merge request"},
}

// wholeCommit is a commit's full name; only such a one makes a link.
var wholeCommit = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// inRepository is the address of something below the repository's; empty where the forge is not known.
func (s Summary) inRepository(way string) string {
	root, err := url.Parse(webAddress(s.Context.RepositoryURL))
	if way == "" || err != nil || root.Host == "" || root.RawQuery != "" || root.Fragment != "" {
		return ""
	}
	return webAddress(strings.TrimRight(root.String(), "/") + way)
}

func (s Summary) commitAddress(commit string) string {
	paths, known := forgePaths[s.Context.SCM]
	if !known || !wholeCommit.MatchString(commit) {
		return ""
	}
	return s.inRepository(paths.commit + commit)
}

// change names the pull or merge request; empty where there is none.
func (s Summary) change() string {
	if !s.Context.IsPullRequest() {
		return ""
	}
	paths := forgePaths[s.Context.SCM]
	// Not #1 or !1, which forges make a reference of in any repository.
	text := fmt.Sprintf("%s %d", cmp.Or(paths.word, "pull request"), s.Context.PullRequest)
	if paths.change == "" {
		return text
	}
	return link(text, s.inRepository(paths.change+strconv.Itoa(s.Context.PullRequest)))
}

// fileAddress is where a case stands in the code that was tested; empty where the forge cannot know it.
func (s Summary) fileAddress(r row, c report.Case) string {
	paths, known := forgePaths[s.Context.SCM]
	file, commit := repositoryPath(c.File), s.Context.HeadSHA
	if r.entry != nil {
		commit = cmp.Or(r.entry.Context.HeadSHA, commit)
	}
	if !known || file == "" || s.Context.Dirty || !wholeCommit.MatchString(commit) {
		return ""
	}
	parts := strings.Split(file, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	way := paths.file + commit + "/" + strings.Join(parts, "/")
	if c.Line > 0 {
		way += fmt.Sprintf("#L%d", c.Line)
	}
	return s.inRepository(way)
}

// page is the job's page for people; empty where there is none.
func (s Summary) page() string { return webAddress(s.Context.Page()) }

// artifacts is the page of what the CI job keeps; empty where there is none.
func (s Summary) artifacts() string { return webAddress(s.Context.ArtifactsURL) }

// pages are where the log and the kept files of a row's run are shown. The evidence itself names
// them, and it may come from anywhere: they count only on the hosts that this work is on.
func (s Summary) pages(r row) (log, kept string) {
	if r.entry == nil {
		return "", ""
	}
	of := r.entry.Context
	if !r.imported() && s.here(of.Page()) {
		log = webAddress(of.Page())
	}
	if s.here(of.ArtifactsURL) {
		kept = webAddress(of.ArtifactsURL)
	}
	return log, kept
}

// here says whether an address is on a host of this work's own.
func (s Summary) here(address string) bool {
	host := hostOf(address)
	if host == "" {
		return false
	}
	c := s.Context
	for _, own := range []string{c.Page(), c.ArtifactsURL, c.RepositoryURL} {
		if hostOf(own) == host {
			return true
		}
	}
	return false
}

// hostOf is scheme and host of a web address.
func hostOf(address string) string {
	u, err := url.Parse(webAddress(address))
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

// baseName names what the outcome is compared with, for people: what a pull request starts from, or
// the release that was accepted before.
func baseName(s Summary) string {
	c := s.Context
	switch {
	case s.Previous != nil && !c.IsPullRequest():
		return "release " + oneLine(s.Previous.Release)
	case c.BaseBranch != "":
		return c.BaseBranch
	case c.BaseSHA != "":
		return shortCommit(c.BaseSHA)
	}
	return "the base"
}
