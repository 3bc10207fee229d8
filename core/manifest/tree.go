package manifest

import (
	"fmt"
	"math"
	"strconv"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// treeBuilder turns the YAML library's syntax tree of one document into nodes, resolves aliases and
// refuses what strict files do not have: duplicate keys, tags, directives, keys that are not text.
type treeBuilder struct {
	file string
	// line is added to every line: the document's first line in its file, counted from 0.
	line    int
	anchors map[string]*node
	// open are the anchors whose value is being read: an alias to one of them would never end.
	open map[string]bool
	// aliased counts the values that aliases have stood for so far.
	aliased int
	errs    *Errors
}

func (t *treeBuilder) at(tk *token.Token) Position {
	if tk == nil || tk.Position == nil {
		return Position{File: t.file, Line: t.line + 1, Column: 1}
	}
	return Position{File: t.file, Line: t.line + max(tk.Position.Line, 1), Column: max(tk.Position.Column, 1)}
}

func (t *treeBuilder) refuse(tk *token.Token, hint, format string, args ...any) *node {
	at := t.at(tk)
	t.errs.Add(at, hint, format, args...)
	return &node{kind: invalid, pos: at, size: 1}
}

func (t *treeBuilder) node(n ast.Node, depth int) *node {
	if n == nil {
		return &node{kind: null, pos: t.at(nil), size: 1}
	}
	if depth > maxDepth {
		return t.refuse(n.GetToken(), "", "values are nested more than %d levels deep", maxDepth)
	}
	scalar := func(k kind, value, number string) *node {
		return &node{kind: k, pos: t.at(n.GetToken()), text: value, number: number, size: 1}
	}
	switch v := n.(type) {
	case *ast.NullNode:
		return scalar(null, "", "null")
	case *ast.BoolNode:
		return scalar(boolean, v.Token.Value, strconv.FormatBool(v.Value))
	case *ast.IntegerNode:
		return scalar(integer, v.Token.Value, fmt.Sprint(v.Value))
	case *ast.FloatNode:
		if math.IsInf(v.Value, 0) || math.IsNaN(v.Value) {
			return t.refuse(v.Token, "", "the number %s is too large", quote(v.Token.Value))
		}
		return scalar(float, v.Token.Value, strconv.FormatFloat(v.Value, 'g', -1, 64))
	case *ast.InfinityNode:
		return t.refuse(v.Token, "quote it where text is meant", "%s is not a number that is allowed here", v.Token.Value)
	case *ast.NanNode:
		return t.refuse(v.Token, "quote it where text is meant", "%s is not a number that is allowed here", v.Token.Value)
	case *ast.StringNode:
		return scalar(text, v.Value, "")
	case *ast.LiteralNode:
		if v.Value == nil {
			return scalar(text, "", "")
		}
		return scalar(text, v.Value.Value, "")
	case *ast.SequenceNode:
		return t.sequence(v, depth)
	case *ast.MappingNode:
		return t.mapping(v.Start, v.IsFlowStyle, v.Values, depth)
	case *ast.MappingValueNode:
		return t.mapping(v.Start, v.IsFlowStyle, []*ast.MappingValueNode{v}, depth)
	case *ast.AnchorNode:
		name := ""
		if v.Name != nil {
			name = v.Name.GetToken().Value
		}
		t.open[name] = true
		value := t.node(v.Value, depth)
		delete(t.open, name)
		t.anchors[name] = value
		return value
	case *ast.AliasNode:
		return t.alias(v)
	case *ast.TagNode:
		return t.refuse(v.Start, "remove it, and quote the value where text is meant", "YAML tags such as %s are not used here", quote(v.Start.Value))
	case *ast.DirectiveNode:
		return t.refuse(v.Start, "remove the line", "YAML directives are not used here")
	}
	return t.refuse(n.GetToken(), "", "this form of YAML (%s) is not used here", n.Type().YAMLName())
}

func (t *treeBuilder) alias(v *ast.AliasNode) *node {
	name := ""
	if v.Value != nil {
		name = v.Value.GetToken().Value
	}
	if t.open[name] {
		return t.refuse(v.Start, "", "the value of &%s holds itself through alias %s", name, quote("*"+name))
	}
	target, ok := t.anchors[name]
	if !ok {
		return t.refuse(v.Start, "define it earlier in the same document, as &"+name, "alias %s refers to an anchor that does not exist", quote("*"+name))
	}
	// Aliases of aliases multiply: a file of a few lines can stand for billions of values.
	// It is said once, and what follows is not expanded.
	told := t.aliased > maxAliased
	if !told {
		t.aliased += target.size
	}
	if t.aliased <= maxAliased {
		return target
	}
	if !told {
		return t.refuse(v.Start, "write the values out, or split the document", "the aliases of this document stand for more than %d values", maxAliased)
	}
	return &node{kind: invalid, pos: t.at(v.Start), size: 1}
}

func (t *treeBuilder) sequence(v *ast.SequenceNode, depth int) *node {
	out := &node{kind: sequence, pos: t.at(v.Start), size: 1}
	for _, item := range v.Values {
		n := t.node(item, depth+1)
		out.items = append(out.items, n)
		out.size += n.size
	}
	return out
}

func (t *treeBuilder) mapping(start *token.Token, flow bool, values []*ast.MappingValueNode, depth int) *node {
	out := &node{kind: mapping, pos: t.at(start), size: 1}
	if !flow && len(values) > 0 {
		// The library's token of a block mapping is its first colon; a reader looks for the first key.
		out.pos = t.at(values[0].Key.GetToken())
	}
	first := map[string]Position{}
	var merged []*node
	for _, v := range values {
		if v.Key.IsMergeKey() {
			merged = append(merged, t.node(v.Value, depth+1))
			continue
		}
		e := entry{at: t.at(v.Key.GetToken())}
		key, ok := t.key(v.Key)
		if !ok {
			continue
		}
		e.key = key
		e.value = t.node(v.Value, depth+1)
		if e.value.kind == null {
			e.value.pos = e.at // nothing is written, so the key is the place to look at
		}
		out.size += e.value.size
		if was, dup := first[key]; dup {
			t.errs.Add(e.at, "remove one of them", "duplicate field %s, first at line %d", quote(key), was.Line)
			continue
		}
		first[key] = e.at
		out.entries = append(out.entries, e)
	}
	for _, m := range merged {
		t.merge(out, m, first)
	}
	return out
}

// merge adds the fields of m (a mapping, or a list of mappings) that out has not itself.
func (t *treeBuilder) merge(out, m *node, has map[string]Position) {
	switch m.kind {
	case mapping:
		for _, e := range m.entries {
			if _, ok := has[e.key]; !ok {
				has[e.key] = e.at
				out.entries = append(out.entries, e)
				out.size += e.value.size
			}
		}
	case sequence:
		for _, item := range m.items {
			if item.kind == sequence {
				t.errs.Add(item.pos, "", "<< merges a mapping or a list of mappings, not a list of lists")
				continue
			}
			t.merge(out, item, has)
		}
	case invalid:
	default:
		t.errs.Add(m.pos, "write <<: *anchor", "<< merges a mapping, not %s", m.describe())
	}
}

// key gives a field's name as text.
func (t *treeBuilder) key(k ast.MapKeyNode) (string, bool) {
	var n ast.Node = k
	if explicit, ok := n.(*ast.MappingKeyNode); ok {
		n = explicit.Value
	}
	switch v := n.(type) {
	case *ast.StringNode:
		if len(v.Value) > maxKey {
			break
		}
		return v.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return v.GetToken().Value, true
	}
	t.errs.Add(t.at(k.GetToken()), "", "a field's name must be plain text of at most %d characters", maxKey)
	return "", false
}
