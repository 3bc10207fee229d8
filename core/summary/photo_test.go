package summary

import (
	"bytes"
	"flag"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var photos = flag.Bool("photos", false, "take the photographs of the comments anew; needs chromium")

// photo is one picture of a comment in a browser.
type photo struct {
	scene string
	// open shows what is folded away, dark the colours of the night, annotations the remarks in the code.
	open, dark, annotations bool
}

var photoList = map[string]photo{
	"ready":                 {scene: "ready"},
	"not-ready":             {scene: "not-ready", annotations: true},
	"not-ready-dark":        {scene: "not-ready", dark: true},
	"not-ready-open":        {scene: "not-ready", open: true},
	"insufficient":          {scene: "insufficient"},
	"ten-thousand-failures": {scene: "ten-thousand-failures"},
	"waived":                {scene: "waived"},
}

// photoLimit bounds a picture in the repository, in bytes.
const photoLimit = 150_000

// TestPhotographs looks after the pictures in testdata/photos. With -photos it takes them anew
// (`make photos`); they are there for people and not compared point by point.
func TestPhotographs(t *testing.T) {
	for name, p := range photoList {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", "photos", name+".png")
			if *photos {
				s := scenes()[p.scene]
				md := Comment(s, "", commentLimit)
				page := filepath.Join(t.TempDir(), "page.html")
				require.NoError(t, os.WriteFile(page, []byte(pageOf(t, s, md, p)), 0o644))
				// Chromium reads the comment as the test's own parser does.
				dom := string(chromium(t, "--dump-dom", "file://"+page))
				_, dom, _ = strings.Cut(dom, "<main>")
				dom, _, _ = strings.Cut(dom, "</main>")
				want, err := os.ReadFile(filepath.Join("testdata", "photos", p.scene+".txt"))
				require.NoError(t, err)
				require.Equal(t, string(want), shown(t, dom))
				raw := filepath.Join(t.TempDir(), "raw.png")
				chromium(t, "--window-size=850,9000", "--hide-scrollbars", "--screenshot="+raw, "file://"+page)
				develop(t, raw, file)
			}
			info, err := os.Stat(file)
			require.NoError(t, err, "run make photos")
			assert.Less(t, info.Size(), int64(photoLimit))
		})
	}
}

func chromium(t *testing.T, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("chromium")
	require.NoError(t, err, "make photos installs it")
	args = append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--force-color-profile=srgb",
		"--user-data-dir=" + t.TempDir(), "--virtual-time-budget=2000"}, args...)
	cmd := exec.CommandContext(t.Context(), path, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	return out
}

// develop cuts the empty rest off a picture and keeps it in few colours, so that it is small.
func develop(t *testing.T, raw, file string) {
	t.Helper()
	in, err := os.Open(raw)
	require.NoError(t, err)
	defer in.Close()
	src, err := png.Decode(in)
	require.NoError(t, err)
	bounds, empty := src.Bounds(), src.At(0, src.Bounds().Max.Y-1)
	bottom := bounds.Max.Y
	for ; bottom > 1; bottom-- {
		same := true
		for x := bounds.Min.X; x < bounds.Max.X && same; x++ {
			same = src.At(x, bottom-1) == empty
		}
		if !same {
			break
		}
	}
	require.Less(t, bottom, bounds.Max.Y, "the page is longer than the window")
	size := image.Rect(0, 0, bounds.Dx(), min(bottom+16, bounds.Max.Y))
	dst := image.NewPaletted(size, palette(src, size))
	for y := range size.Dy() {
		for x := range size.Dx() {
			dst.Set(x, y, src.At(x, y))
		}
	}
	var out bytes.Buffer
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, dst))
	require.NoError(t, os.WriteFile(file, out.Bytes(), 0o644))
}

// palette is the colours that a picture needs most, at most 64 of them.
func palette(src image.Image, size image.Rectangle) color.Palette {
	count := map[color.RGBA]int{}
	for y := range size.Dy() {
		for x := range size.Dx() {
			r, g, b, _ := src.At(x, y).RGBA()
			count[color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}]++
		}
	}
	var all []color.RGBA
	for c := range count {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int {
		if count[a] != count[b] {
			return count[b] - count[a]
		}
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
	var out color.Palette
	for _, c := range all[:min(len(all), 64)] {
		out = append(out, c)
	}
	return out
}

// pageOf is a page that resembles the place where a forge shows a comment.
func pageOf(t *testing.T, s Summary, md string, p photo) string {
	t.Helper()
	body := rendered(t, md)
	if p.open {
		body = strings.ReplaceAll(body, "<details>", "<details open>")
	}
	theme := "light"
	if p.dark {
		theme = "dark"
	}
	return fmt.Sprintf(photoPage, theme, html.EscapeString(s.Context.CI), body, remarks(t, s, p))
}

// remarks are the annotations as they stand beside the code.
func remarks(t *testing.T, s Summary, p photo) string {
	t.Helper()
	if !p.annotations {
		return ""
	}
	list, total := Annotations(s, 50)
	var b strings.Builder
	fmt.Fprintf(&b, "<h3>Annotations: %d of %d failed tests say where they are</h3>", len(list), total)
	for _, a := range list {
		kind := "notice"
		if a.Blocking {
			kind = "failure"
		}
		fmt.Fprintf(&b, `<div class="remark %s"><b>%s</b><small>%s line %d · %s</small><pre>%s</pre></div>`,
			kind, html.EscapeString(a.Title), html.EscapeString(a.Path), a.Line, kind, html.EscapeString(a.Message))
	}
	return b.String()
}

const photoPage = `<!doctype html>
<html lang="en" class="%s"><head><meta charset="utf-8"><title>comment</title><style>
:root { --fg: #1f2328; --muted: #59636e; --bg: #ffffff; --soft: #f6f8fa; --line: #d1d9e0; --link: #0969da; --code: #818b981f; --fail: #cf222e }
.dark { --fg: #f0f6fc; --muted: #9198a1; --bg: #0d1117; --soft: #151b23; --line: #3d444d; --link: #4493f8; --code: #656c7633; --fail: #f85149 }
* { box-sizing: border-box }
body { margin: 0; padding: 24px 40px; width: 850px; background: var(--bg); color: var(--fg);
  font: 14px/1.5 "Noto Sans", "Liberation Sans", Helvetica, Arial, sans-serif }
.comment { border: 1px solid var(--line); border-radius: 6px; width: 770px }
header { background: var(--soft); border-bottom: 1px solid var(--line); border-radius: 6px 6px 0 0; padding: 8px 16px; color: var(--muted) }
header b { color: var(--fg) }
header span { border: 1px solid var(--line); border-radius: 2em; padding: 0 7px; font-size: 12px }
main { display: block; padding: 16px; overflow-wrap: break-word }
main > *:first-child { margin-top: 0 } main > *:last-child { margin-bottom: 0 }
p, ul, ol, table, pre, details { margin: 0 0 16px }
h2 { font-size: 21px; line-height: 1.25; padding-bottom: 6px; border-bottom: 1px solid var(--line); margin: 0 0 16px }
h3 { font-size: 14px; margin: 24px 0 8px }
a { color: var(--link); text-decoration: underline }
ul, ol { padding-left: 2em } li + li { margin-top: 4px } li > pre { margin-top: 8px }
code { font: 85%%/1 "Liberation Mono", monospace; background: var(--code); padding: .2em .4em; border-radius: 6px }
pre { font: 85%%/1.45 "Liberation Mono", monospace; background: var(--soft); padding: 16px; border-radius: 6px; overflow: auto }
pre code { background: none; padding: 0; font: inherit }
table { border-collapse: collapse; display: block; width: max-content; max-width: 100%%; overflow: auto }
th, td { border: 1px solid var(--line); padding: 6px 13px; text-align: left } th { font-weight: 600 }
tr:nth-child(2n) td { background: var(--soft) }
summary { cursor: pointer }
.remark { border: 1px solid var(--line); border-left: 4px solid var(--muted); border-radius: 6px; padding: 8px 16px; margin-bottom: 8px; width: 770px }
.remark.failure { border-left-color: var(--fail) }
.remark small { display: block; color: var(--muted) } .remark pre { margin: 8px 0 4px; padding: 8px }
</style></head><body><div class="comment"><header><b>%s-bot</b> commented <span>bot</span></header><main>%s</main></div>%s</body></html>
`
