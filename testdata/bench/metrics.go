package main

import (
	"fmt"
	"strconv"
	"strings"
)

// sumOf adds up the samples of one metric, in Prometheus' text format, that carry all these labels.
func sumOf(text, metric string, labels map[string]string) (float64, error) {
	var sum float64
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		rest, ok := strings.CutPrefix(line, metric)
		if !ok || rest == "" || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		have, value, err := sample(rest)
		if err != nil {
			return 0, fmt.Errorf("reading the metric %s: %w in %q", metric, err, line)
		}
		wanted := true
		for name, want := range labels {
			wanted = wanted && have[name] == want
		}
		if wanted {
			sum += value
		}
	}
	return sum, nil
}

// sample reads what follows a metric's name: {label="value",...} VALUE [TIMESTAMP].
func sample(s string) (map[string]string, float64, error) {
	labels := map[string]string{}
	if after, ok := strings.CutPrefix(s, "{"); ok {
		s = after
		for {
			s = strings.TrimLeft(s, ", ")
			if after, ok := strings.CutPrefix(s, "}"); ok {
				s = after
				break
			}
			name, rest, ok := strings.Cut(s, "=")
			if !ok {
				return nil, 0, fmt.Errorf("a label has no value")
			}
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return nil, 0, fmt.Errorf("the label %s is not quoted", name)
			}
			value, err := strconv.Unquote(quoted)
			if err != nil {
				return nil, 0, fmt.Errorf("the label %s: %w", name, err)
			}
			labels[name] = value
			s = rest[len(quoted):]
		}
	}
	fields := strings.Fields(s)
	if len(fields) == 0 {
		return nil, 0, fmt.Errorf("there is no value")
	}
	value, err := strconv.ParseFloat(fields[0], 64)
	return labels, value, err
}

// Count is what the API server counted of our requests. A watch counts once.
type Count struct {
	// Short are all but execs, taken in by our FlowSchema.
	Short float64 `json:"short"`
	// Execs run for long and so are not subject to priority and fairness, where FlowSchemas are: they
	// are everybody's, and nobody else may exec meanwhile.
	Execs float64 `json:"execs"`
}

func (c Count) all() float64        { return c.Short + c.Execs }
func (c Count) minus(b Count) Count { return Count{c.Short - b.Short, c.Execs - b.Execs} }
func (c Count) String() string      { return fmt.Sprintf("%.0f and %.0f exec", c.Short, c.Execs) }

// requestsIn reads the counts out of the API server's own metrics.
func requestsIn(metrics, schema string) (Count, error) {
	short, err := sumOf(metrics, "apiserver_flowcontrol_dispatched_requests_total", map[string]string{"flow_schema": schema})
	if err != nil {
		return Count{}, err
	}
	execs, err := sumOf(metrics, "apiserver_request_total", map[string]string{"resource": "pods", "subresource": "exec"})
	return Count{short, execs}, err
}
