package node

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// family is one protocol's set of firewall programs; the tables of both hold what kube-proxy and kubelet write.
type family struct{ name, save, restore string }

var families = []family{
	{"ip", "iptables-save", "iptables-restore"},
	{"ip6", "ip6tables-save", "ip6tables-restore"},
}

var tableNames = []string{"filter", "nat", "mangle"}

const (
	ownChains     = "ASSAY-LAB-"
	kubeChains    = "KUBE-"
	pluginChains  = "CNI-"
	hostPortChain = "CNI-HOSTPORT-"
)

// table is one table of a save, each rule as it was printed.
type table struct {
	name   string
	chains []chain
	rules  []string
}

// chain has a policy when it is built in, and a dash when somebody made it.
type chain struct{ name, policy string }

func readTables(f family) ([]table, error) {
	text, err := output(f.save)
	if err != nil {
		return nil, fmt.Errorf("reading the firewall: %w", err)
	}
	return parseTables(text), nil
}

func parseTables(text string) []table {
	var found []table
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "*"):
			found = append(found, table{name: line[1:]})
		case len(found) == 0:
		case strings.HasPrefix(line, ":"):
			fields := strings.Fields(line[1:])
			if len(fields) >= 2 {
				last := &found[len(found)-1]
				last.chains = append(last.chains, chain{name: fields[0], policy: fields[1]})
			}
		case strings.HasPrefix(line, "-A "):
			last := &found[len(found)-1]
			last.rules = append(last.rules, line)
		}
	}
	return found
}

// ruleChain is the chain that a rule is in.
func ruleChain(rule string) string { return strings.Fields(rule)[1] }

// ruleTarget is the chain or action that a rule jumps to.
func ruleTarget(rule string) string {
	fields := strings.Fields(rule)
	for i, field := range fields {
		if (field == "-j" || field == "-g") && i+1 < len(fields) {
			return fields[i+1]
		}
	}
	return ""
}

// foreignChains are the chains of another Kubernetes. Two would overwrite each other's rules, since both use the same
// names.
func foreignChains() ([]string, error) {
	var found []string
	for _, f := range families {
		tables, err := readTables(f)
		if err != nil {
			return nil, err
		}
		for _, t := range tables {
			for _, c := range t.chains {
				if strings.HasPrefix(c.name, kubeChains) {
					found = append(found, fmt.Sprintf("%s (table %s of %s)", c.name, t.name, f.save))
				}
			}
		}
	}
	return found, nil
}

// absentTables are those that will exist only because the lab wrote into them.
func absentTables() ([]string, error) {
	var absent []string
	for _, f := range families {
		tables, err := readTables(f)
		if err != nil {
			return nil, err
		}
		for _, name := range tableNames {
			if !slices.ContainsFunc(tables, func(t table) bool { return t.name == name }) {
				absent = append(absent, f.name+" "+name)
			}
		}
	}
	return absent, nil
}

// openFirewall lets pods reach each other and the world, and keeps the world from the API server and the kubelet,
// which have to listen on more than loopback for the pods' sake.
func (s *State) openFirewall() error {
	rules := fmt.Sprintf(`*filter
:ASSAY-LAB-INPUT - [0:0]
:ASSAY-LAB-FORWARD - [0:0]
-A ASSAY-LAB-INPUT -i lo -j RETURN
-A ASSAY-LAB-INPUT -s %[1]s -j RETURN
-A ASSAY-LAB-INPUT -p tcp -m multiport --dports %[2]d,%[3]d -j REJECT
-A ASSAY-LAB-FORWARD -s %[1]s -j ACCEPT
-A ASSAY-LAB-FORWARD -d %[1]s -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-I INPUT -j ASSAY-LAB-INPUT
-A FORWARD -j ASSAY-LAB-FORWARD
COMMIT
*nat
:ASSAY-LAB-POSTROUTING - [0:0]
-A ASSAY-LAB-POSTROUTING -s %[1]s ! -d %[1]s -j MASQUERADE
-A POSTROUTING -j ASSAY-LAB-POSTROUTING
COMMIT
`, podRange, s.APIPort, kubeletPort)
	if err := restoreRules(families[0], rules); err != nil {
		return fmt.Errorf("opening the firewall for pods: %w", err)
	}
	return nil
}

// closeFirewall removes the lab's chains, and every rule that leads to them, from all tables.
func (s *State) closeFirewall() error {
	for _, f := range families {
		tables, err := readTables(f)
		if err != nil {
			return err
		}
		for _, t := range tables {
			script := removalScript(t)
			if script == "" {
				continue
			}
			if err := restoreRules(f, script); err != nil {
				return fmt.Errorf("removing the lab's firewall rules from table %s: %w", t.name, err)
			}
		}
		if err := s.dropTables(f); err != nil {
			return err
		}
	}
	return nil
}

// removalScript undoes, in one transaction, what the lab put into a table. It says nothing when there is nothing.
func removalScript(t table) string {
	ours := chainsOfOurs(t)
	if len(ours) == 0 {
		return ""
	}
	var script strings.Builder
	fmt.Fprintf(&script, "*%s\n", t.name)
	for _, rule := range t.rules {
		if slices.Contains(ours, ruleTarget(rule)) && !slices.Contains(ours, ruleChain(rule)) {
			fmt.Fprintf(&script, "-D %s\n", strings.TrimPrefix(rule, "-A "))
		}
	}
	for _, name := range ours {
		fmt.Fprintf(&script, "-F %s\n", name)
	}
	for _, name := range ours {
		fmt.Fprintf(&script, "-X %s\n", name)
	}
	script.WriteString("COMMIT\n")
	return script.String()
}

// chainsOfOurs tells the chains of the lab's CNI network from those of another by the network's name, which the
// plugins write into their comments. Their shared chains go with the last network that uses them.
func chainsOfOurs(t table) []string {
	var ours, shared []string
	for _, c := range t.chains {
		switch {
		case strings.HasPrefix(c.name, ownChains), strings.HasPrefix(c.name, kubeChains):
			ours = append(ours, c.name)
		case strings.HasPrefix(c.name, hostPortChain):
			shared = append(shared, c.name)
		case strings.HasPrefix(c.name, pluginChains):
			if slices.ContainsFunc(t.rules, func(rule string) bool {
				return (ruleChain(rule) == c.name || ruleTarget(rule) == c.name) && strings.Contains(rule, networkName)
			}) {
				ours = append(ours, c.name)
			}
		}
	}
	foreign := slices.ContainsFunc(t.chains, func(c chain) bool {
		return strings.HasPrefix(c.name, pluginChains) && !slices.Contains(ours, c.name) && !slices.Contains(shared, c.name)
	})
	if !foreign {
		ours = append(ours, shared...)
	}
	return ours
}

// dropTables removes the tables that were not there before, if by now nothing is in them.
func (s *State) dropTables(f family) error {
	if _, err := exec.LookPath("nft"); err != nil {
		return nil // then they stay, empty and without effect
	}
	tables, err := readTables(f)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if !slices.Contains(s.Before.AbsentTables, f.name+" "+t.name) || !t.empty() {
			continue
		}
		// Tables of the older firewall programs are none of nft's; they stay, empty.
		_ = run("nft", "delete", "table", f.name, t.name)
	}
	return nil
}

func (t table) empty() bool {
	return len(t.rules) == 0 && !slices.ContainsFunc(t.chains, func(c chain) bool { return c.policy != "ACCEPT" })
}

func restoreRules(f family, rules string) error {
	command := exec.Command(f.restore, "--noflush", "--wait")
	command.Stdin = strings.NewReader(rules)
	_, err := outputOf(command)
	return err
}
