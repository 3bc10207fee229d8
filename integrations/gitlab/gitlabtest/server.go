package gitlabtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Server answers as GitLab does.
type Server struct {
	mu     sync.Mutex
	state  State
	faults []Fault
	// Now is the clock; nil means the machine's own.
	Now func() time.Time
	// Changed is called after each request with the state, which must not be kept; nil is allowed.
	Changed func(*State)
}

// New makes a server with this state.
func New(state State) *Server { return &Server{state: state} }

// Look calls f with the state; f may change it, and must not keep it.
func (s *Server) Look(f func(*State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.state)
}

// Fault makes requests fail.
type Fault struct {
	// Method and Path choose requests: Path is a part of it; empty takes every one. Write takes all that
	// change something.
	Method, Path string
	Write        bool
	// Times is how many requests it takes.
	Times int
	// Status and Header are the answer.
	Status int
	Header http.Header
	// Done is true where what was asked for is done nevertheless.
	Done bool
	// Before is called before the request is answered, for what happens in between; nil is allowed.
	Before func(*State)
}

// Break adds a fault; the first that fits a request is taken.
func (s *Server) Break(f ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f...)
}

func (s *Server) fault(r *http.Request) *Fault {
	for i := range s.faults {
		f := &s.faults[i]
		if f.Times > 0 && (f.Method == "" || f.Method == r.Method) && strings.Contains(r.URL.Path, f.Path) && (!f.Write || r.Method != http.MethodGet) {
			f.Times--
			return f
		}
	}
	return nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &call{Server: s, r: r, header: http.Header{"Content-Type": {"application/json"}}}
	c.status, c.body = http.StatusOK, nil
	f := s.fault(r)
	if f != nil && f.Before != nil {
		f.Before(&s.state)
	}
	if f == nil || f.Done || f.Status == 0 {
		c.answer()
	}
	if f != nil && f.Status != 0 {
		c.refuse(f.Status, http.StatusText(f.Status))
		for name, values := range f.Header {
			c.header[name] = values
		}
	}
	s.state.Requests = append(s.state.Requests, Request{r.Method, r.URL.RequestURI(), c.status})
	for name, values := range c.header {
		w.Header()[name] = values
	}
	w.WriteHeader(c.status)
	if c.body != nil && c.status != http.StatusNoContent {
		_ = json.NewEncoder(w).Encode(c.body)
	}
	if s.Changed != nil {
		s.Changed(&s.state)
	}
}

// call is one request and its answer.
type call struct {
	*Server
	r      *http.Request
	token  Token
	params map[string]string

	status int
	header http.Header
	body   any
}

func (c *call) refuse(status int, message any) {
	c.status, c.body = status, map[string]any{"message": message}
	if text, ok := message.(string); ok {
		c.body = map[string]any{"message": fmt.Sprintf("%d %s", status, text)}
	}
}

// violate refuses what no well-behaved client asks for.
func (c *call) violate(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	c.state.Violations = append(c.state.Violations, c.r.Method+" "+c.r.URL.Path+": "+text)
	c.status, c.body = http.StatusBadRequest, map[string]any{"error": text}
}

// route is an endpoint.
type route struct {
	method string
	// path has a * for each part that is a name or a number.
	path string
	// params are all that it takes; those with a ! must be given.
	params []string
	// job says whether a job token may ask.
	job    bool
	answer func(*call, []string)
}

var paging = []string{"page", "per_page"}

// routes are the endpoints, with the parameters of the reference.
var routes = []route{
	{http.MethodGet, "/user", nil, false, (*call).currentUser},
	{http.MethodGet, "/projects/*/merge_requests/*/notes", append([]string{"order_by", "sort", "activity_filter"}, paging...), true, (*call).listNotes},
	{http.MethodGet, "/projects/*/merge_requests/*/notes/*", nil, true, (*call).getNote},
	{http.MethodPost, "/projects/*/merge_requests/*/notes", []string{"body!", "created_at", "internal", "merge_request_diff_head_sha"}, false, (*call).createNote},
	{http.MethodPut, "/projects/*/merge_requests/*/notes/*", []string{"body!"}, false, (*call).updateNote},
	{http.MethodDelete, "/projects/*/merge_requests/*/notes/*", nil, false, (*call).deleteNote},
	{http.MethodPost, "/projects/*/statuses/*", []string{"state!", "ref", "name", "context", "target_url", "description", "coverage", "pipeline_id"}, false, (*call).setStatus},
	{http.MethodGet, "/projects/*/repository/commits/*/statuses", append([]string{"ref", "stage", "name", "pipeline_id", "order_by", "sort", "all"}, paging...), false, (*call).listStatuses},
}

func (c *call) answer() {
	path, ok := strings.CutPrefix(c.r.URL.EscapedPath(), "/api/v4")
	if !ok {
		c.violate("this is not the API")
		return
	}
	for _, r := range routes {
		names, ok := match(r.path, path)
		if !ok || r.method != c.r.Method {
			continue
		}
		if !c.authenticate(r) || !c.read(r) {
			return
		}
		r.answer(c, names)
		return
	}
	c.violate("there is no such endpoint here")
}

func match(pattern, path string) (names []string, ok bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	for i, part := range got {
		if want[i] == "*" {
			name, err := url.PathUnescape(part)
			if err != nil {
				return nil, false
			}
			names = append(names, name)
		} else if want[i] != part {
			return nil, false
		}
	}
	return names, true
}

// authenticate finds out whose token it is, and whether it may ask for this.
func (c *call) authenticate(r route) bool {
	private, job := c.r.Header.Get("PRIVATE-TOKEN"), c.r.Header.Get("JOB-TOKEN")
	if private == "" {
		private = strings.TrimPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	}
	value := private + job
	i := slices.IndexFunc(c.state.Tokens, func(t Token) bool { return value != "" && t.Value == value })
	if i < 0 || (c.state.Tokens[i].Kind == JobToken) != (job != "") {
		c.refuse(http.StatusUnauthorized, "Unauthorized")
		return false
	}
	c.token = c.state.Tokens[i]
	switch {
	case c.token.Revoked:
		c.status, c.body = http.StatusUnauthorized, map[string]any{"error": "invalid_token", "error_description": "Token was revoked. You have to re-authorize from the user."}
	case c.token.Expired:
		c.status, c.body = http.StatusUnauthorized, map[string]any{"error": "invalid_token", "error_description": "Token is expired. You can either do re-authorization or token refresh."}
	case c.token.Kind == JobToken && !r.job:
		// A job token is none to an endpoint that does not take it.
		c.refuse(http.StatusUnauthorized, "Unauthorized")
	case c.token.Kind == JobToken || c.scope("api") || r.method == http.MethodGet && c.scope("read_api") || r.path == "/user" && c.scope("read_user"):
		return true
	default:
		c.status, c.body = http.StatusForbidden, map[string]any{
			"error": "insufficient_scope", "error_description": "The request requires higher privileges than provided by the access token.", "scope": "api",
		}
	}
	return false
}

func (c *call) scope(name string) bool { return slices.Contains(c.token.Scopes, name) }

// read takes the parameters, from the address and from a body of JSON.
func (c *call) read(r route) bool {
	c.params = map[string]string{}
	for name, values := range c.r.URL.Query() {
		c.params[name] = values[0]
	}
	raw, err := io.ReadAll(c.r.Body)
	if err != nil {
		c.violate("the body: %v", err)
		return false
	}
	if len(raw) > 0 {
		if kind, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";"); kind != "application/json" {
			c.violate("a body of kind %q", kind)
			return false
		}
		var body map[string]any
		if err := json.Unmarshal(raw, &body); err != nil {
			c.violate("the body: %v", err)
			return false
		}
		for name, value := range body {
			switch v := value.(type) {
			case string:
				c.params[name] = v
			case float64:
				c.params[name] = strconv.FormatFloat(v, 'f', -1, 64)
			case bool:
				c.params[name] = strconv.FormatBool(v)
			default:
				c.violate("the parameter %s is neither text nor number", name)
				return false
			}
		}
	}
	for name := range c.params {
		if !slices.Contains(r.params, name) && !slices.Contains(r.params, name+"!") {
			c.violate("%s is no parameter of this", name)
			return false
		}
	}
	for _, p := range r.params {
		if name, must := strings.CutSuffix(p, "!"); must {
			if _, given := c.params[name]; !given {
				c.violate("%s is missing", name)
				return false
			}
		}
	}
	return true
}

// oneOf refuses a parameter that is none of these words.
func (c *call) oneOf(name string, words ...string) bool {
	if v, ok := c.params[name]; ok && !slices.Contains(words, v) {
		c.violate("%s does not have a valid value", name)
		return false
	}
	return true
}

// project finds a project that the token's user may see.
func (c *call) project(name string, role int) (*Project, bool) {
	p := c.state.project(name)
	if p == nil || p.Members[c.token.User] == 0 {
		c.refuse(http.StatusNotFound, "Project Not Found")
		return nil, false
	}
	if p.Members[c.token.User] < role {
		c.refuse(http.StatusForbidden, "Forbidden")
		return nil, false
	}
	return p, true
}

func (c *call) currentUser([]string) {
	u := c.state.user(c.token.User)
	c.body = map[string]any{"id": u.ID, "username": u.Username, "name": u.Username, "state": "active", "bot": u.Bot}
}

// page cuts a list and says so in the headers.
func page[T any](c *call, list []T) ([]T, bool) {
	get := func(name string, or int) int {
		text, given := c.params[name]
		if !given {
			return or
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return -1
		}
		return n
	}
	number, size := get("page", 1), get("per_page", 20)
	if number < 0 || size < 0 || size > 100 {
		c.violate("page and per_page are numbers from 1, and per_page ends at 100")
		return nil, false
	}
	pages := max((len(list)+size-1)/size, 1)
	c.header.Set("X-Page", strconv.Itoa(number))
	c.header.Set("X-Per-Page", strconv.Itoa(size))
	c.header.Set("X-Total", strconv.Itoa(len(list)))
	c.header.Set("X-Total-Pages", strconv.Itoa(pages))
	c.header.Set("X-Next-Page", "")
	if number < pages {
		c.header.Set("X-Next-Page", strconv.Itoa(number+1))
	}
	from := min((number-1)*size, len(list))
	return list[from:min(from+size, len(list))], true
}

func (c *call) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now().UTC()
}

func (s *State) next() int64 {
	s.NextID++
	return s.NextID
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
