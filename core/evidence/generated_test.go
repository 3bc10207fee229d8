package evidence

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPlain(t *testing.T) {
	for name, want := range map[string]string{
		"flags-8h2g6kmt5c":      "flags",
		"shop-flags-9f5c7b6d84": "shop-flags",
		"flags":                 "flags",
		"flags-8h2g6kmt5":       "flags-8h2g6kmt5",   // nine digits
		"flags-8h2g6kmt5c1":     "flags-8h2g6kmt5c1", // eleven
		"flags-production":      "flags-production",
		"flags-2024010203":      "flags-2024010203", // 0, 1 and 3 are never written
		"-8h2g6kmt5c":           "-8h2g6kmt5c",
	} {
		got, generated := plain(name)
		assert.Equal(t, want, got)
		assert.Equal(t, want != name, generated, name)
	}
}

// What kustomize generates has another name with every change of its data.
func TestCompareGeneratedNames(t *testing.T) {
	const one, two, old = "feature-flags-8h2g6kmt5c", "feature-flags-9f5c7b6d84", "feature-flags-222222222t"
	data := func(text string) map[string]string { return map[string]string{"discount": Digest([]byte(text))} }
	for name, tc := range map[string]struct {
		staging, production func(*Snapshot)
		want                []string
	}{
		"other data": {
			staging: func(s *Snapshot) {
				s.Workloads[0].ConfigMaps, s.Config[0] = []string{one}, ConfigMap{"shop", one, data("on")}
			},
			production: func(s *Snapshot) {
				s.Workloads[0].ConfigMaps, s.Config[0] = []string{two}, ConfigMap{"shop-live", two, data("off")}
			},
			want: []string{"config configmap/feature-flags discount: the key discount of ConfigMap feature-flags has other data in staging than in production"},
		},
		"generations that nothing uses any more": {
			staging: func(s *Snapshot) {
				s.Workloads[0].ConfigMaps, s.Config = []string{one}, []ConfigMap{{"shop", one, data("on")}, {"shop", old, data("old")}}
			},
			production: func(s *Snapshot) {
				s.Workloads[0].ConfigMaps, s.Config = []string{two}, []ConfigMap{{"shop-live", two, data("on")}}
			},
		},
		"generated on one side alone": {
			staging: func(s *Snapshot) {
				s.Workloads[0].ConfigMaps, s.Config[0] = []string{one}, ConfigMap{"shop", one, data("on")}
			},
			production: func(s *Snapshot) { s.Config[0].Keys = data("on") },
		},
		"used by nothing": {
			staging:    func(s *Snapshot) { s.Workloads[0].ConfigMaps, s.Config[0].Name = nil, one },
			production: func(s *Snapshot) { s.Workloads[0].ConfigMaps, s.Config[0].Name = nil, two },
		},
		"two in use": {
			staging: func(s *Snapshot) { s.Workloads[0].ConfigMaps, s.Config = []string{one, two}, nil },
			production: func(s *Snapshot) {
				s.Workloads[0].ConfigMaps, s.Config = []string{two}, nil
			},
			want: []string{
				"config deployment/checkout feature-flags: deployment/checkout: uses the ConfigMap feature-flags in production and not in staging",
				"config deployment/checkout " + one + ": deployment/checkout: uses the ConfigMap " + one + " in staging and not in production",
				"config deployment/checkout " + two + ": deployment/checkout: uses the ConfigMap " + two + " in staging and not in production",
			},
		},
		"one of the plain name as well": {
			staging: func(s *Snapshot) { s.Config = append(s.Config, ConfigMap{"shop", one, data("on")}) },
			want:    []string{"config configmap/" + one + ": the ConfigMap " + one + " is in staging and not in production"},
		},
		"ConfigMaps that could not be read": {
			staging: func(s *Snapshot) {
				s.Workloads[0].ConfigMaps, s.Config, s.Unread = []string{one}, nil, []Unread{{AspectConfig, "shop", "configmaps", "no permission"}}
			},
			production: func(s *Snapshot) {
				s.Workloads[0].ConfigMaps, s.Config[0] = []string{two}, ConfigMap{"shop-live", two, data("off")}
			},
			want: []string{"unread(config) cluster configmaps: configmaps of namespace shop in staging could not be compared: no permission"},
		},
		"Secrets": {
			staging:    func(s *Snapshot) { s.Workloads[0].Secrets = []string{"db-8h2g6kmt5c"} },
			production: func(s *Snapshot) { s.Workloads[0].Secrets = []string{"db-9f5c7b6d84"} },
		},
		"two Secrets": {
			staging: func(s *Snapshot) { s.Workloads[0].Secrets = []string{"db-8h2g6kmt5c", "db"} },
			want:    []string{"secret deployment/checkout db-8h2g6kmt5c: deployment/checkout: uses the Secret db-8h2g6kmt5c in staging and not in production"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := both()
			tc.staging(&a)
			if tc.production != nil {
				tc.production(&b)
			}
			before := a.Sorted()
			assert.Equal(t, tc.want, said(Compare(a, b)))
			assert.Len(t, Compare(b, a), len(tc.want))
			assert.Equal(t, before, a.Sorted(), "the snapshot itself keeps its names")
		})
	}
}
