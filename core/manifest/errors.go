package manifest

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

// Error is one thing to mend in a file.
type Error struct {
	Position Position
	// Message says what is wrong, in words that stand alone.
	Message string
	// Hint says how to mend it; it may be empty.
	Hint string
	// Err is the cause where it lies outside the file's text, such as fs.ErrNotExist.
	Err error
}

// Error gives file:line:column: message (hint) in one line.
func (e Error) Error() string {
	s := e.Message
	if e.Position != (Position{}) {
		s = e.Position.String() + ": " + s
	}
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap gives the cause.
func (e Error) Unwrap() error { return e.Err }

// Errors is everything that is wrong in one or several files, so that a person mends it in one go.
type Errors []Error

// Error gives one line for each error.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.Is and errors.As look at each of them.
func (es Errors) Unwrap() []error {
	out := make([]error, len(es))
	for i, e := range es {
		out[i] = e
	}
	return out
}

// Add appends an error. The format's arguments make the message; hint may be empty.
func (es *Errors) Add(at Position, hint, format string, args ...any) {
	*es = append(*es, Error{Position: at, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// Err gives nil where there is nothing wrong, and otherwise the errors in the order of the files'
// text. Use it to return Errors as an error.
func (es Errors) Err() error {
	if len(es) == 0 {
		return nil
	}
	es.sort()
	return es
}

// bounded keeps the first MaxErrors and says how many were left out: a file that is no catalog at
// all may have one on every line.
func (es Errors) bounded() Errors {
	es.sort()
	if len(es) <= MaxErrors {
		return es
	}
	more := len(es) - MaxErrors
	es = es[:MaxErrors:MaxErrors]
	es.Add(es[MaxErrors-1].Position, "", "%d more errors in this file are not shown", more)
	return es
}

func (es Errors) sort() {
	sort.SliceStable(es, func(i, j int) bool { return es[i].Position.Before(es[j].Position) })
}

// Join brings what several steps found together into one Errors, in the order of the files' text,
// each finding once. It is nil where all of errs are; an error of another kind becomes an Error
// without a position.
func Join(errs ...error) error {
	var all Errors
	seen := map[string]bool{}
	for _, err := range errs {
		if err == nil {
			continue
		}
		var es Errors
		var e Error
		switch {
		case errors.As(err, &es):
		case errors.As(err, &e):
			es = Errors{e}
		default:
			es = Errors{{Message: err.Error(), Err: err}}
		}
		for _, e := range es {
			if line := e.Error(); !seen[line] {
				seen[line] = true
				all = append(all, e)
			}
		}
	}
	return all.Err()
}

// quote quotes text out of a file for a message and bounds it: a file may hold anything.
func quote(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
