package cluster

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/assay-dev/assay/core/suite"
)

func TestOutputDirs(t *testing.T) {
	workspace := func(s *suite.Suite) { s.Workspace = &suite.Workspace{} }
	for name, tc := range map[string]struct {
		patterns []string
		workdir  string
		change   func(*suite.Suite)
		want     []string
	}{
		"the part before the first wildcard":      {patterns: []string{"results/*.xml", "traces/a/**"}, workdir: "/app", want: []string{"/app/results", "/app/traces/a"}},
		"a directory":                             {patterns: []string{"traces/"}, workdir: "/app", want: []string{"/app/traces"}},
		"a single file declares no directory":     {patterns: []string{"results/junit.xml", "/data/x"}, workdir: "/app"},
		"nothing before the wildcard":             {patterns: []string{"*.xml", "**/junit.xml"}, workdir: "/app"},
		"the working directory itself":            {patterns: []string{"/app/*.xml", "./*.xml"}, workdir: "/app"},
		"above the working directory":             {patterns: []string{"/srv/**"}, workdir: "/srv/app"},
		"beside the working directory":            {patterns: []string{"/srv/app-results/**"}, workdir: "/srv/app", want: []string{"/srv/app-results"}},
		"an unknown working directory":            {patterns: []string{"results/*.xml", "/data/*.xml"}, want: []string{"/data"}},
		"the root as working directory":           {patterns: []string{"results/*.xml"}, workdir: "/", want: []string{"/results"}},
		"one within another":                      {patterns: []string{"/data/a/**", "/data/**", "/data/b/*.xml", "/database/*"}, workdir: "/app", want: []string{"/data", "/database"}},
		"the same twice":                          {patterns: []string{"out/*.xml", "/app/out/*.json"}, workdir: "/app", want: []string{"/app/out"}},
		"places of the system":                    {patterns: []string{"/etc/*.xml", "/usr/share/x/**", "/proc/**", "/lib64/*", "/dev/shm/*", "/**"}, workdir: "/app"},
		"a whole top directory":                   {patterns: []string{"/home/**", "/root/*", "/var/*", "/opt/*", "/run/*"}, workdir: "/app"},
		"a place below a top directory":           {patterns: []string{"/home/me/out/**", "/var/tmp/*", "/opt/out/*"}, workdir: "/app", want: []string{"/home/me/out", "/opt/out", "/var/tmp"}},
		"our own directories":                     {patterns: []string{"/run/assay/**", "/run/assay-private/x/*", "/run/assay/home/*"}, workdir: "/app"},
		"in the workspace, which is a volume":     {patterns: []string{"results/*.xml", "/workspace/traces/**"}, workdir: "/workspace", change: workspace},
		"outside the workspace":                   {patterns: []string{"/data/**"}, workdir: "/workspace/e2e", change: workspace, want: []string{"/data"}},
		"a path that is not clean":                {patterns: []string{"/data//x/./*.xml"}, workdir: "/app", want: []string{"/data/x"}},
		"names that only begin like the system's": {patterns: []string{"/libre/*", "/etcetera/*", "/binary/*"}, workdir: "/app", want: []string{"/binary", "/etcetera", "/libre"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := suite.Suite{Spec: suite.Spec{Artifacts: suite.Artifacts{Paths: tc.patterns}}}
			for _, p := range tc.patterns {
				s.Reports = append(s.Reports, suite.ReportFile{Path: p}) // both kinds are promises alike
			}
			if tc.change != nil {
				tc.change(&s)
			}
			assert.Equal(t, tc.want, outputDirs(s, tc.workdir))
		})
	}
}

func TestCovered(t *testing.T) {
	l := layout{workdir: "/app", dirs: []string{"/app/results", "/data"}}
	for pattern, want := range map[string]bool{
		"results/*.xml":       true,
		"results/junit.xml":   true,
		"results/":            true,
		"results/a/**":        true,
		"results*/*.xml":      false,
		"*.xml":               false,
		"other/junit.xml":     false,
		"/data/x.json":        true,
		"/data/**":            true,
		"/database/x":         false,
		"/app/results/x.xml":  true,
		"./results/junit.xml": true,
		"/**/junit.xml":       false,
	} {
		assert.Equal(t, want, covered(pattern, l), pattern)
	}
	l.workdir = ""
	assert.False(t, covered("results/*.xml", l), "where nobody knows the working directory")
	assert.True(t, covered("/data/*.xml", l))
}

func TestNeedsImage(t *testing.T) {
	command := []string{"npm", "test"}
	for name, tc := range map[string]struct {
		spec suite.Spec
		want bool
	}{
		"no command":                        {suite.Spec{}, true},
		"a command and nothing else":        {suite.Spec{Command: command}, false},
		"the image's user":                  {suite.Spec{Command: command, User: "image"}, true},
		"outputs below an unknown place":    {suite.Spec{Command: command, Artifacts: suite.Artifacts{Paths: []string{"out/**"}}}, true},
		"outputs below a known place":       {suite.Spec{Command: command, Workdir: "/app", Artifacts: suite.Artifacts{Paths: []string{"out/**"}}}, false},
		"outputs in the workspace":          {suite.Spec{Command: command, Workspace: &suite.Workspace{}, Artifacts: suite.Artifacts{Paths: []string{"out/**"}}}, false},
		"outputs at an absolute place":      {suite.Spec{Command: command, Artifacts: suite.Artifacts{Paths: []string{"/out/**"}}}, false},
		"a single file":                     {suite.Spec{Command: command, Reports: []suite.ReportFile{{Path: "junit.xml"}}}, false},
		"no command, although it has a dir": {suite.Spec{Workdir: "/app", Workspace: &suite.Workspace{}}, true},
	} {
		assert.Equal(t, tc.want, needsImage(suite.Suite{Spec: tc.spec}), name)
	}
}
