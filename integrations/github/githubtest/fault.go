package githubtest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Fault is something that goes wrong with requests of one kind.
type Fault struct {
	// Method and Path choose the requests: an empty Method means every one, and Path is a part of the
	// request's path, or empty for all. Writes chooses those that change something.
	Method, Path string
	Writes       bool
	// Skip lets so many of them pass before, and Times is how many are hit; 0 means one.
	Skip, Times int
	// Status is answered, with Header and Message, or with Body in place of JSON; 0 answers as if
	// nothing were wrong.
	Status        int
	Header        http.Header
	Message, Body string
	// Executed does what was asked for before the fault is answered.
	Executed bool
	// Before runs before the request is looked at; it may change the state by the GitHub's own methods.
	Before func(*http.Request)

	documentation string
}

func (f *Fault) hits(r *http.Request) bool {
	writes := r.Method != http.MethodGet && !isGraphQL(r)
	if f.Times < 0 || f.Writes && !writes || f.Method != "" && f.Method != r.Method || !strings.Contains(r.URL.Path, f.Path) {
		return false
	}
	if f.Skip > 0 {
		f.Skip--
		return false
	}
	if f.Times--; f.Times <= 0 {
		f.Times = -1
	}
	return true
}

// Secondary is the answer to too many writes at once; a wait of 0 leaves Retry-After out.
func Secondary(wait time.Duration) Fault {
	f := Fault{
		Status: http.StatusForbidden, Header: http.Header{},
		Message:       "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
		documentation: "https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits",
	}
	if wait > 0 {
		f.Header.Set("Retry-After", strconv.Itoa(int(wait.Seconds())))
	}
	return f
}

// Primary is the answer once the hour's requests are used up, until reset.
func Primary(reset time.Time) Fault {
	return Fault{
		Status: http.StatusForbidden, Message: "API rate limit exceeded for installation ID 1.",
		Header: http.Header{"X-Ratelimit-Limit": {"1000"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {strconv.FormatInt(reset.Unix(), 10)}},
	}
}

// Throttled is 429 with a Retry-After.
func Throttled(wait time.Duration) Fault {
	f := Secondary(wait)
	f.Status = http.StatusTooManyRequests
	return f
}

// CutOff is an answer that ends in the middle, after what was asked for was done.
func CutOff() Fault { return Fault{Status: http.StatusOK, Body: `{"id": 10`, Executed: true} }

// Broken is an answer of 502; executed says whether what was asked for was done all the same.
func Broken(executed bool) Fault {
	return Fault{Status: http.StatusBadGateway, Message: "Server Error", Executed: executed}
}

// On says which requests a fault hits, and how often.
func (f Fault) On(method, path string, times int) Fault {
	f.Method, f.Path, f.Times = method, path, times
	return f
}
