package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/wire"
)

func message(kind byte, payload string) string {
	return string(kind) + string(binary.BigEndian.AppendUint32(nil, uint32(len(payload)))) + payload
}

func conn(in string) *wire.Conn {
	return wire.NewConn(struct {
		io.Reader
		io.Writer
	}{strings.NewReader(in), io.Discard})
}

func TestConnRoundTrip(t *testing.T) {
	var b bytes.Buffer
	c := wire.NewConn(&b)
	require.NoError(t, c.SendBeat())
	require.NoError(t, c.SendJSON(wire.Request{Op: wire.OpFetch, File: 3, Offset: 4}))
	require.NoError(t, c.SendBeat())
	require.NoError(t, c.SendBeat())
	require.NoError(t, c.SendData([]byte("bytes")))
	require.NoError(t, c.SendData(nil))
	require.NoError(t, c.SendJSON(wire.Answer{End: true, Secrets: []string{}}))
	require.NoError(t, c.SendData([]byte("more")))
	require.NoError(t, c.SendBeat())

	var r wire.Request
	require.NoError(t, c.ReceiveJSON(&r))
	assert.Equal(t, wire.Request{Op: wire.OpFetch, File: 3, Offset: 4}, r)
	p, err := c.ReceiveData()
	require.NoError(t, err)
	assert.Equal(t, "bytes", string(p))
	p, err = c.ReceiveData()
	require.NoError(t, err)
	assert.Empty(t, p)
	p, a, err := c.ReceiveEither()
	require.NoError(t, err)
	assert.Nil(t, p)
	assert.Equal(t, &wire.Answer{End: true, Secrets: []string{}}, a, "no secrets is said, too")
	p, a, err = c.ReceiveEither()
	require.NoError(t, err)
	assert.Nil(t, a)
	assert.Equal(t, "more", string(p))
	_, err = c.ReceiveData()
	assert.ErrorIs(t, err, io.EOF, "a beat is skipped at the end as well")
}

func TestConnDamaged(t *testing.T) {
	for name, c := range map[string]struct{ in, says string }{
		"oversize":            {"D" + "\xff\xff\xff\xff", "message of 4294967295 bytes: the stream is damaged"},
		"oversize beat":       {"B" + "\x7f\xff\xff\xff", "the stream is damaged"},
		"kind":                {message('X', "payload"), `message of unknown kind 'X'`},
		"kind, nothing after": {"\x00\x7f\xff\xff\xff", "message of unknown kind"},
		"text instead":        {"error: unable to upgrade connection", "message of unknown kind 'e'"},
	} {
		_, err := conn(c.in).ReceiveData()
		assert.ErrorContains(t, err, c.says, name)
	}
	_, err := conn(message('J', "{}")).ReceiveData()
	assert.ErrorContains(t, err, "a steering message where data was expected")
	assert.ErrorContains(t, conn(message('D', "{}")).ReceiveJSON(new(wire.Answer)), "data where a steering message was expected")
	assert.Error(t, conn(message('J', "{")).ReceiveJSON(new(wire.Answer)))
	_, _, err = conn(message('J', `{"offset":"many"}`)).ReceiveEither()
	assert.Error(t, err)
}

func TestConnEndsAnywhere(t *testing.T) {
	whole := message('B', "") + message('D', "payload")
	for n := range len(whole) {
		_, err := conn(whole[:n]).ReceiveData()
		if n == 0 || n == 5 {
			assert.Equal(t, io.EOF, err, "between messages")
		} else {
			assert.ErrorIs(t, err, io.ErrUnexpectedEOF, "after %d bytes", n)
		}
	}
}

func TestConnRefusesToSendWhatNobodyWouldTake(t *testing.T) {
	var refused *wire.RefusedError
	require.ErrorAs(t, conn("").SendData(make([]byte, 64<<20+1)), &refused)
	assert.Contains(t, refused.Message, "larger than the protocol allows")
}

func FuzzConn(f *testing.F) {
	f.Add([]byte(message('J', `{"op":"hello"}`) + message('D', "data") + message('B', "")))
	f.Add([]byte(message('D', "")))
	f.Add([]byte("D\x03\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, p []byte) {
		c := conn(string(p))
		for taken := 0; ; {
			data, a, err := c.ReceiveEither()
			taken += len(data)
			if taken > len(p) {
				t.Fatal("more data than there was")
			}
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return
			}
			if err == nil && data != nil && a != nil {
				t.Fatal("a message is data or steering, never both")
			}
			if err != nil && a == nil {
				return // damaged: the stream is given up
			}
		}
	})
}
