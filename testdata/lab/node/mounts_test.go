package node

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMountsAreReadWithOptionalFieldsAndEscapes(t *testing.T) {
	found := parseMounts(`36 35 98:0 / /var/lib/a\040lab/kubelet rw,noatime shared:1 master:2 - ext4 /dev/root rw
40 35 0:4 net:[1] /run/netns/x rw - nsfs nsfs rw
`)
	assert.Equal(t, []mount{
		{point: "/var/lib/a lab/kubelet", kind: "ext4", source: "/dev/root"},
		{point: "/run/netns/x", kind: "nsfs", source: "nsfs"},
	}, found)
}
