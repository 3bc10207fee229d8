package report

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

// fuzzFormat holds, for any bytes read as one format, that reading ends, that totals are the sum of
// the cases, that every text is fit to be kept, and that nothing unreadable is a pass.
func fuzzFormat(f *testing.F, name, pattern string, seeds ...string) {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		f.Fatalf("no fixtures: %v", err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		limits := Limits{Name: 100, Message: 200, Detail: 300, Output: 300, Depth: 50, Attempts: 5, Properties: 5, Measurements: 20}
		var sum Totals
		fit := func(texts ...string) {
			for _, s := range texts {
				if !utf8.ValidString(s) || len(s) > 3*300+100 {
					t.Errorf("not fit to be kept: %q", s)
				}
			}
		}
		file := ReadFile(bytes.NewReader(content), "r", name, Options{Limits: limits}, func(c Case) {
			sum.Add(c)
			fit(append([]string{c.Class, c.Name, c.Message, c.Type, c.Detail, c.Output, c.File}, c.Suite...)...)
			if c.Name == "" || len(c.Suite) > limits.Depth || c.Line < 0 || c.Duration < 0 {
				t.Errorf("no such case: %+v", c)
			}
		})
		var judged Judged
		for _, m := range file.Measurements {
			judged.Measure(m)
			fit(m.Name, m.Threshold)
		}
		if len(file.Measurements) > 2*limits.Measurements || judged.ThresholdsMissed > file.ThresholdsMissed {
			t.Errorf("measurements %+v beside %+v", file.Measurements, file.Judged)
		}
		if file.Totals != sum || file.Passed+file.Failed+file.Errored+file.Skipped != file.Tests {
			t.Errorf("totals %+v are not the sum of the cases %+v", file.Totals, sum)
		}
		if file.Incomplete && len(file.SeriousDoubts()) == 0 {
			t.Error("incomplete without a serious doubt")
		}
		if file.Tests == 0 && file.Thresholds == 0 && len(file.Doubts) == 0 {
			t.Error("nothing in it and no word about it")
		}
		if len(file.Doubts) > 2*maxDoubts+2 {
			t.Errorf("%d doubts", len(file.Doubts))
		}
		if name == "tap" && len(file.SeriousDoubts()) == 0 && file.Failed+file.Errored == 0 && bytes.HasPrefix(content, []byte("not ok 1 - a\n")) {
			t.Error("a failure is gone")
		}
	})
}

func FuzzTAP(f *testing.F) {
	fuzzFormat(f, "tap", "testdata/tap/*.tap",
		"not ok 1 - a\n1..1\n", "ok 1 - s {\n    ok 1 - a\n    1..1\n}\n1..1\n",
		"TAP version 14\npragma +strict\n1..2\nok 1 # SKIP\nnot ok 2 # TODO x {\n", "        ok 1\n    ok 1 # TODO\nok 1\n  ---\n  at:\n    line: -3\n  ...\n")
}

func FuzzK6(f *testing.F) {
	fuzzFormat(f, "k6", "testdata/k6/*.json",
		`{"root_group":{"groups":[{"checks":[{"name":"a","path":"::::a","passes":1,"fails":-1}]}]},"metrics":{"m":{"thresholds":{"p(95)<1":null,"x":[]}}}}`,
		`{"root_group":null,"metrics":{"iterations":{"count":1},"a{b:c}":{"thresholds":{"rate<0.1":{"ok":true}},"rate":9e99}}}`)
}
