package integrations

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/ci"
)

// Whatever the environment, somebody answers.
func TestDetect(t *testing.T) {
	none := func(string) (string, bool) { return "", false }
	c, err := Detect(t.Context(), none, t.TempDir())
	require.NoError(t, err)
	assert.Equal(t, "local", c.CI)
	assert.Equal(t, 1, c.RunAttempt, "attempts count from 1")

	names := map[string]bool{}
	for _, v := range Vendors {
		assert.False(t, names[v.Name], "%s has two rows", v.Name)
		names[v.Name] = true
	}
	require.NotEmpty(t, Vendors)
	assert.True(t, Vendors[len(Vendors)-1].Detect(ci.Place{Env: none}), "the last one takes what nobody knows")
}
