package manifest

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Shorthand is a struct that may also be written as one scalar.
type Shorthand interface {
	UnmarshalScalar(text string) error
}

// ListShorthand is a struct that may also be written as a bare list: that of the field which
// ShortField names by its JSON name.
type ListShorthand interface {
	ShortField() string
}

// decoder fills Go values from nodes and collects what does not fit.
type decoder struct {
	// kind is the document's, for messages.
	kind string
	errs *Errors
	// loose lets numbers count as text while a field tagged scalar:"text" is read.
	loose bool
}

var rawMessage = reflect.TypeFor[json.RawMessage]()

func (d *decoder) value(n *node, path string, v reflect.Value) {
	switch {
	case n.kind == invalid:
		return // said already
	case n.kind == null:
		d.errs.Add(n.pos, "write one, or remove the line", "%s has no value", path)
		return
	case v.Type() == rawMessage:
		var b bytes.Buffer
		n.json(&b)
		v.SetBytes(b.Bytes())
		return
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, path, v.Elem())
		return
	}
	if n.scalar() {
		if s, ok := v.Addr().Interface().(Shorthand); ok {
			d.place(n, path, s.UnmarshalScalar(n.text))
			return
		}
	}
	if s, ok := v.Addr().Interface().(ListShorthand); ok && n.kind == sequence {
		for _, f := range fields(v.Type()) {
			if f.name == s.ShortField() {
				d.value(n, path, v.FieldByIndex(f.index))
			}
		}
		return
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if !n.scalar() {
			d.mismatch(n, path, v.Type())
			return
		}
		d.place(n, path, u.UnmarshalText([]byte(n.text)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, path, v)
	case reflect.Map:
		d.dictionary(n, path, v)
	case reflect.Slice:
		d.list(n, path, v)
	default:
		d.scalar(n, path, v)
	}
}

// place reports an error of a type's own parse function.
func (d *decoder) place(n *node, path string, err error) {
	if err == nil {
		return
	}
	hint := ""
	var e Error
	if errors.As(err, &e) {
		hint = e.Hint
		err = errors.New(e.Message)
	}
	d.errs.Add(n.pos, hint, "%s: %v", path, err)
}

type field struct {
	name     string
	required bool
	hint     string
	loose    bool
	index    []int
}

// fields lists a struct's fields by their json tags, those of embedded structs included.
func fields(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct {
			for _, inner := range fields(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				out = append(out, inner)
			}
			continue
		}
		if !f.IsExported() || name == "-" || name == "" {
			continue
		}
		required := !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero")
		out = append(out, field{name: name, required: required, hint: f.Tag.Get("hint"), loose: f.Tag.Get("scalar") == "text", index: []int{i}})
	}
	return out
}

func (d *decoder) structure(n *node, path string, v reflect.Value) {
	if n.kind != mapping {
		d.mismatch(n, path, v.Type())
		return
	}
	known := fields(v.Type())
	names := make([]string, len(known))
	for i, f := range known {
		names[i] = f.name
	}
	for _, e := range n.entries {
		found := false
		for _, f := range known {
			if f.name == e.key {
				before := d.loose
				d.loose = f.loose
				d.value(e.value, join(path, e.key), v.FieldByIndex(f.index))
				d.loose = before
				found = true
			}
		}
		if !found {
			d.errs.Add(e.at, DidYouMean(e.key, names), "unknown field %s in %s", quote(e.key), d.where(path))
		}
	}
	for _, f := range known {
		if !f.required {
			continue
		}
		if _, ok := n.get(f.name); !ok {
			hint := f.hint
			if hint == "" {
				hint = "write " + f.name + ": ..."
			}
			d.errs.Add(n.pos, hint, "%s lacks the field %q", d.where(path), f.name)
		}
	}
}

// where names a mapping in a message: TestSuite spec.workspace.
func (d *decoder) where(path string) string {
	return strings.TrimSpace(d.kind + " " + path)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func (d *decoder) dictionary(n *node, path string, v reflect.Value) {
	if n.kind != mapping || v.Type().Key().Kind() != reflect.String {
		d.mismatch(n, path, v.Type())
		return
	}
	out := reflect.MakeMapWithSize(v.Type(), len(n.entries))
	for _, e := range n.entries {
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(e.value, fmt.Sprintf("%s[%s]", path, quote(e.key)), element)
		out.SetMapIndex(reflect.ValueOf(e.key).Convert(v.Type().Key()), element)
	}
	v.Set(out)
}

func (d *decoder) list(n *node, path string, v reflect.Value) {
	if n.kind != sequence {
		d.mismatch(n, path, v.Type())
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		d.value(item, fmt.Sprintf("%s[%d]", path, i), out.Index(i))
	}
	v.Set(out)
}

func (d *decoder) scalar(n *node, path string, v reflect.Value) {
	switch {
	case v.Kind() == reflect.String && (n.kind == text || d.loose && (n.kind == integer || n.kind == float)):
		v.SetString(n.text)
		return
	case v.Kind() == reflect.Bool && n.kind == boolean:
		v.SetBool(n.number == "true")
		return
	case v.CanInt() && n.kind == integer:
		if i, err := strconv.ParseInt(n.number, 10, v.Type().Bits()); err == nil {
			v.SetInt(i)
			return
		}
		d.errs.Add(n.pos, "", "%s: the number %s is out of range", path, quote(n.text))
		return
	case v.CanUint() && n.kind == integer:
		if i, err := strconv.ParseUint(n.number, 10, v.Type().Bits()); err == nil {
			v.SetUint(i)
			return
		}
		d.errs.Add(n.pos, "", "%s: the number %s is negative or out of range", path, quote(n.text))
		return
	case v.CanFloat() && (n.kind == integer || n.kind == float):
		if f, err := strconv.ParseFloat(n.number, v.Type().Bits()); err == nil {
			v.SetFloat(f)
			return
		}
	}
	d.mismatch(n, path, v.Type())
}

// mismatch says what was expected, and how to write what was likely meant.
func (d *decoder) mismatch(n *node, path string, t reflect.Type) {
	hint := ""
	switch {
	case t.Kind() == reflect.String && n.kind != text && n.scalar():
		hint = fmt.Sprintf("write %q", n.text)
	case t.Kind() == reflect.Slice && n.kind == text:
		words := strings.Fields(n.text)
		if len(words) > 0 && len(words) <= 8 && !strings.ContainsAny(n.text, "\"'`,[]{}$\\|&;<>\n") {
			hint = "write [" + strings.Join(words, ", ") + "]"
		}
	case (t.Kind() == reflect.Struct || t.Kind() == reflect.Map) && n.kind == sequence:
		hint = "remove the dash or the brackets"
	case t.Kind() == reflect.Bool && n.kind == text:
		hint = "write true or false without quotes"
	}
	d.errs.Add(n.pos, hint, "%s must be %s, not %s", path, expected(t), n.describe())
}

func expected(t reflect.Type) string {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return "text"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			return "a list of strings"
		}
		return "a list"
	case reflect.Map, reflect.Struct:
		return "a mapping"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a whole number"
}
