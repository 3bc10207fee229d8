package main

import (
	"bytes"
	"sync"
)

// lockedBuffer holds a log that the service writes while the test waits for its first line.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
	once   sync.Once
	ready  chan struct{}
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.once.Do(func() { close(b.ready) })
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
