package summary

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
)

// KindEnvironmentDiff is the kind of an EnvironmentDiff.
const KindEnvironmentDiff = "EnvironmentDiff"

// EnvironmentDiff is what --output json prints for two environments that were compared. Fields are
// only ever added, never renamed, within an apiVersion, and their order is fixed.
type EnvironmentDiff struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Result is equal, different, or unknown: no difference is known, and not all could be compared.
	Result EnvironmentResult `json:"result"`
	Left   ComparedSnapshot  `json:"left"`
	Right  ComparedSnapshot  `json:"right"`
	// Differences are those that the result rests on; those of aspect unread are among them.
	Differences []evidence.Difference `json:"differences"`
	// Tolerated are those that were accepted.
	Tolerated []evidence.Difference `json:"tolerated"`
}

// ComparedSnapshot is one side of an EnvironmentDiff.
type ComparedSnapshot struct {
	// Digest is that of the snapshot's canonical JSON.
	Digest      string               `json:"digest"`
	Time        time.Time            `json:"time"`
	Environment evidence.Environment `json:"environment"`
}

// EnvironmentResult is the comparison in a word.
type EnvironmentResult string

// The results. What could not be compared is never equal.
const (
	EnvironmentsEqual     EnvironmentResult = "equal"
	EnvironmentsDifferent EnvironmentResult = "different"
	EnvironmentsUnknown   EnvironmentResult = "unknown"
)

// DiffEnvironments compares two snapshots, which must be valid.
func DiffEnvironments(left, right evidence.Snapshot, tolerances []evidence.Tolerance) (EnvironmentDiff, error) {
	d := EnvironmentDiff{APIVersion: evidence.APIVersion, Kind: KindEnvironmentDiff, Result: EnvironmentsEqual}
	for _, side := range []struct {
		of *ComparedSnapshot
		s  evidence.Snapshot
	}{{&d.Left, left}, {&d.Right, right}} {
		data, err := evidence.MarshalSnapshot(side.s)
		if err != nil {
			return d, err
		}
		*side.of = ComparedSnapshot{evidence.Digest(data), side.s.Time.UTC(), side.s.Environment}
	}
	tolerated, rest := evidence.Tolerated(evidence.Compare(left, right), tolerances)
	d.Tolerated, d.Differences = list(tolerated), list(rest)
	switch {
	case d.known() > 0:
		d.Result = EnvironmentsDifferent
	case len(rest) > 0:
		d.Result = EnvironmentsUnknown
	}
	return d, nil
}

// known counts the differences that are certain.
func (d EnvironmentDiff) known() int {
	n := 0
	for _, f := range d.Differences {
		if f.Aspect != evidence.AspectUnread {
			n++
		}
	}
	return n
}

// EnvironmentDiffText is the comparison for a terminal: a line with the result, then the differences,
// by workload.
func EnvironmentDiffText(d EnvironmentDiff) string {
	var b strings.Builder
	left, right := d.Left.name("left"), d.Right.name("right")
	names := [2]string{left, right}
	if left == right {
		names = [2]string{d.Left.at(), d.Right.at()}
	}
	if names[0] == names[1] {
		names = [2]string{left + " (left)", right + " (right)"}
	}
	unread := len(d.Differences) - d.known()
	text := map[EnvironmentResult]string{
		EnvironmentsEqual:     "no difference",
		EnvironmentsDifferent: counted(d.known(), "difference"),
		EnvironmentsUnknown:   "no difference is known",
	}[d.Result]
	if unread > 0 {
		text += fmt.Sprintf(", %s could not be compared", number(unread))
	}
	if n := len(d.Tolerated); n > 0 {
		text += fmt.Sprintf(", %s tolerated", number(n))
	}
	fmt.Fprintf(&b, "%s (%s) and %s (%s): %s\n", left, d.Left.at(), right, d.Right.at(), text)
	differences(&b, names, "", d.Differences)
	if len(d.Tolerated) > 0 {
		b.WriteString("\nTolerated:\n")
		differences(&b, names, "  ", d.Tolerated)
	}
	return b.String()
}

func (s ComparedSnapshot) name(otherwise string) string {
	if name := title(s.Environment.Name); name != "" {
		return name
	}
	return otherwise
}

func (s ComparedSnapshot) at() string { return s.Time.Format(time.RFC3339) }

// differences lists differences under what they are about, with both sides below each other: digests
// are too long to stand beside each other, and are what one compares.
func differences(b *strings.Builder, names [2]string, indent string, all []evidence.Difference) {
	width := max(columns(names[0]), columns(names[1]))
	where := ""
	for _, d := range all {
		heading := heading(d)
		if heading != where {
			fmt.Fprintf(b, "\n%s%s\n", indent, heading)
			where = heading
		}
		fmt.Fprintf(b, "%s  %s\n", indent, subject(d))
		if d.Aspect == evidence.AspectUnread {
			fmt.Fprintf(b, "%s    %s\n", indent, oneLine(d.Sentence))
			continue
		}
		for i, value := range []string{d.Left, d.Right} {
			text := oneLine(value)
			switch {
			case text == "" && d.Aspect == evidence.AspectAnnotation:
				text = "empty or not set"
			case text == "":
				text = "not there"
			}
			fmt.Fprintf(b, "%s    %s%s  %s\n", indent, names[i], strings.Repeat(" ", width-columns(names[i])), text)
		}
	}
}

// heading names what a difference is about, with the namespaces on both sides where it has some.
func heading(d evidence.Difference) string {
	text := oneLine(d.Where)
	var namespaces []string
	for _, n := range []string{d.LeftNamespace, d.RightNamespace} {
		if n = title(n); n != "" && !slices.Contains(namespaces, n) {
			namespaces = append(namespaces, n)
		}
	}
	// What is about a whole cluster says in its sentence which namespace of it is meant.
	if len(namespaces) == 0 || !strings.Contains(text, "/") {
		return text
	}
	return text + " (" + strings.Join(namespaces, ", ") + ")"
}

// subject names what differs, without its value.
func subject(d evidence.Difference) string {
	text := string(d.Aspect)
	if d.Of != "" {
		text += " " + string(d.Of)
	}
	if d.Container != "" {
		text += " of container " + d.Container
	}
	if d.Item != "" {
		text += ": " + d.Item
	}
	return oneLine(text)
}

// SnapshotText is a snapshot for a terminal.
func SnapshotText(s evidence.Snapshot, digest string) string {
	s = s.Sorted()
	var b strings.Builder
	fmt.Fprintf(&b, "environment %s · cluster %s · Kubernetes %s · namespaces %s · %s\n", title(s.Environment.Name), oneLine(s.Environment.Cluster),
		oneLine(s.Environment.Kubernetes), oneLine(strings.Join(s.Environment.Targets, ", ")), s.Time.UTC().Format(time.RFC3339))
	fmt.Fprintf(&b, "snapshot %s\n", digest)
	if len(s.Workloads) > 0 {
		var rows [][]string
		for _, w := range s.Workloads {
			ready := ""
			if !strings.HasPrefix(w.Name(), "cronjob/") {
				ready = fmt.Sprintf("%d/%d", w.Ready, w.Replicas)
			}
			var images []string
			for _, c := range w.Containers {
				images = append(images, c.Name+"="+runningText(c))
			}
			rows = append(rows, []string{w.Name(), w.Namespace, w.Tier, w.Owner, ready, strings.Join(images, " ")})
		}
		b.WriteString("\n" + Table([]string{"WORKLOAD", "NAMESPACE", "TIER", "OWNER", "READY", "IMAGES"}, rows...))
	}
	if len(s.Config) > 0 {
		var rows [][]string
		for _, c := range s.Config {
			rows = append(rows, []string{c.Name, c.Namespace, number(len(c.Keys))})
		}
		b.WriteString("\n" + Table([]string{"CONFIGMAP", "NAMESPACE", "KEYS"}, rows...))
	}
	if len(s.APIs) > 0 {
		var rows [][]string
		for _, a := range s.APIs {
			rows = append(rows, []string{a.Group, strings.Join(a.Versions, ", ")})
		}
		b.WriteString("\n" + Table([]string{"API GROUP", "VERSIONS"}, rows...))
	}
	if len(s.Unread) > 0 {
		b.WriteString("\nUnread:\n")
		for _, u := range s.Unread {
			what := u.What
			if u.Namespace != "" {
				what += " of namespace " + u.Namespace
			}
			fmt.Fprintf(&b, "  %s: %s\n", oneLine(what), oneLine(u.Why))
		}
	}
	return b.String()
}

// runningText is what a container runs, short; what it declares where no pod was seen.
func runningText(c evidence.Container) string {
	if len(c.Running) == 0 {
		return c.Image + " (no pod)"
	}
	var short []string
	for _, image := range c.Running {
		name, digest, ok := strings.Cut(image, "@")
		if ok {
			name = name[strings.LastIndexByte(name, '/')+1:] + "@" + shortDigest(digest)
		}
		short = append(short, name)
	}
	return strings.Join(short, "+")
}
