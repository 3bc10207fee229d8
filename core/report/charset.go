package report

import (
	"bufio"
	"bytes"
	"io"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

// decodeText gives the content of r as UTF-8 and the name of the charset it was in. The charset is
// found as XML 1.0 appendix F says: a byte order mark, the pattern that "<" makes in UTF-16, then
// the declaration; without any of them it is UTF-8. Names are those of the WHATWG Encoding Standard,
// where ISO-8859-1 means windows-1252, as it does in practice. A charset that is not known is read
// as UTF-8, which leaves at least the markup readable, and known is false.
func decodeText(r *bufio.Reader) (text io.Reader, charset string, known bool) {
	head, _ := r.Peek(256) // an error here comes again when the text is read
	switch {
	case bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		_, _ = r.Discard(3) // peeked, so it is there
		return r, "utf-8", true
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{'<', 0}):
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Reader(r), "utf-16le", true
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}), bytes.HasPrefix(head, []byte{0, '<'}):
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder().Reader(r), "utf-16be", true
	}
	name := declaredCharset(head)
	// What declares UTF-16 in bytes that read as ASCII was converted by something that left the declaration alone.
	if name == "" || name == "utf-8" || name == "us-ascii" || strings.HasPrefix(name, "utf-16") {
		return r, "utf-8", true
	}
	enc, err := htmlindex.Get(name)
	if err != nil {
		return r, name, false
	}
	if canonical, err := htmlindex.Name(enc); err == nil {
		name = canonical
		if name == "utf-8" || strings.HasPrefix(name, "utf-16") || name == "replacement" {
			return r, name, name != "replacement"
		}
	}
	return enc.NewDecoder().Reader(r), name, true
}

// declaredCharset reads encoding="..." out of an XML declaration, in lower case; empty if there is none.
func declaredCharset(head []byte) string {
	head = bytes.TrimLeft(head, " \t\r\n")
	if !bytes.HasPrefix(head, []byte("<?xml")) {
		return ""
	}
	if end := bytes.Index(head, []byte("?>")); end >= 0 {
		head = head[:end]
	}
	_, after, found := bytes.Cut(head, []byte("encoding"))
	if !found {
		return ""
	}
	after = bytes.TrimLeft(after, " \t\r\n=")
	if len(after) < 2 || after[0] != '"' && after[0] != '\'' {
		return ""
	}
	name, _, found := bytes.Cut(after[1:], after[:1])
	if !found {
		return ""
	}
	return strings.ToLower(strings.TrimSpace(string(name)))
}
