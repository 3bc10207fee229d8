package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// As an API server of Kubernetes 1.34 prints them.
const metrics = `# HELP apiserver_flowcontrol_dispatched_requests_total [BETA] Number of requests executed
# TYPE apiserver_flowcontrol_dispatched_requests_total counter
apiserver_flowcontrol_dispatched_requests_total{flow_schema="exempt",priority_level="exempt"} 2696
apiserver_flowcontrol_dispatched_requests_total{flow_schema="ours",priority_level="workload-low"} 7
apiserver_flowcontrol_dispatched_requests_total{flow_schema="ours-too",priority_level="workload-low"} 1e+06
apiserver_request_total{code="0",component="apiserver",dry_run="",group="",resource="pods",scope="resource",subresource="exec",verb="CONNECT",version="v1"} 105
apiserver_request_total{code="101",component="apiserver",dry_run="",group="",resource="pods",scope="resource",subresource="exec",verb="CONNECT",version="v1"} 2
apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="pods",scope="resource",subresource="log",verb="GET",version="v1"} 31
apiserver_request_total_of_something_else{resource="pods",subresource="exec"} 9
odd{path="a \"quoted\" \\ {name}, with=signs\n"} 4 1712345678
process_start_time_seconds 1.7e+09
`

func TestSumOf(t *testing.T) {
	for name, c := range map[string]struct {
		metric string
		labels map[string]string
		want   float64
	}{
		"all of a metric":      {"apiserver_flowcontrol_dispatched_requests_total", nil, 1002703},
		"one label":            {"apiserver_flowcontrol_dispatched_requests_total", map[string]string{"flow_schema": "ours"}, 7},
		"whatever the code is": {"apiserver_request_total", map[string]string{"subresource": "exec"}, 107},
		"two labels":           {"apiserver_request_total", map[string]string{"subresource": "exec", "code": "101"}, 2},
		"none":                 {"apiserver_request_total", map[string]string{"subresource": "attach"}, 0},
		"a label is missing":   {"apiserver_request_total", map[string]string{"flow_schema": "ours"}, 0},
		"escapes and a time":   {"odd", map[string]string{"path": "a \"quoted\" \\ {name}, with=signs\n"}, 4},
		"no labels":            {"process_start_time_seconds", nil, 1.7e9},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := sumOf(metrics, c.metric, c.labels)
			require.NoError(t, err)
			assert.InDelta(t, c.want, got, 1e-6)
		})
	}
	for _, broken := range []string{"m{a} 1", "m{a=b} 1", `m{a="b"}`, `m{a="b"} many`, `m{a="b`} {
		_, err := sumOf(broken+"\n", "m", nil)
		assert.ErrorContains(t, err, "reading the metric m", broken)
	}
}

func TestRequestsIn(t *testing.T) {
	got, err := requestsIn(metrics, "ours")
	require.NoError(t, err)
	assert.Equal(t, Count{Short: 7, Execs: 107}, got)
	assert.Equal(t, Count{Short: 4, Execs: 1}, got.minus(Count{Short: 3, Execs: 106}))
	assert.InDelta(t, 114, got.all(), 0)
}
