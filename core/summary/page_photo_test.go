package summary

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pagePhotos are the pictures of release reports, by the name of the file.
var pagePhotos = map[string]struct {
	scene string
	dark  bool
	// without names parts, in CSS, that are passed over so that what follows is seen.
	without string
	// paper is set where the page is printed: A4 or Letter.
	paper string
}{
	"page-good":              {scene: "page-good"},
	"page-good-dark":         {scene: "page-good", dark: true},
	"page-good-a4":           {scene: "page-good", paper: "A4"},
	"page-bad":               {scene: "page-bad"},
	"page-bad-dark":          {scene: "page-bad", dark: true},
	"page-bad-cells":         {scene: "page-bad", without: "nav, #why"},
	"page-bad-a4":            {scene: "page-bad", paper: "A4"},
	"page-bad-letter":        {scene: "page-bad", paper: "Letter"},
	"page-insufficient":      {scene: "page-insufficient"},
	"page-insufficient-dark": {scene: "page-insufficient", dark: true},
	"page-insufficient-a4":   {scene: "page-insufficient", paper: "A4"},
}

const (
	// screenHeight is how much of the page is kept of a picture of the screen, and sheets how many of the
	// printed ones: what follows are more rows of the same tables.
	screenHeight = 1700
	sheets       = 8
)

// TestPagePhotographs looks after the pictures of release reports in testdata/photos, as
// TestPhotographs does after those of comments.
func TestPagePhotographs(t *testing.T) {
	for name, p := range pagePhotos {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", "photos", name+".png")
			if *photos {
				page := filepath.Join(t.TempDir(), "page.html")
				text := Page(releases()[p.scene])
				if p.paper != "" {
					text = strings.Replace(text, "@page {", "@page { size: "+p.paper+";", 1)
				}
				if p.without != "" {
					text = strings.Replace(text, "</style>", p.without+" { display: none }</style>", 1)
				}
				require.NoError(t, os.WriteFile(page, []byte(text), 0o644))
				if p.paper != "" {
					printed(t, page, file)
				} else {
					onScreen(t, page, p.scene, p.dark, file)
				}
			}
			info, err := os.Stat(file)
			require.NoError(t, err, "run make photos")
			assert.Less(t, info.Size(), int64(photoLimit))
		})
	}
}

// onScreen photographs the page in a window. Chromium must show the same text as the test's own parser sees.
func onScreen(t *testing.T, page, scene string, dark bool, file string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", "photos", scene+".txt"))
	require.NoError(t, err)
	require.Equal(t, string(want), shown(t, string(chromium(t, "--dump-dom", "file://"+page))))
	raw := filepath.Join(t.TempDir(), "raw.png")
	args := []string{fmt.Sprintf("--window-size=1120,%d", screenHeight), "--hide-scrollbars", "--screenshot=" + raw, "file://" + page}
	if dark {
		args = append([]string{"--blink-settings=preferredColorScheme=0"}, args...)
	}
	chromium(t, args...)
	src := picture(t, raw)
	save(t, file, src, src.Bounds(), 64)
}

// printed photographs the first printed pages beside each other. Each must carry its number.
func printed(t *testing.T, page, file string) {
	t.Helper()
	dir := t.TempDir()
	pdf := filepath.Join(dir, "page.pdf")
	chromiumPrint(t, "--no-pdf-header-footer", "--print-to-pdf="+pdf, "file://"+page)
	text := tool(t, "pdftotext", "-layout", pdf, "-")
	pages := strings.Split(strings.TrimSuffix(text, "\f"), "\f")
	for i, p := range pages {
		require.Contains(t, p, fmt.Sprintf("Page %d of %d", i+1, len(pages)))
		if i > 0 {
			require.Contains(t, strings.Join(strings.Fields(p), " "), "Release report · ")
		}
	}
	tool(t, "pdftoppm", "-r", "56", "-gray", "-png", "-l", fmt.Sprint(sheets), pdf, filepath.Join(dir, "sheet"))
	found, err := filepath.Glob(filepath.Join(dir, "sheet*.png"))
	require.NoError(t, err)
	slices.Sort(found)
	require.NotEmpty(t, found)
	const gap, across = 8, 4
	var one image.Rectangle
	var all []image.Image
	for _, f := range found {
		all = append(all, picture(t, f))
		one = one.Union(all[len(all)-1].Bounds())
	}
	rows := (len(all) + across - 1) / across
	sheet := image.NewRGBA(image.Rect(0, 0, min(len(all), across)*(one.Dx()+gap)+gap, rows*(one.Dy()+gap)+gap))
	draw.Draw(sheet, sheet.Bounds(), image.NewUniform(color.RGBA{128, 128, 128, 255}), image.Point{}, draw.Src)
	for i, p := range all {
		at := image.Pt(gap+i%across*(one.Dx()+gap), gap+i/across*(one.Dy()+gap))
		draw.Draw(sheet, p.Bounds().Add(at), p, p.Bounds().Min, draw.Src)
	}
	save(t, file, sheet, sheet.Bounds(), 16)
}

// chromiumPrint is chromium without a bound on virtual time, which would end it before it has printed.
func chromiumPrint(t *testing.T, args ...string) {
	t.Helper()
	tool(t, "chromium", append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir=" + t.TempDir()}, args...)...)
}

func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	require.NoError(t, err, "make photos installs it")
	cmd := exec.CommandContext(t.Context(), path, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	return string(out)
}

func picture(t *testing.T, file string) image.Image {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	p, err := png.Decode(f)
	require.NoError(t, err)
	return p
}

// few are the colours that a picture needs most, at most n of them. Of those that are nearly alike, as
// the edges of letters are, only the most frequent counts, so that the colours of shapes are kept.
func few(src image.Image, size image.Rectangle, n int) color.Palette {
	type bucket struct {
		all  int
		each map[color.RGBA]int
	}
	alike := map[color.RGBA]*bucket{}
	for y := size.Min.Y; y < size.Max.Y; y++ {
		for x := size.Min.X; x < size.Max.X; x++ {
			r, g, b, _ := src.At(x, y).RGBA()
			c := color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}
			k := color.RGBA{c.R >> 4, c.G >> 4, c.B >> 4, 0}
			if alike[k] == nil {
				alike[k] = &bucket{each: map[color.RGBA]int{}}
			}
			alike[k].all++
			alike[k].each[c]++
		}
	}
	byCount := func(count func(color.RGBA) int) func(a, b color.RGBA) int {
		return func(a, b color.RGBA) int {
			return cmp.Or(count(b)-count(a), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
		}
	}
	keys := slices.SortedFunc(maps.Keys(alike), byCount(func(k color.RGBA) int { return alike[k].all }))
	var out color.Palette
	for _, k := range keys[:min(len(keys), n)] {
		b := alike[k]
		out = append(out, slices.SortedFunc(maps.Keys(b.each), byCount(func(c color.RGBA) int { return b.each[c] }))[0])
	}
	return out
}

// save keeps a part of a picture in few colours, so that it is small.
func save(t *testing.T, file string, src image.Image, size image.Rectangle, colors int) {
	t.Helper()
	dst := image.NewPaletted(size, few(src, size, colors))
	draw.Draw(dst, size, src, size.Min, draw.Src)
	var out bytes.Buffer
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, dst))
	require.NoError(t, os.WriteFile(file, out.Bytes(), 0o644))
}
