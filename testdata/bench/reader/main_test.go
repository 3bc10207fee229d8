package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
		return path
	}
	report := file("r.xml", `<testsuite><testcase name="a"/><testcase name="b"><failure/></testcase><testcase name="c"><error/></testcase></testsuite>`)
	other := file("s.xml", `<testsuite><testcase name="d"><skipped/></testcase></testsuite>`)
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"go-junit", report, other}, `{"errored":1,"failed":1,"passed":1,"skipped":1,"tests":4}`},
		{[]string{"xml", "testcase", report}, "3"},
		{[]string{"json", "k", file("d.json", "{\"k\":1,\"j\":[\"k\"]}\n{\"k\":{}}\n")}, "3"},
		{[]string{"csv", "label", file("d.csv", "label,x\n\"a,\nb\",1\nc,2\n")}, "3"},
	} {
		var out bytes.Buffer
		require.NoError(t, run(tc.args, &out), tc.args)
		assert.Equal(t, tc.want+"\n", out.String(), tc.args)
	}
	for _, args := range [][]string{
		nil, {"go-junit"}, {"yaml", "k", report}, {"xml", "testcase", filepath.Join(dir, "missing")},
		{"json", "k", report}, {"csv", "label", report}, {"xml", "testcase", file("cut.xml", "<testsuite><testcase")},
	} {
		assert.Error(t, run(args, &bytes.Buffer{}), args)
	}
}
