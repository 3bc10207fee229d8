package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/suite"
)

func suites(names ...string) []suite.Run {
	var runs []suite.Run
	for _, n := range names {
		runs = append(runs, suite.Run{Suite: suite.Suite{Name: n}})
	}
	return runs
}

// noon is when the tests' clocks stand still.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// screen makes a console for the runs that writes to a buffer.
func screen(tty, color bool, names ...string) (*console, *bytes.Buffer) {
	a := testApp()
	out := new(bytes.Buffer)
	a.stderr, a.now = out, func() time.Time { return noon }
	c := a.console(suites(names...))
	c.tty, c.color, c.live = tty, color, tty // as between start and stop, but for the ticks
	return c, out
}

// TestConsole shows each kind of stream what two suites do at the same time.
func TestConsole(t *testing.T) {
	var got strings.Builder
	for _, tc := range []struct {
		name       string
		tty, color bool
	}{{"not a terminal", false, false}, {"a terminal without colours", true, false}, {"a terminal", true, true}} {
		c, out := screen(tc.tty, tc.color, "smoke", "checkout-e2e")
		c.width = func() int { return 60 }
		smoke, e2e := c.observer(c.suite("smoke")), c.observer(c.suite("checkout-e2e"))
		c.say("2 suites in environment %s", "staging")
		e2e.Phase(core.PhaseRunning, noon.Add(-75*time.Second))
		e2e.Log(0, []byte("whole line\nhalf "))
		smoke.Log(0, []byte("in between\n"))
		e2e.Log(0, []byte("a line\n\nafter an empty one\r\n"))
		smoke.Phase(core.PhaseRunning, noon)
		smoke.Log(0, []byte("10%\r50%\r"))
		smoke.Log(0, []byte("100%\n"))
		smoke.Log(0, []byte("\x1b[31mred\x1b[0m and \x1b[2J\x1b[1;1Hcleared\n\ttab\n"))
		e2e.Log(0, []byte("no newline at the end"))
		e2e.Phase(core.PhaseDone, noon)
		smoke.Phase(core.PhaseCollecting, noon)
		c.say("done")
		fmt.Fprintf(&got, "== %s\n%s\n", tc.name, strings.ReplaceAll(strings.ReplaceAll(out.String(), "\x1b", "ESC"), "\r", "CR"))
	}
	path := filepath.Join("testdata", "console.golden")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "go test ./cmd/assay -run TestConsole -update writes it")
	assert.Equal(t, string(want), got.String())
}

// suite gives the run of that name.
func (c *console) suite(name string) suite.Run { return suites(name)[0] }

func TestHarmless(t *testing.T) {
	for name, tc := range map[string]struct{ line, plain, colors string }{
		"plain":                                   {"a\tb ü 漢", "a\tb ü 漢", "a\tb ü 漢"},
		"colours":                                 {"\x1b[1;31mred\x1b[0m", "red", "\x1b[1;31mred\x1b[0m"},
		"colours in other forms":                  {"\x1b[38:2::1:2:3mx\x1b[m", "x", "\x1b[38:2::1:2:3mx\x1b[m"},
		"controls hidden in a colour":             {"a\x1b[3\x08\x081mb", "ab", "ab"},
		"private modes that end in m":             {"a\x1b[>4;1mb\x1b[?1mc", "abc", "abc"},
		"cursor, screen, modes":                   {"a\x1b[2Jb\x1b[10;20Hc\x1b[?1049hd\x1b[6n", "abcd", "abcd"},
		"a title that ends with BEL":              {"a\x1b]0;evil\x07b", "ab", "ab"},
		"a title that ends with ST":               {"a\x1b]0;evil\x1b\\b", "ab", "ab"},
		"a link":                                  {"\x1b]8;;http://evil\x1b\\text\x1b]8;;\x1b\\", "text", "text"},
		"a title without an end":                  {"a\x1b]0;evil", "a", "a"},
		"a sequence without an end":               {"a\x1b[12", "a", "a"},
		"a lone ESC":                              {"a\x1b", "a", "a"},
		"reset of the terminal":                   {"a\x1bcb", "ab", "ab"},
		"bell, backspace, delete, NUL":            {"a\x07\x08\x7f\x00b", "ab", "ab"},
		"controls of the upper half":              {"a\u009b2Jb\u009d0;x\u009cc", "a2Jb0;xc", "a2Jb0;xc"},
		"bytes that are no UTF-8":                 {"a\xffb\xc3", "a\uFFFDb\uFFFD", "a\uFFFDb\uFFFD"},
		"single bytes that some take for control": {"a\x9b2Jb", "a\uFFFD2Jb", "a\uFFFD2Jb"},
	} {
		t.Run(name, func(t *testing.T) {
			for colors, want := range map[bool]string{false: tc.plain, true: tc.colors} {
				assert.Equal(t, want, string(harmless([]byte(tc.line), colors)), "colours %v", colors)
			}
		})
	}
}

// A line that does not end is shown in pieces; nothing of it is lost, and no character is cut in two.
func TestConsoleLongLine(t *testing.T) {
	text := strings.Repeat("漢x", 1<<20/4)
	for name, step := range map[string]int{"at once": len(text), "in pieces": 1000} {
		t.Run(name, func(t *testing.T) {
			c, out := screen(false, false, "e2e")
			ch := c.runs[0]
			for rest := []byte(text); len(rest) > 0; {
				n := min(step, len(rest))
				ch.Log(0, rest[:n])
				rest = rest[n:]
				assert.LessOrEqual(t, len(ch.line), longestLine, "what is held back is bounded")
			}
			ch.Phase(core.PhaseDone, noon)
			var shown strings.Builder
			for line := range strings.Lines(out.String()) {
				piece, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "e2e | ")
				require.True(t, ok)
				require.LessOrEqual(t, len(piece), longestLine)
				shown.WriteString(piece)
			}
			assert.True(t, text == shown.String())
		})
	}
}

// The width is one of characters.
func TestConsoleWidth(t *testing.T) {
	for _, width := range []int{0, 1, 2, 20, 40, 200} {
		c, out := screen(true, false, strings.Repeat("ü", 50))
		c.width = func() int { return width }
		c.runs[0].Phase(core.PhaseRunning, noon)
		got := out.String()
		assert.True(t, utf8.ValidString(got), "width %d: %q", width, got)
		full := "0s  0 waiting, 1 running, 0 done: " + strings.Repeat("ü", 50) + " 0s"
		assert.Equal(t, min(max(width-1, 0), utf8.RuneCountInString(full)), utf8.RuneCountInString(got), "width %d", width)
		assert.True(t, strings.HasPrefix(full, got))
	}
}

// What stop leaves on the screen are lines and no progress, and it stays so.
func TestConsoleStop(t *testing.T) {
	for _, tty := range []bool{true, false} {
		c, out := screen(tty, false, "e2e")
		c.live = false
		c.say("before")
		assert.Equal(t, "before\n", out.String())
		stop := c.start()
		c.say("between")
		c.runs[0].Phase(core.PhaseRunning, noon)
		assert.Equal(t, tty, strings.Contains(out.String(), "1 running"))
		stop()
		c.say("after")
		c.runs[0].Log(0, []byte("late\n"))
		c.runs[0].Phase(core.PhaseDone, noon)
		assert.Equal(t, "before\nbetween\nafter\ne2e | late\n", erased.ReplaceAllString(out.String(), ""))
		assert.Equal(t, tty, strings.Contains(out.String(), "\x1b"))
	}
}

// erased is what was on a line before it was erased.
var erased = regexp.MustCompile(`[^\n]*\r\x1b\[K`)

func TestConsoleFindsOutWhatItWritesTo(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil || !isTerminal(terminal) {
		t.Skip("this machine has no pseudo terminals")
	}
	defer terminal.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer file.Close()
	for name, tc := range map[string]struct {
		to         *os.File
		env        map[string]string
		tty, color bool
	}{
		"a terminal":                    {to: terminal, tty: true, color: true},
		"a terminal, NO_COLOR":          {to: terminal, env: map[string]string{"NO_COLOR": "1"}, tty: true},
		"a terminal, NO_COLOR empty":    {to: terminal, env: map[string]string{"NO_COLOR": ""}, tty: true, color: true},
		"a terminal that can do little": {to: terminal, env: map[string]string{"TERM": "dumb"}},
		"a file":                        {to: file},
		"a file, TERM":                  {to: file, env: map[string]string{"TERM": "xterm"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := testApp()
			a.stderr, a.now = tc.to, func() time.Time { return noon }
			a.env = func(k string) (string, bool) { v, ok := tc.env[k]; return v, ok }
			c := a.console(nil)
			assert.Equal(t, tc.tty, c.tty)
			assert.Equal(t, tc.color, c.color)
			assert.Positive(t, c.width())
		})
	}
}
