package githubtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// Permissions of a token, as a workflow names them.
const (
	Checks       = "checks"
	PullRequests = "pull-requests"
	Statuses     = "statuses"
)

// GitHub is a GitHub with one repository for each name it is asked for. Set its fields before it
// serves.
type GitHub struct {
	// Login is whose token it is: by default that of a workflow. One that ends in [bot] is an app's.
	Login string
	// Token is what requests must bear; empty takes any.
	Token string
	// Denied are the permissions that the token lacks; a name ending in ":write" lacks writing alone.
	Denied []string
	// Hidden answers 404 where a permission is missing, as GitHub does for what a token may not see.
	Hidden bool
	// NoGraphQL refuses GraphQL, as some proxies do.
	NoGraphQL bool
	// Now is the clock.
	Now func() time.Time
	// Spacing is the time that writes must keep from each other by that clock.
	Spacing time.Duration
	// Changed is called after each request with the state at that time.
	Changed func(State)

	description *Description
	mu          sync.Mutex
	state       State
	faults      []*Fault
	last        int64
	wrote       time.Time
}

// New gives a GitHub that answers as it is described.
func New(d *Description) *GitHub {
	return &GitHub{
		description: d, Login: "github-actions[bot]", Now: time.Now,
		// Lists that are empty rather than null, for whoever reads the state as JSON.
		state: State{Pulls: []*Pull{}, CheckRuns: []*CheckRun{}, Comments: []*Comment{}, Statuses: []*Status{}, Requests: []Request{}, Complaints: []string{}},
	}
}

// Fail lets requests fail from now on.
func (g *GitHub) Fail(faults ...Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, f := range faults {
		g.faults = append(g.faults, &f)
	}
}

// Change changes the state as somebody else would.
func (g *GitHub) Change(f func(*State)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f(&g.state)
}

// Say writes a comment as somebody.
func (g *GitHub) Say(login string, number int, body string) (id int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	id = g.next()
	g.state.Comments = append(g.state.Comments, &Comment{ID: id, Number: number, Author: login, Body: body})
	return id
}

// State is a copy of what it holds.
func (g *GitHub) State() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.copy()
}

func (g *GitHub) copy() State {
	data, err := json.Marshal(g.state)
	if err != nil {
		panic(err)
	}
	var s State
	if err := json.Unmarshal(data, &s); err != nil {
		panic(err)
	}
	return s
}

func (g *GitHub) next() int64 {
	g.last++
	return 1000 + g.last
}

func (g *GitHub) complain(format string, args ...any) {
	g.state.Complaints = append(g.state.Complaints, fmt.Sprintf(format, args...))
}

// ServeHTTP implements http.Handler. Requests are answered one at a time, but for the Before of a fault.
func (g *GitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked := r.Method + " " + r.URL.Path
	// Only once the body is read does the server hear that the client has gone.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	fault := g.fault(r)
	if fault != nil && fault.Before != nil {
		fault.Before(r)
	}
	if r.Context().Err() != nil {
		return // nobody listens any more
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	rec := httptest.NewRecorder()
	if fault == nil || fault.Status == 0 || fault.Executed {
		g.answer(rec, r, body, asked)
	}
	if fault != nil && fault.Status != 0 {
		rec = httptest.NewRecorder()
		for name, values := range fault.Header {
			rec.Header()[http.CanonicalHeaderKey(name)] = values
		}
		if fault.Body != "" {
			rec.WriteHeader(fault.Status)
			_, _ = rec.WriteString(fault.Body)
		} else {
			give(rec, fault.Status, map[string]any{"message": fault.Message, "documentation_url": fault.documentation, "status": fmt.Sprint(fault.Status)})
		}
	}
	g.state.Requests = append(g.state.Requests, Request{Method: r.Method, Path: r.URL.RequestURI(), Status: rec.Code})
	if g.Changed != nil {
		g.Changed(g.copy())
	}
	for name, values := range rec.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(rec.Code)
	_, _ = w.Write(rec.Body.Bytes())
}

func (g *GitHub) fault(r *http.Request) *Fault {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, f := range g.faults {
		if f.hits(r) {
			hit := *f
			return &hit
		}
	}
	return nil
}

// answer answers as GitHub does when nothing is broken.
func (g *GitHub) answer(w *httptest.ResponseRecorder, r *http.Request, body []byte, asked string) {
	bearer := strings.TrimPrefix(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), "token ")
	if bearer == "" || g.Token != "" && bearer != g.Token {
		refuse(w, http.StatusUnauthorized, "Bad credentials")
		return
	}
	if r.UserAgent() == "" || strings.HasPrefix(r.UserAgent(), "Go-http-client") {
		g.complain("%s: it does not say who asks (User-Agent)", asked)
	}
	if isGraphQL(r) {
		g.graphQL(w, body)
		return
	}
	if r.Method != http.MethodGet {
		if now := g.Now(); g.Spacing > 0 && now.Sub(g.wrote) < g.Spacing {
			g.complain("%s: %s after the write before, GitHub asks for %s", asked, now.Sub(g.wrote), g.Spacing)
		}
		g.wrote = g.Now()
	}
	r = r.Clone(r.Context())
	r.URL.Path = strings.TrimPrefix(r.URL.Path, "/api/v3")
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	c, err := g.description.read(r)
	if err != nil {
		g.complain("%s: against GitHub's description: %v", asked, err)
		status := http.StatusUnprocessableEntity
		if c.operation == "" {
			status = http.StatusNotFound
		}
		refuse(w, status, "Invalid request.\n\n"+err.Error())
		return
	}
	if !g.permitted(w, c.operation) {
		return
	}
	g.perform(w, r, c, body, asked)
	if w.Code == http.StatusUnprocessableEntity {
		g.complain("%s: %s", asked, strings.TrimSpace(w.Body.String()))
	}
	if err := g.description.check(c, w.Code, w.Header(), w.Body.Bytes()); err != nil {
		g.complain("the answer %d to %s: against GitHub's description: %v", w.Code, asked, err)
	}
}

// needs says which permission an operation takes.
var needs = map[string]string{
	"checks/create": Checks + ":write", "checks/update": Checks + ":write", "checks/get": Checks,
	"checks/list-for-ref": Checks, "checks/list-annotations": Checks,
	"issues/create-comment": PullRequests + ":write", "issues/update-comment": PullRequests + ":write",
	"issues/delete-comment": PullRequests + ":write", "issues/list-comments": PullRequests, "issues/get-comment": PullRequests,
	"pulls/get": PullRequests, "repos/list-pull-requests-associated-with-commit": PullRequests, "repos/create-commit-status": Statuses + ":write", "repos/list-commit-statuses-for-ref": Statuses,
}

func (g *GitHub) permitted(w http.ResponseWriter, operation string) bool {
	need := needs[operation]
	permission, _, writes := strings.Cut(need, ":")
	denied := need != "" && (slices.Contains(g.Denied, permission) || writes && slices.Contains(g.Denied, need))
	app := strings.HasSuffix(g.Login, "[bot]")
	switch {
	case denied && g.Hidden:
		refuse(w, http.StatusNotFound, "Not Found")
	case denied && app, operation == "users/get-authenticated" && app:
		w.Header().Set("X-Accepted-GitHub-Permissions", strings.ReplaceAll(permission, "-", "_")+"=write")
		refuse(w, http.StatusForbidden, "Resource not accessible by integration")
	case denied:
		refuse(w, http.StatusForbidden, "Resource not accessible by personal access token")
	case need == Checks+":write" && !app:
		refuse(w, http.StatusForbidden, "You must authenticate via a GitHub App.")
	default:
		return true
	}
	return false
}

func isGraphQL(r *http.Request) bool {
	return r.URL.Path == "/graphql" || r.URL.Path == "/api/graphql"
}

// graphQL knows one question: who am I?
func (g *GitHub) graphQL(w http.ResponseWriter, body []byte) {
	var q struct {
		Query string `json:"query"`
	}
	switch {
	case g.NoGraphQL:
		refuse(w, http.StatusForbidden, "Forbidden")
	case json.Unmarshal(body, &q) != nil || strings.Join(strings.Fields(q.Query), "") != "query{viewer{login}}":
		g.complain("a question of GraphQL that is not known: %s", body)
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
	default:
		give(w, http.StatusOK, map[string]any{"data": map[string]any{"viewer": map[string]any{"login": g.Login}}})
	}
}

func give(w http.ResponseWriter, status int, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(data)
}

func refuse(w http.ResponseWriter, status int, message string) {
	give(w, status, map[string]any{"message": message, "documentation_url": "https://docs.github.com/rest", "status": fmt.Sprint(status)})
}
