package evidence_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var moment = time.Date(2026, 3, 1, 12, 30, 45, 123456789, time.UTC)

func plan() evidence.Entry {
	return evidence.Entry{
		APIVersion: evidence.APIVersion, Kind: evidence.KindPlan, ID: "inv-1", Invocation: "inv-1", Time: moment, Producer: "test",
		Plan: &evidence.Plan{Runs: []evidence.PlannedRun{{Run: "0123456789ab", Suite: "smoke", Subject: evidence.Subject{Kind: "environment"}}}},
	}
}

func result() evidence.Entry {
	code := 1
	return evidence.Entry{
		APIVersion: evidence.APIVersion, Kind: evidence.KindResult, ID: evidence.ResultID("0123456789ab", 1), Invocation: "inv-1", Time: moment, Producer: "test",
		Environment: evidence.Environment{Name: "staging", Targets: []string{"shop"}},
		Result: &evidence.Result{
			Run: "0123456789ab", Attempt: 1, Suite: "smoke", Subject: evidence.Subject{Kind: "environment"},
			Origin: evidence.OriginCluster, Outcome: evidence.OutcomeFailed, Reason: evidence.TestsFailed,
			Message: "1 of 2 tests failed: <cart> & \"checkout\" \u2028 \x01 äöü 𝄞",
			Started: moment.Add(-time.Minute), Finished: moment,
			Shards: []evidence.Shard{{Job: "job", Pod: "pod", ExitCode: &code, Terminated: "Error", Started: moment.Add(-time.Minute)}},
			Report: &report.Report{Totals: report.Totals{Tests: 2, Passed: 1, Failed: 1}, Cases: []report.Case{{Name: "adds", Status: report.Failed, Duration: 9007199254740993}}},
			Files:  []evidence.File{{Path: "log.txt", Kind: evidence.FileLog, Digest: evidence.Digest([]byte("hello")), Size: 5}},
		},
	}
}

func verdict() evidence.Entry {
	return evidence.Entry{
		APIVersion: evidence.APIVersion, Kind: evidence.KindVerdict, ID: "inv-2", Invocation: "inv-2", Time: moment, Producer: "test",
		Verdict: &evidence.Verdict{Decision: "READY", Release: "2026.9", Document: json.RawMessage(`{"cells":[],"decision":"READY"}`)},
	}
}

func TestMarshalGolden(t *testing.T) {
	for name, e := range map[string]evidence.Entry{"plan": plan(), "result": result(), "verdict": verdict()} {
		t.Run(name, func(t *testing.T) {
			got, err := evidence.Marshal(e)
			require.NoError(t, err)
			file := filepath.Join("testdata", name+".json")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(file, got, 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(got), "the canonical form is a contract: digests of kept evidence depend on it")

			back, err := evidence.Unmarshal(got)
			require.NoError(t, err)
			assert.Equal(t, e, back)
		})
	}
}

// TestMarshalWritesEveryTimeInUTC fills every field there is, so that a time field added later and
// forgotten in normal is found.
func TestMarshalWritesEveryTimeInUTC(t *testing.T) {
	e := result()
	fill(reflect.ValueOf(&e.Context).Elem())
	fill(reflect.ValueOf(e.Result).Elem())
	e.Time = e.Time.In(time.FixedZone("", 2*60*60))
	e.Result.Run, e.Result.Outcome, e.Result.Files = "0123456789ab", evidence.OutcomeFailed, nil
	before := e.Result.Shards[0].Started

	got, err := evidence.Marshal(e)
	require.NoError(t, err)
	assert.NotContains(t, string(got), "+02:00")
	assert.Contains(t, string(got), `"time":"2026-03-01T12:30:45.123456789Z"`)
	assert.Equal(t, before.String(), e.Result.Shards[0].Started.String(), "the caller's entry must stay as it is")

	utc := e
	utc.Time = utc.Time.UTC()
	same, err := evidence.Marshal(utc)
	require.NoError(t, err)
	assert.Equal(t, string(got), string(same), "one moment has one form")
}

// fill sets every field to something that is not zero, times to a zone that is not UTC.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(moment.In(time.FixedZone("", 2*60*60))))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint32:
		v.SetUint(1)
	case reflect.Float64:
		v.SetFloat(1)
	default:
		panic("fill does not know " + v.Kind().String())
	}
}

func TestMarshalReplacesInvalidUTF8(t *testing.T) {
	e := result()
	e.Result.Message = "a\xffb"
	got, err := evidence.Marshal(e)
	require.NoError(t, err)
	back, err := evidence.Unmarshal(got)
	require.NoError(t, err)
	assert.Equal(t, "a\uFFFDb", back.Result.Message)
}

func TestUnmarshal(t *testing.T) {
	good, err := evidence.Marshal(plan())
	require.NoError(t, err)
	change := func(old, new string) string {
		require.Contains(t, string(good), old)
		return strings.Replace(string(good), old, new, 1)
	}
	for name, test := range map[string]struct{ data, wantErr string }{
		"as written":             {string(good), ""},
		"field of a newer assay": {change(`"time":`, `"the-new":{"a":[1,true,null]},"time":`), ""},
		"newer schema":           {change("v1alpha1", "v1beta1"), "use the version of assay that wrote it"},
		"newer kind":             {change(`"Plan"`, `"Waiver"`), "use the version of assay that wrote it"},
		"kind of another body":   {change(`"Plan"`, `"Result"`), "the body of its kind"},
		"space added":            {change(`,"plan"`, `, "plan"`), "not canonical"},
		"line end added":         {string(good) + "\n", "not canonical"},
		"member twice":           {change(`"kind":"Plan"`, `"kind":"Plan","kind":"Plan"`), "not canonical"},
		"members out of order":   {change(`"id":"inv-1","invocation":"inv-1"`, `"invocation":"inv-1","id":"inv-1"`), "not canonical"},
		"needless escape":        {change(`"smoke"`, `"\u0073moke"`), "not canonical"},
		"second document":        {string(good) + "{}", "reading an entry"},
		"cut off":                {string(good[:len(good)-1]), "reading an entry"},
		"empty":                  {"", "reading an entry"},
		"null":                   {"null", "apiVersion"},
		"list":                   {"[]", "reading an entry"},
		"wrong type":             {change(`"runs":[`, `"runs":3,"zuns":[`), "reading an entry"},
		"climbing id":            {strings.ReplaceAll(string(good), "inv-1", "../../x"), "not a safe name"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := evidence.Unmarshal([]byte(test.data))
			if test.wantErr == "" {
				require.NoError(t, err)
				assert.Equal(t, plan(), e)
				return
			}
			assert.ErrorContains(t, err, test.wantErr)
			assert.Zero(t, e)
		})
	}
}

func TestDigest(t *testing.T) {
	// The digest of nothing, as FIPS 180 tests have it.
	assert.Equal(t, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", evidence.Digest(nil))
	assert.True(t, evidence.ValidDigest(evidence.Digest(nil)))
	hex := strings.Repeat("a", 64)
	for _, bad := range []string{"", "sha256:", hex, "sha256:" + hex + "a", "sha256:" + hex[1:], "sha512:" + hex,
		"sha256:" + strings.ToUpper(hex), "sha256:../" + hex[3:], "sha256:" + hex[1:] + "\n", "SHA256:" + hex} {
		assert.False(t, evidence.ValidDigest(bad), "%q", bad)
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, e := range []evidence.Entry{plan(), result()} {
		b, err := evidence.Marshal(e)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte(`{"\ud834\udd1e":1,"\ue000":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := evidence.Unmarshal(data)
		if err != nil {
			return
		}
		require.NoError(t, e.Validate())
		again, err := evidence.Marshal(e)
		require.NoError(t, err, "what was read can be written")
		require.True(t, json.Valid(again))
		back, err := evidence.Unmarshal(again)
		require.NoError(t, err)
		require.Equal(t, e, back)
	})
}
