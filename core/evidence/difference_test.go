package evidence

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/manifest"
)

var (
	imageOne = "registry.example/checkout@sha256:" + strings.Repeat("1", 64)
	imageTwo = "registry.example/checkout@sha256:" + strings.Repeat("2", 64)
	proxy    = "registry.example/mesh/proxy@sha256:" + strings.Repeat("9", 64)
)

// snapshotOf is a snapshot of an environment with one target, in which all that can be compared is
// the same whatever its name.
func snapshotOf(name, namespace string, change ...func(*Snapshot)) Snapshot {
	s := Snapshot{
		APIVersion: APIVersion, Kind: KindEnvironmentSnapshot, Time: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
		Environment: Environment{Name: name, RunNamespace: "runs-" + name, Targets: []string{namespace}, Cluster: "ca:sha256:aa", Kubernetes: "1.34"},
		Workloads: []FoundWorkload{{
			Workload:    Workload{Namespace: namespace, Workload: "deployment/checkout", Revision: "of " + name, Images: []string{imageOne}, Ready: 2, Replicas: 2},
			Labels:      map[string]string{"environment": name},
			Annotations: map[string]string{"feature.example/discount": "on"},
			Containers: []Container{
				{Name: "app", Image: "registry.example/checkout:1", Running: []string{imageOne}, Requests: map[string]string{"cpu": "100m"}, Limits: map[string]string{"memory": "1Gi"}, Env: []string{"CURRENCY", "LOG_LEVEL"}},
				{Name: "migrate", Init: true, Image: "registry.example/migrate@sha256:" + strings.Repeat("3", 64)},
			},
			ConfigMaps: []string{"feature-flags"},
			Secrets:    []string{"db"},
		}},
		Config: []ConfigMap{{Namespace: namespace, Name: "feature-flags", Keys: map[string]string{"discount": Digest([]byte("on")), "banner": Digest([]byte("off"))}}},
		APIs:   []API{{Group: "cert-manager.io", Versions: []string{"v1"}}},
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

// both is a snapshot of each environment, changed alike.
func both(change ...func(*Snapshot)) (Snapshot, Snapshot) {
	return snapshotOf("staging", "shop", change...), snapshotOf("production", "shop-live", change...)
}

func app(s *Snapshot) *Container { return &s.Workloads[0].Containers[0] }

func TestCompare(t *testing.T) {
	for name, tc := range map[string]struct {
		// all changes both sides, production the right one alone.
		all, production func(*Snapshot)
		want            []string // aspect where container item: sentence
	}{
		"nothing but names and revisions differs": {},
		"another image": {
			production: func(s *Snapshot) { app(s).Running = []string{imageTwo} },
			want:       []string{"image deployment/checkout app: deployment/checkout: container app runs " + imageOne + " in staging and " + imageTwo + " in production"},
		},
		"the same digest under another name": {
			production: func(s *Snapshot) {
				app(s).Running = []string{"mirror.example/shop/checkout@" + digests([]string{imageOne})[0]}
				app(s).Image = "mirror.example/shop/checkout:live"
			},
		},
		"a rollout under way": {
			production: func(s *Snapshot) { app(s).Running = []string{imageTwo, imageOne} },
			want:       []string{"image deployment/checkout app: deployment/checkout: container app runs " + imageOne + " in staging and " + imageOne + ", " + imageTwo + " in production"},
		},
		"another digest declared where no pod runs": {
			all:        func(s *Snapshot) { app(s).Running, app(s).Image = nil, imageOne },
			production: func(s *Snapshot) { app(s).Image = imageTwo },
			want:       []string{"image deployment/checkout app: deployment/checkout: container app runs " + imageOne + " in staging and " + imageTwo + " in production"},
		},
		"declared by a tag where no pod runs": {
			production: func(s *Snapshot) { app(s).Running = nil },
			want:       []string{"unread(image) deployment/checkout app: deployment/checkout: the image of container app could not be compared: no pod of it runs in production and registry.example/checkout:1 names no digest"},
		},
		"the same tag and no pod on both sides": {
			all:  func(s *Snapshot) { app(s).Running = nil },
			want: []string{"unread(image) deployment/checkout app: deployment/checkout: the image of container app could not be compared: no pod of it runs in staging and registry.example/checkout:1 names no digest, and no pod of it runs in production and registry.example/checkout:1 names no digest"},
		},
		"an image that came from no registry": {
			all:  func(s *Snapshot) { app(s).Running = []string{"sha256:" + strings.Repeat("4", 64)} },
			want: []string{"unread(image) deployment/checkout app: deployment/checkout: the image of container app could not be compared: its pods in staging do not tell the digest of sha256:" + strings.Repeat("4", 64) + ", and its pods in production do not tell the digest of sha256:" + strings.Repeat("4", 64)},
		},
		"pods that could not be listed are told once": {
			production: func(s *Snapshot) {
				app(s).Running = nil
				s.Unread = []Unread{{AspectImage, "shop-live", "pods", "no permission"}}
			},
			want: []string{"unread(image) cluster pods: pods of namespace shop-live in production could not be compared: no permission"},
		},
		"an init container": {
			production: func(s *Snapshot) { s.Workloads[0].Containers[1].Image = imageTwo },
			want:       []string{"image deployment/checkout migrate: deployment/checkout: container migrate runs registry.example/migrate@sha256:" + strings.Repeat("3", 64) + " in staging and " + imageTwo + " in production"},
		},
		"a sidecar that is injected on one side": {
			production: func(s *Snapshot) {
				s.Workloads[0].Containers = append(s.Workloads[0].Containers, Container{Name: "proxy", Injected: true, Running: []string{proxy}})
			},
			want: []string{"image deployment/checkout proxy: deployment/checkout: container proxy is in production and not in staging"},
		},
		"a sidecar that is injected where the other side has no pods": {
			all: func(s *Snapshot) {
				app(s).Image = imageOne
				if s.Environment.Name == "staging" {
					s.Workloads[0].Containers = append(s.Workloads[0].Containers, Container{Name: "proxy", Injected: true, Running: []string{proxy}})
				}
			},
			production: func(s *Snapshot) { s.Workloads[0].Images, app(s).Running = nil, nil },
			want:       []string{"unread(image) deployment/checkout proxy: deployment/checkout: container proxy could not be compared: it was added to the pods in staging, and no pod was seen in production"},
		},
		"replicas": {
			production: func(s *Snapshot) { s.Workloads[0].Replicas, s.Workloads[0].Ready = 6, 6 },
			want:       []string{"replicas deployment/checkout: deployment/checkout: 2 replicas in staging and 6 in production"},
		},
		"pods that are not ready are no difference of the environment": {
			production: func(s *Snapshot) { s.Workloads[0].Ready = 0 },
		},
		"resources": {
			production: func(s *Snapshot) {
				app(s).Requests, app(s).Limits = map[string]string{"cpu": "2", "memory": "1Gi"}, nil
			},
			want: []string{
				"resources deployment/checkout app limits.memory: deployment/checkout: container app has limits.memory 1Gi in staging and unset in production",
				"resources deployment/checkout app requests.cpu: deployment/checkout: container app has requests.cpu 100m in staging and 2 in production",
				"resources deployment/checkout app requests.memory: deployment/checkout: container app has requests.memory unset in staging and 1Gi in production",
			},
		},
		"variables, by name": {
			production: func(s *Snapshot) { app(s).Env = []string{"LOG_LEVEL", "DEBUG"} },
			want: []string{
				"env deployment/checkout app CURRENCY: deployment/checkout: container app sets the variable CURRENCY in staging and not in production",
				"env deployment/checkout app DEBUG: deployment/checkout: container app sets the variable DEBUG in production and not in staging",
			},
		},
		"ConfigMaps and Secrets that are used": {
			production: func(s *Snapshot) {
				s.Workloads[0].ConfigMaps, s.Workloads[0].Secrets = nil, []string{"db-live"}
			},
			want: []string{
				"config deployment/checkout feature-flags: deployment/checkout: uses the ConfigMap feature-flags in staging and not in production",
				"secret deployment/checkout db: deployment/checkout: uses the Secret db in staging and not in production",
				"secret deployment/checkout db-live: deployment/checkout: uses the Secret db-live in production and not in staging",
			},
		},
		"annotations": {
			production: func(s *Snapshot) {
				s.Workloads[0].Annotations = map[string]string{"feature.example/discount": "off", "feature.example/banner": ""}
			},
			want: []string{
				`annotation deployment/checkout feature.example/banner: deployment/checkout: the annotation feature.example/banner is not set in staging and "" in production`,
				`annotation deployment/checkout feature.example/discount: deployment/checkout: the annotation feature.example/discount is "on" in staging and "off" in production`,
			},
		},
		"an annotation that a secret was taken out of": {
			all:  func(s *Snapshot) { s.Workloads[0].Annotations["hook"] = "[REDACTED github token]" },
			want: []string{"unread(annotation) deployment/checkout hook: deployment/checkout: the annotation hook could not be compared: what looks like a secret was taken out of it"},
		},
		"data of a ConfigMap": {
			production: func(s *Snapshot) {
				s.Config[0].Keys = map[string]string{"discount": Digest([]byte("off")), "currency": Digest([]byte("EUR"))}
			},
			want: []string{
				"config configmap/feature-flags banner: the ConfigMap feature-flags has the key banner in staging and not in production",
				"config configmap/feature-flags currency: the ConfigMap feature-flags has the key currency in production and not in staging",
				"config configmap/feature-flags discount: the key discount of ConfigMap feature-flags has other data in staging than in production",
			},
		},
		"a ConfigMap that is missing": {
			production: func(s *Snapshot) { s.Config[0].Name = "flags" },
			want: []string{
				"config configmap/feature-flags: the ConfigMap feature-flags is in staging and not in production",
				"config configmap/flags: the ConfigMap flags is in production and not in staging",
			},
		},
		"ConfigMaps that could not be read are not missing": {
			production: func(s *Snapshot) {
				s.Config = nil
				s.Unread = []Unread{{AspectConfig, "shop-live", "configmaps", "no permission"}}
			},
			want: []string{"unread(config) cluster configmaps: configmaps of namespace shop-live in production could not be compared: no permission"},
		},
		"unread on both sides is told of both": {
			all: func(s *Snapshot) {
				s.Config, s.Unread = nil, []Unread{{AspectConfig, s.Environment.Targets[0], "configmaps", "no permission"}}
			},
			want: []string{
				"unread(config) cluster configmaps: configmaps of namespace shop-live in production could not be compared: no permission",
				"unread(config) cluster configmaps: configmaps of namespace shop in staging could not be compared: no permission",
			},
		},
		"a workload that is missing": {
			production: func(s *Snapshot) { s.Workloads[0].Workload.Workload = "statefulset/checkout" },
			want: []string{
				"workload deployment/checkout: deployment/checkout is in staging and not in production",
				"workload statefulset/checkout: statefulset/checkout is in production and not in staging",
			},
		},
		"a kind of workload that could not be listed": {
			production: func(s *Snapshot) {
				s.Workloads = []FoundWorkload{{Workload: Workload{Namespace: "shop-live", Workload: "statefulset/cart"}}}
				s.Unread = []Unread{{AspectWorkload, "shop-live", "deployments", "no permission"}}
			},
			want: []string{
				"unread(workload) cluster deployments: deployments of namespace shop-live in production could not be compared: no permission",
				"workload statefulset/cart: statefulset/cart is in production and not in staging",
			},
		},
		"no workload on either side": {
			all:  func(s *Snapshot) { s.Workloads = nil },
			want: []string{"unread(workload) cluster workloads: workloads could not be compared: neither staging nor production has one in its target namespaces"},
		},
		"APIs": {
			production: func(s *Snapshot) {
				s.APIs = []API{{"cert-manager.io", []string{"v1", "v1beta1"}}, {"kafka.example", []string{"v1"}}}
			},
			want: []string{
				"api cluster cert-manager.io: the API group cert-manager.io serves v1 in staging and v1, v1beta1 in production",
				"api cluster kafka.example: the API group kafka.example serves nothing in staging and v1 in production",
			},
		},
		"APIs that could not be read": {
			production: func(s *Snapshot) { s.APIs, s.Unread = nil, []Unread{{AspectAPI, "", "apis", "no permission"}} },
			want:       []string{"unread(api) cluster apis: apis in production could not be compared: no permission"},
		},
		"cluster and version": {
			production: func(s *Snapshot) { s.Environment.Cluster, s.Environment.Kubernetes = "ca:sha256:bb", "1.35" },
			want: []string{
				"cluster cluster: the cluster is ca:sha256:aa in staging and ca:sha256:bb in production",
				"kubernetes cluster: the version of Kubernetes is 1.34 in staging and 1.35 in production",
			},
		},
		"a version that is not told": {
			production: func(s *Snapshot) { s.Environment.Kubernetes = "" },
			want:       []string{"unread(kubernetes) cluster kubernetes: the version of Kubernetes could not be compared: the snapshot of production does not tell it"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := both()
			if tc.all != nil {
				a, b = both(tc.all)
			}
			if tc.production != nil {
				tc.production(&b)
			}
			require.NoError(t, a.Validate())
			require.NoError(t, b.Validate())
			got := Compare(a, b)
			assert.Equal(t, tc.want, said(got))
			for i, d := range Compare(b, a) {
				// The same seen from the other side: nothing is told only in one direction.
				assert.Contains(t, said(got), mirrored(got, d), "%d: %s", i, d.Sentence)
			}
			assert.Len(t, Compare(b, a), len(got))
		})
	}
}

func said(differences []Difference) []string {
	var out []string
	for _, d := range differences {
		aspect := string(d.Aspect)
		if d.Of != "" {
			aspect += "(" + string(d.Of) + ")"
		}
		out = append(out, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s", aspect, d.Where, d.Container, d.Item)), " ")+": "+d.Sentence)
	}
	return out
}

// mirrored gives what was said of the difference that is d with its sides changed.
func mirrored(in []Difference, d Difference) string {
	for _, o := range in {
		if o.Aspect == d.Aspect && o.Where == d.Where && o.Container == d.Container && o.Item == d.Item &&
			o.Left == d.Right && o.Right == d.Left && o.LeftNamespace == d.RightNamespace && o.RightNamespace == d.LeftNamespace {
			return said([]Difference{o})[0]
		}
	}
	return "nothing mirrors " + d.Sentence
}

// The same name in several target namespaces.
func TestComparePairsByPosition(t *testing.T) {
	in := func(name string, targets []string, has map[string]string) Snapshot {
		s := snapshotOf(name, targets[0])
		s.Environment.Targets, s.Workloads, s.Config = targets, nil, nil
		for namespace, image := range has {
			s.Workloads = append(s.Workloads, FoundWorkload{
				Workload:   Workload{Namespace: namespace, Workload: "deployment/web", Images: []string{image}},
				Containers: []Container{{Name: "app", Running: []string{image}}},
			})
		}
		return s
	}
	staging := in("staging", []string{"z-shop", "a-pay"}, map[string]string{"z-shop": imageOne, "a-pay": imageTwo})
	same := in("production", []string{"shop", "pay"}, map[string]string{"shop": imageOne, "pay": imageTwo})
	assert.Empty(t, Compare(staging, same), "by position, not by the names of the namespaces")

	swapped := in("production", []string{"pay", "shop"}, map[string]string{"shop": imageOne, "pay": imageTwo})
	got := Compare(staging, swapped)
	require.Len(t, got, 2)
	assert.Equal(t, [2]string{"a-pay", "shop"}, [2]string{got[0].LeftNamespace, got[0].RightNamespace})
	assert.Equal(t, "deployment/web: container app runs "+imageTwo+" in staging and "+imageOne+" in production (the name is in several namespaces: target 2 of both is compared)", got[0].Sentence)

	one := in("production", []string{"shop", "pay"}, map[string]string{"pay": imageTwo})
	got = Compare(staging, one)
	require.Len(t, got, 1)
	assert.Equal(t, "deployment/web is in staging and not in production (the name is in several namespaces: target 1 of both is compared)", got[0].Sentence)
	assert.Equal(t, "z-shop", got[0].LeftNamespace)

	elsewhere := in("production", []string{"other", "shop"}, map[string]string{"shop": imageOne})
	single := in("staging", []string{"shop"}, map[string]string{"shop": imageOne})
	assert.Empty(t, Compare(single, elsewhere), "a name that is once on each side is one thing, wherever it lies")
}

// One environment at two times, and snapshots without names.
func TestCompareNamesTheSides(t *testing.T) {
	before, after := snapshotOf("staging", "shop"), snapshotOf("staging", "shop", func(s *Snapshot) {
		s.Time = s.Time.Add(time.Hour)
		s.Workloads[0].Replicas = 3
	})
	assert.Equal(t, "deployment/checkout: 2 replicas in staging at 2026-11-22T12:00:00Z and 3 in staging at 2026-11-22T13:00:00Z", Compare(before, after)[0].Sentence)
	after.Time = before.Time
	assert.Equal(t, "deployment/checkout: 2 replicas in staging (left) and 3 in staging (right)", Compare(before, after)[0].Sentence)
	after.Environment.Name = ""
	assert.Equal(t, "deployment/checkout: 2 replicas in staging (left) and 3 in (right)", Compare(before, after)[0].Sentence)
}

// The order of what was read changes neither the differences nor the snapshot's bytes.
func TestCompareIsDeterministic(t *testing.T) {
	many := func(name string) Snapshot {
		s := snapshotOf(name, "ns-"+name)
		for i := range 12 {
			w := s.Workloads[0]
			w.Workload.Workload = fmt.Sprintf("deployment/w%d", i)
			w.Containers = slices.Clone(w.Containers)
			w.Containers[0].Env = []string{"B", "A", name}
			s.Workloads = append(s.Workloads, w)
			s.Config = append(s.Config, ConfigMap{s.Workloads[0].Namespace, fmt.Sprintf("c%d", i), map[string]string{"k": Digest([]byte(name))}})
			s.APIs = append(s.APIs, API{fmt.Sprintf("g%d.example", i), []string{"v1", name}})
		}
		return s
	}
	shuffle := func(s Snapshot) Snapshot {
		s.Workloads, s.Config, s.APIs = slices.Clone(s.Workloads), slices.Clone(s.Config), slices.Clone(s.APIs)
		rand.Shuffle(len(s.Workloads), func(i, j int) { s.Workloads[i], s.Workloads[j] = s.Workloads[j], s.Workloads[i] })
		rand.Shuffle(len(s.Config), func(i, j int) { s.Config[i], s.Config[j] = s.Config[j], s.Config[i] })
		rand.Shuffle(len(s.APIs), func(i, j int) { s.APIs[i], s.APIs[j] = s.APIs[j], s.APIs[i] })
		return s
	}
	a, b := many("staging"), many("production")
	want := Compare(a, b)
	require.Len(t, want, 12*2+12+12)
	bytes, err := MarshalSnapshot(a)
	require.NoError(t, err)
	for range 20 {
		assert.Equal(t, want, Compare(shuffle(a), shuffle(b)))
		again, err := MarshalSnapshot(shuffle(a))
		require.NoError(t, err)
		require.Equal(t, string(bytes), string(again))
	}
}

func TestTolerated(t *testing.T) {
	a, b := both()
	b.Workloads[0].Replicas = 6
	app(&b).Env = append(slices.Clone(app(&b).Env), "DEBUG")
	app(&b).Running = []string{imageTwo}
	app(&b).Requests = map[string]string{"cpu": "2"}
	b.Workloads[0].Secrets = []string{"db", "mesh"}
	b.Workloads[0].ConfigMaps = []string{"feature-flags", "extra"}
	b.Workloads[0].Annotations = map[string]string{"feature.example/discount": "off"}
	b.Config[0].Keys = map[string]string{"discount": Digest([]byte("off")), "banner": Digest([]byte("on"))}
	b.APIs[0].Versions = []string{"v1beta1"}
	b.Unread = []Unread{{AspectConfig, "shop-live", "configmaps", "no"}, {AspectWorkload, "shop-live", "cronjobs", "no"}}
	all := Compare(a, b)
	keys := func(list []Difference) []string {
		out := []string{}
		for _, d := range list {
			out = append(out, strings.TrimSpace(strings.Join([]string{string(d.Aspect), d.Where, d.Item}, " ")))
		}
		return out
	}
	for text, want := range map[string][]string{
		"replicas":                            {"replicas deployment/checkout"},
		"replicas/checkout":                   {"replicas deployment/checkout"},
		"replicas/deployment/checkout":        {"replicas deployment/checkout"},
		"replicas/statefulset/checkout":       {},
		"replicas/cart":                       {},
		"image":                               {"image deployment/checkout"},
		"image/app":                           {}, // a container's name is no workload's
		"resources":                           {"resources deployment/checkout requests.cpu"},
		"resources/requests.cpu":              {}, // too many have one
		"resources/checkout/requests.cpu":     {"resources deployment/checkout requests.cpu"},
		"env/DEBUG":                           {"env deployment/checkout DEBUG"},
		"env/debug":                           {},
		"secret/mesh":                         {"secret deployment/checkout mesh"},
		"annotation/feature.example/discount": {"annotation deployment/checkout feature.example/discount"},
		"api/cert-manager.io":                 {"api cluster cert-manager.io"},
		"config/feature-flags":                {"config configmap/feature-flags banner", "config configmap/feature-flags discount"},
		"config/feature-flags/banner":         {"config configmap/feature-flags banner"},
		"config/banner":                       {},
		"config/extra":                        {"config deployment/checkout extra"},
		"config":                              {"unread cluster configmaps", "config deployment/checkout extra", "config configmap/feature-flags banner", "config configmap/feature-flags discount"},
		"workload":                            {}, // a workload that could not be listed may differ in anything
		"unread/cronjobs":                     {"unread cluster cronjobs"},
		"unread":                              {"unread cluster configmaps", "unread cluster cronjobs"},
	} {
		t.Run(text, func(t *testing.T) {
			var tolerance Tolerance
			require.NoError(t, tolerance.UnmarshalText([]byte(text)))
			assert.Equal(t, text, tolerance.String())
			tolerated, rest := Tolerated(all, []Tolerance{tolerance})
			assert.Equal(t, want, keys(tolerated))
			assert.Len(t, rest, len(all)-len(tolerated))
			for _, d := range all {
				assert.NotEqual(t, slices.Contains(tolerated, d), slices.Contains(rest, d), "in one of both: %s", d.Sentence)
			}
		})
	}
	none, rest := Tolerated(all, nil)
	assert.Empty(t, none)
	assert.Equal(t, all, rest, "nothing is tolerated that nobody has named")
	every, rest := Tolerated(all, []Tolerance{{Aspect: AspectUnread}, {Aspect: AspectReplicas}, {Aspect: AspectImage}, {Aspect: AspectResources}, {Aspect: AspectEnv}, {Aspect: AspectSecret}, {Aspect: AspectAnnotation}, {Aspect: AspectAPI}, {Aspect: AspectConfig}})
	assert.Equal(t, all, every)
	assert.Empty(t, rest)
}

func TestToleranceText(t *testing.T) {
	for text, want := range map[string]manifest.Error{
		"replica":  {Message: `"replica" is no aspect in which environments differ`, Hint: `did you mean "replicas"?`},
		"":         {Message: `"" is no aspect in which environments differ`, Hint: "known: unread, cluster, kubernetes, api, workload, image, replicas, resources, env, config, secret, annotation"},
		"config/":  {Message: `"config/" names nothing after the slash`, Hint: "write config for all of them"},
		"Replicas": {Message: `"Replicas" is no aspect in which environments differ`, Hint: `did you mean "replicas"?`},
	} {
		var tolerance Tolerance
		assert.Equal(t, want, tolerance.UnmarshalText([]byte(text)))
	}
}
