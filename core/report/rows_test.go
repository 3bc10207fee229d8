package report

import (
	"encoding/csv"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRows(t *testing.T) {
	for text, want := range map[string][][]string{
		"":                            nil,
		"a,b\nc\n":                    {{"a", "b"}, {"c"}},
		"a,b\r\nc":                    {{"a", "b"}, {"c"}},
		"\n,\n":                       {{""}, {"", ""}},
		"\"a,\nb\",\"say \"\"x\"\"\"": {{"a,\nb", `say "x"`}},
		"a\"b\",c\n":                  {{`a"b"`, "c"}},
		"\"a\"b,c\n":                  {{"ab", "c"}},
		"\"\",\r\n":                   {{"", ""}},
	} {
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			in := newRows(r, ',', 100)
			var got [][]string
			for {
				row, err := in.next()
				if err == io.EOF {
					break
				}
				require.NoError(t, err, "%q", text)
				got = append(got, append([]string{}, row...))
			}
			assert.Equal(t, want, got, "%q", text)
			assert.Equal(t, 1+strings.Count(text, "\n"), in.line, "%q", text)
		}
	}
	_, err := newRows(strings.NewReader("a,\"b\n"), ',', 100).next()
	assert.Equal(t, errEndsInside, err)
}

func TestRowsBounds(t *testing.T) {
	in := newRows(strings.NewReader(strings.Repeat("abc,", rowFields)+"d,e\n"+strings.Repeat("x", 1<<20)+",y\nz\n"), ',', 1000)
	row, err := in.next()
	require.NoError(t, err)
	assert.Len(t, row, rowFields)
	assert.True(t, in.wide)
	row, err = in.next()
	require.NoError(t, err)
	assert.Equal(t, []string{strings.Repeat("x", 1000), ""}, row, "a row is cut")
	assert.False(t, in.wide)
	row, err = in.next()
	require.NoError(t, err)
	assert.Equal(t, []string{"z"}, row, "and the next is whole")
}

// What both take is the same in the rows of encoding/csv.
func FuzzRows(f *testing.F) {
	f.Add("a,b\n\"c\n,\",\"\"\"\"\n")
	f.Add("a,\"b\",\r\nc,d,e\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "\r") {
			t.Skip("encoding/csv drops carriage returns in quotes")
		}
		theirs := csv.NewReader(strings.NewReader(text))
		theirs.FieldsPerRecord = -1
		want, err := theirs.ReadAll()
		if err != nil {
			t.Skip("no CSV")
		}
		in := newRows(strings.NewReader(text), ',', 1<<20)
		for n := 0; ; {
			row, err := in.next()
			if err == io.EOF {
				require.Equal(t, len(want), n)
				return
			}
			require.NoError(t, err)
			if in.wide {
				t.Skip("more fields than are read")
			}
			if len(row) == 1 && row[0] == "" && (n == len(want) || len(want[n]) != 1 || want[n][0] != "") {
				continue // encoding/csv steps over empty lines
			}
			require.Less(t, n, len(want))
			require.Equal(t, want[n], row)
			n++
		}
	})
}
