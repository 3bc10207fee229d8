package suite_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/suite"
)

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"30m": 30 * time.Minute, "1h30m": 90 * time.Minute, "90s": 90 * time.Second, "2h": 2 * time.Hour, "1h0m1s": time.Hour + time.Second, "1.5s": 1500 * time.Millisecond, "0": 0} {
		var d suite.Duration
		require.NoError(t, d.UnmarshalText([]byte(text)), text)
		assert.Equal(t, want, time.Duration(d), text)
	}
	for d, want := range map[time.Duration]string{30 * time.Minute: "30m", 90 * time.Minute: "1h30m", 2 * time.Hour: "2h", 90 * time.Second: "1m30s", 10 * time.Minute: "10m", 20 * time.Hour: "20h", 0: "0s", 1500 * time.Millisecond: "1.5s"} {
		assert.Equal(t, want, suite.Duration(d).String())
	}
	var d suite.Duration
	assert.EqualError(t, d.UnmarshalText([]byte("30")), `"30" has no unit (write 30s or 30m)`)
	assert.EqualError(t, d.UnmarshalText([]byte("1d")), `"1d" is not a duration (write 90s, 30m or 1h30m)`)
}

func TestQuantity(t *testing.T) {
	for text, want := range map[string]int64{"512Mi": 512 << 20, "2Gi": 2 << 30, "100M": 100e6, "1k": 1000, "1.5Gi": 3 << 29, "7": 7, "0": 0, "1e3": 1000, "1.5e1": 15, "5.": 5, ".5Ki": 512, "7Ei": 7 << 60, "1P": 1e15} {
		var q suite.Quantity
		require.NoError(t, q.UnmarshalText([]byte(text)), text)
		assert.Equal(t, want, int64(q), text)
	}
	for q, want := range map[int64]string{512 << 20: "512Mi", 1536 << 20: "1536Mi", 100e6: "100M", 1001: "1001", 0: "0", 1 << 10: "1Ki", 3 << 40: "3Ti", math.MaxInt64: "9223372036854775807"} {
		assert.Equal(t, want, suite.Quantity(q).String())
		var back suite.Quantity
		require.NoError(t, back.UnmarshalText([]byte(want)))
		assert.Equal(t, q, int64(back))
	}
	for _, bad := range []string{"", "-1", "1.5", "12XB", "1Gb", "8Ei", "1e99", "lots", "1 Gi", "Mi", "0x10", "1/2"} {
		var q suite.Quantity
		assert.Error(t, q.UnmarshalText([]byte(bad)), bad)
	}
}

func TestWorkload(t *testing.T) {
	for text, want := range map[string]string{"deploy/a": "deployment/a", "Deployment/a": "deployment/a", "deployments/a": "deployment/a", "sts/a.b-c": "statefulset/a.b-c", "ds/a": "daemonset/a"} {
		w, err := suite.ParseWorkload(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, w.String())
	}
	for text, want := range map[string]string{
		"checkout":      `"checkout" has no kind (write deployment/checkout)`,
		"pod/x":         `unknown kind of workload "pod" (known: deployment, statefulset, daemonset)`,
		"statefullset/": `unknown kind of workload "statefullset" (did you mean "statefulset"?)`,
		"deploy/":       `"" is not the name of a deployment (use lower-case letters, digits, '-' and '.')`,
		"deploy/a/b":    `"a/b" is not the name of a deployment (use lower-case letters, digits, '-' and '.')`,
	} {
		_, err := suite.ParseWorkload(text)
		assert.EqualError(t, err, want)
	}
}

func TestSpecSurvivesJSON(t *testing.T) {
	s, _ := shop(t).Suite("checkout-e2e")
	data, err := json.Marshal(s.Spec)
	require.NoError(t, err)
	var back suite.Spec
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, s.Spec, back)
}
