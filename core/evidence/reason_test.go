package evidence_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
)

func TestCode(t *testing.T) {
	for reason, want := range map[evidence.Reason]string{
		evidence.OOMKilled:          "OOM_KILLED",
		evidence.ConfigError:        "CREATE_CONTAINER_CONFIG_ERROR",
		evidence.SubjectNotDeployed: "SUBJECT_NOT_DEPLOYED",
		evidence.ForkNotRun:         "FORK_NOT_RUN",
		evidence.NoTests:            "NO_TESTS",
		evidence.Completed:          "COMPLETED",
		"":                          "",
		"LostAPI":                   "LOST_API",
	} {
		assert.Equal(t, want, reason.Code())
	}
	codes := map[string]evidence.Reason{}
	for _, m := range evidence.Reasons {
		code := m.Reason.Code()
		assert.Regexp(t, `^[A-Z]+(_[A-Z]+)*$`, code)
		assert.Empty(t, codes[code], "the code %s belongs to two reasons", code)
		codes[code] = m.Reason
	}
}

// TestEveryReasonIsExplainedOnce reads the constants from the source, so that a reason without a
// row in the table, which people would meet as "does not know", cannot be added.
func TestEveryReasonIsExplainedOnce(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, 0)
	require.NoError(t, err)
	var declared []evidence.Reason
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Reason" {
			return true
		}
		for _, v := range spec.Values {
			s, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			require.NoError(t, err)
			declared = append(declared, evidence.Reason(s))
		}
		return true
	})
	require.NotEmpty(t, declared)
	var explained []evidence.Reason
	for _, m := range evidence.Reasons {
		explained = append(explained, m.Reason)
		assert.NotEmpty(t, m.Means, m.Reason)
		assert.Equal(t, m.Reason == evidence.Completed, m.Next == "", "%s: everything but success says what to do", m.Reason)
		assert.Equal(t, m.Reason == evidence.Completed, m.Outcome == evidence.OutcomePassed, "%s", m.Reason)
		assert.Equal(t, m, m.Reason.Meaning())
	}
	assert.ElementsMatch(t, declared, explained)
	assert.Equal(t, evidence.OutcomeError, evidence.Reason("DevouredByGrue").Meaning().Outcome, "an unknown reason is never a pass")
}
