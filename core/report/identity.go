package report

import (
	"regexp"
	"strings"
)

// ID names the test that a case is a result of, the same in every run: its suites, its class where
// that is not the innermost suite, and its name, joined with " > ". History follows it.
//
// What a tool writes as the name is the name. Parameters in it ("adds[1-2]", "pays(EUR)") are part
// of it, and so are dates, numbers, hosts and paths: in reports of real projects they are what the
// test was given, and without them different tests would become one. Left out is only what no two
// runs can have in common, or what says on which machine it ran and nothing of the test:
//
//   - addresses of objects that were printed for want of a name ("Order@1b6d3586"),
//   - the random parts of temporary directories,
//   - in suites and classes, the directory that a CI system has checked out into.
//
// Two names never join to the ID of a third: a ">" within a name that would read as the joint is
// written "\>".
//
// One test may have several cases in a report: rows of data that the tool does not tell apart, one
// suite in several browsers or shards. They share the ID, for a number by their place would go to
// another row as soon as one is added or the order changes. The worst of them is the test's outcome.
func (c Case) ID() string { return c.joined(stable) }

// exactID is ID with all that the tool wrote, for telling cases of one file apart.
func (c Case) exactID() string { return c.joined(func(s string, _ bool) string { return s }) }

const joint = " > "

// joined joins suites, class and name, each as form gives it; place is true for what is not the name.
func (c Case) joined(form func(s string, place bool) string) string {
	var b strings.Builder
	for _, s := range c.Suite {
		if s != "" {
			b.WriteString(escapeJoint(form(s, true)))
			b.WriteString(joint)
		}
	}
	if c.Class != "" && (len(c.Suite) == 0 || c.Suite[len(c.Suite)-1] != c.Class) {
		b.WriteString(escapeJoint(form(c.Class, true)))
		b.WriteString(joint)
	}
	b.WriteString(escapeJoint(form(c.Name, false)))
	return b.String()
}

// escapeJoint puts a backslash before each ">" that stands alone, and one more where there are some
// already. Nothing else is changed, so that no two texts become the same.
func escapeJoint(s string) string {
	if !strings.Contains(s, ">") {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if s[i] == '>' && (i+1 == len(s) || s[i+1] == ' ') {
			if before := strings.TrimRight(s[:i], `\`); before == "" || before[len(before)-1] == ' ' {
				b.WriteByte('\\')
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

var (
	// javaObject is what java.lang.Object.toString gives: the class's name and the hash in hexadecimal.
	javaObject = regexp.MustCompile(`(\b[A-Z][\w$]*;?|\[[ZBCSIJFD])@[0-9a-f]{5,8}\b`)
	// printedObject is Python's repr ("<Order object at 0x7f3c2c0b5d30>"), Ruby's inspect
	// ("#<Order:0x000055d5c8a3b2a8>"), and a pointer that Go printed (its heap begins at 0xc000000000).
	printedObject = regexp.MustCompile(`(<[^<>]{0,200} at |#<[\w:]{1,200}:)0x[0-9a-fA-F]{6,16}\b|\b0xc0[0-9a-f]{8}\b`)
	// temporary is a directory that was made for one run: by Python's tempfile, mktemp, pytest, and by
	// Go and Java, which write nine digits and more behind the name. /var/folders is where macOS has them.
	temporary = regexp.MustCompile(`(?:/private)?(?:/var/folders/\w\w/\w+/T|/var/tmp|/tmp)/` +
		`(?:tmp[a-z0-9_]{8}|tmp\.[A-Za-z0-9]{10}|pytest-of-[^/\s]+/pytest-\d+|[\w.-]*?\d{9,20})(/|\b)`)
	// checkouts are the directories of GitHub Actions (hosted and in containers), Azure Pipelines,
	// Jenkins and assay. GitLab's is not among them: how deep it lies depends on the project.
	checkouts = regexp.MustCompile(`^(?:/home/runner/work|/Users/runner/work|/__w|/home/vsts/work)/[^/]+/[^/]+/` +
		`|^[A-Za-z]:\\a\\[^\\]+\\[^\\]+\\` +
		`|^(?:/var/jenkins_home|/var/lib/jenkins|/home/jenkins(?:/agent)?)/workspace/[^/]+/|^/workspace/`)
)

// stable takes out of a name what differs from run to run.
func stable(s string, place bool) string {
	if mayHoldHash(s) {
		s = javaObject.ReplaceAllStringFunc(s, func(m string) string {
			name, hash, _ := strings.Cut(m, "@")
			if !strings.ContainsAny(hash, "0123456789") {
				return m // a word
			}
			return name + "@..."
		})
	}
	if strings.Contains(s, "0x") {
		s = printedObject.ReplaceAllString(s, "${1}0x...")
	}
	if strings.Contains(s, "/tmp/") || strings.Contains(s, "/T/") {
		s = temporary.ReplaceAllString(s, "/tmp/...$1")
	}
	if place && len(s) > 2 && (s[0] == '/' || s[1] == ':') {
		s = checkouts.ReplaceAllString(s, "")
	}
	return s
}

// mayHoldHash is false where javaObject finds nothing. Names hold "@" often, and a regular expression
// takes a hundred times as long.
func mayHoldHash(s string) bool {
	const least = 5
	for {
		_, after, found := strings.Cut(s, "@")
		if !found || len(after) < least {
			return false
		}
		if strings.Trim(after[:least], "0123456789abcdef") == "" {
			return true
		}
		s = after
	}
}
