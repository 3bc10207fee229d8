package node

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

type mount struct{ point, kind, source string }

func readMounts() ([]mount, error) {
	raw, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("reading the mounts: %w", err)
	}
	return parseMounts(string(raw)), nil
}

// parseMounts reads mountinfo: the mount point is the fifth field, type and source follow a lone dash.
func parseMounts(text string) []mount {
	var found []mount
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		for i := 5; i+2 < len(fields); i++ {
			if fields[i] == "-" {
				found = append(found, mount{point: unescape(fields[4]), kind: fields[i+1], source: unescape(fields[i+2])})
				break
			}
		}
	}
	return found
}

// unescape undoes the kernel's octal spelling of blanks and backslashes.
func unescape(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}

// unmountBelow removes every mount below a directory, the latest first. A mount whose user is still ending is
// detached: it is gone from the tree at once.
func unmountBelow(dir string) error {
	for {
		mounts, err := readMounts()
		if err != nil {
			return err
		}
		var points []string
		for _, mount := range mounts {
			if strings.HasPrefix(mount.point, dir+"/") {
				points = append(points, mount.point)
			}
		}
		if len(points) == 0 {
			return nil
		}
		for i := len(points) - 1; i >= 0; i-- {
			if err := syscall.Unmount(points[i], syscall.MNT_DETACH); err != nil {
				return fmt.Errorf("unmounting %s: %w", points[i], err)
			}
		}
	}
}
