package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/assay-dev/assay/core/suite"
)

func TestParse(t *testing.T) {
	needed := []string{"--kubeconfig", "k", "--core-image", "c", "--test-image", "t"}
	o, err := parse(append(needed, "--kubectl", "a b", "--kubectl", "c", "--only", "one,read"), io.Discard)
	require.NoError(t, err)
	assert.Equal(t, []string{"a b", "c"}, o.kubectl)
	assert.Equal(t, []string{"one", "read"}, o.only)
	assert.True(t, filepath.IsAbs(o.assay))
	assert.True(t, filepath.IsAbs(o.kubeconfig))
	o, err = parse(needed, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, parts, o.only)
	assert.GreaterOrEqual(t, o.pairs, 15)
	o, err = parse([]string{"--only", "reports", "--write", "README.md"}, io.Discard)
	require.NoError(t, err, "reading reports needs no cluster and has a table of its own")
	assert.False(t, o.onCluster())
	o, err = parse([]string{"--only", "trends,reports", "--write", "README.md"}, io.Discard)
	require.NoError(t, err, "so do trends")
	assert.False(t, o.onCluster())
	o, err = parse([]string{"--only", "writers", "--write", "README.md"}, io.Discard)
	require.NoError(t, err, "and writers")
	assert.False(t, o.onCluster())
	for want, args := range map[string][]string{
		"are needed":       {"--kubeconfig", "k"},
		"no part":          append(needed, "--only", "two"),
		"wants every part": append(needed, "--only", "one,reports", "--write", "README.md"),
		"at least 1":       append(needed, "--pairs", "0"),
		"unknown word":     append(needed, "one"),
	} {
		_, err := parse(args, io.Discard)
		assert.ErrorContains(t, err, want)
	}
}

func TestCalm(t *testing.T) {
	assert.Equal(t, []string{"PATH=/bin", "HOME=/root", "CIDER=apple"},
		calm([]string{"PATH=/bin", "CI=true", "HOME=/root", "GITHUB_ACTIONS=true", "CI_JOB_ID=1", "ASSAY_STORE=x", "KUBECONFIG=k", "CIDER=apple"}))
}

// What is measured is a catalog that assay takes, with the very commands.
func TestProject(t *testing.T) {
	p := &place{options: options{testImage: "registry/tests:v1", suites: 2}, runs: "assay-bench-1", bare: "bench-1", dir: t.TempDir()}
	dir, err := p.project("one", p.suite("one", oneSecond, "  covers: [deployment/covered]"))
	require.NoError(t, err)
	run, err := planned(dir, "invocation")
	require.NoError(t, err)
	assert.Equal(t, []string{"sh", "-c", oneSecond}, run.Suite.Command)
	assert.Equal(t, []suite.Workload{{Kind: "deployment", Name: "covered"}}, run.Suite.Covers)
	assert.Equal(t, "assay-bench-1", run.Environment.RunNamespace)

	for _, sidecar := range []bool{false, true} {
		documents := strings.Split(strings.TrimPrefix(p.jobs(5, 7, 1, sidecar), "---\n"), "---\n")
		require.Len(t, documents, 2)
		var job batchv1.Job
		require.NoError(t, yaml.UnmarshalStrict([]byte(documents[1]), &job))
		assert.Equal(t, "many-06", job.Name)
		assert.Equal(t, "group-1", job.Labels["bench"])
		assert.Equal(t, "group-1", job.Spec.Template.Labels["bench"])
		pod := job.Spec.Template.Spec
		assert.Equal(t, []string{"sh", "-c", oneSecond}, pod.Containers[0].Command)
		assert.Equal(t, sidecar, len(pod.InitContainers) == 1)
		if sidecar {
			assert.Equal(t, corev1.ContainerRestartPolicyAlways, *pod.InitContainers[0].RestartPolicy)
		}
	}
}
