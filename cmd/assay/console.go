package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/suite"
)

// console shows several runs at once on one stream: each line of output with its suite before it,
// and on a terminal one line at the bottom that says how far everything is.
type console struct {
	w     io.Writer
	now   func() time.Time
	color bool
	// tty is true where the stream is a terminal; width gives its width in columns.
	tty   bool
	width func() int

	mu     sync.Mutex
	began  time.Time
	runs   []*channel
	pad    int
	live   bool // there is a progress line, between start and stop
	status bool // it is on the screen
}

// channel is one run's way to the console.
type channel struct {
	console *console
	name    string
	color   int
	phase   core.Phase
	since   time.Time
	line    []byte
}

// colours for suites, in turn; none is red or green, which would say something.
var colours = []int{36, 35, 34, 33, 96, 95, 94, 93}

// longestLine bounds what is held back of a line that does not end.
const longestLine = 16 << 10

func (a *app) console(runs []suite.Run) *console {
	c := &console{w: a.stderr, now: a.now, width: func() int { return 80 }, began: a.now()}
	if f, ok := a.stderr.(*os.File); ok && isTerminal(f) {
		t, _ := a.env("TERM")
		c.tty = t != "dumb"
		c.width = func() int {
			if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
				return w
			}
			return 80
		}
	}
	plain, _ := a.env("NO_COLOR") // set and empty does not count: https://no-color.org
	c.color = c.tty && plain == ""
	for i, r := range runs {
		c.pad = max(c.pad, len(r.Suite.Name))
		c.runs = append(c.runs, &channel{console: c, name: r.Suite.Name, color: colours[i%len(colours)], phase: core.PhaseWaiting, since: c.began})
	}
	return c
}

// observer gives the observer of a run.
func (c *console) observer(r suite.Run) core.Observer {
	for _, ch := range c.runs {
		if ch.name == r.Suite.Name {
			return ch
		}
	}
	return &channel{console: c, name: r.Suite.Name}
}

// start draws the progress line until stop is called; not on anything but a terminal.
func (c *console) start() (stop func()) {
	if !c.tty {
		return func() {}
	}
	c.mu.Lock()
	c.live = true
	c.mu.Unlock()
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				c.mu.Lock()
				c.draw()
				c.mu.Unlock()
			}
		}
	}()
	return func() {
		close(quit)
		<-ended
		c.mu.Lock()
		defer c.mu.Unlock()
		c.live = false
		c.erase()
	}
}

// Log implements core.Observer.
func (ch *channel) Log(_ int, p []byte) {
	c := ch.console
	c.mu.Lock()
	defer c.mu.Unlock()
	ch.line = append(ch.line, p...)
	rest := ch.line
	var out bytes.Buffer
	for {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		if !ended {
			break
		}
		ch.write(&out, line)
		rest = after
	}
	for len(rest) > longestLine {
		cut := longestLine
		for cut > longestLine-utf8.UTFMax && !utf8.RuneStart(rest[cut]) {
			cut-- // no character is cut in two
		}
		ch.write(&out, rest[:cut])
		rest = rest[cut:]
	}
	ch.line = append(ch.line[:0], rest...)
	if out.Len() > 0 {
		c.print(out.Bytes())
	}
}

// write puts the suite before a line. What could move the cursor or change the terminal is taken
// out; colours the test chose stay where there are colours.
func (ch *channel) write(out *bytes.Buffer, line []byte) {
	line = bytes.TrimSuffix(line, []byte("\r"))
	if i := bytes.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:] // a progress bar that overwrote itself: its last state
	}
	c := ch.console
	if c.color {
		fmt.Fprintf(out, "\x1b[%dm%-*s |\x1b[0m ", ch.color, c.pad, ch.name)
	} else {
		fmt.Fprintf(out, "%-*s | ", c.pad, ch.name)
	}
	out.Write(harmless(line, c.color))
	if c.color {
		out.WriteString("\x1b[0m")
	}
	out.WriteByte('\n')
}

// harmless takes control sequences out of a line of test output, except for colours where wanted.
// What is not UTF-8 becomes U+FFFD: a terminal may take single bytes above 0x7f for controls too.
func harmless(line []byte, colors bool) []byte {
	if !utf8.Valid(line) {
		line = bytes.ToValidUTF8(line, []byte("\uFFFD"))
	}
	if bytes.IndexFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 }) < 0 {
		return line
	}
	var out []byte
	for i := 0; i < len(line); i++ {
		b := line[i]
		switch {
		case b == 0x1b && i+1 < len(line) && line[i+1] == '[':
			end := i + 2
			for end < len(line) && (line[end] < 0x40 || line[end] > 0x7e) {
				end++
			}
			if end < len(line) && line[end] == 'm' && colors && bytes.IndexFunc(line[i+2:end], notColour) < 0 {
				out = append(out, line[i:end+1]...)
			}
			i = end
		case b == 0x1b && i+1 < len(line) && line[i+1] == ']':
			// An operating system command (a title, a link) ends with BEL or ESC \.
			end := i + 2
			for end < len(line) && line[end] != 7 && line[end] != 0x1b {
				end++
			}
			if end < len(line) && line[end] == 0x1b {
				end++
			}
			i = end
		case b == 0x1b:
			i++
		case b == 0xc2 && i+1 < len(line) && line[i+1] < 0xa0 && line[i+1] >= 0x80:
			i++ // a control character of the upper half, in UTF-8
		case b < ' ' && b != '\t' || b == 0x7f:
		default:
			out = append(out, b)
		}
	}
	return out
}

// notColour says whether a character has no place between ESC [ and m: digits, colons, semicolons do.
func notColour(r rune) bool { return r < '0' || r > ';' }

// Phase implements core.Observer.
func (ch *channel) Phase(p core.Phase, at time.Time) {
	c := ch.console
	c.mu.Lock()
	defer c.mu.Unlock()
	if p == core.PhaseDone && len(ch.line) > 0 {
		var out bytes.Buffer
		ch.write(&out, ch.line)
		ch.line = nil
		c.print(out.Bytes())
	}
	ch.phase, ch.since = p, at
	if c.live {
		c.draw()
	}
}

// print writes lines above the progress line.
func (c *console) print(p []byte) {
	c.erase()
	_, _ = c.w.Write(p)
	if c.live {
		c.draw()
	}
}

func (c *console) erase() {
	if c.status {
		_, _ = io.WriteString(c.w, "\r\x1b[K")
		c.status = false
	}
}

// draw writes the progress line: how many wait, run and are done, for how long, and which.
func (c *console) draw() {
	var waiting, running, done int
	var names []string
	for _, ch := range c.runs {
		switch ch.phase {
		case core.PhaseWaiting:
			waiting++
		case core.PhaseDone:
			done++
		default:
			running++
			names = append(names, fmt.Sprintf("%s %s", ch.name, c.now().Sub(ch.since).Round(time.Second)))
		}
	}
	line := fmt.Sprintf("%s  %d waiting, %d running, %d done", c.now().Sub(c.began).Round(time.Second), waiting, running, done)
	if len(names) > 0 {
		line += ": " + strings.Join(names, ", ")
	}
	if w, r := max(c.width()-1, 0), []rune(line); len(r) > w {
		line = string(r[:w])
	}
	c.erase()
	_, _ = io.WriteString(c.w, line)
	c.status = true
}

// say prints a line of assay's own.
func (c *console) say(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.print(fmt.Appendf(nil, format+"\n", args...))
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
