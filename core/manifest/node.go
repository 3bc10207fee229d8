package manifest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// kind is what a YAML value is.
type kind int

const (
	// invalid stands where an error was already reported; nothing more is said about it.
	invalid kind = iota
	null
	boolean
	integer
	float
	text
	sequence
	mapping
)

// node is a YAML value with its place. Aliases share the node of their anchor.
type node struct {
	kind kind
	pos  Position
	// text is a scalar: a string's value, and for the others what the file says.
	text string
	// number is a number's or boolean's form in JSON.
	number  string
	items   []*node
	entries []entry
	// size counts the values that the node stands for, aliases counted as often as they are used.
	size int
}

// entry is a field of a mapping.
type entry struct {
	key   string
	at    Position
	value *node
}

func (n *node) scalar() bool { return n.kind >= boolean && n.kind <= text }

func (n *node) get(key string) (entry, bool) {
	if n == nil {
		return entry{}, false
	}
	for _, e := range n.entries {
		if e.key == key {
			return e, true
		}
	}
	return entry{}, false
}

// walk follows field names and list indexes as far as they lead; ok where that is to the end.
func (n *node) walk(path []any) (last *node, ok bool) {
	for _, step := range path {
		var next *node
		switch s := step.(type) {
		case string:
			if e, found := n.get(s); found {
				next = e.value
			}
		case int:
			if s >= 0 && s < len(n.items) {
				next = n.items[s]
			}
		}
		if next == nil {
			return n, false
		}
		n = next
	}
	return n, true
}

// describe names the value in a message: the string "x", the number 5, a list, a mapping.
func (n *node) describe() string {
	switch n.kind {
	case boolean:
		return "the boolean " + n.text
	case integer, float:
		return "the number " + n.text
	case text:
		return "the string " + quote(n.text)
	case sequence:
		return "a list"
	case mapping:
		return "a mapping"
	}
	return "nothing"
}

// json writes the value as JSON with sorted keys, so that the same content gives the same bytes.
func (n *node) json(b *bytes.Buffer) {
	switch n.kind {
	case boolean, integer, float:
		b.WriteString(n.number)
	case text:
		writeString(b, n.text)
	case sequence:
		b.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			item.json(b)
		}
		b.WriteByte(']')
	case mapping:
		sorted := slices.Clone(n.entries)
		slices.SortFunc(sorted, func(x, y entry) int { return strings.Compare(x.key, y.key) })
		b.WriteByte('{')
		for i, e := range sorted {
			if i > 0 {
				b.WriteByte(',')
			}
			writeString(b, e.key)
			b.WriteByte(':')
			e.value.json(b)
		}
		b.WriteByte('}')
	default:
		b.WriteString("null")
	}
}

func writeString(b *bytes.Buffer, s string) {
	quoted, _ := json.Marshal(s) // a string always marshals
	b.Write(quoted)
}
