package images

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TesterUID is the unprivileged user of the busybox base.
const TesterUID = 1000

const (
	busyboxPath  = "/bin/busybox"
	certificates = "/etc/ssl/certs/ca-certificates.crt"
)

// busybox is a base with a shell: Debian's static busybox under all its names, and the files that programs expect of
// a machine.
func busybox() (v1.Layer, error) {
	names, err := exec.Command(busyboxPath, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("listing what %s can do: %w. Install the package busybox-static (testdata/lab/install.sh)", busyboxPath, err)
	}
	text := func(at, content string) entry { return entry{path: at, mode: 0o644, data: []byte(content)} }
	entries := []entry{
		{path: "/bin", mode: fs.ModeDir | 0o755},
		{path: busyboxPath, mode: 0o755, from: busyboxPath},
		// Scripts name their interpreter by other paths as well.
		{path: "/sbin", link: "bin"},
		{path: "/usr/bin", link: "../bin"},
		{path: "/usr/sbin", link: "../bin"},
		{path: "/tmp", mode: fs.ModeDir | fs.ModeSticky | 0o777},
		{path: "/var/tmp", mode: fs.ModeDir | fs.ModeSticky | 0o777},
		{path: "/root", mode: fs.ModeDir | 0o700},
		{path: "/home/tester", mode: fs.ModeDir | 0o755, uid: TesterUID},
		text("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\ntester:x:1000:1000:tester:/home/tester:/bin/sh\n"),
		text("/etc/group", "root:x:0:\nnogroup:x:65534:\ntester:x:1000:\n"),
		text("/etc/nsswitch.conf", "hosts: files dns\n"),
	}
	for _, name := range strings.Fields(string(names)) {
		if name != "busybox" {
			entries = append(entries, entry{path: path.Join("/bin", name), link: "busybox"})
		}
	}
	if _, err := os.Stat(certificates); err == nil {
		entries = append(entries, entry{path: certificates, mode: 0o644, from: certificates})
	}
	return newLayer(entries)
}
