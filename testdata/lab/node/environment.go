package node

import (
	"fmt"
	"os/exec"
	"strings"
)

// needed maps the programs that the lab calls to the packages that bring them.
var needed = map[string]string{
	"containerd":              "containerd",
	"containerd-shim-runc-v2": "containerd",
	"runc":                    "runc",
	"iptables":                "iptables",
	"iptables-restore":        "iptables",
	"ip6tables-save":          "iptables",
	"ip":                      "iproute2",
	"conntrack":               "conntrack",
}

// searchPath holds the system directories too, which are not on every root's PATH.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func lookProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("the program %s is not installed (package %s). Run testdata/lab/install.sh", name, needed[name])
	}
	return path, nil
}

// supervisorEnv is the caller's environment without what would change how the components talk to each other: a proxy
// in the middle, or a cluster that the caller works with otherwise.
func supervisorEnv(caller []string) []string {
	env := []string{"PATH=" + searchPath}
	for _, variable := range caller {
		name, _, _ := strings.Cut(variable, "=")
		switch strings.ToUpper(name) {
		case "PATH", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "KUBECONFIG", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID":
			continue
		}
		if strings.HasPrefix(name, "ETCD_") {
			continue
		}
		env = append(env, variable)
	}
	return env
}
