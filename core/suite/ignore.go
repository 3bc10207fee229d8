package suite

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ignoreRule is one line of a .gitignore or .assayignore, by the rules of gitignore(5). The Go
// libraries for them get "**", character classes or nested files wrong, so this is its own: a line
// becomes a regular expression, which also bounds what a hostile pattern costs.
type ignoreRule struct {
	// dir is the directory of the file that holds the line; "." is the root.
	dir string
	// negate takes a path in again ("!" in front).
	negate bool
	// dirOnly matches directories only ("/" at the end).
	dirOnly bool
	// base matches the last element of a path and not the path below dir: a pattern without "/".
	base bool
	form *regexp.Regexp
}

// maxIgnoreLine bounds a line; a longer one is no path's pattern.
const maxIgnoreLine = 4096

// parseIgnore reads the rules of an ignore file in dir.
func parseIgnore(dir, content string) []ignoreRule {
	var rules []ignoreRule
	content = strings.TrimPrefix(content, "\ufeff")
	for line := range strings.SplitSeq(content, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" || line[0] == '#' || len(line) > maxIgnoreLine {
			continue
		}
		r := ignoreRule{dir: dir}
		line = trimSpaces(line)
		if strings.HasPrefix(line, "!") {
			r.negate, line = true, line[1:]
		}
		if strings.HasSuffix(line, "/") {
			r.dirOnly, line = true, line[:len(line)-1]
		}
		r.base = !strings.Contains(line, "/")
		line = strings.TrimPrefix(line, "/")
		form, ok := ignoreForm(line)
		if line == "" || !ok {
			continue
		}
		r.form = form
		rules = append(rules, r)
	}
	return rules
}

// trimSpaces takes spaces off the end that no backslash keeps.
func trimSpaces(line string) string {
	end := 0
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && i+1 < len(line):
			i++
			end = i + 1
		case line[i] != ' ':
			end = i + 1
		}
	}
	return line[:end]
}

// ignored says whether the last rule that matches the path leaves it out. A path below a directory
// that is left out is not asked for: as with git it cannot be taken in again.
func ignored(rules []ignoreRule, name string, isDir bool) bool {
	for i := len(rules) - 1; i >= 0; i-- {
		r := rules[i]
		if r.dirOnly && !isDir {
			continue
		}
		subject := name
		if r.base {
			subject = path.Base(name)
		} else if r.dir != "." {
			subject = strings.TrimPrefix(name, r.dir+"/")
		}
		if r.form.MatchString(subject) {
			return !r.negate
		}
	}
	return false
}

// ignoreForm translates a pattern as git's wildmatch reads it; not ok where it can match nothing.
func ignoreForm(pattern string) (*regexp.Regexp, bool) {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	p := []rune(pattern)
	literal := slices.IndexFunc(p, func(c rune) bool { return strings.ContainsRune(`*?[\`, c) })
	for i := 0; i < len(p); {
		switch c := p[i]; c {
		case '\\':
			if i+1 == len(p) {
				return nil, false
			}
			b.WriteString(regexp.QuoteMeta(string(p[i+1])))
			i += 2
		case '?':
			b.WriteString(`[^/]`)
			i++
		case '*':
			n := i
			for n < len(p) && p[n] == '*' {
				n++
			}
			// Git cuts off what stands before the first special character and matches the rest, for
			// which "**" right there is at its beginning, as after a "/".
			alone := n-i > 1 && (i == literal || p[i-1] == '/')
			switch {
			case alone && n == len(p): // everything below
				b.WriteString(`.*`)
			case alone && p[n] == '\\' && n+1 < len(p) && p[n+1] == '/': // as git has it: at least one directory
				b.WriteString(`.*`)
			case alone && p[n] == '/': // any number of directories
				b.WriteString(`(?:.*/)?`)
				n++
			default:
				b.WriteString(`[^/]*`)
			}
			i = n
		case '[':
			class, next, ok := ignoreClass(p, i)
			if !ok {
				return nil, false
			}
			b.WriteString(class)
			i = next
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
			i++
		}
	}
	b.WriteString(`\z`)
	form, err := regexp.Compile(b.String())
	return form, err == nil
}

// span is a range of characters, both ends included.
type span struct{ from, to rune }

// The POSIX classes of wildmatch, in ASCII.
var namedClasses = map[string][]span{
	"alnum": {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}, "alpha": {{'A', 'Z'}, {'a', 'z'}}, "blank": {{' ', ' '}, {'\t', '\t'}},
	"cntrl": {{0, 0x1f}, {0x7f, 0x7f}}, "digit": {{'0', '9'}}, "graph": {{'!', '~'}}, "lower": {{'a', 'z'}}, "print": {{' ', '~'}},
	"punct": {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}, "space": {{'\t', '\r'}, {' ', ' '}}, "upper": {{'A', 'Z'}},
	"xdigit": {{'0', '9'}, {'A', 'F'}, {'a', 'f'}},
}

// ignoreClass translates the bracket expression that begins at p[i]; next is the place after it.
func ignoreClass(p []rune, i int) (class string, next int, ok bool) {
	i++
	negated := i < len(p) && (p[i] == '!' || p[i] == '^')
	if negated {
		i++
	}
	var spans []span
	for first := true; ; first = false {
		if i >= len(p) {
			return "", 0, false
		}
		if p[i] == ']' && !first {
			break
		}
		if p[i] == '[' && i+1 < len(p) && p[i+1] == ':' {
			if n := slices.Index(p[i+2:], ']'); n >= 1 && p[i+1+n] == ':' {
				named, known := namedClasses[string(p[i+2:i+1+n])]
				if !known {
					return "", 0, false
				}
				spans = append(spans, named...)
				i += n + 3
				continue
			}
		}
		from, after, ok := classRune(p, i)
		if !ok {
			return "", 0, false
		}
		to := from
		if after+1 < len(p) && p[after] == '-' && p[after+1] != ']' {
			if to, after, ok = classRune(p, after+1); !ok {
				return "", 0, false
			}
		}
		// wildmatch looks at the first character by itself, so that it counts in [b-a] too.
		spans = append(spans, span{from, max(from, to)})
		i = after
	}
	return classForm(spans, negated), i + 1, true
}

func classRune(p []rune, i int) (r rune, next int, ok bool) {
	if p[i] == '\\' {
		i++
	}
	if i >= len(p) {
		return 0, 0, false
	}
	return p[i], i + 1, true
}

// classForm writes the class so that it never matches "/", whatever its ranges span.
func classForm(spans []span, negated bool) string {
	var b strings.Builder
	add := func(s span) {
		if s.from <= s.to {
			b.WriteString(`\x{` + hexRune(s.from) + `}-\x{` + hexRune(s.to) + `}`)
		}
	}
	for _, s := range spans {
		if negated || s.to < '/' || s.from > '/' {
			add(s)
			continue
		}
		add(span{s.from, '/' - 1})
		add(span{'/' + 1, s.to})
	}
	if negated {
		return `[^/` + b.String() + `]`
	}
	if b.Len() == 0 {
		return `[^\x00-\x{10FFFF}]` // nothing
	}
	return `[` + b.String() + `]`
}

func hexRune(r rune) string { return strconv.FormatInt(int64(r), 16) }
