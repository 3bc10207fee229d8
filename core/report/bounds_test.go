package report

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// pieces gives n pieces, each made when it is read.
func pieces(n int, piece func(i int) string) io.Reader {
	i, left := 0, ""
	return readerFunc(func(p []byte) (int, error) {
		for left == "" {
			if i == n {
				return 0, io.EOF
			}
			left = piece(i)
			i++
		}
		k := copy(p, left)
		left = left[k:]
		return k, nil
	})
}

// TestWaitingIsBounded reads reports in which much has to wait for what stands behind it, or to be remembered, far
// more than may be kept.
func TestWaitingIsBounded(t *testing.T) {
	long := strings.Repeat("x", 4000)
	text := func(s string) io.Reader { return strings.NewReader(s) }
	comma := func(i int) string {
		if i == 0 {
			return ""
		}
		return ","
	}
	keys := func() io.Reader {
		return pieces(400_000, func(i int) string { return fmt.Sprintf(`%s"a key that no tool writes, number %09d":1`, comma(i), i) })
	}
	try := `{"status":"failed","errors":[{"message":"` + strings.Repeat(long, 5) + `"}]}`
	tries := try + strings.Repeat(","+try, 19)
	for name, tc := range map[string]struct {
		content io.Reader
		cut     string // why the rest was not read
	}{
		"Playwright: one spec with many tries": {io.MultiReader(text(`{"config":{"rootDir":""},"suites":[{"title":"a","specs":[{"tests":[`),
			pieces(400, func(i int) string {
				return comma(i) + `{"status":"unexpected","expectedStatus":"passed","results":[` + tries + `]}`
			}), text(`],"title":"b"}]}]}`)), ""},
		"Playwright: many counts": {io.MultiReader(text(`{"config":{"rootDir":""},"suites":[],"stats":{`), keys(), text(`}}`)), ""},
		"CTRF: many counts":       {io.MultiReader(text(`{"reportFormat":"CTRF","results":{"tests":[],"summary":{"tests":0,`), keys(), text(`}}}`)), ""},
		"jest: one file of many": {io.MultiReader(text(`{"numTotalTests":9000,"testResults":[{"assertionResults":[`),
			pieces(9000, func(i int) string {
				return comma(i) + `{"title":"a","status":"failed","failureMessages":["` + strings.Repeat(long, 3) + `"]}`
			}), text(`],"name":"f","status":"failed"}]}`)), ""},
		"go test: long names": {pieces(90_000, func(i int) string {
			return fmt.Sprintf(`{"Action":"run","Package":"p","Test":"T%d%s"}`+"\n", i, long)
		}), "names more packages and open tests than fit into 4 MiB"},
		"go test: many packages": {pieces(90_000, func(i int) string {
			return fmt.Sprintf(`{"Action":"start","Package":"p%d%s"}`+"\n", i, long)
		}), "names more packages and open tests than fit into 4 MiB"},
		"dart: long names": {io.MultiReader(text(`{"protocolVersion":"0.1.1","runnerVersion":"1","pid":1,"type":"start","time":0}`+"\n"),
			pieces(90_000, func(i int) string {
				return fmt.Sprintf(`{"group":{"id":%d,"suiteID":0,"name":"%s"},"type":"group","time":1}`+"\n", i, long)
			})), "more groups, suites or open tests than are followed"},
		"TRX: results before their definitions": {io.MultiReader(text(`<TestRun><Results>`), pieces(400_000, func(i int) string {
			return fmt.Sprintf(`<UnitTestResult testId="%d" testName="%s" outcome="Passed"/>`, i, long[:200])
		}), text(`</Results></TestRun>`)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			runtime.GC()
			var before, now runtime.MemStats
			runtime.ReadMemStats(&before)
			peak, reads := uint64(0), 0
			watched := readerFunc(func(p []byte) (int, error) {
				if reads++; reads%100 == 0 {
					runtime.ReadMemStats(&now)
					peak = max(peak, now.HeapAlloc)
				}
				return tc.content.Read(p)
			})
			k := keeper{limits: Limits{Kept: 4 << 20}.withDefaults()}
			f := ReadFile(watched, "r", "", Options{Limits: Limits{Kept: 4 << 20}}, k.keep)
			assert.NotEmpty(t, f.Format, "it was read")
			assert.Equal(t, tc.cut != "", f.Incomplete)
			assert.Contains(t, strings.Join(messages(f.Doubts), "\n"), tc.cut)
			if used := int64(peak) - int64(before.HeapAlloc); used > 48<<20 {
				t.Errorf("%d MiB in use while reading", used>>20)
			}
		})
	}
}
