package summary

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
)

var (
	shopOne = "registry.example/shop/checkout@sha256:" + strings.Repeat("1", 64)
	shopTwo = "registry.example/shop/checkout@sha256:" + strings.Repeat("2", 64)
)

func observed(name, namespace, image string) evidence.Snapshot {
	return evidence.Snapshot{
		APIVersion: evidence.APIVersion, Kind: evidence.KindEnvironmentSnapshot, Time: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
		Environment: evidence.Environment{Name: name, Targets: []string{namespace}, Cluster: "ca:sha256:aa", Kubernetes: "1.34"},
		Workloads: []evidence.FoundWorkload{
			{
				Workload: evidence.Workload{Namespace: namespace, Workload: "deployment/checkout", Images: []string{image}, Ready: 1, Replicas: 2}, Tier: "0", Owner: "team-a",
				Containers: []evidence.Container{{Name: "app", Image: "checkout:1", Running: []string{image}}},
			},
			{
				Workload:   evidence.Workload{Namespace: namespace, Workload: "cronjob/report"},
				Containers: []evidence.Container{{Name: "app", Image: shopOne}},
			},
		},
		Config: []evidence.ConfigMap{{Namespace: namespace, Name: "flags", Keys: map[string]string{"banner": evidence.Digest([]byte(name))}}},
		APIs:   []evidence.API{{Group: "cert-manager.io", Versions: []string{"v1", "v1beta1"}}},
	}
}

func TestSnapshotText(t *testing.T) {
	s := observed("staging", "shop", shopOne)
	s.Unread = []evidence.Unread{{Aspect: evidence.AspectConfig, Namespace: "shop", What: "configmaps", Why: "jo may not"}}
	assert.Equal(t, `environment staging · cluster ca:sha256:aa · Kubernetes 1.34 · namespaces shop · 2026-11-22T12:00:00Z
snapshot sha256:dd

WORKLOAD             NAMESPACE  TIER  OWNER   READY  IMAGES
cronjob/report       shop       -     -       -      app=`+shopOne+` (no pod)
deployment/checkout  shop       0     team-a  1/2    app=checkout@sha256:111111111111

CONFIGMAP  NAMESPACE  KEYS
flags      shop       1

API GROUP        VERSIONS
cert-manager.io  v1, v1beta1

Unread:
  configmaps of namespace shop: jo may not
`, SnapshotText(s, "sha256:dd"))
}

func TestEnvironmentDiff(t *testing.T) {
	a, b := observed("staging", "shop", shopOne), observed("production", "shop-live", shopTwo)
	b.Workloads[0].Annotations = map[string]string{"feature.example/x": "on"}
	d, err := DiffEnvironments(a, b, []evidence.Tolerance{{Aspect: evidence.AspectConfig}})
	require.NoError(t, err)
	assert.Equal(t, EnvironmentsDifferent, d.Result)
	assert.Equal(t, `staging (2026-11-22T12:00:00Z) and production (2026-11-22T12:00:00Z): 2 differences, 1 tolerated

deployment/checkout (shop, shop-live)
  image of container app
    staging     `+shopOne+`
    production  `+shopTwo+`
  annotation: feature.example/x
    staging     empty or not set
    production  on

Tolerated:

  configmap/flags (shop, shop-live)
    config: banner
      staging     `+evidence.Digest([]byte("staging"))+`
      production  `+evidence.Digest([]byte("production"))+`
`, EnvironmentDiffText(d))
	document, err := json.Marshal(d)
	require.NoError(t, err)
	var read struct {
		Kind, Result           string
		Differences, Tolerated []map[string]any
		Left                   struct{ Digest string }
	}
	require.NoError(t, json.Unmarshal(document, &read))
	assert.Equal(t, "EnvironmentDiff", read.Kind)
	assert.Equal(t, "different", read.Result)
	assert.Len(t, read.Differences, 2)
	assert.Len(t, read.Tolerated, 1)
	bytes, err := evidence.MarshalSnapshot(a)
	require.NoError(t, err)
	assert.Equal(t, evidence.Digest(bytes), read.Left.Digest)
}

func TestEnvironmentDiffResults(t *testing.T) {
	a, same := observed("staging", "shop", shopOne), observed("staging", "shop", shopOne)
	d, err := DiffEnvironments(a, same, nil)
	require.NoError(t, err)
	assert.Equal(t, EnvironmentsEqual, d.Result)
	document, err := json.Marshal(d)
	require.NoError(t, err)
	assert.Contains(t, string(document), `"differences":[],"tolerated":[]`)
	assert.Equal(t, "staging (2026-11-22T12:00:00Z) and staging (2026-11-22T12:00:00Z): no difference\n", EnvironmentDiffText(d))

	same.Unread = []evidence.Unread{{Aspect: evidence.AspectConfig, Namespace: "shop", What: "configmaps", Why: "jo may not list them"}}
	d, err = DiffEnvironments(a, same, nil)
	require.NoError(t, err)
	assert.Equal(t, EnvironmentsUnknown, d.Result, "what could not be compared is not equal")
	assert.Equal(t, `staging (2026-11-22T12:00:00Z) and staging (2026-11-22T12:00:00Z): no difference is known, 1 could not be compared

cluster
  unread config: configmaps
    configmaps of namespace shop in staging (right) could not be compared: jo may not list them
`, EnvironmentDiffText(d))

	d, err = DiffEnvironments(a, same, []evidence.Tolerance{{Aspect: evidence.AspectConfig}})
	require.NoError(t, err)
	assert.Equal(t, EnvironmentsEqual, d.Result, "whatever it would have shown is accepted")
	assert.Len(t, d.Tolerated, 1)

	same.Workloads[0].Replicas = 3
	later := same
	later.Time = later.Time.Add(time.Hour)
	later.Unread = nil
	d, err = DiffEnvironments(a, later, nil)
	require.NoError(t, err)
	assert.Equal(t, `staging (2026-11-22T12:00:00Z) and staging (2026-11-22T13:00:00Z): 1 difference

deployment/checkout (shop)
  replicas
    2026-11-22T12:00:00Z  2
    2026-11-22T13:00:00Z  3
`, EnvironmentDiffText(d), "one environment at two times")
	d, err = DiffEnvironments(a, same, nil)
	require.NoError(t, err)
	assert.Equal(t, EnvironmentsDifferent, d.Result, "a known difference is one whatever else is not known")

	same.Time = time.Time{}
	_, err = DiffEnvironments(a, same, nil)
	assert.Error(t, err)
}

// Names come from clusters and files.
func TestEnvironmentTextIsClean(t *testing.T) {
	const evil = "x\x1b[31m\u202e\nREADY"
	a, b := observed("staging", "shop", shopOne), observed(evil, "shop", shopTwo)
	b.Workloads[1].Workload.Workload = "cronjob/" + evil
	b.Workloads[0].Annotations = map[string]string{evil: evil}
	b.Workloads[0].Owner = evil
	b.Workloads[0].Containers[0].Env = []string{evil}
	b.APIs[0].Group = evil
	b.Config[0].Keys[evil] = evidence.Digest(nil)
	b.Unread = []evidence.Unread{{Aspect: evil, Namespace: evil, What: evil, Why: evil}}
	d, err := DiffEnvironments(a, b, nil)
	require.NoError(t, err)
	for _, text := range []string{EnvironmentDiffText(d), SnapshotText(b, "sha256:dd")} {
		assert.NotContains(t, text, "\x1b")
		assert.NotContains(t, text, "\u202e")
		assert.NotContains(t, text, "\nREADY")
		assert.Contains(t, text, "READY")
	}
}
