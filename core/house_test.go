package core_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/assay-dev/assay"

// floors is the house: every package of the module, without the module's name, and the floor it
// lives on. Imports only go down, so packages on one floor never import each other. A pattern as in
// path.Match stands for rooms that are alike.
var floors = map[string]float64{
	"cmd/assay":       7,
	"cmd/assay-agent": 7,

	"integrations": 6.5, // the one table of vendors

	"core/agent":           6,
	"core/cluster":         6,
	"core/controller":      6,
	"core/dashboard":       6,
	"core/store":           6,
	"core/store/storetest": 6,

	"core/store/upkeep":  5.8, // segments, retention, copies
	"core/store/oci":     5.6, // evidence in a registry
	"core/store/index":   5.4, // what SQLite remembers of a store
	"core/store/backend": 5.2, // what a kind of store must be able to do

	"core/store/registrytest": 5.2, // registries for tests

	"core/publishtest": 6,
	"core/ci/citest":   6,
	"integrations/*":   6,

	"integrations/github/githubtest": 6, // a GitHub for tests
	"integrations/gitlab/gitlabtest": 6, // a GitLab for tests
	"integrations/github/action":     6, // JavaScript; its tests alone are Go

	"core": 5,

	"core/summary": 4,

	"core/policy": 3,

	"core/policy/trend":    2.5, // the arithmetic of regressions, for the policy alone
	"core/evidence/attest": 2.5, // statements, signatures and keys

	"core/evidence": 2,
	"core/suite":    2,

	"core/ci":       1,
	"core/manifest": 1,
	"core/report":   1,
	"core/wire":     1,
}

// pure is the highest floor that does no input or output of its own.
const pure = 5

// outside is what the floors up to pure never reach, directly or through anything else: who decides
// over evidence must not know where it comes from or where it goes.
var outside = []string{
	"modernc.org/sqlite", "database/sql", "k8s.io", "sigs.k8s.io", "github.com/google/go-containerregistry", "github.com/distribution", "oras.land",
	"github.com/google/go-github", "github.com/sethvargo/go-githubactions", "gitlab.com/gitlab-org/api", "github.com/xanzy/go-gitlab",
	"net/http",
}

// standard are the packages that the pod's agent is made of: the standard library and each other,
// because it must stay a few megabytes.
var standard = []string{"cmd/assay-agent", "core/agent", "core/wire"}

// testSupport are packages for tests: nothing that ships imports them.
var testSupport = []string{
	"core/store/storetest", "core/store/registrytest", "core/publishtest", "core/ci/citest", "integrations/github/githubtest", "integrations/gitlab/gitlabtest",
}

// forbiddenNames are names of folders that say nothing about what is in them.
var forbiddenNames = []string{"build", "docs", "examples", "utils", "common", "helpers"}

// checkHouse says what is wrong with the imports of packages, by import path and sorted. It is given
// all that the module's packages reach, so that it can follow imports through other modules.
func checkHouse(imports map[string][]string) []string {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for _, p := range slices.Sorted(maps.Keys(imports)) {
		room, ours := roomOf(p)
		if !ours {
			continue
		}
		for el := range strings.SplitSeq(room, "/") {
			if slices.Contains(forbiddenNames, el) {
				say("%s: a folder named %s says nothing about what is in it", room, el)
			}
		}
		floor, known := floorOf(room)
		if !known {
			say("%s is not in the table of floors: say on which floor it lives", room)
			continue
		}
		for _, i := range imports[p] {
			other, ours := roomOf(i)
			at, known := floorOf(other)
			switch {
			case !ours || !known: // one that is not known is complained of by itself
			case slices.Contains(testSupport, other):
				say("%s imports %s, which is for tests", room, other)
			case at == floor:
				say("%s imports %s: both live on floor %v", room, other, floor)
			case at > floor:
				say("%s on floor %v imports %s on floor %v: imports only go down", room, floor, other, at)
			}
			if slices.Contains(standard, room) && !standardLibrary(i) && !(ours && slices.Contains(standard, other)) {
				say("%s imports %s: it uses the standard library only", room, i)
			}
		}
		if floor <= pure {
			for _, way := range waysOutside(imports, p) {
				say("%s on floor %v reaches %s", room, floor, way)
			}
		}
	}
	return wrong
}

// roomOf gives the name of a package of this module without the module's own.
func roomOf(p string) (string, bool) {
	if p == module {
		return ".", true
	}
	return strings.CutPrefix(p, module+"/")
}

func floorOf(room string) (float64, bool) {
	if f, ok := floors[room]; ok {
		return f, true
	}
	for pattern, f := range floors {
		if ok, _ := path.Match(pattern, room); ok {
			return f, true
		}
	}
	return 0, false
}

// standardLibrary holds as for the go command: a module's path begins with a domain.
func standardLibrary(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return !strings.Contains(first, ".")
}

// waysOutside gives a shortest way from a package to each of the outside packages that it reaches
// first: what lies behind one of those is that one's.
func waysOutside(imports map[string][]string, from string) []string {
	var ways []string
	came := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		if isOutside(p) {
			way := p
			for before := came[p]; before != from; before = came[before] {
				way = before + " -> " + way
			}
			ways = append(ways, way)
			continue
		}
		for _, i := range imports[p] {
			if _, been := came[i]; !been {
				came[i] = p
				queue = append(queue, i)
			}
		}
	}
	slices.Sort(ways)
	return ways
}

func isOutside(p string) bool {
	return slices.ContainsFunc(outside, func(o string) bool { return p == o || strings.HasPrefix(p, o+"/") })
}

// TestHouse holds the module to its table of floors.
func TestHouse(t *testing.T) {
	imports := listImports(t)
	require.Contains(t, imports, module+"/core", "go list saw the module")
	require.Contains(t, imports, "k8s.io/client-go/kubernetes", "go list saw other modules")
	for _, wrong := range checkHouse(imports) {
		t.Error(wrong)
	}
}

// listImports asks go for every package of the module and everything they are built from, tests
// left out.
func listImports(t *testing.T) map[string][]string {
	t.Helper()
	heedSources(t)
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Imports", "./...")
	cmd.Dir = ".." // the module's root
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("go list: %s", exit.Stderr)
	}
	require.NoError(t, err)
	imports := map[string][]string{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return imports
		}
		require.NoError(t, err)
		imports[p.ImportPath] = p.Imports
	}
}

// heedSources looks at every source file of the module. What go list reads is unknown to go test, which
// would otherwise give yesterday's result from its cache after an import was added elsewhere.
func heedSources(t *testing.T) {
	t.Helper()
	require.NoError(t, filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != ".." && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.Name() == "go.mod" || strings.HasSuffix(p, ".go"):
			_, err = os.Stat(p)
		}
		return err
	}))
}

// TestHouseComplains shows the checker made-up houses: what it must see, and what it must let pass.
// topLevel is all that the repository holds at its top: who looks for something finds it in one glance,
// and what a build leaves there does not travel along.
var topLevel = []string{
	".ci", ".dockerignore", ".github", ".gitignore", ".gitlab-ci.yml", ".golangci.yml", "CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile", "LICENSE",
	"Makefile", "README.md", "action.yml", "cmd", "core", "go.mod", "go.sum", "integrations", "templates", "testdata",
}

func TestTopLevel(t *testing.T) {
	if _, err := os.Stat("../.git"); err != nil {
		t.Skip("this is no checkout: nothing says which files belong to it")
	}
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("this machine has no git")
	}
	// Whoever runs the tests need not own the checkout.
	out, err := exec.Command("git", "-c", "safe.directory=*", "-C", "..", "ls-tree", "--name-only", "HEAD").Output()
	require.NoError(t, err)
	assert.Equal(t, topLevel, strings.Fields(string(out)))
}

func TestHouseComplains(t *testing.T) {
	const m = module + "/"
	for name, tc := range map[string]struct {
		imports map[string][]string
		wrong   []string
	}{
		"all is well": {imports: map[string][]string{
			m + "cmd/assay":    {m + "core", m + "core/cluster", m + "integrations", "net/http"},
			m + "integrations": {m + "integrations/local", m + "core/ci"},
			m + "core/cluster": {m + "core", "k8s.io/api/core/v1"},
			m + "core":         {m + "core/summary", "example.com/xml"},
			"example.com/xml":  {"encoding/xml"},
			m + "core/summary": {m + "core/policy", "net/url"},
			m + "core/agent":   {m + "core/wire", "os"},
			"net/url":          nil,
			"net/http":         {m + "core/report"}, // nonsense, but not of this house
		}},
		"an import that goes up": {
			imports: map[string][]string{m + "core/report": {"io", m + "core/policy"}},
			wrong:   []string{"core/report on floor 1 imports core/policy on floor 3: imports only go down"},
		},
		"the line knows a cluster": {
			imports: map[string][]string{m + "core": {m + "core/cluster"}},
			wrong:   []string{"core on floor 5 imports core/cluster on floor 6: imports only go down"},
		},
		"rooms next to each other": {
			imports: map[string][]string{m + "core/cluster": {m + "core/store"}, m + "integrations/github": {m + "core/dashboard"}, m + "core/suite": {m + "core/evidence"}},
			wrong: []string{
				"core/cluster imports core/store: both live on floor 6",
				"core/suite imports core/evidence: both live on floor 2",
				"integrations/github imports core/dashboard: both live on floor 6",
			},
		},
		"a vendor that looks at the table": {
			imports: map[string][]string{m + "integrations/github": {m + "integrations"}},
			wrong:   []string{"integrations/github on floor 6 imports integrations on floor 6.5: imports only go down"},
		},
		"a room nobody placed": {
			imports: map[string][]string{m + "core/attic": nil, m + "core": {m + "core/attic"}, m + "core/store/s3": nil, module: nil},
			wrong: []string{
				". is not in the table of floors: say on which floor it lives",
				"core/attic is not in the table of floors: say on which floor it lives",
				"core/store/s3 is not in the table of floors: say on which floor it lives",
			},
		},
		"a folder that says nothing": {
			imports: map[string][]string{m + "integrations/utils": nil},
			wrong:   []string{"integrations/utils: a folder named utils says nothing about what is in it"},
		},
		"a pure floor with Kubernetes in it": {
			imports: map[string][]string{m + "core/suite": {"k8s.io/api/core/v1"}, m + "core/policy": {"sigs.k8s.io/yaml"}, m + "core/evidence": {"github.com/google/go-containerregistry/pkg/name"}},
			wrong: []string{
				"core/evidence on floor 2 reaches github.com/google/go-containerregistry/pkg/name",
				"core/policy on floor 3 reaches sigs.k8s.io/yaml",
				"core/suite on floor 2 reaches k8s.io/api/core/v1",
			},
		},
		"a pure floor that reaches the network through others": {
			imports: map[string][]string{m + "core/summary": {"example.com/a"}, "example.com/a": {"example.com/b", "fmt"}, "example.com/b": {"example.com/a", "net/http"}, "net/http": {"net/http/internal"}},
			wrong:   []string{"core/summary on floor 4 reaches example.com/a -> example.com/b -> net/http"},
		},
		"an agent with luggage": {
			imports: map[string][]string{m + "core/agent": {"os", m + "core/evidence"}, m + "core/wire": {"golang.org/x/sys/unix"}, m + "cmd/assay-agent": {m + "core/agent", m + "core"}},
			wrong: []string{
				"cmd/assay-agent imports " + m + "core: it uses the standard library only",
				"core/agent imports " + m + "core/evidence: it uses the standard library only",
				"core/wire imports golang.org/x/sys/unix: it uses the standard library only",
			},
		},
		"test support that ships": {
			imports: map[string][]string{m + "cmd/assay": {m + "core/store/storetest"}},
			wrong:   []string{"cmd/assay imports core/store/storetest, which is for tests"},
		},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.wrong, checkHouse(tc.imports)) })
	}
}
