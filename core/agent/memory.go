package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/assay-dev/assay/core/wire"
)

// memoryPath lies on the volume that only the collector mounts.
const memoryPath = wire.PrivateDir + "/memory.json"

// memory is what a collector that kubelet starts again must still know and cannot ask for: the
// shim may have ended and the reader may be another one. Without it a log would be handed over
// whose secrets nobody announces, and files under names of another working directory.
type memory struct {
	Workdir string            `json:"workdir"`
	Secrets []string          `json:"secrets"`
	Env     map[string]string `json:"env"`
}

// remember keeps the memory; c.mu is held.
func (c *Collector) remember() {
	p, err := json.Marshal(memory{Workdir: c.workdir, Secrets: c.secrets, Env: c.env})
	if err == nil {
		// Only its owner may read it: it holds secrets.
		err = writeFile(c.at(memoryPath), p, 0o600)
	}
	if err != nil {
		fmt.Fprintf(c.Log, "assay: keeping the collector's memory: %v\n", err)
	}
}

// hide adds values that must not be kept; c.mu is held.
func (c *Collector) hide(values ...string) {
	for _, v := range values {
		if !slices.Contains(c.secrets, v) {
			c.secrets = append(c.secrets, v)
		}
	}
}

// remembered takes up what an earlier life kept.
func (c *Collector) remembered() error {
	p, err := os.ReadFile(c.at(memoryPath))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var m memory
	if err == nil {
		err = json.Unmarshal(p, &m)
	}
	if err != nil {
		return fmt.Errorf("reading the collector's memory: %w", err)
	}
	if m.Workdir != "" {
		c.workdir = m.Workdir
	}
	c.secrets, c.env = m.Secrets, m.Env
	return nil
}
