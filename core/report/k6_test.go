package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestK6(t *testing.T) {
	const metrics = `"metrics":{"iterations":{"count":5,"rate":1}}`
	for name, test := range map[string]struct {
		text    string
		want    []string
		serious string
	}{
		"checks in groups": {`{"root_group":{"checks":[{"name":"a","path":"::a","passes":2,"fails":1}],"groups":[{"name":"g","groups":[],"checks":[{"name":"b","path":"::g::b","passes":1,"fails":0}]}]},` + metrics + `}`,
			[]string{"failed a: failed 1 of 3 times", "passed g > b"}, ""},
		"checks by name":  {`{"root_group":{"groups":{"g":{"checks":{"b":{"passes":1,"fails":0}}}},"checks":{}},` + metrics + `}`, []string{"passed g > b"}, ""},
		"never evaluated": {`{"root_group":{"checks":[{"name":"a","passes":0,"fails":0}]},` + metrics + `}`, []string{"skipped a: was never evaluated"}, ""},
		"without counts":  {`{"root_group":{"checks":[{"name":"a"}]},` + metrics + `}`, []string{"errored a: the summary does not say how often the check passed and failed"}, ""},
		"no metrics":      {`{"root_group":{"checks":[{"name":"a","passes":1,"fails":0}]}}`, []string{"passed a"}, "r holds no metrics, so whether the thresholds held is not known"},
		"no root_group":   {`{` + metrics + `,"state":{"testRunDurationMs":1}}`, nil, "r holds no root_group, so the checks are not known"},
		"nothing ran": {`{"root_group":{},"metrics":{"d":{"thresholds":{"p(95)<300":false}}}}`, nil,
			"r holds no completed iteration: a threshold holds where nothing was measured"},
		"failed checks are missing": {`{"root_group":{"checks":[{"name":"a","passes":1,"fails":0}]},"metrics":{"iterations":{"count":1},"checks":{"passes":1,"fails":2}}}`, []string{"passed a"}, "r declares 2 failed checks and holds none"},
		"cut off":                   {`{"root_group":{"checks":[{"name":"a","passes":1,"fails":0}`, []string{"passed a"}, "r ends early at byte 58, inside the summary; 1 case was read"},
		"not JSON":                  {`{"root_group":{"checks":[{"name":"a","passes":1,"fails":0}]} oops`, []string{"passed a"}, "r could not be read to its end: invalid character 'o' after object key:value pair, at byte 61; 1 case was read"},
		"two documents":             {`{"root_group":{"checks":[{"name":"a","passes":1,"fails":0}]},` + metrics + `}{}`, []string{"passed a"}, "r could not be read to its end: more text behind the summary, at byte 108; 1 case was read"},
		"machine readable": {`{"metadata":{"k6_version":"1.8.1"},"results":{"checks":{"results":[{"name":"a","passes":1,"fails":2}],"metrics":[]},"metrics":[{"name":"d","type":"trend","contains":"time","values":{"p95":3}}]}}`,
			[]string{"failed a: failed 2 of 3 times"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f, cases := readText(test.text, Options{})
			assert.Equal(t, "k6", f.Format)
			assert.Equal(t, test.want, briefly(cases))
			assert.Len(t, f.UnwitnessedDoubts(), map[bool]int{true: 1}[name == "machine readable"])
			if test.serious == "" {
				assert.Empty(t, f.SeriousDoubts())
				return
			}
			require.NotEmpty(t, f.SeriousDoubts())
			assert.Equal(t, test.serious, f.SeriousDoubts()[0].Message)
		})
	}
}

// TestK6ExportMeansCrossed: in --summary-export true says that the threshold was crossed, and in
// handleSummary's data {"ok": true} says that it held.
func TestK6ExportMeansCrossed(t *testing.T) {
	for text, missed := range map[string]int{
		`{"p(95)<300":true}`:         1,
		`{"p(95)<300":false}`:        0,
		`{"p(95)<300":{"ok":true}}`:  0,
		`{"p(95)<300":{"ok":false}}`: 1,
	} {
		f, _ := readText(`{"root_group":{},"metrics":{"iterations":{"count":1},"d":{"p(99)":1,"thresholds":`+text+`}}}`, Options{})
		assert.Equal(t, Judged{Thresholds: 1, ThresholdsMissed: missed}, f.Judged, text)
	}
}

func TestK6Bounds(t *testing.T) {
	deep := `{"root_group":` + strings.Repeat(`{"groups":[`, 1000)
	f, _ := readText(deep, Options{})
	require.NotEmpty(t, f.SeriousDoubts())
	assert.Contains(t, f.Doubts[0].Message, "nested deeper than 256 levels")
	f, _ = readText(`{"root_group":{},"x":"`+strings.Repeat("x", largestK6)+`"}`, Options{})
	assert.Contains(t, f.Doubts[0].Message, "is larger than 16 MiB")
}
