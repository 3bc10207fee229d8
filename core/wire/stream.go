package wire

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// A stream carries messages: one byte of kind, four of length, the payload. JSON messages steer,
// data messages carry bytes, a beat says that the other side still lives.
const (
	kindJSON = 'J'
	kindData = 'D'
	kindBeat = 'B'
)

// DataSize is the payload of a full data message.
const DataSize = 128 << 10

// maxMessage bounds a message: a manifest of many thousand files is the largest.
const maxMessage = 64 << 20

// Request asks the collector for something.
type Request struct {
	Op string `json:"op"`
	// Offset is the byte to start from; for OpFetch within the file File.
	Offset int64 `json:"offset,omitempty"`
	// File is the index in the manifest's Files to start from.
	File int `json:"file,omitempty"`
	// Env are the variables of OpEnv. Their values are secrets.
	Env map[string]string `json:"env,omitempty"`
	// Digest is what OpAck acknowledges: the manifest's.
	Digest string `json:"digest,omitempty"`
}

// The operations.
const (
	// OpHello asks for version and state.
	OpHello = "hello"
	// OpEnv hands over variables for the test.
	OpEnv = "env"
	// OpDeliver is followed by data messages: the packed workspace from Offset on, ended by an empty one.
	OpDeliver = "deliver"
	// OpFollow answers with the spool from Offset on, as it grows, until the test is over.
	OpFollow = "follow"
	// OpManifest answers with the manifest once the test is over.
	OpManifest = "manifest"
	// OpFetch answers with the manifest's files from File and Offset on.
	OpFetch = "fetch"
	// OpAck says that everything arrived; the collector may end.
	OpAck = "ack"
	// OpLetGo says that nobody wants what the collector holds.
	OpLetGo = "let-go"
	// OpAttendance asks who else reads. Whoever asks nothing but this and OpHello is no reader.
	OpAttendance = "attendance"
)

// Answer is the collector's word on a request, or a part of it.
type Answer struct {
	// Error is set where the request could not be met.
	Error string `json:"error,omitempty"`
	// Version of the protocol, with OpHello.
	Version int `json:"version,omitempty"`
	// Attendance with OpAttendance.
	Attendance *Attendance `json:"attendance,omitempty"`
	// Have counts the bytes of the workspace that have arrived.
	Have int64 `json:"have,omitempty"`
	// Complete is true where the workspace is whole and verified, or none is expected.
	Complete bool `json:"complete,omitempty"`
	// Secrets are values that must not be kept or shown. They are sent before any output, and an empty
	// list where there are none.
	Secrets []string `json:"secrets,omitzero"`
	// Manifest with OpManifest.
	Manifest *Manifest `json:"manifest,omitempty"`
	// File and Offset open a file with OpFetch; Length and SHA256 close it, or the followed log:
	// they cover the bytes sent in this answer.
	File   int    `json:"file,omitempty"`
	Offset int64  `json:"offset,omitempty"`
	Length int64  `json:"length,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	// End closes an answer; a stream that breaks before it has told nothing.
	End bool `json:"end,omitempty"`
}

// Attendance says whether anybody attends to a run: a runner that lives keeps a stream open from
// the moment the collector can be reached until everything is kept.
type Attendance struct {
	// Readers counts the streams that are reading.
	Readers int `json:"readers"`
	// Idle is how long there has been no reader; 0 while there is one.
	Idle time.Duration `json:"idle,omitempty"`
	// Over is true once the test has ended, Acknowledged once a reader has everything.
	Over         bool `json:"over,omitempty"`
	Acknowledged bool `json:"acknowledged,omitempty"`
}

// Conn sends and receives messages on a stream.
type Conn struct {
	r *bufio.Reader
	w io.Writer
	// buf is reused: a Conn is used by one goroutine in each direction.
	buf []byte
	// beats counts the beats that arrived.
	beats int
}

// NewConn wraps a stream.
func NewConn(rw io.ReadWriter) *Conn {
	return &Conn{r: bufio.NewReaderSize(rw, 32<<10), w: rw}
}

// SendJSON sends a steering message.
func (c *Conn) SendJSON(v any) error {
	p, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.send(kindJSON, p)
}

// SendData sends bytes.
func (c *Conn) SendData(p []byte) error { return c.send(kindData, p) }

// SendBeat says that this side lives.
func (c *Conn) SendBeat() error { return c.send(kindBeat, nil) }

func (c *Conn) send(kind byte, p []byte) error {
	if len(p) > maxMessage {
		return &RefusedError{Message: fmt.Sprintf("a message of %d bytes is larger than the protocol allows (%d): hand over fewer files", len(p), maxMessage)}
	}
	var h [5]byte
	h[0] = kind
	binary.BigEndian.PutUint32(h[1:], uint32(len(p)))
	if _, err := c.w.Write(h[:]); err != nil {
		return err
	}
	if len(p) == 0 {
		return nil
	}
	_, err := c.w.Write(p)
	return err
}

// receive gives the next message that is no beat. Its payload is valid until the next call.
func (c *Conn) receive() (kind byte, p []byte, err error) {
	for {
		var h [5]byte
		if _, err := io.ReadFull(c.r, h[:]); err != nil {
			return 0, nil, err
		}
		if h[0] != kindJSON && h[0] != kindData && h[0] != kindBeat {
			return 0, nil, fmt.Errorf("message of unknown kind %q: the stream is damaged", h[0])
		}
		n := binary.BigEndian.Uint32(h[1:])
		if n > maxMessage {
			return 0, nil, fmt.Errorf("message of %d bytes: the stream is damaged", n)
		}
		if cap(c.buf) < int(n) {
			c.buf = make([]byte, max(int(n), DataSize))
		}
		p = c.buf[:n]
		if _, err := io.ReadFull(c.r, p); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, nil, err
		}
		if h[0] != kindBeat {
			return h[0], p, nil
		}
		c.beats++
	}
}

// ReceiveJSON expects a steering message and decodes it into v.
func (c *Conn) ReceiveJSON(v any) error {
	kind, p, err := c.receive()
	if err != nil {
		return err
	}
	if kind != kindJSON {
		return fmt.Errorf("data where a steering message was expected: the stream is damaged")
	}
	return json.Unmarshal(p, v)
}

// ReceiveData expects a data message; it is empty at the end of a delivery.
func (c *Conn) ReceiveData() ([]byte, error) {
	kind, p, err := c.receive()
	if err != nil {
		return nil, err
	}
	if kind != kindData {
		return nil, fmt.Errorf("a steering message where data was expected: the stream is damaged")
	}
	return p, nil
}

// ReceiveEither gives data, or an answer where a steering message came.
func (c *Conn) ReceiveEither() (data []byte, a *Answer, err error) {
	kind, p, err := c.receive()
	if err != nil {
		return nil, nil, err
	}
	if kind == kindData {
		return p, nil, nil
	}
	a = new(Answer)
	return nil, a, json.Unmarshal(p, a)
}
