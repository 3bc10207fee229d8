package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// k6 is the summary that k6 writes at the end of a load test. There are three ways to have it:
//
//   - JSON.stringify(data) in handleSummary
//     (https://grafana.com/docs/k6/latest/results-output/end-of-test/custom-summary/),
//   - --summary-export, the same in an older shape, in which a threshold is true where it was
//     crossed, and not where it held (internal/js/summary-wrapper.js of k6 1.8),
//   - --new-machine-readable-summary with either of them
//     (internal/lib/summary/machinereadable of k6 1.8), which holds no groups and no thresholds: what
//     k6 passes or fails by is in its exit code alone (99 where a threshold was crossed).
//
// A check is a case, in the suite path of its groups; it failed where it failed once. A threshold is
// a measurement. Metrics without a threshold are measurements that nobody judged.
var k6 = format{name: "k6", recognises: recognisesK6, read: readK6}

// largestK6 is what is read of a summary. The largest ones, of a thousand groups, have a tenth of it.
const largestK6 = 16 << 20

func recognisesK6(head []byte) bool {
	if trimmed := bytes.TrimSpace(head); len(trimmed) == 0 || trimmed[0] != '{' {
		return false
	}
	has := func(keys ...string) bool {
		for _, k := range keys {
			if !bytes.Contains(head, []byte(`"`+k+`"`)) {
				return false
			}
		}
		return true
	}
	return has("root_group") || // the first key of --summary-export
		has("metrics") && (has("testRunDurationMs") || has("summaryTrendStats")) ||
		has("k6_version", "results") || has("config", "execution", "script")
}

type k6Reader struct {
	dec *json.Decoder
	out *sink

	root, metrics, machine bool
	// checks are the counts that the file declares of all checks; -1 where it does not.
	declaredFails, fails float64
	iterations           float64
}

func readK6(text io.Reader, out *sink) error {
	limited := &io.LimitedReader{R: text, N: largestK6}
	r := &k6Reader{dec: json.NewDecoder(limited), out: out, declaredFails: -1}
	err := r.document()
	if err == nil {
		if _, more := r.dec.Token(); more != io.EOF {
			err = errors.New("more text behind the summary")
		}
	}
	if err != nil {
		if _, stop := err.(limitError); stop {
			return err
		}
		switch {
		case limited.N <= 0:
			return fmt.Errorf("is larger than %d MiB, as no k6 summary is; %s", largestK6>>20, wasRead(out.file.Tests))
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("ends early at byte %d, inside the summary; %s", r.dec.InputOffset(), wasRead(out.file.Tests))
		}
		return fmt.Errorf("could not be read to its end: %w, at byte %d; %s", cause(err), r.dec.InputOffset(), wasRead(out.file.Tests))
	}
	switch {
	case r.machine:
		out.unwitnessed("is in k6's machine-readable schema, which holds neither thresholds nor groups: whether the thresholds held is in k6's exit code alone")
	case !r.root && !r.metrics:
		out.distrust("is JSON that holds neither the checks nor the metrics of a k6 summary")
	case !r.metrics:
		out.distrust("holds no metrics, so whether the thresholds held is not known")
	case !r.root:
		out.distrust("holds no root_group, so the checks are not known")
	}
	if r.declaredFails > 0 && r.fails == 0 {
		out.distrust("declares %v failed checks and holds none", r.declaredFails)
	}
	if out.file.Tests == 0 && out.file.Thresholds > 0 && r.iterations == 0 {
		out.distrust("holds no completed iteration: a threshold holds where nothing was measured")
	}
	return nil
}

func (r *k6Reader) document() error {
	return r.object(0, func(key string) error {
		switch key {
		case "root_group":
			r.root = true
			return r.group(nil, 1)
		case "metrics":
			r.metrics = true
			return r.object(1, func(name string) error { return r.metric(name, 2) })
		case "results":
			r.machine = true
			return r.object(1, func(key string) error {
				switch key {
				case "checks":
					return r.object(2, func(key string) error {
						switch key {
						case "results":
							return r.array(3, func() error { return r.check(nil, "", 4) })
						case "metrics":
							return r.array(3, func() error { return r.metric("", 4) })
						}
						return r.skip(3)
					})
				case "metrics":
					return r.array(2, func() error { return r.metric("", 3) })
				}
				return r.skip(2)
			})
		}
		return r.skip(1)
	})
}

func (r *k6Reader) name(s string) string {
	return cut(strings.Join(strings.Fields(clean([]byte(s))), " "), r.out.limits.Name)
}

// group reads a group: its name comes before what is in it in one shape and behind it in the other,
// so a group's path is taken from its key, or from the path that k6 gives each check.
func (r *k6Reader) group(path []string, depth int) error {
	return r.object(depth, func(key string) error {
		switch key {
		case "checks":
			return r.list(depth+1, func(name string) error { return r.check(path, name, depth+2) })
		case "groups":
			return r.list(depth+1, func(name string) error {
				inner := path
				if name != "" {
					inner = append(append([]string{}, path...), r.name(name))
				}
				return r.group(inner, depth+2)
			})
		}
		return r.skip(depth + 1)
	})
}

func (r *k6Reader) check(suite []string, name string, depth int) error {
	if r.out.full() {
		return limitError(fmt.Sprintf("holds more than %d cases; the rest was not read", r.out.limits.FileCases))
	}
	passes, fails, path := math.NaN(), math.NaN(), ""
	err := r.object(depth, func(key string) error {
		t, err := r.scalar(depth + 1)
		if err != nil {
			return err
		}
		switch v := t.(type) {
		case string:
			if key == "name" {
				name = v
			} else if key == "path" {
				path = v
			}
		case float64:
			if key == "passes" {
				passes = v
			} else if key == "fails" {
				fails = v
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	// k6 forbids :: in names, for it is what paths are joined with.
	if parts := strings.Split(path, "::"); len(parts) > 2 {
		if len(parts) > r.out.limits.Depth {
			parts = parts[:r.out.limits.Depth]
		}
		suite = nil
		for _, p := range parts[1 : len(parts)-1] {
			suite = append(suite, r.name(p))
		}
	}
	c := Case{Suite: suite, Name: r.name(name), Status: Passed}
	if c.Name == "" {
		c.Name = "(check without a name)"
	}
	switch {
	case math.IsNaN(passes) || math.IsNaN(fails) || passes < 0 || fails < 0:
		c.Status, c.Message = Errored, "the summary does not say how often the check passed and failed"
	case fails > 0:
		r.fails += fails
		c.Status = Failed
		c.Message = fmt.Sprintf("failed %s of %s times", count(fails), count(passes+fails))
	case passes == 0:
		c.Status, c.Message = Skipped, "was never evaluated"
	}
	if c.Status != Errored {
		c.Properties = []Property{{"passes", count(passes)}, {"fails", count(fails)}}
	}
	r.out.add(c)
	return nil
}

func count(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// threshold is one as the file tells it.
type k6Threshold struct {
	source    string
	ok, known bool
}

// metric reads one metric, whose values stand in it or in an object of their own.
func (r *k6Reader) metric(name string, depth int) error {
	var kind, contains string
	values := map[string]float64{}
	var thresholds []k6Threshold
	err := r.object(depth, func(key string) error {
		switch key {
		case "values":
			return r.object(depth+1, func(key string) error {
				t, err := r.scalar(depth + 2)
				if v, is := t.(float64); is {
					values[key] = v
				}
				return err
			})
		case "thresholds":
			return r.object(depth+1, func(source string) error {
				t, err := r.threshold(source, depth+2)
				thresholds = append(thresholds, t)
				return err
			})
		}
		t, err := r.scalar(depth + 1)
		switch v := t.(type) {
		case float64:
			values[key] = v
		case string:
			switch key {
			case "name":
				name = v
			case "type":
				kind = v
			case "contains":
				contains = v
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	switch name {
	case "iterations":
		r.iterations = values["count"]
	case "checks":
		r.declaredFails = values["fails"]
	case "checks_failed":
		r.declaredFails = values["matches"]
	}
	unit := k6Unit(name, contains)
	for _, t := range thresholds {
		r.judge(name, kind, unit, values, t)
	}
	if len(thresholds) > 0 {
		return nil
	}
	for _, stat := range []string{"p(95)", "p95", "med", "rate", "value", "count"} {
		if v, is := values[stat]; is && !(stat == "rate" && has(values, "count")) {
			r.out.measure(Measurement{Name: r.name(name + " " + k6Stat(stat, values)), Unit: k6StatUnit(stat, unit), Value: &v})
			break
		}
	}
	return nil
}

func has(values map[string]float64, key string) bool { _, is := values[key]; return is }

// k6Stat names a value alike in all schemas.
func k6Stat(stat string, values map[string]float64) string {
	switch {
	case stat == "p95":
		return "p(95)"
	case stat == "value" && has(values, "passes"):
		return "rate" // --summary-export
	}
	return stat
}

func k6StatUnit(stat, unit string) string {
	if stat == "count" || stat == "rate" {
		if unit == "B" && stat == "count" {
			return unit
		}
		return ""
	}
	return unit
}

// k6Unit is the unit of a metric's values. --summary-export does not say it; there k6's own names do.
func k6Unit(name, contains string) string {
	base, _, _ := strings.Cut(name, "{")
	switch {
	case contains == "time":
		return "ms"
	case contains == "data":
		return "B"
	case contains != "":
		return ""
	case base == "iteration_duration", base == "group_duration",
		strings.HasPrefix(base, "http_req_") && base != "http_req_failed":
		return "ms"
	case base == "data_sent", base == "data_received":
		return "B"
	}
	return ""
}

// threshold reads {"ok": true} of handleSummary, or the plain value of --summary-export, which says
// whether the threshold was crossed.
func (r *k6Reader) threshold(source string, depth int) (k6Threshold, error) {
	t := k6Threshold{source: source}
	token, err := r.dec.Token()
	if err != nil {
		return t, err
	}
	switch v := token.(type) {
	case bool:
		t.ok, t.known = !v, true
	case json.Delim:
		if v != '{' {
			return t, r.rest(depth)
		}
		return t, r.fields(depth, func(key string) error {
			value, err := r.scalar(depth + 1)
			if ok, is := value.(bool); is && key == "ok" {
				t.ok, t.known = ok, true
			}
			return err
		})
	}
	return t, nil
}

var k6Expression = regexp.MustCompile(`^\s*(avg|min|max|med|count|rate|value|p\(\s*[\d.]+\s*\))\s*(<=|>=|===?|!=|<|>)\s*(-?[\d.]+(?:[eE][-+]?\d+)?)\s*$`)

func (r *k6Reader) judge(name, kind, unit string, values map[string]float64, t k6Threshold) {
	m := Measurement{Name: r.name(name), Unit: unit, Threshold: r.name(t.source), OK: &t.ok}
	if !t.known {
		t.ok = false
		r.out.distrust("does not say whether the threshold %q of %s held", cut(m.Threshold, 100), cut(m.Name, 100))
	}
	if e := k6Expression.FindStringSubmatch(t.source); e != nil {
		stat := strings.Join(strings.Fields(e[1]), "")
		m.Name = r.name(name + " " + stat)
		m.Unit = k6StatUnit(stat, unit)
		v, is := values[stat]
		if !is {
			v, is = values[strings.NewReplacer("(", "", ")", "").Replace(stat)]
		}
		if !is && stat == "rate" && has(values, "passes") {
			v, is = values["value"]
		}
		if is {
			m.Value = &v
			// A counter's rate is divided by a time that went on between the two.
			exact := stat != "rate" || !has(values, "count")
			if limit, err := strconv.ParseFloat(e[3], 64); err == nil && exact && t.known && t.ok && !holds(v, e[2], limit) {
				r.out.distrust("says that the threshold %q of %s held, and its value is %v", cut(m.Threshold, 100), cut(name, 100), v)
			}
		}
	}
	r.out.measure(m)
}

func holds(v float64, operator string, limit float64) bool {
	switch operator {
	case "<":
		return v < limit
	case "<=":
		return v <= limit
	case ">":
		return v > limit
	case ">=":
		return v >= limit
	case "!=":
		return v != limit
	}
	return v == limit
}

// object reads an object and gives each key to field, which reads its value. null is an empty one.
func (r *k6Reader) object(depth int, field func(key string) error) error {
	t, err := r.dec.Token()
	switch {
	case err != nil:
		return err
	case t == nil:
		return nil
	case t != json.Delim('{'):
		return fmt.Errorf("%v where an object is due", t)
	}
	return r.fields(depth, field)
}

func (r *k6Reader) fields(depth int, field func(key string) error) error {
	if depth > r.out.limits.Depth {
		return limitError(fmt.Sprintf("is nested deeper than %d levels at byte %d; the rest was not read", r.out.limits.Depth, r.dec.InputOffset()))
	}
	for r.dec.More() {
		t, err := r.dec.Token()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		if err := field(key); err != nil {
			return err
		}
	}
	_, err := r.dec.Token()
	return err
}

// array reads an array of which element reads each element. null is an empty one.
func (r *k6Reader) array(depth int, element func() error) error {
	return r.list(depth, func(string) error { return element() })
}

// list reads an array, or an object whose keys are the names of its elements.
func (r *k6Reader) list(depth int, element func(name string) error) error {
	t, err := r.dec.Token()
	switch {
	case err != nil:
		return err
	case t == nil:
		return nil
	case t == json.Delim('{'):
		return r.fields(depth, element)
	case t != json.Delim('['):
		return fmt.Errorf("%v where a list is due", t)
	}
	if depth > r.out.limits.Depth {
		return limitError(fmt.Sprintf("is nested deeper than %d levels at byte %d; the rest was not read", r.out.limits.Depth, r.dec.InputOffset()))
	}
	for r.dec.More() {
		if err := element(""); err != nil {
			return err
		}
	}
	_, err = r.dec.Token()
	return err
}

// scalar gives a value that is no list and no object; of those it steps over all and gives nil.
func (r *k6Reader) scalar(depth int) (any, error) {
	t, err := r.dec.Token()
	if _, composite := t.(json.Delim); err == nil && composite {
		return nil, r.rest(depth)
	}
	return t, err
}

func (r *k6Reader) skip(depth int) error {
	_, err := r.scalar(depth)
	return err
}

// rest steps over what is left of a list or an object that has begun.
func (r *k6Reader) rest(depth int) error {
	for open := 1; open > 0; {
		t, err := r.dec.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			if open++; depth+open > r.out.limits.Depth {
				return limitError(fmt.Sprintf("is nested deeper than %d levels at byte %d; the rest was not read", r.out.limits.Depth, r.dec.InputOffset()))
			}
		case json.Delim('}'), json.Delim(']'):
			open--
		}
	}
	return nil
}
