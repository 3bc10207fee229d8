package cluster

import (
	"bytes"
	"encoding/json"
)

// unmarshalStrict refuses fields that the type does not have: a misspelt one would be lost silently.
func unmarshalStrict(p []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(p))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
