package evidence

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// documents are canonical and nearly so.
var documents = []string{
	`{"a":1,"b":[true,false,null,"x",{}],"c":{"d":[]}}`, `{"b":1,"a":2}`, `{"a":1,"a":2}`, `{"":0}`, `{"a":1}x`, `{"a":1} `, ` {}`, `{"a": 1}`, `{"a":1,}`, `[1,]`, `[,1]`, `[1 ,2]`,
	`0`, `-0`, `01`, `-`, `1.`, `1.50`, `.5`, `1e5`, `1E+05`, `1e`, `12345678901234567890`, `+1`, `tru`, `nulls`, ``, `"`, `"a`, `"\`,
	"{\"\\r\":2,\"1\":4,\"\u0080\":6,\"\u00f6\":7,\"\u20ac\":1,\"\U0001f600\":5,\"\ufb33\":3}", "{\"\ufb33\":3,\"\U0001f600\":5}",
	`{"\\":0,"a":1}`, `{"\n":1,"\u000b":2}`, `{"\u000b":1,"\n":2}`, `{"\\u0001":1,"a":1}`, `{"\u0001":1,"\\":2}`, `{"\"":1,"#":2}`,
	`"\u000f\u001f\u0000\u0007\u000b\u000e"`, `"\u000F"`, `"\u000a"`, `"\u0008"`, `"\u0042"`, `"\u001g"`, `"\u0020"`, `"\u00"`, `"\/"`, `"\x"`, "\"\x7f\"", "\"\t\"", "\"\xff\"", "\"\ufffd\"", "\"\xed\xa0\x80\"",
	`"\ud800"`, "\"\u2028</>&\"", strings.Repeat("[", 9000) + strings.Repeat("]", 9000), strings.Repeat("[", 10001) + strings.Repeat("]", 10001),
}

func rewritten(data []byte) bool {
	want, err := canonical(data)
	return err == nil && bytes.Equal(want, data)
}

// The quick answer is that of writing the document anew.
func TestIsCanonical(t *testing.T) {
	yes := 0
	for _, text := range documents {
		want := rewritten([]byte(text))
		if want {
			yes++
		}
		assert.Equal(t, want, isCanonical([]byte(text)), "%.80q", text)
	}
	assert.Greater(t, yes, 15)
	assert.Greater(t, len(documents)-yes, 30)
}

// FuzzIsCanonical holds that for any bytes, and for what canonical makes of them.
func FuzzIsCanonical(f *testing.F) {
	for _, text := range documents {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if want := rewritten(data); isCanonical(data) != want {
			t.Fatalf("isCanonical is %v", !want)
		}
		if text, err := canonical(data); err == nil && !isCanonical(text) {
			t.Fatalf("what canonical writes is not canonical: %q", text)
		}
	})
}
