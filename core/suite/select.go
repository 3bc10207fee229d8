package suite

import (
	"path"
	"strings"

	"github.com/assay-dev/assay/core/wire"
)

// included says whether one of the patterns selects the path, which they do also through a
// directory above it; no patterns select everything. Patterns that matched are marked.
func included(patterns []string, name string, matched []bool) bool {
	if len(patterns) == 0 {
		return true
	}
	found := false
	for i, p := range patterns {
		if matched[i] && found {
			continue
		}
		if selects(p, name) {
			matched[i], found = true, true
		}
	}
	return found
}

func matchesAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if selects(p, name) {
			return true
		}
	}
	return false
}

// selects says whether the pattern matches the path or a directory above it.
func selects(pattern, name string) bool {
	pattern = strings.TrimSuffix(pattern, "/")
	for {
		if wire.Match(pattern, name) {
			return true
		}
		i := strings.LastIndexByte(name, '/')
		if i < 0 {
			return false
		}
		name = name[:i]
	}
}

// leadsInto says whether something below dir can match the pattern, so that the walk leaves the
// rest of a large checkout alone.
func leadsInto(pattern, dir string) bool {
	pattern = strings.TrimPrefix(strings.TrimSuffix(pattern, "/"), "./")
	elements := strings.Split(pattern, "/")
	for i, d := range strings.Split(dir, "/") {
		if i >= len(elements) || elements[i] == "**" {
			return true
		}
		if ok, err := path.Match(elements[i], d); err != nil || !ok {
			return false
		}
	}
	return true
}
