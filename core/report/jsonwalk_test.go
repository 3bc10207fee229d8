package report

import (
	"encoding/json"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func walkWhole(content string) error {
	j := newJSONWalk(strings.NewReader(content), Limits{}.withDefaults())
	j.skip()
	var f File
	return j.end(&sink{file: &f})
}

func TestJSONWalkText(t *testing.T) {
	for in, want := range map[string]string{
		`"a\"\\\/\b\f\n\r\tb"`:       "a\"\\/\n\tb",
		`"\u00fc\ud83d\ude00\ud83d"`: "ü😀\ufffd",
		`"\ud83d\u0041"`:             "\ufffdA",
		`"\u001b[31mred\u001b[0m"`:   "red",
		`-1.5e3`:                     "-1.5e3",
		`true`:                       "true",
		`null`:                       "",
		`{"a":1}`:                    "",
	} {
		j := newJSONWalk(strings.NewReader(in), Limits{}.withDefaults())
		assert.Equal(t, want, j.text(100), in)
		assert.NoError(t, j.end(&sink{file: &File{}}), in)
	}
}

func TestJSONWalkDamage(t *testing.T) {
	for _, in := range []string{"", "{", `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `[`, `[1`, `[1,`, `"a`, `"\u12`, `tru`, `-`} {
		assert.Error(t, walkWhole(in), in)
	}
	for _, in := range []string{`{a:1}`, `{"a" 1}`, `{"a":1 "b":2}`, `[1 2]`, `[}`, `nope`, `"\x"`, `1 2`, "1 \x00{", `{} {}`, `'a'`, `[1,]`, `{"a":1,}`} {
		err := walkWhole(in)
		require.Error(t, err, in)
		assert.NotContains(t, err.Error(), "ends early", in)
	}
	assert.ErrorContains(t, walkWhole(strings.Repeat("[", 1_000_000)), "nested deeper than 256 values")
	assert.EqualError(t, walkWhole("{\n\n\"a\": x"), `could not be read to its end: "x" is no value, in line 3; no case could be read`)
}

// TestJSONWalkBounded holds that a string of any size costs no more than what is kept of it.
func TestJSONWalkBounded(t *testing.T) {
	const size = 16 << 20
	body := func() io.Reader {
		return io.MultiReader(strings.NewReader(`{"stats":{"passes":1,"failures":0,"pending":0},"tests":[],"pending":[],"failures":[],"passes":[{"title":"x","fullTitle":"x","file":"`),
			io.LimitReader(repeat('a'), size), strings.NewReader(`","attachment":"`), io.LimitReader(repeat('b'), size), strings.NewReader(`","err":{}}]}`))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f := ReadFile(body(), "r.json", "", Options{}, nil)
	runtime.ReadMemStats(&after)
	assert.Equal(t, 1, f.Passed)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(size/2))
}

type repeat byte

func (r repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r)
	}
	return len(p), nil
}

// FuzzJSONWalk holds that what encoding/json accepts is accepted, and the other way round as far as
// reports go: raw tabs and line ends in strings and odd numbers are let pass.
func FuzzJSONWalk(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5e3,true,null,"\u00fc\n"],"b":{}}`, `[[],[{}]]`, `"`, `{"a":`, `1e999`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		err := walkWhole(content)
		if valid := json.Valid([]byte(content)); valid && err != nil && !strings.Contains(err.Error(), "nested deeper") && !strings.Contains(err.Error(), "longer than") {
			t.Errorf("%q is refused: %v", content, err)
		}
		if open := strings.Count(content, "{") + strings.Count(content, "[") - strings.Count(content, "}") - strings.Count(content, "]"); err == nil && open != 0 && !strings.Contains(content, `"`) {
			t.Errorf("%q is accepted", content)
		}
	})
}
