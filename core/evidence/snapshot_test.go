package evidence

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSnapshotRoundTrip(t *testing.T) {
	s := snapshotOf("staging", "shop")
	s.Time = s.Time.In(time.FixedZone("elsewhere", 3600))
	data, err := MarshalSnapshot(s)
	require.NoError(t, err)
	assert.Contains(t, string(data), `"time":"2026-11-22T12:00:00Z"`)
	assert.Contains(t, string(data), `"unread":[]`, "that nothing was unread is said")
	back, err := UnmarshalSnapshot(data)
	require.NoError(t, err)
	assert.Equal(t, s.Sorted(), back)

	// Indented, as --output json prints it, it is the same snapshot with the same digest.
	indented, err := json.MarshalIndent(s, "", "  ")
	require.NoError(t, err)
	back, err = UnmarshalSnapshot(indented)
	require.NoError(t, err)
	again, err := MarshalSnapshot(back)
	require.NoError(t, err)
	assert.Equal(t, Digest(data), Digest(again))
}

func TestSnapshotsThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Snapshot)
		want   string
	}{
		"another kind":          {func(s *Snapshot) { s.Kind = "Plan" }, `the document has kind "Plan", not EnvironmentSnapshot`},
		"a later schema":        {func(s *Snapshot) { s.APIVersion = "assay.dev/v2" }, "use the version of assay that wrote it"},
		"no time":               {func(s *Snapshot) { s.Time = time.Time{} }, "is not in the years 1 to 9999"},
		"no targets":            {func(s *Snapshot) { s.Environment.Targets = nil }, "nothing was looked at"},
		"a workload twice":      {func(s *Snapshot) { s.Workloads = append(s.Workloads, s.Workloads[0]) }, `the workload "deployment/checkout" of namespace "shop" twice`},
		"a workload of nowhere": {func(s *Snapshot) { s.Workloads[0].Namespace = "other" }, `in namespace "other", which is none of its targets`},
		"a workload unnamed":    {func(s *Snapshot) { s.Workloads[0].Workload.Workload = "" }, "a workload without a name"},
		"a container twice": {func(s *Snapshot) {
			s.Workloads[0].Containers = append(s.Workloads[0].Containers, s.Workloads[0].Containers[0])
		}, `the container "app" of deployment/checkout twice`},
		"a ConfigMap twice": {func(s *Snapshot) { s.Config = append(s.Config, s.Config[0]) }, `the ConfigMap "feature-flags" of namespace "shop" twice`},
		"data for a digest": {func(s *Snapshot) { s.Config[0].Keys["discount"] = "on" }, `"on" for the key "discount" of ConfigMap "feature-flags", which is no digest`},
	} {
		t.Run(name, func(t *testing.T) {
			s := snapshotOf("staging", "shop", tc.change)
			_, err := MarshalSnapshot(s)
			assert.ErrorContains(t, err, tc.want)
			data, err := json.Marshal(s)
			require.NoError(t, err)
			_, err = UnmarshalSnapshot(data)
			assert.ErrorContains(t, err, tc.want)
		})
	}
	for name, data := range map[string]string{"nothing": "", "no JSON": "apiVersion: assay.dev/v1alpha1", "a list": "[]", "half": `{"kind":"EnvironmentSnapshot"`, "a string for a list": `{"apiVersion":"assay.dev/v1alpha1","kind":"EnvironmentSnapshot","workloads":"x"}`} {
		_, err := UnmarshalSnapshot([]byte(data))
		assert.Error(t, err, name)
	}
}

func TestTierAndOwner(t *testing.T) {
	type m = map[string]string
	for name, tc := range map[string]struct {
		labels, annotations m
		tier, owner         string
	}{
		"nothing says":                    {},
		"plain labels":                    {labels: m{"tier": "1", "owner": "team-a"}, tier: "1", owner: "team-a"},
		"ours before plain ones":          {labels: m{"tier": "backend", "assay.dev/tier": "0", "owner": "a", "assay.dev/owner": "b"}, tier: "0", owner: "b"},
		"an annotation before plain ones": {labels: m{"tier": "backend"}, annotations: m{"assay.dev/tier": "0", "assay.dev/owner": "Team A <a@example.com>"}, tier: "0", owner: "Team A <a@example.com>"},
		"a label before an annotation":    {labels: m{"assay.dev/tier": "0"}, annotations: m{"assay.dev/tier": "1"}, tier: "0"},
		"plain annotations say nothing":   {annotations: m{"tier": "0", "owner": "team-a"}},
		"too long":                        {annotations: m{"assay.dev/owner": strings.Repeat("ä", 1000)}, owner: strings.Repeat("ä", 63) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			tier, owner := TierAndOwner(tc.labels, tc.annotations)
			assert.Equal(t, tc.tier, tier)
			assert.Equal(t, tc.owner, owner)
		})
	}
}

func TestKeptAnnotations(t *testing.T) {
	token := "ghp_" + strings.Repeat("a1B2c3D4e5", 4)[:36]
	long := strings.Repeat("é", 1000)
	kept := KeptAnnotations(map[string]string{
		"kubectl.kubernetes.io/last-applied-configuration": `{"password":"x"}`,
		"kubectl.kubernetes.io/restartedAt":                "2026-01-02T03:04:05Z",
		"deployment.kubernetes.io/revision":                "7",
		"deprecated.daemonset.template.generation":         "1",
		"meta.helm.sh/release-namespace":                   "shop",
		"checksum/config":                                  "abc",
		"argocd.argoproj.io/tracking-id":                   "shop:apps/Deployment:shop/checkout",
		"assay.dev/tier":                                   "0",
		"assay.dev/owner":                                  "team-a",
		"argocd.argoproj.io/sync-wave":                     "1",
		"sidecar.istio.io/inject":                          "true",
		"feature.example/discount":                         "on",
		"hook":                                             "https://hook.example/?token=" + token,
		"long":                                             long,
		"long with a token":                                long + token,
	})
	assert.Equal(t, "true", kept["sidecar.istio.io/inject"])
	assert.Equal(t, "1", kept["argocd.argoproj.io/sync-wave"])
	assert.Equal(t, "on", kept["feature.example/discount"])
	assert.Contains(t, kept["hook"], "[REDACTED")
	assert.Equal(t, strings.Repeat("é", 64)+"… (2000 bytes, "+Digest([]byte(long))+")", kept["long"])
	assert.Contains(t, kept["long with a token"], "[REDACTED", "although the token lies behind what is kept")
	assert.NotContains(t, kept["long with a token"], "sha256:")
	assert.Len(t, kept, 6)
	for _, v := range kept {
		assert.NotContains(t, v, token)
	}
	assert.Equal(t, map[string]string{}, KeptAnnotations(nil))
	assert.NotEqual(t, kept["long"], KeptAnnotations(map[string]string{"long": strings.Repeat("é", 999) + "e "})["long"], "what was cut off counts")
}
