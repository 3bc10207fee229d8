package report

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

// FuzzJUnit holds, for any bytes, that reading ends, that totals are the sum of the cases, that
// every text is fit to be kept, and that only a whole file without doubts about it is a pass.
func FuzzJUnit(f *testing.F) {
	paths, err := filepath.Glob(filepath.Join(fixtures, "*", "*.xml"))
	if err != nil || len(paths) == 0 {
		f.Fatalf("no fixtures: %v", err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, s := range []string{
		"<testsuite><testcase name='x'><failure/><skipped/></testcase><error/></testsuite>",
		"<testcase><flakyFailure><stackTrace>&#xD83D;&#xDE00;</stackTrace></flakyFailure><rerunError/></testcase>",
		"<!DOCTYPE a [<!ENTITY b 'c'>]><testsuites><testsuite tests='9' file='f'><properties><property name='a'>b</property></properties></testsuite></testsuites>",
		"<testsuite><testcase name='a'><system-out><![CDATA[x]]></system-out><testcase/></testcase>",
		"\xff\xfe<\x00t\x00e\x00s\x00t\x00c\x00a\x00s\x00e\x00/\x00>\x00",
		"<?xml version='1.0' encoding='windows-1252'?><testcase name='\xe4'/>",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		limits := Limits{Name: 100, Message: 200, Detail: 300, Output: 300, Depth: 50, Attempts: 5, Properties: 5}
		var sum Totals
		file := ReadFile(bytes.NewReader(content), "r.xml", "", Options{Limits: limits}, func(c Case) {
			sum.Add(c)
			texts := append([]string{c.Class, c.Name, c.Message, c.Type, c.Detail, c.Output, c.File}, c.Suite...)
			for _, a := range c.Attempts {
				texts = append(texts, a.Message, a.Type, a.Detail)
			}
			for _, p := range c.Properties {
				texts = append(texts, p.Name, p.Value)
			}
			for _, s := range texts {
				// Characters that are replaced grow to three bytes, and what was left out is told.
				if !utf8.ValidString(s) || len(s) > 3*300+100 {
					t.Errorf("not fit to be kept: %q", s)
				}
			}
			if c.Name == "" {
				t.Error("a case without a name")
			}
			if len(c.Attempts) > limits.Attempts || len(c.Properties) > limits.Properties || len(c.Suite) > limits.Depth {
				t.Errorf("beyond the limits: %+v", c)
			}
			switch c.Status {
			case Passed, Failed, Errored, Skipped:
			default:
				t.Errorf("status %q", c.Status)
			}
		})
		if file.Totals != sum {
			t.Errorf("totals %+v are not the sum of the cases %+v", file.Totals, sum)
		}
		if file.Passed+file.Failed+file.Errored+file.Skipped != file.Tests {
			t.Errorf("totals do not add up: %+v", file.Totals)
		}
		if file.Incomplete && len(file.SeriousDoubts()) == 0 {
			t.Error("incomplete without a serious doubt")
		}
		if file.Tests == 0 && len(file.Doubts) == 0 {
			t.Error("nothing in it and no word about it")
		}
		if len(file.Doubts) > 2*maxDoubts+2 {
			t.Errorf("%d doubts", len(file.Doubts))
		}
	})
}
