package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSkipHasAReason: whatever the format, a skipped case says why it did not run, or that nobody knows.
func TestSkipHasAReason(t *testing.T) {
	for text, want := range map[string]string{
		`<testsuite><testcase name="a"><skipped/></testcase></testsuite>`:                         "the report gives no reason",
		`<testsuite><testcase name="a"><skipped message="skipped"/></testcase></testsuite>`:       "the report gives no reason",
		`<testsuite><testcase name="a"><skipped message="no database"/></testcase></testsuite>`:   "no database",
		`<testsuite><testcase name="a" status="notrun"/></testsuite>`:                             "the report gives no reason",
		"TAP version 13\n1..1\nok 1 - a # SKIP\n":                                                 "the report gives no reason",
		"TAP version 13\n1..1\nok 1 - a # SKIP no network\n":                                      "no network",
		`{"results":{"tool":{},"summary":{"tests":1},"tests":[{"name":"a","status":"pending"}]}}`: "pending; the report gives no reason",
	} {
		_, cases := readText(text, Options{})
		require.Len(t, cases, 1, text)
		assert.Equal(t, Skipped, cases[0].Status, text)
		assert.Equal(t, want, cases[0].Message, text)
	}
}
