package cluster

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/wire"
)

type shown struct{ bytes.Buffer }

func (s *shown) Log(_ int, p []byte)         { s.Write(p) }
func (s *shown) Phase(core.Phase, time.Time) {}

// What a test writes is shown and kept without secrets, named or by their shape, wherever a write
// ends and whatever the other stream says meanwhile.
func TestLogIsShownAndKeptWithoutSecrets(t *testing.T) {
	token := "gl" + "pat-" + strings.Repeat("aB3d", 5)
	out := "token " + token + "\nknown hunter22\n-----BEGIN PRIVATE KEY-----\n" + strings.Repeat(strings.Repeat("aB3d", 16)+"\n", 3) + "-----END PRIVATE KEY-----\nok\n"
	for i := range out {
		var spool []byte
		for seq, c := range []wire.Chunk{{Stream: wire.Stdout, Data: []byte(out[:i])}, {Stream: wire.Stderr, Data: []byte("!\n")}, {Stream: wire.Stdout, Data: []byte(out[i:])}} {
			c.Seq = uint64(seq)
			spool = wire.AppendChunk(spool, c)
		}
		var kept bytes.Buffer
		seen := &shown{}
		sink := &logSink{file: &kept, obs: seen}
		sink.protect([]string{"hunter22"})
		require.NoError(t, sink.decode(bytes.NewReader(spool)))
		require.NoError(t, sink.close())
		require.Equal(t, "token [REDACTED gitlab token]\nknown [REDACTED]\n[REDACTED private key]\nok\n", strings.Replace(kept.String(), "!\n", "", 1), "split at %d", i)
		require.Equal(t, kept.String(), seen.String(), "what is shown is what is kept")
		require.Equal(t, 3, sink.count)
		require.EqualValues(t, kept.Len(), sink.size)
	}
}
