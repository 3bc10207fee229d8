package evidence

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Secrets of these tests are put together here, so that nobody who searches this repository for
// secrets finds any.
const (
	letters = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6a7B8c9D0e1F2g3H4i5J6k7L8m9N0"
	hex32   = "0123456789abcdef0123456789abcdef"
)

var (
	jwtHead = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0."
	awsKey  = "AK" + "IAQ5ZZZZZZZZZZZ7XY"
	ghp     = "gh" + "p_" + letters[:36]
)

func pem(kind string, lines int) string {
	var b strings.Builder
	b.WriteString("-----BEGIN " + kind + "-----\n")
	for i := range lines {
		b.WriteString(letters[i%8:i%8+64] + "\n")
	}
	return b.String() + "Zz9/+A==\n-----END " + kind + "-----"
}

type shapeCase struct{ in, want string }

// shapeCases are texts with something of every shape, and neighbours that stay.
func shapeCases() map[string]shapeCase {
	key := pem("RSA PRIVATE KEY", 4)
	escaped, _ := json.Marshal(map[string]string{"private_key": key + "\n", "type": "service_account"})
	forHTML, _ := json.Marshal("https://x/?a=1&sig=" + letters[:44])
	var inXML bytes.Buffer
	_ = xml.EscapeText(&inXML, []byte("a\n"+key+"\nb"))
	var events, kept strings.Builder
	for i, line := range strings.Split(key, "\n") {
		fmt.Fprintf(&events, `{"Action":"output","Output":"%s\n"}`+"\n", line)
		if i > 0 && i < 6 {
			line = "[REDACTED private key]"
		}
		fmt.Fprintf(&kept, `{"Action":"output","Output":"%s\n"}`+"\n", line)
	}
	events.WriteString(`{"Action":"fail"}`)
	kept.WriteString(`{"Action":"fail"}`)
	all := map[string]shapeCase{
		"aws":                     {"id " + awsKey + ".", "id [REDACTED aws access key id]."},
		"aws temporary":           {"ASIA" + awsKey[4:], "[REDACTED aws access key id]"},
		"aws secret in env":       {"AWS_SECRET_ACCESS_KEY=" + letters[:38] + "/+\n", "AWS_SECRET_ACCESS_KEY=[REDACTED aws secret key]\n"},
		"aws secret in JSON":      {`{"SecretAccessKey" : "` + letters[:40] + `"}`, `{"SecretAccessKey" : "[REDACTED aws secret key]"}`},
		"aws secret in XML":       {`<SecretAccessKey>` + letters[:40] + `</SecretAccessKey>`, `<SecretAccessKey>[REDACTED aws secret key]</SecretAccessKey>`},
		"aws secret, quoted":      {`secretAccessKey=&quot;` + letters[:40] + `&quot;`, `secretAccessKey=&quot;[REDACTED aws secret key]&quot;`},
		"aws session token":       {"aws_session_token = " + letters + letters, "aws_session_token = [REDACTED aws session token]"},
		"google":                  {"key=AIza" + letters[:35] + "&x", "key=[REDACTED google api key]&x"},
		"google token":            {"ya29." + letters[:10] + "." + letters[:30] + ".", "[REDACTED google token]."},
		"google client":           {"GOCSPX-" + letters[:28], "[REDACTED google client secret]"},
		"azure":                   {"AccountName=x;AccountKey=" + letters[:80] + "abcdef==;Endpoint=y", "AccountName=x;AccountKey=[REDACTED azure key];Endpoint=y"},
		"azure bus":               {"SharedAccessKeyName=Root;SharedAccessKey=" + letters[:43] + "=", "SharedAccessKeyName=Root;SharedAccessKey=[REDACTED azure key]"},
		"azure signature":         {"https://x/?sv=1&sig=" + letters[:40] + "%2Fab%3D&se=2", "https://x/?sv=1&sig=[REDACTED signature]&se=2"},
		"signature in JSON":       {string(forHTML), `"https://x/?a=1\u0026sig=[REDACTED signature]"`},
		"signature in XML":        {"?a=1&amp;sig=" + letters[:44] + "&amp;b", "?a=1&amp;sig=[REDACTED signature]&amp;b"},
		"github app":              {"gh" + "s_123_" + jwtHead + letters[:43] + ".", "[REDACTED github token]."},
		"github fine-grained":     {"github_pat_" + letters[:22] + "_" + letters[:59], "[REDACTED github token]"},
		"gitlab routable":         {"glpat-" + letters[:27] + ".01.1234567 ok", "[REDACTED gitlab token] ok"},
		"gitlab runner, old":      {"GR1348941" + letters[:20], "[REDACTED gitlab token]"},
		"npm":                     {"//r/:_authToken=npm_" + letters[:36], "//r/:_authToken=[REDACTED npm token]"},
		"pypi":                    {"pypi-AgEIcHlwaS5vcmc" + letters, "[REDACTED pypi token]"},
		"docker":                  {"dckr_pat_" + letters[:27], "[REDACTED docker token]"},
		"docker organisation":     {"dckr_oat_" + letters[:27], "[REDACTED docker token]"},
		"slack":                   {"xox" + "b-123456789012-123456789012-" + letters[:24], "[REDACTED slack token]"},
		"slack app":               {"xapp-1-A0123456789-" + letters[:24], "[REDACTED slack token]"},
		"slack webhook":           {"https://hooks.slack.com/services/T0123456/B0123456/" + letters[:24], "https://hooks.slack.com/services/[REDACTED slack webhook]"},
		"sendgrid":                {"SG." + letters[:22] + "." + letters[:43], "[REDACTED sendgrid key]"},
		"twilio":                  {"SK" + hex32 + ",", "[REDACTED twilio key],"},
		"vault":                   {"hvs." + letters[:24], "[REDACTED vault token]"},
		"digitalocean":            {"dop_v1_" + hex32 + hex32, "[REDACTED digitalocean token]"},
		"anthropic":               {"sk-ant-api03-" + letters[:40], "[REDACTED anthropic key]"},
		"openai":                  {"sk-proj-" + letters[:40], "[REDACTED openai key]"},
		"jwt":                     {"t=" + jwtHead + letters[:43] + ";", "t=" + jwtHead + "[REDACTED jwt signature];"},
		"bearer":                  {"> Authorization: Bearer abc.def-12\r\n", "> Authorization: Bearer [REDACTED authorization]\r\n"},
		"bearer in JSON":          {`{"authorization":"bearer abcdef12"}`, `{"authorization":"bearer [REDACTED authorization]"}`},
		"bearer in JSON in JSON":  {`{\"Authorization\":\"Bearer abcdef12\"}`, `{\"Authorization\":\"Bearer [REDACTED authorization]\"}`},
		"bearer in HAR":           {`{"name":"Authorization","value":"Bearer abcdef12"}`, `{"name":"Authorization","value":"Bearer [REDACTED authorization]"}`},
		"bearer of Go":            {"map[Authorization:[Bearer abcdef12]]", "map[Authorization:[Bearer [REDACTED authorization]]]"},
		"bearer with JWT":         {"Authorization: Bearer " + jwtHead + letters[:43], "Authorization: Bearer [REDACTED authorization]"},
		"bearer alone":            {"sent Bearer " + letters[:24] + ".", "sent Bearer [REDACTED bearer token]."},
		"no scheme":               {"Authorization: " + letters[:24], "Authorization: [REDACTED authorization]"},
		"no scheme, twenty":       {"Authorization: " + letters[:20] + " ok", "Authorization: [REDACTED authorization] ok"},
		"proxy":                   {"Proxy-Authorization: token abcdef12", "Proxy-Authorization: token [REDACTED authorization]"},
		"basic":                   {"Authorization: Basic dXNlcjpwYXNz\n", "Authorization: Basic [REDACTED basic authorization]\n"},
		"basic alone":             {"('Basic dTpw')", "('Basic [REDACTED basic authorization]')"},
		"private token":           {"PRIVATE-TOKEN: abcdefgh1\n", "PRIVATE-TOKEN: [REDACTED token header]\n"},
		"api key in XML":          {"x-api-key=&quot;abcdefgh1&quot;", "x-api-key=&quot;[REDACTED token header]&quot;"},
		"url":                     {"postgres://shop:s3cr3t@db:5432/shop", "postgres://shop:[REDACTED password]@db:5432/shop"},
		"url without user":        {"redis://:p%40ss@[::1]:6379", "redis://:[REDACTED password]@[::1]:6379"},
		"url with token as user":  {"https://" + ghp + ":x-oauth-basic@github.com", "https://[REDACTED github token]:[REDACTED password]@github.com"},
		"url with token":          {"https://oauth2:" + ghp + "@github.com", "https://oauth2:[REDACTED password]@github.com"},
		"key":                     {"a\n" + key + "\nb", "a\n[REDACTED private key]\nb"},
		"key, other line ends":    {strings.ReplaceAll(key, "\n", "\r\n"), "[REDACTED private key]"},
		"key in one line":         {strings.ReplaceAll(key, "\n", " "), "[REDACTED private key]"},
		"key in JSON":             {string(escaped), `{"private_key":"[REDACTED private key]\n","type":"service_account"}`},
		"key in XML":              {inXML.String(), "a&#xA;[REDACTED private key]&#xA;b"},
		"key of OpenSSH":          {pem("OPENSSH PRIVATE KEY", 3), "[REDACTED private key]"},
		"key of PGP":              {pem("PGP PRIVATE KEY BLOCK", 30), "[REDACTED private key]"},
		"key, encrypted":          {strings.Replace(key, "-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123ABCD\n\n", 1), "[REDACTED private key]"},
		"key of 16384 bits":       {pem("PRIVATE KEY", 190), "[REDACTED private key]"},
		"key, line by line":       {events.String(), kept.String()},
		"key, cut off":            {key[:200] + "\n", key[:32] + "[REDACTED private key]\n[REDACTED private key]\n" + "[REDACTED private key]\n"},
		"key after another's end": {key[:97] + key, key[:32] + "[REDACTED private key]\n[REDACTED private key]"},
		"key in base64":           {"client-key-data: " + base64.StdEncoding.EncodeToString([]byte(key)), "client-key-data: [REDACTED private key]"},
		"behind an escape":        {`"a\n` + ghp + `\n\t` + ghp + `"`, `"a\n[REDACTED github token]\n\t[REDACTED github token]"`},
		"behind a colour":         {"\x1b[1;32m" + ghp + "\x1b[0m", "\x1b[1;32m[REDACTED github token]\x1b[0m"},
		"behind %3D":              {"t%3D" + ghp, "t%3D[REDACTED github token]"},
		"behind a letter of JSON": {`\u003d` + ghp + ` \x3d` + ghp, `\u003d[REDACTED github token] \x3d[REDACTED github token]`},
		"two":                     {ghp + "," + ghp, "[REDACTED github token],[REDACTED github token]"},
	}
	for _, p := range []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_"} {
		all["github "+p] = shapeCase{"token " + p + letters[:36] + ".\n", "token [REDACTED github token].\n"}
	}
	for _, p := range []string{"glpat-", "glptt-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glft-", "glimt-", "glagent-", "gloas-", "glsoat-", "glffct-"} {
		all["gitlab "+p] = shapeCase{"token " + p + letters[:20] + ".\n", "token [REDACTED gitlab token].\n"}
	}
	for _, p := range []string{"sk_live_", "rk_live_", "sk_test_", "rk_test_"} {
		all["stripe "+p] = shapeCase{p + letters[:24], "[REDACTED stripe key]"}
	}
	for _, p := range []string{"RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"} {
		all["base64 of "+p] = shapeCase{"k: " + base64.StdEncoding.EncodeToString([]byte(pem(p, 2))) + "\n", "k: [REDACTED private key]\n"}
	}
	for _, p := range []string{"private-token", "JOB-TOKEN", "Deploy-Token", "X-Api-Key", "X-Auth-Token", "X-Vault-Token", "X-Amz-Security-Token"} {
		all["header "+p] = shapeCase{p + ": " + letters[:20], p + ": [REDACTED token header]"}
	}
	for _, p := range []string{"secret-access-key", "AWS_SECRET_KEY", "aws_secret_access_key"} {
		all["aws "+p] = shapeCase{p + ": " + letters[:40], p + ": [REDACTED aws secret key]"}
	}
	all["aws sessionToken"] = shapeCase{`"sessionToken":"` + letters + letters + `"`, `"sessionToken":"[REDACTED aws session token]"`}
	return all
}

// stays are texts of which nothing is taken out.
var stays = []string{
	"AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", // Amazon's documentation
	"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
	"AKIAQ5ZZZZZZZZZZZ7XYZ", "AKIAQ5ZZZZZZZZZZZ7X", "akiaq5zzzzzzzzzzz7xy", "xAKIAQ5ZZZZZZZZZZZ7XY", // longer, shorter, a word's end
	letters[:40], "key=" + letters[:40], "aws_secret_access_key is not set", "secretAccessKey: " + letters[:41],
	"session_token: none", "AIza" + letters[:34], "AIza" + letters[:36], "ya29.short",
	"AccountKey=short==", "config=" + letters[:50], "?sig=abc",
	"ghp_short", "gh" + "p_" + letters[:35], "https://github.com/assay-dev/assay", "github_pat_x", "glpat-x", "GR1348941x",
	"npm_config_registry=https://registry.npmjs.org", "npm_package_" + letters, "pypi-AgE", "dckr_pat_x",
	"xoxo-love-and-kisses-for-everybody", "sk_live_x", "mask_live_" + letters, "SG.short.short", "SK" + hex32 + "0", "TASK" + hex32,
	"SKIPPED", "hvs.x", "eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.",
	"Authorization: Bearer undefined", "Authorization: Bearer <token>", "Authorization: Bearer $TOKEN", "Authorization: Bearer ${{ secrets.T }}",
	"Authorization: Basic ***", "authorization required for all 24 of them", "Authorization: AWS4-HMAC-SHA256 Credential=x",
	"TestAuthorizationBearerTokenIsRefused2Times", "WWW-Authenticate: Bearer realm=\"x1\"", "the bearer token of 2026 was refused",
	"Basic authentication", "Basic understanding1", "Basic dXNlcnBhc3M=", "Basic 12345678", "BASIC usage of it", "Authorization: Basic dXNlcjpw[REDACTED]",
	"PRIVATE-TOKEN: <your_access_token>", "x-api-key is missing", "private-token: invalid",
	"http://localhost:8080/a@b", "http://host:8080?x=a@b", "https://user@host", "ssh://git@github.com:22/x", "http://a:$PASS@host", "http://a:***@host",
	"http://a:%s@host", "http://a:${P}@host", "http://a:xxxxx@host", "http://a:1 b@c", "mongodb://a:27017,b:27017/x", "http://a:[REDACTED]@host",
	"password=hunter22", "token: abcdefgh1234", "secret=abcdefgh1234",
	"-----BEGIN CERTIFICATE-----\n" + letters[:64] + "\n-----END CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----\n" + letters[:64] + "\n-----END PUBLIC KEY-----",
	"-----BEGIN PRIVATE KEY----- is missing", strings.Repeat("-", 300),
	// What is between two halves of a key is never lost: it may be the failed test.
	"# -----BEGIN PRIVATE KEY-----\nnot ok 2 - login\n# -----END PRIVATE KEY-----",
	`<a m="-----BEGIN PRIVATE KEY-----"/><b><failure/></b><c m="-----END PRIVATE KEY-----"/>`,
	`{"m":"-----BEGIN PRIVATE KEY-----","status":"failed","x":"-----END PRIVATE KEY-----"}`,
	"-----BEGIN PRIVATE KEY-----\nFAIL\nFAIL\n-----END PRIVATE KEY-----",
	"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg" + letters,
}

func TestShapes(t *testing.T) {
	used := map[string]bool{}
	for name, test := range shapeCases() {
		t.Run(name, func(t *testing.T) {
			got, count := NewRedactor(nil).String(test.in)
			assert.Equal(t, test.want, got)
			assert.Equal(t, strings.Count(test.want, "[REDACTED "), count)
			again, count := NewRedactor(nil).String(got)
			assert.Equal(t, got, again, "what is redacted is redacted")
			assert.Zero(t, count)
			for i := range shapes {
				v := test.in
				if shapes[i].fold {
					v = strings.ToLower(v)
				}
				used[shapes[i].begin] = used[shapes[i].begin] || strings.Contains(v, shapes[i].begin)
			}
		})
	}
	for _, s := range shapes {
		assert.True(t, used[s.begin], "no test has %q", s.begin)
	}
}

func TestShapesLeaveNeighbours(t *testing.T) {
	for _, text := range stays {
		for _, in := range []string{text, "a " + text + " b", text + "\n"} {
			got, count := NewRedactor(nil).String(in)
			assert.Equal(t, in, got)
			assert.Zero(t, count)
		}
	}
}

// A known value wins, and what is left of a shape around it is no second secret.
func TestKnownValuesWinOverShapes(t *testing.T) {
	for in, want := range map[string]string{
		ghp + " " + ghp:                       "[REDACTED] [REDACTED]",
		"https://u:hunter22@host":             "https://u:[REDACTED]@host",
		"Authorization: Bearer " + ghp:        "Authorization: Bearer [REDACTED]",
		"x hunter22 gh" + "o_" + letters[:36]: "x [REDACTED] [REDACTED github token]",
	} {
		got, count := NewRedactor([]string{ghp, "hunter22"}).String(in)
		assert.Equal(t, want, got)
		assert.Equal(t, strings.Count(want, "[REDACTED"), count)
	}
}

// writeAll writes pieces through a new writer.
func writeAll(t testing.TB, r *Redactor, pieces ...string) (string, int) {
	var out bytes.Buffer
	w := r.Writer(&out)
	for _, p := range pieces {
		_, err := io.WriteString(w, p)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.String(), w.Count()
}

func TestShapesSplitAtEveryByte(t *testing.T) {
	r := NewRedactor(nil)
	for name, test := range shapeCases() {
		for i := range min(len(test.in), 2000) {
			got, _ := writeAll(t, r, test.in[:i], test.in[i:])
			require.Equal(t, test.want, got, "%s, split at %d", name, i)
		}
		got, _ := writeAll(t, r, strings.Split(test.in, "")...)
		require.Equal(t, test.want, got, "%s, byte by byte", name)
	}
	for _, text := range stays {
		for i := range text {
			got, _ := writeAll(t, r, text[:i], text[i:])
			require.Equal(t, text, got, "split at %d", i)
		}
	}
}

// checkShapes compares any split with the whole, and holds what is true of every redaction.
func checkShapes(t *testing.T, text string, seed uint64) {
	r := NewRedactor([]string{"hunter22"})
	want, count := r.String(text)
	random := rand.New(rand.NewPCG(seed, 1))
	var pieces []string
	for rest := text; rest != ""; {
		n := 1 + random.IntN(min(len(rest), 1+random.IntN(64)))
		pieces = append(pieces, rest[:n])
		rest = rest[n:]
	}
	got, gotCount := writeAll(t, r, pieces...)
	require.Equal(t, want, got)
	require.Equal(t, count, gotCount)
	if !strings.Contains(text, "[REDACTED") {
		require.Equal(t, count, strings.Count(got, "[REDACTED"), "each place has one mark")
	}
	// No cut takes half of an escape.
	encoded, err := json.Marshal(text)
	require.NoError(t, err)
	redacted, _ := r.String(string(encoded))
	require.True(t, json.Valid([]byte(redacted)), "%s", redacted)
	// The structure of a report is never part of a secret.
	for _, b := range "<>{}\"" {
		require.Equal(t, strings.Count(text, string(b)), strings.Count(got, string(b)), "%q", b)
	}
}

func TestShapesAnySplit(t *testing.T) {
	var parts []string
	for _, c := range shapeCases() {
		parts = append(parts, c.in)
	}
	parts = append(parts, stays...)
	random := rand.New(rand.NewPCG(3, 3))
	for range 1500 {
		var b strings.Builder
		for range 1 + random.IntN(6) {
			part := parts[random.IntN(len(parts))]
			switch random.IntN(4) {
			case 0: // torn, so that one shape runs into another
				part = part[:random.IntN(len(part)+1)]
			case 1:
				part += strings.Repeat("x", random.IntN(30))
			case 2:
				part += []string{"\n", " ", ".", "://", `\n`, "=", "hunter22"}[random.IntN(7)]
			}
			b.WriteString(part)
		}
		checkShapes(t, b.String(), random.Uint64())
	}
}

func FuzzShapes(f *testing.F) {
	for _, c := range shapeCases() {
		f.Add(c.in, uint64(1))
	}
	for _, s := range stays {
		f.Add(s, uint64(2))
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		if len(text) < 100_000 {
			checkShapes(t, text, seed)
		}
	})
}

// A secret that never ends is taken out to its end, with bounded memory; a beginning that turns out
// to be none is handed on whole.
func TestShapesHoldBackLittle(t *testing.T) {
	for name, test := range map[string]struct{ begin, more, end, want string }{
		"a token without end":  {ghp, letters[:64], "!", "[REDACTED github token]!"},
		"a JWT's head":         {"eyJ", letters[:64], "!", ""},
		"a key's first line":   {"-----BEGIN PRIVATE KEY-----\n", "some line of a log\n", "!", ""},
		"an account in a link": {"https://", "a", "!", ""},
		"dashes":               {"-", "-----", "!", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			w := NewRedactor(nil).Writer(&out)
			_, _ = io.WriteString(w, test.begin)
			for range 1 << 14 {
				_, _ = io.WriteString(w, test.more)
			}
			assert.Less(t, cap(w.shaper.buf), 4*maxShape)
			_, _ = io.WriteString(w, test.end)
			require.NoError(t, w.Close())
			if test.want == "" {
				test.want = test.begin + strings.Repeat(test.more, 1<<14) + test.end
			}
			assert.True(t, test.want == out.String(), "the text differs")
		})
	}
}

// What a waiting person is shown at once: everything but what may be the beginning of a secret.
func TestShapesHoldBackOnlyWhatMayBeOne(t *testing.T) {
	var out bytes.Buffer
	w := NewRedactor(nil).Writer(&out)
	for _, step := range []struct{ write, out string }{
		{"Password? ", "Password? "},
		{"g", "Password? "},
		{"o on\n", "Password? go on\n"},
		{"gh" + "p_", "Password? go on\n"},
		{letters[:35], "Password? go on\n"},
		{letters[35:36], "Password? go on\n[REDACTED github token]"},
		{letters[36:60], "Password? go on\n[REDACTED github token]"},
		{" ok\n", "Password? go on\n[REDACTED github token] ok\n"},
	} {
		_, err := io.WriteString(w, step.write)
		require.NoError(t, err)
		assert.Equal(t, step.out, out.String())
	}
}

func TestReaderOfAnyLeavesBinaryFiles(t *testing.T) {
	r := NewRedactor([]string{"hunter22"})
	for in, want := range map[string]string{
		"\x89PNG\x00 " + ghp + " hunter22":         "\x89PNG\x00 " + ghp + " [REDACTED]",
		"text " + ghp + " hunter22":                "text [REDACTED github token] [REDACTED]",
		strings.Repeat("a\n", 4096) + "\x00" + ghp: strings.Repeat("a\n", 4096) + "\x00[REDACTED github token]",
		"": "",
	} {
		got, err := io.ReadAll(r.ReaderOfAny(strings.NewReader(in)))
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
		got, err = io.ReadAll(r.ReaderOfAny(slowly{strings.NewReader(in)}))
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
}

// slowly gives a byte at a time.
type slowly struct{ r io.Reader }

func (s slowly) Read(p []byte) (int, error) { return s.r.Read(p[:min(1, len(p))]) }

// noise is a log full of what looks like secrets and is none.
func noise(size int) []byte {
	random := rand.New(rand.NewPCG(11, 11))
	bytesOf := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	var out bytes.Buffer
	for i := 0; out.Len() < size; i++ {
		switch u := bytesOf(16); i % 8 {
		case 0:
			fmt.Fprintf(&out, "commit %x author\n", bytesOf(20))
		case 1:
			fmt.Fprintf(&out, "image shop@sha256:%x pulled\n", bytesOf(32))
		case 2:
			fmt.Fprintf(&out, "trace=%x-%x-%x-%x-%x span=%x\n", u[:4], u[4:6], u[6:8], u[8:10], u[10:], u[:8])
		case 3:
			fmt.Fprintf(&out, "integrity sha512-%s\n", base64.StdEncoding.EncodeToString(bytesOf(64)))
		case 4:
			fmt.Fprintf(&out, `<img src="data:image/png;base64,%s"/>`+"\n", base64.StdEncoding.EncodeToString(bytesOf(3000)))
		case 5:
			fmt.Fprintf(&out, "id=%s key: %s\n", base64.RawURLEncoding.EncodeToString(bytesOf(300)), hex.EncodeToString(u))
		case 6:
			fmt.Fprintf(&out, "GET https://shop.example:8443/a/%x?t=%s 200\n", u, base64.RawURLEncoding.EncodeToString(bytesOf(30)))
		case 7:
			for range 20 { // as base64 and uuencode wrap it
				fmt.Fprintf(&out, "%s\n", base64.StdEncoding.EncodeToString(bytesOf(57)))
			}
		}
	}
	return out.Bytes()
}

func TestShapesLeaveNoise(t *testing.T) {
	text := string(noise(16 << 20))
	got, count := NewRedactor(nil).String(text)
	assert.Zero(t, count)
	assert.True(t, text == got)
}

// What is taken out of some hundred real reports, none of which holds a real secret, is printed.
func TestShapesOnCorpus(t *testing.T) {
	dir := os.Getenv("ASSAY_CORPUS")
	if dir == "" {
		t.Skip("ASSAY_CORPUS does not name the corpus of reports")
	}
	files, size, hit, places := 0, 0, 0, 0
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files, size = files+1, size+len(b)
		// Line by line, to show them; and whole, because that is what counts.
		_, n := NewRedactor(nil).String(string(b))
		if places += n; n > 0 {
			hit++
			t.Logf("%s: %d", strings.TrimPrefix(path, dir), n)
			for line := range strings.Lines(string(b)) {
				if got, n := NewRedactor(nil).String(line); n > 0 {
					i := strings.Index(got, "[REDACTED ")
					t.Logf("  %q", got[max(0, i-60):min(len(got), i+80)])
				}
			}
		}
		return nil
	}))
	t.Logf("%d files, %d bytes: %d places in %d files", files, size, places, hit)
	assert.LessOrEqual(t, hit*100, files, "at most one file in a hundred is touched")
}

// Texts made to be judged again and again.
func BenchmarkShapesWorst(b *testing.B) {
	for name, word := range map[string]string{
		"dashes": "-", "jwt": "-eyJ", "jwts": " eyJaaaaaaaa.eyJ", "google": "-AIza", "key": "-----BEGIN PRIVATE KEY-----\n", "key, one line": "-----BEGIN PRIVATE KEY-----",
		"authorization": "authorization=", "url": "://a:", "slack": "-xoxb-", "bearer": "bearer ", "signature": "sig=", "secrets": "secretaccesskey=",
		"jwt within": "-eyJaaaaaaaa.eyJaaaa", "colours": "1;1;1;1mAKIA", "noise": "",
	} {
		text := []byte(strings.Repeat(word, 1<<20/max(1, len(word))))
		if word == "" {
			text = noise(1 << 20)
		}
		b.Run(name, func(b *testing.B) {
			w := NewRedactor(nil).Writer(io.Discard)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				_, _ = w.Write(text)
			}
		})
	}
}
