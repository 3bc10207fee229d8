package report

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
)

func ptr[T any](v T) *T { return &v }

func TestMeasurementWords(t *testing.T) {
	for want, m := range map[string]Measurement{
		"http_req_duration p(95) = 312 ms, over p(95)<300": {Name: "http_req_duration p(95)", Unit: "ms", Value: ptr(312.0), Threshold: "p(95)<300", OK: ptr(false)},
		"orders count = 10, under count>=20":               {Name: "orders count", Value: ptr(10.0), Threshold: "count>=20", OK: ptr(false)},
		"x value = 1, not value==2":                        {Name: "x value", Value: ptr(1.0), Threshold: "value==2", OK: ptr(false)},
		"x p(99), within p(99)<1":                          {Name: "x p(99)", Threshold: "p(99)<1", OK: ptr(true)},
		"data_sent count = 2204 B":                         {Name: "data_sent count", Unit: "B", Value: ptr(2204.0)},
	} {
		assert.Equal(t, want, m.String())
	}
}

const k6Summary = `{"metrics":{"iterations":{"values":{"count":5}},"http_req_duration":{"type":"trend","contains":"time","values":{"p(95)":VALUE},"thresholds":{"p(95)<300":{"ok":OK}}}},"root_group":{"groups":[],"checks":[CHECKS]}}`

func k6With(value, ok, checks string) string {
	return strings.NewReplacer("VALUE", value, "OK", ok, "CHECKS", checks).Replace(k6Summary)
}

// TestThresholdsDecide: a threshold that did not hold is never a pass, whatever the cases say, and
// one that held is as good as a test.
func TestThresholdsDecide(t *testing.T) {
	const check = `{"name":"home","path":"::home","passes":3,"fails":0}`
	for name, test := range map[string]struct {
		text            string
		clean, failures bool
		said            string
	}{
		"held, with checks":     {text: k6With("200", "true", check), clean: true},
		"held, without checks":  {text: k6With("200", "true", ""), clean: true},
		"missed":                {text: k6With("312", "false", check), failures: true, said: "1 of 1 threshold missed: http_req_duration p(95) = 312 ms, over p(95)<300"},
		"missed, no checks":     {text: k6With("312", "false", ""), failures: true, said: "1 of 1 threshold missed: http_req_duration p(95) = 312 ms, over p(95)<300"},
		"no word about it":      {text: k6With("200", `"yes"`, check), failures: true, said: "1 of 1 threshold missed: http_req_duration p(95) = 200 ms, over p(95)<300"},
		"contradicts its value": {text: k6With("312", "true", check)},
	} {
		t.Run(name, func(t *testing.T) {
			r := Read(fstest.MapFS{"r": {Data: []byte(test.text)}}, []Source{{Path: "r"}}, Options{})
			assert.Equal(t, test.clean, r.Clean(), "%+v", r)
			assert.Equal(t, test.failures, r.HasFailures())
			assert.Equal(t, test.failures, r.Files[0].HasFailures())
			assert.Equal(t, test.said, r.MissedText(3))
			assert.False(t, r.NoTests())
			assert.Equal(t, 1, r.Thresholds)
		})
	}
}

// TestMissedThresholdsAreKept: a thousand others never crowd out one that was missed.
func TestMissedThresholdsAreKept(t *testing.T) {
	k := measurements{limit: 2}
	var judged Judged
	for range 100 {
		for _, ok := range []*bool{nil, ptr(true)} {
			judged.Measure(Measurement{OK: ok})
			k.keep(Measurement{OK: ok})
		}
	}
	judged.Measure(Measurement{OK: ptr(false)})
	k.keep(Measurement{OK: ptr(false)})
	assert.Equal(t, Judged{Thresholds: 101, ThresholdsMissed: 1}, judged)
	assert.Len(t, k.kept, 3)
	assert.True(t, k.kept[2].Missed())
	assert.Equal(t, 198, k.omitted)
}
