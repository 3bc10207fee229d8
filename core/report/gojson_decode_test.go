package report

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
)

// goLines are lines that the quick decoder reads, and others that it has to leave.
var goLines = map[string]bool{
	`{"Time":"2025-11-22T10:00:00.1Z","Action":"run","Package":"p","Test":"T"}`:                               true,
	`{"Action":"pass","Package":"p","Test":"T","Elapsed":0.25}`:                                               true,
	`{"Action":"pass","Package":"p","Elapsed":0}`:                                                             true,
	`{"Action":"output","Output":"a\tb \u003cc\u003e \"d\" \\ \/ é \u00e9\n"} `:                               true,
	`{"ImportPath":"p","Action":"build-fail","FailedBuild":"f","Key":"k","Value":"v","Test":"","Package":""}`: true,
	`{"Action":"pass","Action":"fail"}`:                                                                       true,
	"{\"Action\":\"p\x7f\"}":                                                                                  true,

	``:                                    false,
	`{}`:                                  false,
	`{"Action":"pass"`:                    false,
	`{"Action":"pass",}`:                  false,
	`{"Action":"pass"}}`:                  false,
	`{"Action":"pass"} {"Action":"fail"}`: false,
	`{"Action" : "pass"}`:                 false,
	`{ "Action":"pass"}`:                  false,
	`{"action":"pass"}`:                   false,
	`{"Action":null}`:                     false,
	`{"Action":1}`:                        false,
	`{"More":"x","Action":"pass"}`:        false,
	`{"Elapsed":1e3}`:                     false,
	`{"Elapsed":01}`:                      false,
	`{"Elapsed":1.}`:                      false,
	`{"Elapsed":1.2.3}`:                   false,
	`{"Elapsed":.5}`:                      false,
	`{"Elapsed":"1"}`:                     false,
	`{"Time":1}`:                          false,
	`{"Action":"\ud83d\ude00"}`:           false,
	`{"Action":"\ud83d"}`:                 false,
	`{"Action":"\x"}`:                     false,
	`{"Action":"\u12"}`:                   false,
	`{"Action":"\u+123"}`:                 false,
	"{\"Action\":\"pass\"}\v":             false,
	"{\"Action\":\"a\nb\"}":               false,
	"{\"Action\":\"a\xff\"}":              false,
	"{\"Action\":\"\\na\xff\"}":           false,
	"{\"Act\\u0069on\":\"pass\",\"Elapsed\":-1}": false,
}

func TestGoDecoder(t *testing.T) {
	for line, quick := range goLines {
		var d goDecoder
		var e goEvent
		assert.Equal(t, quick, d.decode([]byte(line), &e), line)
		sameGoEvent(t, line)
	}
}

// sameGoEvent holds that what the quick decoder reads is what encoding/json reads.
func sameGoEvent(t *testing.T, line string) {
	t.Helper()
	var d goDecoder
	var quick, slow goEvent
	if !d.decode([]byte(line), &quick) {
		return
	}
	assert.NoError(t, json.Unmarshal([]byte(line), &slow), "%q", line)
	assert.Equal(t, slow, quick, "%q", line)
}

func FuzzGoDecoder(f *testing.F) {
	for line := range goLines {
		f.Add(line)
	}
	f.Fuzz(sameGoEvent)
}
