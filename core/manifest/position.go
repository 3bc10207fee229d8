// Package manifest reads Kubernetes-shaped YAML strictly: every unknown field, wrong type and
// missing value is an error that names file, line and column and says what was meant.
package manifest

import "fmt"

// Position is a place in a file. Line and Column count from 1; Column counts characters, not bytes.
// A Position without Line means the file as a whole.
type Position struct {
	File   string
	Line   int
	Column int
}

// String gives file:line:column, as compilers print it.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Before says whether p comes first when errors are listed: by file, line and column.
func (p Position) Before(o Position) bool {
	if p.File != o.File {
		return p.File < o.File
	}
	if p.Line != o.Line {
		return p.Line < o.Line
	}
	return p.Column < o.Column
}
