package ci

import "context"

// Place is where assay was started, as far as a vendor may look at it to tell a Context.
type Place struct {
	// Env looks a variable up.
	Env func(string) (string, bool)
	// ReadFile reads a file that a variable names.
	ReadFile func(path string) ([]byte, error)
	// Git asks the git of this machine about the checkout; ok is false where it is not there or says no.
	Git func(ctx context.Context, args ...string) (answer string, ok bool)
}

// Get gives a variable, or nothing.
func (p Place) Get(name string) string {
	if p.Env == nil {
		return ""
	}
	value, _ := p.Env(name)
	return value
}

// Outcome is what a call of assay came to, for later steps of the same CI job.
type Outcome struct {
	// ExitCode is the process's.
	ExitCode int
	// Decision is READY, NOT_READY, ...; for suites that were run by name, and where nothing could be
	// decided, PASSED, FAILED, INSUFFICIENT_EVIDENCE or ERROR.
	Decision string
	// Title says it in words.
	Title string
	// Runs are the ids of the runs it rests on.
	Runs []string
}
