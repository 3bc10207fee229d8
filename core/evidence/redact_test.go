package evidence

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRedactString(t *testing.T) {
	key := "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\nab\n-----END KEY-----\n"
	for name, test := range map[string]struct {
		secrets []string
		in      string
		want    string
		count   int
	}{
		"none":                       {nil, "text", "text", 0},
		"absent":                     {[]string{"hunter22"}, "text without it, longer than the secret", "text without it, longer than the secret", 0},
		"whole":                      {[]string{"hunter22"}, "hunter22", "[REDACTED]", 1},
		"several":                    {[]string{"hunter22"}, "a hunter22 b hunter22hunter22", "a [REDACTED] b [REDACTED][REDACTED]", 3},
		"space around":               {[]string{" hunter22\n"}, "x hunter22 y", "x [REDACTED] y", 1},
		"too short to take out":      {[]string{"abc", "", " abc\n"}, "abc abcabc", "abc abcabc", 0},
		"shortest":                   {[]string{"abcd"}, "abcdabc", "[REDACTED]abc", 1},
		"longest first":              {[]string{"token", "token-1234"}, "token-1234 token-12 token", "[REDACTED] [REDACTED]-12 [REDACTED]", 3},
		"one within the other":       {[]string{"234567", "123456789"}, "x123456789x", "x[REDACTED]x", 1},
		"overlapping":                {[]string{"abcdef", "defghi"}, "-abcdefghi-", "-[REDACTED]-", 1},
		"overlapping with itself":    {[]string{"abab"}, "xabababx", "x[REDACTED]x", 1},
		"chain":                      {[]string{"12345", "45678", "789ab"}, "0123456789abc", "0[REDACTED]c", 1},
		"same twice":                 {[]string{"hunter22", "hunter22"}, "hunter22", "[REDACTED]", 1},
		"binary":                     {[]string{"\x00\xff\x00\xfe\x01"}, "a\x00\xff\x00\xfe\x01b", "a[REDACTED]b", 1},
		"lines":                      {[]string{key}, "> MIIEvQIBADANBgkq <\n    hkiG9w0BAQEFAASC\nab", "> [REDACTED] <\n    [REDACTED]\nab", 2},
		"lines of a Windows tool":    {[]string{key}, "v=" + strings.ReplaceAll(strings.TrimSpace(key), "\n", "\r\n") + ".", "v=[REDACTED].", 1},
		"whole of several lines":     {[]string{key}, "v=" + key + ".", "v=[REDACTED]\n.", 1},
		"one line in JSON":           {[]string{key}, `{"k":"-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\nab\n-----END KEY-----"}`, `{"k":"[REDACTED]"}`, 1},
		"base64 with padding":        {[]string{"hunter2222"}, "aHVudGVyMjIyMg==", "[REDACTED]", 1},
		"base64 without":             {[]string{"hunter2222"}, "aHVudGVyMjIyMg.", "[REDACTED].", 1},
		"base64 of echo":             {[]string{"hunter2222"}, base64.StdEncoding.EncodeToString([]byte("hunter2222\n")), "[REDACTED]", 1},
		"base64 for URLs":            {[]string{"\xfb\xff\xfe\xfb\xff\xfe\xfb\xff\xfe"}, "-__--__--__-", "[REDACTED]", 1},
		"short values are not coded": {[]string{"hunter2"}, base64.StdEncoding.EncodeToString([]byte("hunter2")), "aHVudGVyMg==", 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, count := NewRedactor(test.secrets).String(test.in)
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.count, count)
		})
	}
}

// Each form is made here by the package that a tool would use, not by forms.
func TestRedactEscapedForms(t *testing.T) {
	const secret = `p&ss<w>/"o'rd"+ %é`
	r := NewRedactor([]string{secret})
	for name, escape := range map[string]func(string) string{
		"URL query":          url.QueryEscape,
		"URL path":           url.PathEscape,
		"encodeURIComponent": func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") },
		"URL lower-case hex": func(s string) string {
			return strings.NewReplacer("%2B", "%2b", "%2F", "%2f", "%3C", "%3c", "%3E", "%3e", "%C3%A9", "%c3%a9").Replace(url.QueryEscape(s))
		},
		"user info of a URL":  func(s string) string { return strings.TrimPrefix(url.UserPassword("u", s).String(), "u:") },
		"JSON":                func(s string) string { b, _ := json.Marshal(s); return strings.Trim(string(b), `"`) },
		"XML as Go writes it": func(s string) string { var b bytes.Buffer; _ = xml.EscapeText(&b, []byte(s)); return b.String() },
		"XML attribute":       strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;").Replace,
		"XML text":            strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace,
	} {
		t.Run(name, func(t *testing.T) {
			got, count := r.String("a=" + escape(secret) + ";")
			assert.Equal(t, "a=[REDACTED];", got)
			assert.Equal(t, 1, count)
		})
	}
}

func TestRedactBasicAuthorization(t *testing.T) {
	const secret = "correct-horse-battery"
	r := NewRedactor([]string{secret})
	for _, user := range []string{"", "u", "us", "use", "user"} {
		for _, after := range []string{"", "x", "xy"} {
			in := base64.StdEncoding.EncodeToString([]byte(user + ":" + secret + after))
			got, count := r.String(in)
			assert.Equal(t, 1, count, "%s: %s", in, got)
			// What is left of the code words shared with the neighbours is at most two bytes of it.
			rest, _ := base64.StdEncoding.DecodeString(strings.ReplaceAll(got, Redacted, ""))
			assert.NotContains(t, string(rest), "orrect")
		}
	}
}

func TestRedactingWriterHoldsBackOnlyWhatMayBeASecret(t *testing.T) {
	var out bytes.Buffer
	w := newValueRedactor([]string{"hunter22", "hunter22-and-more"}).Writer(&out)
	for _, step := range []struct{ write, out string }{
		{"login: ", "login: "},
		{"h", "login: "},
		{"u", "login: "},
		{"!", "login: hu!"},
		{" hunter2", "login: hu! "},
		{"2", "login: hu! "}, // the longer one is still possible
		{"-x", "login: hu! [REDACTED]-x"},
		{"hunt", "login: hu! [REDACTED]-x"},
	} {
		_, err := io.WriteString(w, step.write)
		require.NoError(t, err)
		assert.Equal(t, step.out, out.String())
	}
	require.NoError(t, w.Flush())
	assert.Equal(t, "login: hu! [REDACTED]-xhunt", out.String())
	_, _ = io.WriteString(w, "hunter22")
	require.NoError(t, w.Close())
	assert.Equal(t, "login: hu! [REDACTED]-xhunt[REDACTED]", out.String())
	assert.Equal(t, 2, w.Count())
	require.NoError(t, w.Close(), "closing twice is harmless")
	_, err := io.WriteString(w, "x")
	assert.Error(t, err)
}

func TestRedactingWriterReportsErrors(t *testing.T) {
	boom := errors.New("disk full")
	w := NewRedactor([]string{"hunter22"}).Writer(failing{boom})
	n, err := io.WriteString(w, "text")
	assert.ErrorIs(t, err, boom)
	assert.Zero(t, n)
	_, err = io.WriteString(w, "more")
	assert.ErrorIs(t, err, boom)
	assert.ErrorIs(t, w.Close(), boom)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestRedactingReader(t *testing.T) {
	r := NewRedactor([]string{"hunter22"})
	in := strings.Repeat("some text, then hunter22 and ", 10000) + "hunter2"
	want := strings.Repeat("some text, then [REDACTED] and ", 10000) + "hunter2"
	for name, src := range map[string]io.Reader{
		"whole": strings.NewReader(in), "bytes": iotest.OneByteReader(strings.NewReader(in)), "data with EOF": iotest.DataErrReader(strings.NewReader(in)),
	} {
		t.Run(name, func(t *testing.T) {
			rr := r.Reader(src)
			got, err := io.ReadAll(rr)
			require.NoError(t, err)
			assert.True(t, want == string(got), "the text differs")
			assert.Equal(t, 10000, rr.Count())
		})
	}
	require.NoError(t, iotest.TestReader(r.Reader(strings.NewReader("a hunter22 b")), []byte("a [REDACTED] b")))

	_, err := io.ReadAll(r.Reader(io.MultiReader(strings.NewReader("x"), iotest.ErrReader(io.ErrUnexpectedEOF))))
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestZeroRedactorsPassThrough(t *testing.T) {
	for _, r := range []*Redactor{nil, {}, newValueRedactor(nil), newValueRedactor([]string{"abc"})} {
		got, count := r.String("abcd")
		assert.Equal(t, "abcd", got)
		assert.Zero(t, count)
		b, err := io.ReadAll(r.Reader(strings.NewReader("abcd")))
		require.NoError(t, err)
		assert.Equal(t, "abcd", string(b))
		var out bytes.Buffer
		w := r.Writer(&out)
		_, err = io.WriteString(w, "abcd")
		require.NoError(t, err)
		assert.Equal(t, "abcd", out.String(), "nothing is held back")
		require.NoError(t, w.Close())
	}
}

// redactSlowly is the definition: everything that any form covers goes, and each connected place
// becomes one Redacted.
func redactSlowly(r *Redactor, text string) (string, int) {
	var out strings.Builder
	count, end := 0, 0
	for p := range len(text) {
		n := 0
		for _, f := range r.forms {
			if strings.HasPrefix(text[p:], f) {
				n = max(n, len(f))
			}
		}
		if n > 0 && p >= end {
			out.WriteString(Redacted)
			count++
		}
		end = max(end, p+n)
		if p >= end {
			out.WriteByte(text[p])
		}
	}
	return out.String(), count
}

// checkSplits compares with the definition, whole and split at places drawn from seed.
func checkSplits(t *testing.T, secrets []string, text string, seed uint64) {
	t.Helper()
	r := newValueRedactor(secrets)
	want, wantCount := redactSlowly(r, text)
	got, count := r.String(text)
	require.Equal(t, want, got)
	require.Equal(t, wantCount, count)

	random := rand.New(rand.NewPCG(seed, 1))
	var out bytes.Buffer
	w := r.Writer(&out)
	for rest := text; rest != ""; {
		n := 1 + random.IntN(min(len(rest), 1+random.IntN(16)))
		_, err := io.WriteString(w, rest[:n])
		require.NoError(t, err)
		rest = rest[n:]
	}
	require.NoError(t, w.Close())
	require.Equal(t, want, out.String())
	require.Equal(t, wantCount, w.Count())

	for _, f := range r.forms {
		// The one thing that cannot be taken out is a secret that the mark itself spells with its surroundings.
		if !strings.ContainsAny(f, Redacted) {
			require.NotContains(t, got, f)
		}
	}
}

func TestRedactAnySplit(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	word := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "ab\n"[random.IntN(20)/9] // few letters, so that secrets overlap and repeat
		}
		return string(b)
	}
	for range 2000 {
		var secrets []string
		for range 1 + random.IntN(4) {
			secrets = append(secrets, word(3+random.IntN(12)))
		}
		text := word(random.IntN(200))
		for range random.IntN(6) {
			fs := forms(secrets[random.IntN(len(secrets))])
			if len(fs) > 0 {
				text += word(random.IntN(8)) + fs[random.IntN(len(fs))]
			}
		}
		checkSplits(t, secrets, text, random.Uint64())
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("hunter22", "ter22-and", "login hunter22-and more", uint64(1))
	f.Add("aaaa", "aaaaaaab", "aaaaaaaaaaaaabaaaa", uint64(2))
	f.Add("line one\nline two\n", "%2f&<>", "line one\r\nline two bGluZSBvbmUKbGluZSB0d28=", uint64(3))
	f.Fuzz(func(t *testing.T, a, b, text string, seed uint64) {
		if len(a)+len(b) > 200 || len(text) > 2000 {
			return // the definition is slow
		}
		checkSplits(t, []string{a, b}, text+a+b+text, seed)
	})
}

func BenchmarkRedact(b *testing.B) {
	line := "2026-03-01T12:30:45.123Z INFO  checkout-7d9f8b6c5-x2x4z  POST /api/v1/orders 201 in 12.3ms trace=4bf92f3577b34da6\n"
	log := []byte(strings.Repeat(line, 1<<20/len(line)))
	for name, secrets := range map[string][]string{
		"shapes": nil,
		"few":    {"hunter22hunter22", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "postgres://shop:s3cr3t@db:5432/shop?sslmode=disable"},
		"key":    {"-----BEGIN KEY-----\n" + strings.Repeat("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n", 40)},
		"many":   manySecrets(),
	} {
		for size, chunk := range map[string]int{"32KiB": 32 << 10, "line": len(line)} {
			b.Run(name+"/"+size, func(b *testing.B) {
				w := NewRedactor(secrets).Writer(io.Discard)
				b.SetBytes(int64(len(log)))
				for b.Loop() {
					for rest := log; len(rest) > 0; {
						n := min(chunk, len(rest))
						if _, err := w.Write(rest[:n]); err != nil {
							b.Fatal(err)
						}
						rest = rest[n:]
					}
				}
			})
		}
	}
}

func manySecrets() []string {
	random := rand.New(rand.NewPCG(1, 1))
	var all []string
	for range 100 {
		v := make([]byte, 24)
		for i := range v {
			v[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[random.IntN(36)]
		}
		all = append(all, string(v))
	}
	return all
}
