package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of what is read. They are far above what people write, and low enough that a hostile file
// costs neither time nor memory: the YAML library keeps each value's full path and is quadratic in
// the number of fields of a document.
const (
	// MaxFileSize bounds a file, in bytes.
	MaxFileSize = 1 << 20
	// MaxFiles bounds the files of one directory, at any depth.
	MaxFiles = 5_000
	// MaxErrors bounds the errors that are told of one file.
	MaxErrors = 100
	// MaxDocumentSize bounds one document of a file, in bytes.
	MaxDocumentSize = 256 << 10

	maxTokens  = 20_000 // of one document; a value with its field name is three
	maxDepth   = 32
	maxKey     = 320 // a qualified Kubernetes name has at most 253 + 1 + 63
	maxAliased = 10_000
)

// example is what a file without any document is told to hold.
const example = "a catalog file holds documents such as {apiVersion: " + APIVersion + ", kind: TestSuite, " +
	"metadata: {name: smoke}, spec: {image: registry/tests:v1, command: [make, smoke]}}"

// Parse reads the documents of one file. name is used in positions only. The documents that could
// be read are returned beside the error, so that later checks can find what else is wrong; error is
// nil or Errors.
func Parse(name string, data []byte) ([]Document, error) {
	src, bad := plainText(name, data)
	if bad != nil {
		return nil, Errors{*bad}
	}
	var docs []Document
	var errs Errors
	found := false
	for _, part := range split(src) {
		root := parsePart(name, part, &errs)
		if root == nil {
			continue
		}
		found = true
		if doc, ok := newDocument(root, &errs); ok {
			docs = append(docs, doc)
		}
	}
	if !found && len(errs) == 0 {
		errs.Add(Position{File: name}, example, "the file is empty")
	}
	return docs, errs.bounded().Err()
}

// plainText checks that the file is text in UTF-8 and gives it with plain line ends.
func plainText(name string, data []byte) (string, *Error) {
	whole := Position{File: name}
	if len(data) > MaxFileSize {
		return "", tooLarge(name, int64(len(data)))
	}
	if bytes.HasPrefix(data, []byte{0xFF, 0xFE}) || bytes.HasPrefix(data, []byte{0xFE, 0xFF}) {
		return "", &Error{Position: whole, Message: "the file is UTF-16", Hint: "save it as UTF-8"}
	}
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	src := strings.ReplaceAll(string(data), "\r\n", "\n")
	line, column := 1, 1
	for i, r := range src {
		at := Position{File: name, Line: line, Column: column}
		switch {
		case r == utf8.RuneError:
			if _, width := utf8.DecodeRuneInString(src[i:]); width == 1 {
				return "", &Error{Position: at, Message: fmt.Sprintf("byte 0x%02x is not UTF-8", src[i]), Hint: "save the file as UTF-8"}
			}
		case r == '\r':
			return "", &Error{Position: at, Message: "a carriage return stands alone", Hint: "end lines with LF or CRLF"}
		case r < ' ' && r != '\n' && r != '\t' || r == 0x7f:
			return "", &Error{Position: at, Message: fmt.Sprintf("the file is not text: it holds the control character 0x%02x", r),
				Hint: "name YAML files only; inside a quoted string write \\x" + fmt.Sprintf("%02x", r)}
		}
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
	}
	return src, nil
}

func tooLarge(name string, size int64) *Error {
	return &Error{Position: Position{File: name}, Hint: "split it into several files",
		Message: fmt.Sprintf("the file has %d bytes; at most %d are read", size, MaxFileSize)}
}

// part is the text of one document.
type part struct {
	text string
	// line is the number of lines before it in the file.
	line int
}

// split cuts the text at its document markers. A line that begins with "---" or "..." is always a
// marker (YAML 1.2.2, rule c-forbidden), also inside a multi-line string, so each document can be
// read by itself and a broken one does not hide the errors of the others.
func split(src string) []part {
	var parts []part
	var current strings.Builder
	start := 0
	lines := strings.Split(src, "\n")
	for i, line := range lines {
		rest, header := marker(line, "---")
		if !header {
			if _, end := marker(line, "..."); !end {
				current.WriteString(line + "\n")
				continue
			}
		}
		parts = append(parts, part{current.String(), start})
		current.Reset()
		start = i
		if header && strings.TrimSpace(rest) != "" {
			current.WriteString("   " + rest) // columns stay what they are in the file
		}
		current.WriteByte('\n')
	}
	return append(parts, part{current.String(), start})
}

func marker(line, mark string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(line, mark)
	return rest, ok && (rest == "" || rest[0] == ' ' || rest[0] == '\t')
}

// parsePart reads one document; nil where it is empty or could not be read.
func parsePart(name string, p part, errs *Errors) (root *node) {
	build := &treeBuilder{file: name, line: p.line, anchors: map[string]*node{}, open: map[string]bool{}, errs: errs}
	defer func() {
		// The library has panicked on malformed input before (goccy/go-yaml's own fuzz corpus); to a
		// person it is one more file that is not YAML.
		if r := recover(); r != nil {
			root = nil
			errs.Add(build.at(nil), "look for an unclosed quote or bracket", "the document that begins here cannot be read as YAML")
		}
	}()
	if strings.TrimSpace(p.text) == "" {
		return nil
	}
	if len(p.text) > MaxDocumentSize {
		errs.Add(build.at(nil), "split it", "the document that begins here is larger than %d bytes", MaxDocumentSize)
		return nil
	}
	tokens := lexer.Tokenize(p.text)
	lines := strings.Split(p.text, "\n")
	if tk := tabIndented(tokens, lines); tk != nil {
		line := max(tk.Position.Line, 1)
		at := Position{File: name, Line: p.line + line, Column: strings.IndexByte(lines[line-1], '\t') + 1}
		errs.Add(at, "indent with spaces", "the line is indented with a tab, which YAML forbids")
		return nil
	}
	if !withinBounds(tokens, build) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		syntaxError(err, build)
		return nil
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc == nil || doc.Body == nil {
			continue
		}
		if body != nil {
			errs.Add(build.at(doc.Body.GetToken()), "separate documents with ---", "a second document begins here")
			return nil
		}
		body = doc.Body
	}
	if body == nil {
		return nil
	}
	if _, comment := body.(*ast.CommentGroupNode); comment {
		return nil
	}
	return build.node(body, 0)
}

func syntaxError(err error, build *treeBuilder) {
	var syntax *yaml.SyntaxError
	if !errors.As(err, &syntax) {
		build.errs.Add(build.at(nil), "", "the document that begins here cannot be read as YAML: %s", strings.TrimSpace(err.Error()))
		return
	}
	build.errs.Add(build.at(syntax.Token), syntaxHint(syntax.Message), "cannot be read as YAML: %s", syntax.Message)
}

// syntaxHint gives the usual mend for a message of the YAML library.
func syntaxHint(message string) string {
	for _, h := range []struct{ message, hint string }{
		{"mapping value is not allowed", "quote a value that holds a colon and a space"},
		{"non-map value", "a field needs a colon and a space after its name, a list element a dash and a space before it"},
		{"pre-defined", "close the quote at the end of the value, and nothing after it"},
		{"value is not allowed", "indent the line exactly like the others of its mapping or list"},
		{"reserved character", "quote the value"},
		{"could not find end character", "close the quote"},
		{"end token", "close the bracket"},
		{"must be specified", "close the bracket, or separate the elements with commas"},
		{"escape character", "write a backslash twice, or use single quotes"},
		{"directive", "remove the line, or quote a value that begins with %"},
		{"tab character", "indent with spaces"},
	} {
		if strings.Contains(message, h.message) {
			return h.hint
		}
	}
	return "check indentation, colons, quotes and brackets near this line"
}

// tabIndented finds a value or field name before which its line has a tab.
func tabIndented(tokens token.Tokens, lines []string) *token.Token {
	for _, tk := range tokens {
		if tk.Type == token.CommentType || tk.Prev != nil && (tk.Prev.Type == token.LiteralType || tk.Prev.Type == token.FoldedType) {
			continue // text in a block may begin with tabs
		}
		if tk.Position == nil || tk.Position.Line < 1 || tk.Position.Line > len(lines) {
			continue
		}
		line := lines[tk.Position.Line-1]
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if strings.Contains(indent, "\t") && (tk.Prev == nil || tk.Prev.Position == nil || tk.Prev.Position.Line < tk.Position.Line) {
			return tk
		}
	}
	return nil
}

// withinBounds refuses, before anything is built from them, tokens that would cost much: too many,
// or nested too deep. Nesting is read off brackets and, outside of them, columns.
func withinBounds(tokens token.Tokens, build *treeBuilder) bool {
	if len(tokens) > maxTokens {
		build.errs.Add(build.at(nil), "split it", "the document that begins here has more than %d values and signs", maxTokens)
		return false
	}
	flow := 0
	var columns []int
	for _, tk := range tokens {
		switch tk.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow = max(flow-1, 0)
		case token.SequenceEntryType, token.MappingKeyType, token.MappingValueType:
			at := tk
			if tk.Type == token.MappingValueType {
				if tk.Prev == nil {
					continue
				}
				at = tk.Prev // the field name before the colon
				if len(at.Value) > maxKey {
					build.errs.Add(build.at(at), "", "a field's name must be plain text of at most %d characters", maxKey)
					return false
				}
			}
			if flow > 0 || at.Position == nil {
				continue
			}
			for len(columns) > 0 && columns[len(columns)-1] >= at.Position.Column {
				columns = columns[:len(columns)-1]
			}
			columns = append(columns, at.Position.Column)
		}
		if flow+len(columns) > maxDepth {
			build.errs.Add(build.at(tk), "", "values are nested more than %d levels deep", maxDepth)
			return false
		}
	}
	return true
}
