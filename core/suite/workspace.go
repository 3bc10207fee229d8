package suite

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"
	"time"
)

// Packed describes a packed workspace.
type Packed struct {
	// Tree is sha256:... over the paths, modes and contents: the same files have the same Tree
	// whenever, wherever and however they are packed.
	Tree string
	// Files counts files and symbolic links.
	Files int
	// Size is the bytes of the files, PackedSize those that were written.
	Size       int64
	PackedSize int64
	// SHA256 is the digest of what was written, in hexadecimal.
	SHA256 string
	// Skipped says what was left out though the patterns select it, and why, and which patterns
	// select nothing.
	Skipped []string
}

// packTime is the time of every packed file. It is not 1970 because tools that make zip files
// (Python wheels, jars) refuse times before 1980.
var packTime = time.Date(1980, 1, 2, 0, 0, 0, 0, time.UTC)

// never are the names that are always left out, at any depth: git's own data and Assay's store.
var never = []string{".git", ".assay"}

// Pack writes the files of the checkout fsys that ws selects to w, as a gzip-compressed tar archive
// that depends on nothing but their paths, modes and contents. Files that .gitignore or .assayignore
// leave out stay out; .assayignore has the last word. Empty directories do not travel.
//
// The error names the three largest directories where the files are larger than ws.MaxSize, and
// nothing has been written then.
func Pack(fsys fs.FS, ws Workspace, w io.Writer) (Packed, error) {
	var p Packed
	files, err := selectFiles(fsys, ws, &p)
	if err != nil {
		return p, err
	}
	limit := ws.MaxSize
	if limit == 0 {
		limit = DefaultMaxSize
	}
	if p.Size > int64(limit) {
		return p, tooLarge(files, p.Size, limit)
	}
	if len(files) == 0 {
		return p, errors.New("the workspace is empty: spec.workspace.include selects no file that .gitignore and .assayignore leave in")
	}
	sum, tree := sha256.New(), sha256.New()
	packed := &counter{w: io.MultiWriter(w, sum)}
	zip, err := gzip.NewWriterLevel(packed, gzip.BestSpeed)
	if err != nil {
		return p, fmt.Errorf("packing the workspace: %w", err)
	}
	archive := tar.NewWriter(zip)
	for _, f := range files {
		digest, err := f.write(fsys, archive)
		if err != nil {
			return p, fmt.Errorf("packing %s: %w", f.name, err)
		}
		// NUL cannot be in a path, so that no two trees have the same text.
		fmt.Fprintf(tree, "%s\x00%s\x00%x\n", f.name, f.treeMode(), digest)
	}
	if err := archive.Close(); err != nil {
		return p, fmt.Errorf("packing the workspace: %w", err)
	}
	if err := zip.Close(); err != nil {
		return p, fmt.Errorf("packing the workspace: %w", err)
	}
	p.Files = len(files)
	p.Tree = "sha256:" + hex.EncodeToString(tree.Sum(nil))
	p.PackedSize = packed.n
	p.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return p, nil
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// packFile is one file or symbolic link to pack.
type packFile struct {
	name   string
	size   int64
	exec   bool
	target string // of a symbolic link
}

// treeMode is the mode as git writes it.
func (f packFile) treeMode() string {
	switch {
	case f.target != "":
		return "120000"
	case f.exec:
		return "100755"
	}
	return "100644"
}

// write adds the file to the archive and gives the digest of its content.
func (f packFile) write(fsys fs.FS, archive *tar.Writer) ([]byte, error) {
	h := &tar.Header{Name: f.name, Mode: 0o644, ModTime: packTime, Format: tar.FormatPAX}
	if f.exec {
		h.Mode = 0o755
	}
	if f.target != "" {
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.target, 0o777
		sum := sha256.Sum256([]byte(f.target))
		return sum[:], archive.WriteHeader(h)
	}
	h.Typeflag, h.Size = tar.TypeReg, f.size
	file, err := fsys.Open(f.name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := archive.WriteHeader(h); err != nil {
		return nil, err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(archive, sum), io.LimitReader(file, f.size))
	if err != nil {
		return nil, err
	}
	more, err := io.CopyN(io.Discard, file, 1) // is there a byte behind its end?
	if err != nil && err != io.EOF {
		return nil, err
	}
	if n != f.size || more > 0 {
		return nil, errors.New("the file changed while it was read; pack a checkout that nothing writes to")
	}
	return sum.Sum(nil), nil
}

// selectFiles walks the checkout and gives the files to pack, sorted by path.
func selectFiles(fsys fs.FS, ws Workspace, p *Packed) ([]packFile, error) {
	var files []packFile
	rules := map[string][]ignoreRule{}
	matched := make([]bool, len(ws.Include))
	skip := func(name, why string, args ...any) {
		p.Skipped = append(p.Skipped, fmt.Sprintf("%s: %s", name, fmt.Sprintf(why, args...)))
	}
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("reading the workspace: %w", err)
		}
		if name == "." {
			rules["."], err = readIgnores(fsys, ".", nil)
			return err
		}
		leave := func() error {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		above := rules[path.Dir(name)]
		if slices.Contains(never, path.Base(name)) || ignored(above, name, entry.IsDir()) || matchesAny(ws.Exclude, name) {
			return leave()
		}
		if entry.IsDir() {
			if len(ws.Include) > 0 && !slices.ContainsFunc(ws.Include, func(pattern string) bool { return leadsInto(pattern, name) }) {
				return fs.SkipDir
			}
			if !fs.ValidPath(name) {
				skip(name, "the directory's name is not UTF-8")
				return fs.SkipDir
			}
			rules[name], err = readIgnores(fsys, name, above)
			return err
		}
		if !included(ws.Include, name, matched) {
			return nil
		}
		if !fs.ValidPath(name) {
			skip(name, "the file's name is not UTF-8")
			return nil
		}
		f, why, err := describe(fsys, name, entry)
		if err != nil {
			return fmt.Errorf("reading the workspace: %w", err)
		}
		if why != "" {
			skip(name, "%s", why)
			return nil
		}
		p.Size += min(f.size, math.MaxInt64-p.Size) // sparse files may claim more than there is
		files = append(files, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, pattern := range ws.Include {
		if !matched[i] {
			skip(pattern, "this pattern of spec.workspace.include selects no file")
		}
	}
	slices.SortFunc(files, func(a, b packFile) int { return strings.Compare(a.name, b.name) })
	return files, nil
}

// describe looks at a file; why says why it cannot travel.
func describe(fsys fs.FS, name string, entry fs.DirEntry) (f packFile, why string, err error) {
	info, err := entry.Info()
	if err != nil {
		return f, "", err
	}
	f = packFile{name: name}
	switch mode := info.Mode(); {
	case mode.IsRegular():
		f.size, f.exec = info.Size(), mode.Perm()&0o111 != 0
	case mode&fs.ModeSymlink != 0:
		target, err := fs.ReadLink(fsys, name)
		if err != nil {
			return f, "", err
		}
		if why := leadsOut(name, target); why != "" {
			return f, why, nil
		}
		f.target = target
	default:
		why = fmt.Sprintf("it is neither a file, a directory nor a symbolic link (%s)", mode.Type())
	}
	return f, why, nil
}

// leadsOut says why a symbolic link may not travel; "" where it stays inside the workspace. Only
// targets that first climb and then descend are judged by their text: the way up is along real
// directories, because the walk follows no links, and each link on the way down is judged itself.
func leadsOut(name, target string) string {
	if target == "" || path.IsAbs(target) {
		return fmt.Sprintf("the symbolic link's target %q is absolute", target)
	}
	climbs, descended := 0, false
	for _, el := range strings.Split(target, "/") {
		switch el {
		case "", ".":
		case "..":
			if descended {
				return fmt.Sprintf("the symbolic link's target %q descends and climbs again", target)
			}
			climbs++
		default:
			descended = true
		}
	}
	if climbs > strings.Count(name, "/") {
		return fmt.Sprintf("the symbolic link's target %q lies outside the workspace", target)
	}
	return ""
}

// maxIgnoreFile bounds an ignore file, in bytes.
const maxIgnoreFile = 1 << 20

// readIgnores gives the rules for the entries of dir: those from above, then its .gitignore's, then
// its .assayignore's; the last that matches decides.
func readIgnores(fsys fs.FS, dir string, above []ignoreRule) ([]ignoreRule, error) {
	rules := slices.Clip(above) // directories side by side must not write into each other's rules
	for _, name := range []string{".gitignore", ".assayignore"} {
		file := path.Join(dir, name)
		info, err := fs.Lstat(fsys, file)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			continue // like git, a symbolic link is not followed
		}
		if err != nil {
			return nil, fmt.Errorf("reading the workspace: %w", err)
		}
		if info.Size() > maxIgnoreFile {
			return nil, fmt.Errorf("reading the workspace: %s has %d bytes; at most %d are read", file, info.Size(), maxIgnoreFile)
		}
		content, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, fmt.Errorf("reading the workspace: %w", err)
		}
		rules = append(rules, parseIgnore(dir, string(content))...)
	}
	return rules, nil
}

// tooLarge makes the error that helps to narrow the workspace.
func tooLarge(files []packFile, size int64, limit Quantity) error {
	sizes := map[string]int64{}
	for _, f := range files {
		dir := path.Dir(f.name)
		if parts := strings.SplitN(dir, "/", 3); len(parts) > 2 {
			dir = parts[0] + "/" + parts[1] // deep enough to tell node_modules from its neighbours
		}
		sizes[dir] += min(f.size, math.MaxInt64-sizes[dir])
	}
	biggest := slices.MaxFunc(files, func(a, b packFile) int { return cmp.Compare(a.size, b.size) })
	dirs := make([]string, 0, len(sizes))
	for d := range sizes {
		dirs = append(dirs, d)
	}
	slices.SortFunc(dirs, func(a, b string) int {
		return cmp.Or(cmp.Compare(sizes[b], sizes[a]), strings.Compare(a, b))
	})
	var largest []string
	for _, d := range dirs[:min(3, len(dirs))] {
		shown := d + "/"
		if d == "." {
			shown = "the top directory's own files"
		}
		largest = append(largest, fmt.Sprintf("%s %s", shown, inWords(sizes[d])))
	}
	return fmt.Errorf("the workspace has %s and may have %s: the largest directories are %s, the largest file is %s (%s); narrow spec.workspace.include, leave files out with .assayignore, or raise spec.workspace.maxSize",
		inWords(size), limit, strings.Join(largest, ", "), biggest.name, inWords(biggest.size))
}

// inWords rounds a size for people: 1.5 GiB.
func inWords(n int64) string {
	for _, u := range []struct {
		size int64
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.size {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.size), u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
