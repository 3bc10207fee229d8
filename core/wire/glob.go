package wire

import (
	"fmt"
	"path"
	"strings"
)

// Match reports whether a slash-separated name matches the pattern. `*`, `?` and `[...]` match within
// one path element as path.Match has it; `**` as a whole element matches any number of elements,
// none included; a pattern that ends in `/` or names a directory's `/**` matches everything below it.
// A malformed pattern matches nothing: see ValidPattern.
func Match(pattern, name string) bool {
	if strings.HasSuffix(pattern, "/") {
		pattern += "**"
	}
	return match(strings.Split(clean(pattern), "/"), strings.Split(clean(name), "/"))
}

func clean(p string) string {
	for strings.HasPrefix(p, "./") {
		p = p[2:]
	}
	return p
}

func match(pattern, name []string) bool {
	// Iterative with one backtracking point: what `**` stands for only ever grows, so that hostile
	// patterns cost at most len(pattern)*len(name).
	p, n := 0, 0
	star, mark := -1, 0
	for n < len(name) {
		if p < len(pattern) && pattern[p] == "**" {
			star, mark = p, n
			p++
			continue
		}
		if p < len(pattern) {
			if ok, err := path.Match(pattern[p], name[n]); err == nil && ok {
				p++
				n++
				continue
			}
		}
		if star < 0 {
			return false
		}
		mark++
		p, n = star+1, mark
	}
	for p < len(pattern) && pattern[p] == "**" {
		p++
	}
	return p == len(pattern)
}

// ValidPattern says what is wrong with a pattern: malformed brackets, an empty pattern, or one that
// climbs out with `..`.
func ValidPattern(pattern string) error {
	if strings.TrimSpace(pattern) == "" {
		return fmt.Errorf("the pattern is empty")
	}
	for _, el := range strings.Split(pattern, "/") {
		if el == ".." {
			return fmt.Errorf("%q climbs out with \"..\"", pattern)
		}
		if strings.Contains(el, "**") && el != "**" {
			return fmt.Errorf("%q: \"**\" must stand alone between slashes", pattern)
		}
		if _, err := path.Match(el, ""); err != nil {
			return fmt.Errorf("%q: malformed brackets or escape in %q", pattern, el)
		}
	}
	return nil
}

// StaticPrefix gives the directory part of the pattern before the first element with a
// wildcard: "results" for "results/*.xml", "a/b" for "a/b/**". Where no element has one, it is the
// directory of the named file. "" means the pattern's own root.
func StaticPrefix(pattern string) string {
	els := strings.Split(clean(pattern), "/")
	i := 0
	for i < len(els)-1 && !hasMeta(els[i]) {
		i++
	}
	return strings.Join(els[:i], "/")
}

// MayContain says whether anything below the directory dir can match the pattern: a walk need not
// enter one that cannot. Pattern and dir are both absolute or both relative.
func MayContain(pattern, dir string) bool {
	if strings.HasSuffix(pattern, "/") {
		pattern += "**"
	}
	p, d := strings.Split(clean(pattern), "/"), strings.Split(strings.TrimSuffix(clean(dir), "/"), "/")
	for i, el := range d {
		if i < len(p) && p[i] == "**" {
			return true
		}
		if i >= len(p)-1 {
			return false
		}
		if ok, err := path.Match(p[i], el); err != nil || !ok {
			return false
		}
	}
	return true
}

// HasMeta says whether the pattern has any wildcard.
func HasMeta(pattern string) bool { return hasMeta(pattern) || strings.HasSuffix(pattern, "/") }

func hasMeta(el string) bool { return strings.ContainsAny(el, `*?[\`) }
