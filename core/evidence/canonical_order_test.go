package evidence

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The names of RFC 8785 section 3.2.3, in which only UTF-16 order puts the emoji before U+FB33,
// and the strings of section 3.2.2.
func TestCanonicalFollowsRFC8785(t *testing.T) {
	got, err := canonical([]byte("{\"\u20ac\":1,\"\\r\":2,\"\ufb33\":3,\"1\":4,\"\U0001f600\":5,\"\u0080\":6,\"\u00f6\":7}"))
	require.NoError(t, err)
	assert.Equal(t, "{\"\\r\":2,\"1\":4,\"\u0080\":6,\"\u00f6\":7,\"\u20ac\":1,\"\U0001f600\":5,\"\ufb33\":3}", string(got))

	got, err = canonical([]byte(`[ "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/</>" , [ ] , { } , null , true , false , 12345678901234567890 ]`))
	require.NoError(t, err)
	assert.Equal(t, "[\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/</>\",[],{},null,true,false,12345678901234567890]", string(got))
}
