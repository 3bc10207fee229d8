package report

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
)

// Source names one report file. An empty Format is found out from the content.
type Source struct {
	Path   string
	Format string
}

// Read reads report files into one Report. It never fails as a whole: a file that cannot be read is
// in the Report with a serious doubt, and the others count all the same. A path that is named twice
// is read once.
func Read(fsys fs.FS, files []Source, opts Options) Report {
	limits := opts.Limits.withDefaults()
	k := keeper{limits: limits}
	measured := measurements{limit: limits.Measurements}
	crossCheck := limits.CrossCheckTotal
	seen := make(map[string]bool, len(files))
	for _, src := range files {
		if seen[src.Path] {
			continue
		}
		seen[src.Path] = true
		f, reread := readSource(fsys, src, limits, crossCheck, k.keep)
		crossCheck -= reread
		k.report.Merge(f.Totals)
		k.report.Doubts = append(k.report.Doubts, f.Doubts...)
		k.report.Thresholds += f.Thresholds
		k.report.ThresholdsMissed += f.ThresholdsMissed
		for _, m := range f.Measurements {
			measured.keep(m)
		}
		k.report.Files = append(k.report.Files, f)
	}
	k.report.Measurements, k.report.MeasurementsOmitted = measured.kept, measured.omitted
	return k.report
}

func readSource(fsys fs.FS, src Source, limits Limits, crossCheck int, emit func(Case)) (f File, reread int) {
	r, err := fsys.Open(src.Path)
	if err != nil {
		f = File{Path: src.Path, Format: src.Format}
		s := sink{file: &f, limits: limits}
		s.distrust("could not be opened: %v", cause(err))
		return f, 0
	}
	defer r.Close()
	if limits.CrossCheck > crossCheck {
		limits.CrossCheck = crossCheck
	}
	return readFile(r, src.Path, src.Format, limits, emit)
}

// ReadFile reads one report and hands its cases to emit in their order, in bounded memory whatever
// the size. path is used in sentences only. An empty format is found out from the content. What
// cannot be read, in whole or in part, is a serious doubt of the File and never an empty success.
func ReadFile(r io.Reader, path, format string, opts Options, emit func(Case)) File {
	f, _ := readFile(r, path, format, opts.Limits.withDefaults(), emit)
	return f
}

func readFile(r io.Reader, path, wanted string, limits Limits, emit func(Case)) (f File, reread int) {
	f = File{Path: path, Format: wanted}
	out := &sink{file: &f, limits: limits, emit: emit}
	defer out.close()

	copied := &copier{r: r, limit: max(limits.CrossCheck, 0)}
	text, charset, known := decodeText(bufio.NewReaderSize(copied, headSize))
	if !known {
		out.advise("says that it is written in %q, which is not known; it was read as UTF-8", cut(clean([]byte(charset)), 60))
	}
	buffered := bufio.NewReaderSize(text, headSize)
	head, err := buffered.Peek(headSize)
	if err != nil && err != io.EOF {
		f.Incomplete = true
		out.distrust("could not be read: %v", cause(err))
		return f, 0
	}
	format, problem := detect(head, wanted)
	if problem != "" {
		out.distrust("%s", problem)
		return f, 0
	}
	f.Format = format.name
	if err := format.read(buffered, out); err != nil {
		f.Incomplete = true
		out.distrust("%v", err)
	}
	if f.Tests == 0 && f.Thresholds == 0 && !f.Incomplete {
		out.advise("holds no test case")
	}
	if format.name == junit.name && charset == "utf-8" && !f.Incomplete && !out.beyondPeer && out.depth < peerDepth && copied.whole() {
		crossCheck(copied.kept, out)
		reread = len(copied.kept)
	}
	return f, reread
}

// cause takes the file's name out of an error, for the sentence has it already.
func cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// copier keeps a copy of a small file for the second reader.
type copier struct {
	r     io.Reader
	limit int
	kept  []byte
	over  bool
}

func (c *copier) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if !c.over {
		if len(c.kept)+n > c.limit {
			c.over, c.kept = true, nil
		} else {
			c.kept = append(c.kept, p[:n]...)
		}
	}
	return n, err
}

func (c *copier) whole() bool { return !c.over && len(c.kept) > 0 }
