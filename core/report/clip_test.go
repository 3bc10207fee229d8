package report

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClip(t *testing.T) {
	for _, tt := range []struct {
		name   string
		limit  int
		pieces []string
		want   string
	}{
		{"nothing", 10, nil, ""},
		{"fits", 10, []string{"01234", "56789"}, "0123456789"},
		{"one byte too much", 10, []string{"0123456789a"}, "01234\n[... 1 bytes left out ...]\n6789a"},
		{"many pieces", 4, strings.Split(strings.Repeat("a,b,c,d,", 100), ","), "ab\n[... 396 bytes left out ...]\ncd"},
		{"a piece larger than everything", 4, []string{strings.Repeat("x", 1000) + "yz"}, "xx\n[... 998 bytes left out ...]\nyz"},
		{"characters stay whole", 10, []string{"äöüäöüäöü"}, "äö\n[... 10 bytes left out ...]\nöü"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := clip{head: []byte("old"), tail: []byte("old"), dropped: 7}
			c.reset(tt.limit)
			for _, p := range tt.pieces {
				c.write([]byte(p))
			}
			assert.Equal(t, tt.want, c.text())
			assert.Equal(t, tt.want, c.text(), "reading changes nothing")
		})
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain text\t\n more \r\n":        "plain text\t\n more",
		"one\r\ntwo":                      "one\ntwo",
		"\x1b[1;31mred\x1b[0m":            "red",
		"\x1b[not a sequence \x01":        "ot a sequence ",
		"\x1b[\x01":                       "[",
		"a\xc3\x28b":                      "a\ufffd(b",
		"zero\x00bell\x07del\x7fc1\u0085": "zerobelldelc1",
		"\ufffe\uffff":                    "",
		"grün 😀":                          "grün 😀",
	} {
		assert.Equal(t, want, clean([]byte(in)), "%q", in)
	}
}

func TestCut(t *testing.T) {
	assert.Equal(t, "abc", cut("abc", 3))
	assert.Equal(t, "ab...", cut("abcdef", 5))
	assert.Equal(t, "...", cut("äöüä", 4), "half a character is none")
	assert.Equal(t, "..", cut("abcdef", 2))
	for n := range 20 {
		s := cut("äöü€😀äöü€😀", n)
		require.True(t, utf8.ValidString(s))
		require.LessOrEqual(t, len(s), n)
	}
}
