package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits that GitHub enforces and its description does not hold.
const (
	commentLimit     = 65536 // characters
	descriptionLimit = 140   // characters of a status' description
	contextLimit     = 255   // characters
	titleLimit       = 255   // characters, of a check's output and of an annotation
	outputLimit      = 65535 // characters, of summary and of text
	messageLimit     = 64 << 10
	annotationLimit  = 50 // of one request
)

var sha = regexp.MustCompile(`^[0-9a-f]{40}$`)

// perform does what is asked for; a breach of a limit is answered with 422, as GitHub does.
func (g *GitHub) perform(w http.ResponseWriter, r *http.Request, c call, body []byte, asked string) {
	repository := c.path["owner"] + "/" + c.path["repo"]
	number := func(name string) int64 { n, _ := strconv.ParseInt(c.path[name], 10, 64); return n }
	p := performance{GitHub: g, w: w, r: r, repository: repository}
	switch c.operation {
	case "users/get-authenticated":
		p.user()
	case "checks/create", "checks/update":
		p.writeCheck(number("check_run_id"), body)
	case "checks/get":
		p.withCheck(number("check_run_id"), func(run *CheckRun) { give(w, http.StatusOK, p.check(run)) })
	case "checks/list-annotations":
		p.withCheck(number("check_run_id"), p.annotations)
	case "checks/list-for-ref":
		p.checks(c.path["ref"])
	case "issues/create-comment":
		p.createComment(int(number("issue_number")), body)
	case "issues/update-comment", "issues/get-comment", "issues/delete-comment":
		p.comment(number("comment_id"), c.operation, body)
	case "issues/list-comments":
		p.comments(int(number("issue_number")))
	case "pulls/get":
		p.pull(int(number("pull_number")))
	case "repos/list-pull-requests-associated-with-commit":
		p.pullsOf(c.path["commit_sha"])
	case "repos/create-commit-status":
		p.createStatus(c.path["sha"], body)
	case "repos/list-commit-statuses-for-ref":
		p.statuses(c.path["ref"])
	default:
		g.complain("%s: this GitHub does not know %s", asked, c.operation)
		refuse(w, http.StatusNotFound, "Not Found")
	}
}

// performance is the answering of one request.
type performance struct {
	*GitHub
	w          http.ResponseWriter
	r          *http.Request
	repository string
}

func (p performance) base() string { return "http://" + p.r.Host + "/repos/" + p.repository }

func (p performance) missing() { refuse(p.w, http.StatusNotFound, "Not Found") }

func (p performance) invalid(format string, args ...any) {
	refuse(p.w, http.StatusUnprocessableEntity, "Validation Failed: "+fmt.Sprintf(format, args...))
}

// page chooses the page that is asked for and links to the others.
func page[T any](p performance, all []T) []T {
	q := p.r.URL.Query()
	size, at := 30, 1
	if n, err := strconv.Atoi(q.Get("per_page")); err == nil {
		size = min(max(n, 1), 100)
	}
	if n, err := strconv.Atoi(q.Get("page")); err == nil {
		at = max(n, 1)
	}
	last := max((len(all)+size-1)/size, 1)
	var links []string
	link := func(n int, rel string) {
		to := url.Values{}
		for k, v := range q {
			to[k] = v
		}
		to.Set("page", strconv.Itoa(n))
		links = append(links, fmt.Sprintf(`<http://%s%s?%s>; rel="%s"`, p.r.Host, p.r.URL.Path, to.Encode(), rel))
	}
	if at > 1 {
		link(at-1, "prev")
	}
	if at < last {
		link(at+1, "next")
		link(last, "last")
	}
	if len(links) > 0 {
		p.w.Header().Set("Link", strings.Join(links, ", "))
	}
	from := min((at-1)*size, len(all))
	return all[from:min(from+size, len(all))]
}

func (p performance) person(login string) map[string]any {
	u := p.description.example("issue-comment")["user"].(map[string]any)
	u["login"], u["type"] = login, "User"
	if strings.HasSuffix(login, "[bot]") {
		u["type"] = "Bot"
	}
	for i, r := range login {
		u["id"] = 7 + i*int(r)
	}
	return u
}

func (p performance) app(login string) any {
	slug, isApp := strings.CutSuffix(login, "[bot]")
	if !isApp {
		return nil
	}
	app := p.description.example("check-run-example-of-in-progress-conclusion")["app"].(map[string]any)
	app["slug"], app["name"] = slug, slug
	return app
}

func (p performance) user() {
	u := p.description.example("private-user-response-with-public-profile-information")
	u["login"], u["user_view_type"] = p.Login, "public"
	give(p.w, http.StatusOK, u)
}

func (p performance) pull(number int) {
	i := slices.IndexFunc(p.state.Pulls, func(x *Pull) bool { return x.Number == number })
	if i < 0 {
		p.missing()
		return
	}
	pull := p.description.example("pull-request")
	pull["number"], pull["requested_teams"] = number, []any{} // the teams of the example lack what is required
	pull["head"].(map[string]any)["sha"] = p.state.Pulls[i].HeadSHA
	pull["base"].(map[string]any)["sha"] = p.state.Pulls[i].BaseSHA
	give(p.w, http.StatusOK, pull)
}

// pullsOf are the pull requests that a commit belongs to, also where it is their head no more.
func (p performance) pullsOf(commit string) {
	list := []any{}
	for _, one := range p.state.Pulls {
		if one.HeadSHA != commit && !slices.Contains(one.Earlier, commit) {
			continue
		}
		pull := p.description.example("pull-request-simple-items")
		pull["number"], pull["requested_teams"], pull["state"] = one.Number, []any{}, "open"
		if one.Closed {
			pull["state"] = "closed"
		}
		pull["head"].(map[string]any)["sha"] = one.HeadSHA
		base := pull["base"].(map[string]any)
		base["sha"] = one.BaseSHA
		base["repo"].(map[string]any)["full_name"] = p.repository
		list = append(list, pull)
	}
	give(p.w, http.StatusOK, page(p, list))
}

func (p performance) createStatus(commit string, body []byte) {
	var s struct {
		State       string `json:"state"`
		Context     string `json:"context"`
		Description string `json:"description"`
		TargetURL   string `json:"target_url"`
	}
	if err := json.Unmarshal(body, &s); err != nil {
		p.invalid("%v", err)
		return
	}
	switch {
	case !sha.MatchString(commit):
		p.invalid("No commit found for SHA: %s", commit)
	case utf8.RuneCountInString(s.Description) > descriptionLimit:
		p.invalid("description is too long (maximum is %d characters)", descriptionLimit)
	case utf8.RuneCountInString(s.Context) > contextLimit:
		p.invalid("context is too long (maximum is %d characters)", contextLimit)
	case s.TargetURL != "" && !web(s.TargetURL):
		p.invalid("target_url must use http(s) scheme")
	default:
		status := &Status{ID: p.next(), SHA: commit, Context: s.Context, State: s.State, Description: s.Description, TargetURL: s.TargetURL, Creator: p.Login}
		p.state.Statuses = append(p.state.Statuses, status)
		give(p.w, http.StatusCreated, p.status(status))
	}
}

func (p performance) statuses(ref string) {
	list := []any{}
	for _, s := range slices.Backward(p.state.Statuses) { // the newest come first
		if s.SHA == ref {
			list = append(list, p.status(s))
		}
	}
	give(p.w, http.StatusOK, page(p, list))
}

func (p performance) status(s *Status) map[string]any {
	v := p.description.example("status")
	v["id"], v["state"], v["context"], v["description"], v["target_url"] = s.ID, s.State, s.Context, s.Description, s.TargetURL
	v["url"] = p.base() + "/statuses/" + s.SHA
	v["creator"] = p.person(s.Creator)
	v["created_at"], v["updated_at"] = p.time(p.Now()), p.time(p.Now())
	return v
}

func (p performance) time(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func web(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
