// Package ci holds what a CI system told us about the work at hand, in words that belong to none of them.
package ci

// Context says where a run happens (CI), where its outcome is published (SCM) and for which change.
// Integrations fill it from the environment; nothing below them knows a vendor.
// Fields that are not known are empty.
type Context struct {
	// CI names the system that runs the job: "local", "github", "gitlab", "jenkins", ...
	CI string `json:"ci"`
	// SCM names the forge that shows the outcome; empty where there is none to tell.
	SCM string `json:"scm,omitempty"`
	// Event is what triggered the work: push, pull_request, schedule, manual, ...
	Event string `json:"event,omitempty"`
	// Repository is owner/name (or group/subgroup/name) of the code under test.
	Repository string `json:"repository,omitempty"`
	// Branch is the branch of the head commit.
	Branch string `json:"branch,omitempty"`
	// HeadSHA is the commit under test: the head of a pull request, never its merge commit.
	HeadSHA string `json:"headSHA,omitempty"`
	// BaseSHA is the commit a pull request is compared with.
	BaseSHA string `json:"baseSHA,omitempty"`
	// BaseBranch is the branch that a pull request is to be merged into.
	BaseBranch string `json:"baseBranch,omitempty"`
	// PullRequest is the number of the pull or merge request; 0 where there is none.
	PullRequest int `json:"pullRequest,omitempty"`
	// Fork is true where the head lives in another repository. That is told of pull requests, and of runs
	// for them whose number the forge keeps to itself.
	Fork bool `json:"fork,omitempty"`
	// RunID and RunAttempt identify the CI job; a re-run keeps the ID and counts the attempt up from 1.
	RunID      string `json:"runID,omitempty"`
	RunAttempt int    `json:"runAttempt,omitempty"`
	// Sequence orders the runs of one CI system: a later one has a higher number. A re-run keeps it;
	// 0 where the system does not say.
	Sequence int64 `json:"sequence,omitempty"`
	// RunURL leads a person to the CI job's page, and AttemptURL to that of this attempt where there is
	// one of its own.
	RunURL     string `json:"runURL,omitempty"`
	AttemptURL string `json:"attemptURL,omitempty"`
	// ArtifactsURL leads to the files that the CI job keeps.
	ArtifactsURL string `json:"artifactsURL,omitempty"`
	// RepositoryURL is the repository's address for people, without credentials.
	RepositoryURL string `json:"repositoryURL,omitempty"`
	// Hosted is true where the machine is the CI system's and vanishes with the job.
	Hosted bool `json:"hosted,omitempty"`
	// Actor is who triggered it.
	Actor string `json:"actor,omitempty"`
	// Dirty is true where the checkout differs from HeadSHA.
	Dirty bool `json:"dirty,omitempty"`
}

// Page is the page to send people to: this attempt's, else the job's; empty where there is none.
func (c Context) Page() string {
	if c.AttemptURL != "" {
		return c.AttemptURL
	}
	return c.RunURL
}

// IsPullRequest says whether the work belongs to a pull or merge request.
func (c Context) IsPullRequest() bool { return c.PullRequest != 0 }
