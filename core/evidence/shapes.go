package evidence

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"
)

// This file finds secrets that nobody named, by their shape: tokens with the prefix that their
// issuer gave them for this very purpose, private keys, credentials in headers and URLs. What stands
// in reports keeps its structure: no cut ever holds a quote, an angle bracket or a brace, so that a
// failed test cannot vanish between two halves of a key.
//
// Assignments such as password=... are left alone: in logs of tests they are names of tests and
// fixtures nearly every time. Who has such a value names it (fromSecret, fromRunner, --secret-env).

// shape is one kind of secret. It is looked at only where begin stands.
type shape struct {
	name  string // what the mark says; never a byte of the secret
	begin string // at least two bytes of ASCII; in lower case where fold is set
	fold  bool   // upper and lower case are the same
	free  bool   // may stand directly behind a letter or digit
	whole bool   // may not stand behind a dash or underscore either, being of such itself
	find  func(*look) bool
}

// mark is what stands where the secret was.
func (s *shape) mark() string { return "[REDACTED " + s.name + "]" }

var shapes = []shape{
	{name: "private key", begin: "-----BEGIN ", free: true, find: pemBlock},
	// The same in base64, as Kubernetes shows Secrets and kubeconfigs have client-key-data.
	{name: "private key", begin: "LS0tLS1CRUdJTiBQUklWQVRFIEtFW", find: token(base64Bytes, 20)},
	{name: "private key", begin: "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVkt", find: token(base64Bytes, 20)},
	{name: "private key", begin: "LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0t", find: token(base64Bytes, 20)},
	{name: "private key", begin: "LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZ", find: token(base64Bytes, 20)},

	{name: "aws access key id", begin: "AKIA", find: awsID},
	{name: "aws access key id", begin: "ASIA", find: awsID},
	{name: "aws secret key", begin: "secret_access_key", fold: true, free: true, find: awsSecret},
	{name: "aws secret key", begin: "secret-access-key", fold: true, free: true, find: awsSecret},
	{name: "aws secret key", begin: "secretaccesskey", fold: true, free: true, find: awsSecret},
	{name: "aws secret key", begin: "aws_secret_key", fold: true, free: true, find: awsSecret},
	{name: "aws session token", begin: "session_token", fold: true, free: true, find: named(base64Bytes, 100)},
	{name: "aws session token", begin: "sessiontoken", fold: true, free: true, find: named(base64Bytes, 100)},
	{name: "google api key", begin: "AIza", whole: true, find: exactly(dashedBytes, 35)},
	{name: "google token", begin: "ya29.", find: token(dottedBytes, 30)},
	{name: "google client secret", begin: "GOCSPX-", find: token(dashedBytes, 20)},
	{name: "azure key", begin: "accountkey", fold: true, free: true, find: named(base64Bytes, 80)},
	{name: "azure key", begin: "sharedaccesskey", fold: true, free: true, find: named(base64Bytes, 40)},
	{name: "signature", begin: "sig=", find: after(urlBytes, 43)},

	{name: "github token", begin: "ghp_", find: token(alnumBytes, 36)},
	{name: "github token", begin: "gho_", find: token(alnumBytes, 36)},
	{name: "github token", begin: "ghu_", find: token(alnumBytes, 36)},
	{name: "github token", begin: "ghs_", find: token(dottedBytes, 36)}, // may carry a JWT
	{name: "github token", begin: "ghr_", find: token(alnumBytes, 36)},
	{name: "github token", begin: "github_pat_", find: token(wordBytes, 36)},
	{name: "gitlab token", begin: "glpat-", find: token(dottedBytes, 20)},
	{name: "gitlab token", begin: "glptt-", find: token(dottedBytes, 20)},
	{name: "gitlab token", begin: "gldt-", find: token(dottedBytes, 20)},
	{name: "gitlab token", begin: "glrt-", find: token(dottedBytes, 20)},
	{name: "gitlab token", begin: "glrtr-", find: token(dottedBytes, 20)},
	{name: "gitlab token", begin: "glcbt-", find: token(dottedBytes, 20)},
	{name: "gitlab token", begin: "glft-", find: token(dottedBytes, 20)},
	{name: "gitlab token", begin: "glimt-", find: token(dottedBytes, 20)},
	{name: "gitlab token", begin: "glagent-", find: token(dottedBytes, 20)},
	{name: "gitlab token", begin: "gloas-", find: token(dottedBytes, 20)},
	{name: "gitlab token", begin: "glsoat-", find: token(dottedBytes, 20)},
	{name: "gitlab token", begin: "glffct-", find: token(dottedBytes, 20)},
	{name: "gitlab token", begin: "GR1348941", find: exactly(dashedBytes, 20)},

	{name: "npm token", begin: "npm_", find: token(alnumBytes, 36)},
	{name: "pypi token", begin: "pypi-AgE", find: token(dashedBytes, 50)},
	{name: "docker token", begin: "dckr_pat_", find: token(dashedBytes, 20)},
	{name: "docker token", begin: "dckr_oat_", find: token(dashedBytes, 20)},
	{name: "slack token", begin: "xox", whole: true, find: slackToken},
	{name: "slack token", begin: "xapp-", find: token(dashedBytes, 20)},
	{name: "slack webhook", begin: "hooks.slack.com/services/", free: true, find: after(pathBytes, 30)},
	{name: "stripe key", begin: "sk_live_", find: token(alnumBytes, 16)},
	{name: "stripe key", begin: "rk_live_", find: token(alnumBytes, 16)},
	{name: "stripe key", begin: "sk_test_", find: token(alnumBytes, 16)},
	{name: "stripe key", begin: "rk_test_", find: token(alnumBytes, 16)},
	{name: "sendgrid key", begin: "SG.", find: sendgridKey},
	{name: "twilio key", begin: "SK", find: exactly(hexBytes, 32)},
	{name: "vault token", begin: "hvs.", find: token(dashedBytes, 24)},
	{name: "digitalocean token", begin: "dop_v1_", find: token(hexBytes, 64)},
	{name: "anthropic key", begin: "sk-ant-", find: token(dashedBytes, 32)},
	{name: "openai key", begin: "sk-proj-", find: token(dashedBytes, 32)},

	{name: "jwt signature", begin: "eyJ", whole: true, find: jwtSignature},
	{name: "authorization", begin: "authorization", fold: true, free: true, find: authorization},
	{name: "bearer token", begin: "bearer ", fold: true, find: bearer},
	{name: "basic authorization", begin: "basic ", fold: true, find: basic},
	{name: "token header", begin: "private-token", fold: true, free: true, find: header},
	{name: "token header", begin: "job-token", fold: true, free: true, find: header},
	{name: "token header", begin: "deploy-token", fold: true, free: true, find: header},
	{name: "token header", begin: "x-api-key", fold: true, free: true, find: header},
	{name: "token header", begin: "x-auth-token", fold: true, free: true, find: header},
	{name: "token header", begin: "x-vault-token", fold: true, free: true, find: header},
	{name: "token header", begin: "x-amz-security-token", fold: true, free: true, find: header},
	{name: "password", begin: "://", free: true, find: urlPassword},
}

// class is a set of bytes that a secret is made of. Where dots is set, a dot between two of them
// belongs to it too, and one at the end of a sentence does not.
type class struct {
	has  [256]bool
	dots bool
}

func newClass(more string, dots bool) *class {
	c := &class{dots: dots}
	for _, b := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + more) {
		c.has[b] = true
	}
	return c
}

func only(bytes string) *class {
	c := &class{}
	for _, b := range []byte(bytes) {
		c.has[b] = true
	}
	return c
}

var (
	alnumBytes  = newClass("", false)
	wordBytes   = newClass("_", false)
	dashedBytes = newClass("_-", false)
	dottedBytes = newClass("_-", true)
	pathBytes   = newClass("/", false)
	base64Bytes = newClass("+/=", false)
	awsBytes    = newClass("+/", false)
	urlBytes    = newClass("%+/=_-", false)
	valueBytes  = newClass("_-~+/=", true) // RFC 6750: token68
	hexBytes    = only("0123456789abcdef")
	idBytes     = only("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
	labelBytes  = only("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ")
)

// maxShape bounds how much text a shape is judged by, and so what is held back. A PEM block of
// 16384 bits has 13 KB. What a token has beyond it is taken out all the same, see look.open.
const maxShape = 32 << 10

// look is one judgement: whether the text v, which begins with the shape's begin, is that shape.
// Running into the end of v leaves the judgement open unless final says that it is really the end.
type look struct {
	v     []byte
	p     int
	final bool
	short bool   // more text could change the answer
	cuts  []cut  // what to take out, in order
	open  *class // the last cut goes on for as long as bytes are of this class
}

type cut struct {
	from, to int // the cut's place
	mark     string
	open     *class
}

func (l *look) cut(from, to int) bool {
	l.cuts = append(l.cuts, cut{from: from, to: to})
	return true
}

// run goes over bytes of a class and says how many they were.
func (l *look) run(c *class) int { return l.runTo(c, maxShape) }

// runTo is run, but gives up behind so many: where that is said to be too much, a text made to be
// slow is not read again and again.
func (l *look) runTo(c *class, most int) int {
	start := l.p
	for l.p < len(l.v) {
		if l.p-start > most {
			return l.p - start
		}
		b := l.v[l.p]
		switch {
		case c.has[b]:
			l.p++
			continue
		case b == '.' && c.dots && l.p > start:
			if l.p+1 == len(l.v) {
				l.end()
			} else if c.has[l.v[l.p+1]] {
				l.p += 2
				continue
			}
		}
		return l.p - start
	}
	l.end()
	return l.p - start
}

func (l *look) end() { l.short = l.short || !l.final }

// rest takes out what run went over, and what follows of the class when it comes.
func (l *look) rest(from int, c *class) bool {
	if l.p == len(l.v) || c.dots && l.p == len(l.v)-1 && l.v[l.p] == '.' {
		l.open = c
	}
	l.short = false
	return l.cut(from, l.p)
}

// next takes one byte, if it is that one.
func (l *look) next(b byte) bool {
	if l.p == len(l.v) {
		l.end()
		return false
	}
	if l.v[l.p] != b {
		return false
	}
	l.p++
	return true
}

// text takes a text, if it is that one.
func (l *look) text(s string) bool {
	for i := range len(s) {
		if !l.next(s[i]) {
			return false
		}
	}
	return true
}

// token is a prefix with at least so many bytes of a class.
func token(c *class, atLeast int) func(*look) bool {
	return func(l *look) bool { return l.run(c) >= atLeast && l.rest(0, c) }
}

// after is a text that stays, with at least so many bytes of a class behind it.
func after(c *class, atLeast int) func(*look) bool {
	return func(l *look) bool {
		start := l.p
		return l.run(c) >= atLeast && l.rest(start, c)
	}
}

// exactly is a prefix with just so many bytes of a class.
func exactly(c *class, n int) func(*look) bool {
	return func(l *look) bool {
		return l.runTo(c, n) == n && !l.short && l.cut(0, l.p)
	}
}

// named is a name, what may stand between it and a value, and the value.
func named(c *class, atLeast int) func(*look) bool {
	return func(l *look) bool {
		if !l.assigned() {
			return false
		}
		start := l.p
		return l.run(c) >= atLeast && l.rest(start, c)
	}
}

// Keys of Amazon's own documentation end like this and are everywhere.
func awsID(l *look) bool {
	if got := l.runTo(idBytes, 16); got != 16 || l.short || l.p < len(l.v) && alnumBytes.has[l.v[l.p]] {
		return false
	}
	return !bytes.HasSuffix(l.v[:l.p], []byte("EXAMPLE")) && l.cut(0, l.p)
}

func awsSecret(l *look) bool {
	if !l.assigned() {
		return false
	}
	start := l.p
	return l.runTo(awsBytes, 40) == 40 && !l.short && !bytes.HasSuffix(l.v[:l.p], []byte("EXAMPLEKEY")) && l.cut(start, l.p)
}

func slackToken(l *look) bool {
	if l.p == len(l.v) {
		l.end()
		return false
	}
	if c := l.v[l.p]; c < 'a' || c > 'z' {
		return false
	}
	l.p++
	if !l.next('-') {
		return false
	}
	if l.p < len(l.v) && (l.v[l.p] < '0' || l.v[l.p] > '9') {
		return false
	}
	return l.run(dashedBytes) >= 16 && l.rest(0, dashedBytes)
}

func sendgridKey(l *look) bool {
	if n := l.runTo(dashedBytes, 32); n < 16 || n > 32 {
		l.short = l.short && n <= 32
		return false
	}
	return l.next('.') && l.run(dashedBytes) >= 30 && l.rest(0, dashedBytes)
}

// A JWT's header and payload say whom it was issued to, which helps whoever looks for a failure;
// nobody accepts them without the signature.
func jwtSignature(l *look) bool {
	if n := l.runTo(dashedBytes, 4096); n < 8 || n > 4096 {
		l.short = l.short && n <= 4096
		return false
	}
	if !l.text(".eyJ") {
		return false
	}
	l.run(dashedBytes)
	if !l.next('.') {
		return false
	}
	start := l.p
	return l.run(dashedBytes) >= 16 && l.rest(start, dashedBytes)
}

// assigned goes over what stands between a name and its value, in headers, code, JSON, XML and HAR
// files, and says whether it looks like that.
func (l *look) assigned() bool {
	said := false
	for limit := l.p + 48; l.p < limit; {
		if l.p == len(l.v) {
			l.end()
			return false
		}
		switch b := l.v[l.p]; b {
		case ':', '=', '>', ',':
			said = true
			l.p++
		case ' ', '\t', '\r', '\n', '"', '\'', '[', '&', ';', '(':
			l.p++
		case '\\':
			// An escape is gone over whole: half of it is no JSON any more.
			have := l.v[l.p:min(len(l.v), l.p+6)]
			switch {
			case len(have) < 2 || have[1] == 'u' && len(have) < 6:
				l.end()
				return false
			case have[1] == 'u':
				said = said || string(have[2:]) == "003e" // >
				l.p += 6
			case have[1] == 'n' || have[1] == 'r' || have[1] == 't':
				l.p += 2
			default:
				l.p++
			}
		default:
			skip := 0
			for _, s := range []string{"value", "quot", "#34"} {
				have := l.v[l.p:min(len(l.v), l.p+len(s))]
				if len(have) < len(s) && strings.HasPrefix(s, string(have)) {
					l.end()
				}
				if string(have) == s {
					skip = len(s)
				}
			}
			if skip == 0 {
				return said
			}
			l.p += skip
		}
	}
	return false
}

// credential goes over a value and says whether it can be one: long, or with a digit in it.
// What programs print instead of one (undefined, null, invalid-token, <token>) has neither.
func (l *look) credential(atLeast int) bool {
	start := l.p
	n := l.run(valueBytes)
	return n >= 20 && n >= atLeast || n >= atLeast && bytes.ContainsAny(l.v[start:l.p], "0123456789")
}

func authorization(l *look) bool {
	if !l.assigned() {
		return false
	}
	start := l.p
	for l.p < len(l.v) && l.p-start < 20 && (alnumBytes.has[l.v[l.p]] || l.v[l.p] == '-') {
		l.p++
	}
	if l.p == len(l.v) && !l.final {
		l.short = true
		return false
	}
	switch strings.ToLower(string(l.v[start:l.p])) {
	case "bearer", "token", "apikey", "api-key", "jwt", "negotiate", "ntlm":
		for l.next(' ') {
		}
		value := l.p
		return l.credential(8) && l.rest(value, valueBytes)
	}
	if l.p < len(l.v) && l.v[l.p] == ' ' && l.p-start < 20 {
		return false // another scheme; basic is a shape of its own
	}
	l.p = start
	const most = 256 // a digit comes early in what is random
	if n := l.runTo(valueBytes, most); n < 20 || !bytes.ContainsAny(l.v[start:min(l.p, start+most)], "0123456789") {
		l.short = l.short && n <= most
		return false
	}
	l.run(valueBytes)
	return l.rest(start, valueBytes)
}

func bearer(l *look) bool {
	for l.next(' ') {
	}
	start := l.p
	n := l.run(valueBytes)
	return n >= 20 && bytes.ContainsAny(l.v[start:min(l.p, start+256)], "0123456789") && l.rest(start, valueBytes)
}

// basic decodes what follows: it is a user and a password or something else.
func basic(l *look) bool {
	for l.next(' ') {
	}
	start := l.p
	if n := l.runTo(base64Bytes, 1024); n > 1024 || n < 4 || l.short {
		l.short = l.short && n <= 1024
		return false
	}
	if l.p < len(l.v) && l.v[l.p] == Redacted[0] {
		return false // the password was known and is taken out
	}
	said, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(string(l.v[start:l.p]), "="))
	if err != nil || bytes.IndexByte(said, ':') < 0 || !utf8.Valid(said) {
		return false
	}
	for _, b := range said {
		if b < ' ' || b == 0x7f {
			return false
		}
	}
	return l.cut(start, l.p)
}

func header(l *look) bool {
	if !l.assigned() {
		return false
	}
	start := l.p
	return l.credential(8) && l.rest(start, valueBytes)
}

// urlPassword finds scheme://user:password@host and takes the password alone.
func urlPassword(l *look) bool {
	part := func() {
		start := l.p
		for l.p < len(l.v) && l.p-start <= 256 && userinfo(l.v[l.p]) {
			l.p++
		}
		if l.p == len(l.v) {
			l.end()
		}
		if l.p-start > 256 {
			l.short = false
		}
	}
	part()
	if !l.next(':') {
		return false
	}
	start := l.p
	part()
	end := l.p
	if end == start || !l.next('@') {
		return false
	}
	if l.p == len(l.v) {
		l.end()
		return false
	}
	if b := l.v[l.p]; !alnumBytes.has[b] && b != '[' {
		return false
	}
	return !placeholder(string(l.v[start:end])) && l.cut(start, end)
}

// userinfo says whether a byte may be one of a user or password in a URL.
func userinfo(b byte) bool {
	return b > ' ' && b != 0x7f && !strings.ContainsRune("/@:\"'<>?#\\`|{}[]", rune(b)) || b >= 0x80
}

// placeholder says whether a password is what stands for one in a template or was hidden already.
func placeholder(s string) bool {
	return s[0] == '$' || s == "%s" || s == "%v" || s == "%d" || strings.Trim(s, "*") == "" || strings.Trim(s, ".") == "" ||
		strings.Trim(s, "xX") == ""
}

// pemBlock takes a private key out. One whose lines stand by themselves goes in one piece, from its
// first line to its last. Where there is something else between (the fields of JSON events, time
// stamps, tags) or where its end is missing, only the key's own characters go.
func pemBlock(l *look) bool {
	start := l.p
	if n := l.run(labelBytes); n > 48 {
		l.short = false
		return false
	}
	label := string(l.v[start:l.p])
	if !l.text("-----") || !strings.Contains(label, "PRIVATE KEY") {
		return false
	}
	body := l.v[l.p:]
	again := bytes.Index(body, []byte("-----BEGIN "))
	if again >= 0 {
		body = body[:again]
	}
	end := bytes.Index(body, []byte("-----END "))
	if again < 0 && end < 0 && !l.final {
		l.short = true
		return false
	}
	if end >= 0 {
		footer := &look{v: l.v, p: l.p + end + len("-----END "), final: l.final}
		footer.run(labelBytes)
		whole := footer.text("-----")
		if footer.short {
			l.short = true
			return false
		}
		body = body[:end]
		if whole && pemAlone(body) {
			return l.cut(0, footer.p)
		}
	}
	l.pemLines(l.p, body)
	return len(l.cuts) > 0
}

// pemWord gives the place of the next word of a key at or after i, len(body) where there is none.
// Line ends may be written out, as in JSON and XML.
func pemWord(body []byte, i int) (from, to int) {
	for i < len(body) {
		switch b := body[i]; {
		case b == '\\' && i+1 < len(body) && body[i+1] == '/':
			return i, pemRun(body, i) // a slash, as some write it in JSON
		case b == '\\':
			for i < len(body) && body[i] == '\\' {
				i++
			}
			if i < len(body) && (body[i] == 'n' || body[i] == 'r' || body[i] == 't') {
				i++
			}
		case b == ' ' || b == '\n' || b == '\r' || b == '\t':
			i++
		case b == '&':
			skip := 1
			for _, s := range []string{"&#10;", "&#13;", "&#xA;", "&#xD;", "&#xa;", "&#xd;"} {
				if bytes.HasPrefix(body[i:], []byte(s)) {
					skip = len(s)
				}
			}
			if skip == 1 {
				return i, i + 1
			}
			i += skip
		default:
			return i, max(pemRun(body, i), i+1)
		}
	}
	return len(body), len(body)
}

func pemRun(body []byte, i int) int {
	for i < len(body) && (base64Bytes.has[body[i]] || body[i] == '\\' && i+1 < len(body) && body[i+1] == '/') {
		i++
	}
	return i
}

// pemLine is the shortest line, but for the last, of a key that goes in one piece; pemLong is the
// shortest that is known for one among other things.
const pemLine, pemLong = 32, 60

// pemAlone says whether there is nothing but a key. A shorter line is its last, or the checksum.
func pemAlone(body []byte) bool {
	last := 0
	body = bytes.TrimLeft(body, " \r\n\t")
	if bytes.HasPrefix(body, []byte("Proc-Type: 4,ENCRYPTED")) || bytes.HasPrefix(body, []byte(`\nProc-Type: 4,ENCRYPTED`)) {
		// An encrypted key of old has two fields before it: RFC 1421.
		info := bytes.Index(body, []byte("DEK-Info: "))
		if info < 0 || info > 40 {
			return false
		}
		body = body[info+len("DEK-Info: "):]
		n := 0
		for n < len(body) && (base64Bytes.has[body[n]] || body[n] == '-' || body[n] == ',') {
			n++
		}
		body = body[n:]
	}
	for i := 0; ; {
		from, to := pemWord(body, i)
		if from == len(body) {
			return true
		}
		if !base64Bytes.has[body[from]] && body[from] != '\\' {
			return false
		}
		if to-from < pemLine || last > 0 {
			if last++; last > 1 && (last > 2 || body[from] != '=') {
				return false
			}
		}
		i = to
	}
}

// pemLines cuts the lines of a key out of what stands around them, as long as one follows another
// soon. A line too short to be told from a word goes where it stands behind the same as those before.
func (l *look) pemLines(at int, body []byte) {
	const near = 1024
	before := []byte(nil)
	end := 0
	for i := 0; ; {
		from, to := pemWord(body, i)
		if from == len(body) || from-end > near {
			return
		}
		i = to
		long := to-from >= pemLong
		if !long && before != nil && base64Bytes.has[body[from]] && bytes.Equal(before, context(body, from)) && to-from > 3 {
			before = nil // there is one last line
			l.cut(at+from, at+to)
			end = to
			continue
		}
		if long {
			before, end = context(body, from), to
			l.cut(at+from, at+to)
		}
	}
}

// context is what stands before a place in its line, as far as eight bytes.
func context(body []byte, at int) []byte {
	from := max(0, at-8)
	if i := bytes.LastIndexByte(body[from:at], '\n'); i >= 0 {
		from += i
	}
	return body[from:at]
}

// bounded says whether a token may begin behind this text: not within a word. The last letter of
// an escape (a line end in JSON, a colour, a URL's %3D) belongs to no word.
func bounded(before []byte) bool {
	n := len(before)
	if n == 0 || !alnumBytes.has[before[n-1]] {
		return true
	}
	at := func(back int) byte {
		if back > n {
			return 0
		}
		return before[n-back]
	}
	hex := func(back int) bool {
		b := at(back) | 0x20
		return b >= '0' && b <= '9' || b >= 'a' && b <= 'f'
	}
	switch last := at(1); {
	case at(2) == '\\' && strings.IndexByte("nrtbfv", last) >= 0,
		hex(1) && hex(2) && at(3) == '%',
		hex(1) && hex(2) && at(3) == 'x' && at(4) == '\\',
		hex(1) && hex(2) && hex(3) && hex(4) && at(5) == 'u' && at(6) == '\\':
		return true
	case last == 'm':
		for back := 2; back <= min(n, maxBefore); back++ {
			switch b := at(back); {
			case b == '[':
				return true
			case b != ';' && (b < '0' || b > '9'):
				return false
			}
		}
	}
	return false
}

// maxBefore is how much of the text before a token is looked at.
const maxBefore = 16

// shapeIndex finds shapes by their first two bytes. Nearly every position of a log is dismissed by
// one look at these 16 KiB.
var shapeIndex = newShapeIndex()

type index struct {
	list  [128 * 128]uint8
	lists [][]*shape // lists[0] is empty
	// first are the bytes that a shape begins with; free, one that may stand within a word.
	first, free [256]bool
}

func pair(a, b byte) int { return int(a&127)<<7 | int(b&127) }

func newShapeIndex() *index {
	x := &index{lists: [][]*shape{nil}}
	add := func(a, b byte, s *shape) {
		x.first[a] = true
		x.free[a] = x.free[a] || s.free
		i := pair(a, b)
		if x.list[i] == 0 {
			x.list[i] = uint8(len(x.lists))
			x.lists = append(x.lists, nil)
		}
		if list := &x.lists[x.list[i]]; !slices.Contains(*list, s) {
			*list = append(*list, s)
		}
	}
	for i := range shapes {
		s := &shapes[i]
		a, b := s.begin[0], s.begin[1]
		add(a, b, s)
		if s.fold {
			add(upper(a), b, s)
			add(a, upper(b), s)
			add(upper(a), upper(b), s)
		}
	}
	return x
}

func upper(b byte) byte {
	if b >= 'a' && b <= 'z' {
		b -= 'a' - 'A'
	}
	return b
}

// begins gives 1 where v begins as the shape does, 0 where it may when there is more of it, and -1.
func (s *shape) begins(v []byte) int {
	for i := range min(len(v), len(s.begin)) {
		b := v[i]
		if s.fold && b >= 'A' && b <= 'Z' {
			b += 'a' - 'A'
		}
		if b != s.begin[i] {
			return -1
		}
	}
	if len(v) < len(s.begin) {
		return 0
	}
	return 1
}

// shaper takes the shapes out of a text that comes in pieces. The same text gives the same however
// it is split.
type shaper struct {
	buf   []byte // what is undecided, and before it what is needed to judge it
	pos   int    // buf[pos:] is undecided
	wait  int    // how long buf has to be before another judgement is worth while
	open  *class // bytes of this class belong to what was taken out last
	out   []byte // reused
	count int
}

// piece is how much is judged at once, whatever a caller writes.
const piece = 64 << 10

// write takes p and hands on what is decided.
func (s *shaper) write(p []byte, emit func([]byte)) {
	for len(p) > 0 {
		n := min(len(p), piece)
		s.buf = append(s.buf, p[:n]...)
		p = p[n:]
		if len(s.buf) >= s.wait {
			s.scan(false, emit)
		}
	}
}

// flush decides what is undecided as if the text ended here.
func (s *shaper) flush(emit func([]byte)) { s.scan(true, emit) }

func (s *shaper) scan(final bool, emit func([]byte)) {
	b, p, sent := s.buf, s.pos, s.pos
	s.out, s.wait = s.out[:0], 0
	var cuts []cut
scan:
	for p < len(b) {
		if s.open != nil {
			l := &look{v: b, p: p, final: final}
			if l.run(s.open); l.p == p && b[p] == '.' && s.open.dots {
				// A dot within goes with what follows it.
				if p+1 == len(b) && !final {
					sent = p
					break
				}
				if p+1 < len(b) && s.open.has[b[p+1]] {
					p++
					sent = p
					continue
				}
			}
			p = l.p
			sent = p
			if p < len(b) && !(b[p] == '.' && s.open.dots && p+1 == len(b) && !final) {
				s.open = nil
				continue
			}
			break
		}
		end := len(b)
		if len(cuts) > 0 {
			if end = cuts[0].from; p == end {
				c := cuts[0]
				cuts = cuts[1:]
				s.out = append(append(s.out, b[sent:p]...), c.mark...)
				s.count++
				p, sent, s.open = c.to, c.to, c.open
				continue
			}
		}
		p = shapeIndex.skip(b, p, end)
		if p+1 >= end {
			if p < end && len(cuts) == 0 && !final && shapeIndex.mayBegin(b, p) {
				break
			}
			p = end
			continue
		}
		found, more := judge(b, p, end, final || len(cuts) > 0)
		switch {
		case more:
			break scan
		case found == nil:
			p++
		default:
			if len(cuts) > 0 {
				found[len(found)-1].open = nil
			}
			cuts = append(found, cuts...)
		}
	}
	if len(s.out) == 0 {
		if sent < p {
			emit(b[sent:p])
		}
	} else {
		s.out = append(s.out, b[sent:p]...)
		emit(s.out)
	}
	if held := len(b) - p; held > 1024 {
		// Judging a long text anew for each byte that comes would be slow.
		s.wait = maxBefore + held + held/8
	}
	drop := max(0, p-maxBefore)
	s.buf = append(s.buf[:0], b[drop:]...)
	s.pos = p - drop
}

// skip gives the next position from p on where a shape may begin, and end-1 or more where none does.
func (x *index) skip(b []byte, p, end int) int {
	if p >= end {
		return p
	}
	v := b[p:end]
	for i := 0; i+1 < len(v); i++ {
		if x.list[int(v[i]&127)<<7|int(v[i+1]&127)] != 0 {
			return p + i
		}
	}
	return end - 1
}

// mayBegin says whether the last byte of a text may be the first of a shape.
func (x *index) mayBegin(b []byte, p int) bool {
	return x.first[b[p]] && (x.free[b[p]] || bounded(b[max(0, p-maxBefore):p]))
}

// judge says what is to be taken out of the shape that begins at p; or that it takes more to tell.
func judge(b []byte, p, end int, final bool) (cuts []cut, more bool) {
	v := b[p:min(end, p+maxShape)]
	final = final || len(v) == maxShape
	free := 0 // whether a token may begin here: not known yet, yes, no
	for _, s := range shapeIndex.lists[shapeIndex.list[pair(b[p], b[p+1])]] {
		begins := s.begins(v)
		if begins < 0 {
			continue
		}
		if !s.free {
			if free == 0 {
				if free = 2; bounded(b[max(0, p-maxBefore):p]) {
					free = 1
				}
			}
			if free == 2 {
				continue
			}
		}
		if s.whole && p > 0 && dashedBytes.has[b[p-1]] && !alnumBytes.has[b[p-1]] {
			continue
		}
		if begins == 0 {
			if final {
				continue
			}
			return nil, true
		}
		l := &look{v: v, p: len(s.begin), final: final}
		ok := s.find(l)
		if l.short {
			return nil, true
		}
		if !ok {
			continue
		}
		for i := range l.cuts {
			c := &l.cuts[i]
			c.from, c.to, c.mark = c.from+p, c.to+p, s.mark()
		}
		l.cuts[len(l.cuts)-1].open = l.open
		return l.cuts, false
	}
	return nil, false
}
