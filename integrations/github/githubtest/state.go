package githubtest

import "time"

// State is what a GitHub holds.
type State struct {
	Pulls     []*Pull     `json:"pulls"`
	CheckRuns []*CheckRun `json:"checkRuns"`
	Comments  []*Comment  `json:"comments"`
	Statuses  []*Status   `json:"statuses"`
	// Requests are all that came in, with what was answered.
	Requests []Request `json:"requests"`
	// Complaints are breaches of GitHub's description or of a limit, by whoever asked or by this
	// GitHub itself. A test ends with none.
	Complaints []string `json:"complaints"`
}

// Pull is a pull request.
type Pull struct {
	Number  int    `json:"number"`
	HeadSHA string `json:"headSHA"`
	BaseSHA string `json:"baseSHA"`
	// Earlier are commits that were its head before.
	Earlier []string `json:"earlier,omitempty"`
	Closed  bool     `json:"closed,omitempty"`
}

// CheckRun is a check run with all annotations it was ever given.
type CheckRun struct {
	ID          int64        `json:"id"`
	App         string       `json:"app"`
	Name        string       `json:"name"`
	HeadSHA     string       `json:"headSHA"`
	ExternalID  string       `json:"externalID"`
	DetailsURL  string       `json:"detailsURL"`
	Status      string       `json:"status"`
	Conclusion  string       `json:"conclusion,omitempty"`
	StartedAt   time.Time    `json:"startedAt"`
	CompletedAt *time.Time   `json:"completedAt,omitempty"`
	Title       string       `json:"title"`
	Summary     string       `json:"summary"`
	Text        string       `json:"text"`
	Annotations []Annotation `json:"annotations"`
}

// Annotation is a remark of a check run at a place in the code.
type Annotation struct {
	Path      string `json:"path"`
	StartLine int    `json:"start_line"`
	EndLine   int    `json:"end_line"`
	Level     string `json:"annotation_level"`
	Title     string `json:"title"`
	Message   string `json:"message"`
	Details   string `json:"raw_details,omitempty"`
}

// Comment is a comment on a pull request.
type Comment struct {
	ID     int64  `json:"id"`
	Number int    `json:"number"`
	Author string `json:"author"`
	Body   string `json:"body"`
	// Edited counts the changes after it was written.
	Edited int `json:"edited"`
}

// Status is a commit status; GitHub keeps every one, and shows the newest of each context.
type Status struct {
	ID          int64  `json:"id"`
	SHA         string `json:"sha"`
	Context     string `json:"context"`
	State       string `json:"state"`
	Description string `json:"description"`
	TargetURL   string `json:"targetURL"`
	Creator     string `json:"creator"`
}

// Request is one request and its answer.
type Request struct {
	Method string `json:"method"`
	// Path is with the query.
	Path   string `json:"path"`
	Status int    `json:"status"`
}
