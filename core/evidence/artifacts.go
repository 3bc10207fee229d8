package evidence

import (
	"path"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/report"
)

// Artifacts finds the kept artifacts of a run that its reports name. The zero value holds none.
type Artifacts struct {
	// byPath are the artifacts by their paths where the test ran, without a leading slash; byBase by
	// the last element of that.
	byPath, byBase map[string][]File
}

// artifactsPrefix stands before the path that an artifact had where the test ran.
const artifactsPrefix = FileArtifact + "s/"

// Artifacts are those of the result's files that are artifacts.
func (r Result) Artifacts() Artifacts {
	a := Artifacts{map[string][]File{}, map[string][]File{}}
	for _, f := range r.Files {
		if name, ok := strings.CutPrefix(f.Path, artifactsPrefix); ok && f.Kind == FileArtifact {
			a.byPath[name] = append(a.byPath[name], f)
			a.byBase[path.Base(name)] = append(a.byBase[path.Base(name)], f)
		}
	}
	return a
}

// mostAlike bounds how many artifacts of one name are looked through for one attachment.
const mostAlike = 1000

// Find gives the one artifact that an attachment's path can mean; false where there is none, or more
// than one. Tools write the path absolute, relative to the working directory, or relative to the
// report, while an artifact is known by its path in the working directory, or by its whole path. So of
// an absolute path the end counts, at least a directory and a name, and of a relative one all of it.
func (a Artifacts) Find(attached report.Attachment) (File, bool) {
	name := strings.ReplaceAll(strings.TrimPrefix(attached.Path, "file://"), `\`, "/")
	if name == "" || strings.Contains(name, "://") {
		return File{}, false
	}
	name = path.Clean(name)
	whole := strings.TrimPrefix(name, "/")
	if found := a.byPath[whole]; len(found) > 0 {
		return single(found)
	}
	if absolute := strings.HasPrefix(name, "/") || len(name) > 2 && name[1] == ':'; absolute {
		for rest := whole; ; {
			_, after, more := strings.Cut(rest, "/")
			if !more || !strings.Contains(after, "/") {
				return File{}, false
			}
			if rest = after; len(a.byPath[rest]) > 0 {
				return single(a.byPath[rest])
			}
		}
	}
	for strings.HasPrefix(name, "../") {
		name = name[len("../"):]
	}
	alike := a.byBase[path.Base(name)]
	if len(alike) > mostAlike {
		return File{}, false
	}
	return single(slices.DeleteFunc(slices.Clone(alike), func(f File) bool {
		return !strings.HasSuffix("/"+strings.TrimPrefix(f.Path, artifactsPrefix), "/"+name)
	}))
}

func single(found []File) (File, bool) {
	if len(found) != 1 {
		return File{}, false
	}
	return found[0], true
}
