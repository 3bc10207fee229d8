package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// everyCommand calls f for each command of the program.
func everyCommand(t *testing.T, f func(t *testing.T, c *cobra.Command)) {
	t.Helper()
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		t.Run(c.CommandPath(), func(t *testing.T) { f(t, c) })
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(testApp().root())
}

func testApp() *app {
	return &app{host: host{env: func(string) (string, bool) { return "", false }, stdin: strings.NewReader(""), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}}
}

// TestHelp compares the help of every command with testdata/help. A command that came or went shows
// in the list of files too.
func TestHelp(t *testing.T) {
	golden := map[string]bool{}
	everyCommand(t, func(t *testing.T, c *cobra.Command) {
		words := strings.Fields(c.CommandPath())
		var stdout, stderr bytes.Buffer
		h := testApp().host
		h.stdout, h.stderr = &stdout, &stderr
		require.Zero(t, run(t.Context(), append(words[1:], "--help"), h))
		require.Empty(t, stderr.String())

		name := strings.Join(words, "-") + ".golden"
		golden[name] = true
		path := filepath.Join("testdata", "help", name)
		if *update {
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
			require.NoError(t, os.WriteFile(path, stdout.Bytes(), 0o666))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err, "go test ./cmd/assay -run TestHelp -update writes it")
		assert.Equal(t, string(want), stdout.String())
	})
	files, err := os.ReadDir(filepath.Join("testdata", "help"))
	require.NoError(t, err)
	for _, f := range files {
		assert.True(t, golden[f.Name()], "testdata/help/%s is the help of no command", f.Name())
	}
}

// TestHelpShape holds every command to one sentence and at least one example that the program
// understands, so that neither can rot.
func TestHelpShape(t *testing.T) {
	everyCommand(t, func(t *testing.T, c *cobra.Command) {
		assert.NotEmpty(t, c.Short)
		assert.LessOrEqual(t, len(c.Short), 80, "the sentence is too long: %q", c.Short)
		assert.NotRegexp(t, `[.!:]$|\. `, c.Short, "one sentence, without a full stop")
		assert.Regexp(t, `^[A-Z]`, c.Short)
		c.Flags().VisitAll(func(f *pflag.Flag) {
			assert.NotEmpty(t, f.Usage, "--%s", f.Name)
			assert.NotRegexp(t, `\.$|^[A-Z][a-z]`, f.Usage, "--%s: a phrase, not a sentence", f.Name)
		})
		examples := 0
		for line := range strings.Lines(c.Example) {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			examples++
			checkExample(t, c.CommandPath(), line)
		}
		assert.Positive(t, examples, "no example")
	})
}

// checkExample parses an example as the program would, short of running it.
func checkExample(t *testing.T, command, line string) {
	t.Helper()
	words := shellWords(t, line)
	require.Equal(t, "assay", words[0], "%q", line)
	found, rest, err := testApp().root().Find(words[1:])
	require.NoError(t, err, "%q", line)
	assert.True(t, strings.HasPrefix(found.CommandPath()+" ", command+" "), "%q is an example of %q", line, found.CommandPath())
	require.NoError(t, found.ParseFlags(rest), "%q", line)
	require.NoError(t, found.ValidateArgs(found.Flags().Args()), "%q", line)
	assert.True(t, found.Runnable(), "%q", line)
}

// shellWords splits a command line at blanks outside of single quotes, and ends it at a pipe.
func shellWords(t *testing.T, line string) []string {
	t.Helper()
	var words []string
	word, quoted, begun := "", false, false
	for _, r := range line {
		switch {
		case r == '\'':
			quoted, begun = !quoted, true
		case !quoted && r == '|':
			return words
		case !quoted && r == ' ':
			if begun {
				words = append(words, word)
			}
			word, begun = "", false
		case !quoted && strings.ContainsRune("\"\\`$&;<>*?()", r):
			t.Fatalf("%q: quote the %q, a shell would not leave it alone", line, r)
		default:
			word, begun = word+string(r), true
		}
	}
	require.False(t, quoted, "%q", line)
	if begun {
		words = append(words, word)
	}
	return words
}
