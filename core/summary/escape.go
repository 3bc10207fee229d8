package summary

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// longestInline bounds one piece of text within a line, longestLine a line of test output, in characters.
const (
	longestInline = 600
	longestLine   = 400
)

// plain matches what can stand in a code span without being anything else: no backtick to end it, no
// pipe to end a table's cell.
var plain = regexp.MustCompile(`^[\pL\pN./][\pL\pN ._/:@=+,\-]*$`)

// code shows an identifier as code; one that holds anything unusual is shown as escaped text.
func code(s string) string {
	s = shorten(oneLine(s), longestInline)
	if plain.MatchString(s) {
		return "`" + s + "`"
	}
	return inline(s)
}

// prose escapes a sentence of ours that may hold names from elsewhere. A command that it puts in
// backticks becomes code; everything else is text.
func prose(s string) string {
	s = shorten(oneLine(s), longestInline)
	parts := strings.Split(s, "`")
	if len(parts)%2 == 0 {
		return inline(s)
	}
	var b strings.Builder
	for i, p := range parts {
		switch {
		case i%2 == 0:
			b.WriteString(inlineRaw(p))
		case plain.MatchString(p):
			b.WriteString("`" + p + "`")
		default:
			b.WriteString(inlineRaw("`" + p + "`"))
		}
	}
	return b.String()
}

// inline makes untrusted text safe within a line of Markdown or a table's cell, on GitHub and GitLab.
func inline(s string) string { return inlineRaw(shorten(oneLine(s), longestInline)) }

// nothing is a zero-width space. It is written only by this file, never taken from a text: it keeps
// forges from seeing a mention, a reference or a link in what follows, which no escape prevents,
// because they look for these after Markdown is rendered.
const nothing = "&#8203;"

func inlineRaw(s string) string {
	var b strings.Builder
	for i, r := range s {
		next, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
		switch r {
		case '\\', '`', '*', '_', '[', ']', '|', '~':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '&':
			b.WriteString("&amp;")
		case '$': // $...$ is mathematics
			b.WriteString("&#36;")
		case '@': // people and teams; addresses
			b.WriteString("@" + nothing)
		case '#', '!', '%', '^': // issues, merge requests, milestones, alerts
			b.WriteRune(r)
			if wordly(next) {
				b.WriteString(nothing)
			}
		case ':':
			b.WriteByte(':')
			if next == '/' { // https://
				b.WriteString(nothing)
			}
		case '.':
			b.WriteByte('.')
			if i >= 3 && strings.EqualFold(s[i-3:i], "www") {
				b.WriteString(nothing)
			}
		case '-':
			b.WriteByte('-')
			if i >= 2 && strings.EqualFold(s[i-2:i], "gh") { // GH-1
				b.WriteString(nothing)
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func wordly(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '"' || r == '_'
}

// fence shows lines of untrusted text as they are. The fence is longer than any run of backticks in
// them, so that no line can end it; indent is put before every line. A line that begins with a slash
// gets a space before it: GitLab looks for its commands (/close) by the line, and its notion of where
// a fence ends is simpler than Markdown's.
func fence(indent string, lines []string) string {
	longest := 2
	for _, l := range lines {
		run := 0
		for _, r := range l {
			if r != '`' {
				run = 0
				continue
			}
			if run++; run > longest {
				longest = run
			}
		}
	}
	mark := strings.Repeat("`", longest+1)
	var b strings.Builder
	b.WriteString(indent + mark + "text\n")
	for _, l := range lines {
		if strings.HasPrefix(l, "/") {
			l = " " + l
		}
		b.WriteString(indent + l + "\n")
	}
	b.WriteString(indent + mark + "\n")
	return b.String()
}

// outputLines cleans and bounds lines of test output for showing.
func outputLines(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = shorten(strings.TrimRight(strings.ReplaceAll(clean(l), "\t", "    "), " \n"), longestLine)
	}
	return out
}
