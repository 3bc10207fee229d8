package evidence_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
)

// TestMeasurementsAreKept: numbers and whether thresholds held come back as they were written, in the
// same bytes, and a result without any has the bytes that it always had.
func TestMeasurementsAreKept(t *testing.T) {
	e := result()
	before, err := evidence.Marshal(e)
	require.NoError(t, err)
	assert.NotContains(t, string(before), "hreshold")
	assert.NotContains(t, string(before), "easurement")

	no := false
	for _, v := range []float64{312, 0.13333333333333333, 5.328258000000001, 1e-7, 1e21, -0.5} {
		e.Result.Report.Measurements = append(e.Result.Report.Measurements, report.Measurement{Name: "d p(95)", Unit: "ms", Value: &v, Threshold: "p(95)<300", OK: &no})
	}
	e.Result.Report.Judged = report.Judged{Thresholds: 6, ThresholdsMissed: 6}
	bytes, err := evidence.Marshal(e)
	require.NoError(t, err)
	back, err := evidence.Unmarshal(bytes)
	require.NoError(t, err)
	assert.Equal(t, e.Result.Report.Measurements, back.Result.Report.Measurements)
	assert.Equal(t, e.Result.Report.Judged, back.Result.Report.Judged)
	again, err := evidence.Marshal(back)
	require.NoError(t, err)
	assert.Equal(t, string(bytes), string(again))
	assert.Contains(t, string(bytes), `"value":1e-7`)
	assert.Contains(t, string(bytes), `"value":1e+21`)
}
