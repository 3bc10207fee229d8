package cluster

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/assay-dev/assay/core/suite"
)

func TestManifests(t *testing.T) {
	text := Manifests(suite.Environment{Name: "staging", EnvironmentSpec: suite.EnvironmentSpec{RunNamespace: "assay-payments", Targets: []string{"shop", "pay"}}})
	golden(t, "install.yaml", []byte(text))

	rules := map[string][]rbacv1.PolicyRule{} // by namespace
	bound := map[string]string{}
	var kinds []string
	for doc := range strings.SplitSeq(text, "\n---\n") {
		var meta metav1.TypeMeta
		require.NoError(t, yaml.Unmarshal([]byte(doc), &meta))
		kinds = append(kinds, meta.Kind)
		strict := func(o any) { require.NoError(t, yaml.UnmarshalStrict([]byte(doc), o), meta.Kind) }
		switch meta.Kind {
		case "Namespace":
			var o corev1.Namespace
			strict(&o)
			assert.Equal(t, "restricted", o.Labels["pod-security.kubernetes.io/enforce"])
		case "ServiceAccount":
			var o corev1.ServiceAccount
			strict(&o)
			assert.False(t, *o.AutomountServiceAccountToken)
		case "ResourceQuota":
			strict(new(corev1.ResourceQuota))
		case "NetworkPolicy":
			var o networkingv1.NetworkPolicy
			strict(&o)
			assert.Empty(t, o.Spec.Ingress, "nobody calls tests")
			assert.Equal(t, []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}, o.Spec.PolicyTypes)
		case "Role":
			var o rbacv1.Role
			strict(&o)
			assert.Empty(t, rules[o.Namespace], "one Role in each namespace")
			rules[o.Namespace] = o.Rules
		case "RoleBinding":
			var o rbacv1.RoleBinding
			strict(&o)
			assert.Equal(t, "Role", o.RoleRef.Kind)
			assert.Equal(t, []rbacv1.Subject{{Kind: "ServiceAccount", Name: ServiceAccount, Namespace: "assay-payments"}}, o.Subjects)
			bound[o.Namespace] = o.RoleRef.Name
		default:
			t.Errorf("a %s was not expected", meta.Kind)
		}
	}
	assert.Equal(t, []string{"Namespace", "ServiceAccount", "ResourceQuota", "NetworkPolicy", "Role", "RoleBinding", "Role", "RoleBinding", "Role", "RoleBinding"}, kinds)
	assert.Equal(t, map[string]string{"assay-payments": "assay", "shop": "assay-read-for-assay-payments", "pay": "assay-read-for-assay-payments"}, bound)

	// Exactly what the design names, and nothing besides.
	assert.Equal(t, map[string][]string{
		"jobs.batch": {"create", "get", "list", "watch", "delete"},
		"pods":       {"get", "list", "watch", "delete"},
		"pods/log":   {"get"},
		"pods/exec":  {"get", "create"},
		"events":     {"list", "watch"},
		"configmaps": {"create", "delete"},
	}, permissions(t, rules["assay-payments"]))
	for _, target := range []string{"shop", "pay"} {
		assert.Equal(t, map[string][]string{
			"deployments.apps": {"get", "list"}, "statefulsets.apps": {"get", "list"}, "daemonsets.apps": {"get", "list"}, "pods": {"list"},
		}, permissions(t, rules[target]))
	}
	for _, r := range slices.Concat(RunRules, TargetRules, SnapshotRules) {
		assert.NotEmpty(t, r.Why, r.Resources)
	}
}

// What comparing environments takes comes into the targets, nowhere else, and only where it is asked for.
func TestManifestsForSnapshots(t *testing.T) {
	env := suite.Environment{Name: "staging", EnvironmentSpec: suite.EnvironmentSpec{RunNamespace: "assay-payments", Targets: []string{"shop", "pay"}}}
	plain, more := Manifests(env), Manifests(env, SnapshotRules...)
	rules := map[string][]rbacv1.PolicyRule{}
	for doc := range strings.SplitSeq(more, "\n---\n") {
		var o rbacv1.Role
		require.NoError(t, yaml.Unmarshal([]byte(doc), &o))
		if o.Kind == "Role" {
			rules[o.Namespace] = o.Rules
		}
	}
	want := map[string][]string{
		"deployments.apps": {"get", "list"}, "statefulsets.apps": {"get", "list"}, "daemonsets.apps": {"get", "list"}, "pods": {"list"},
		"configmaps": {"list"}, "cronjobs.batch": {"list"},
	}
	assert.Equal(t, want, permissions(t, rules["shop"]))
	assert.Equal(t, want, permissions(t, rules["pay"]))
	assert.Equal(t, []string{"create", "delete"}, permissions(t, rules["assay-payments"])["configmaps"])
	for _, r := range SnapshotRules {
		assert.Equal(t, 2, strings.Count(more, "# To "+r.Why+":\n"+r.Line()+"\n"))
		more = strings.ReplaceAll(more, "# To "+r.Why+":\n"+r.Line()+"\n", "")
	}
	assert.Equal(t, plain, more, "nothing else differs")
	assert.NotContains(t, more, "secrets]", "nothing reads Secrets")
}

// permissions gives verbs by resource.
func permissions(t *testing.T, rules []rbacv1.PolicyRule) map[string][]string {
	t.Helper()
	verbs := map[string][]string{}
	for _, r := range rules {
		require.Len(t, r.APIGroups, 1)
		assert.Empty(t, r.ResourceNames)
		assert.Empty(t, r.NonResourceURLs)
		for _, resource := range r.Resources {
			if r.APIGroups[0] != "" {
				resource += "." + r.APIGroups[0]
			}
			require.Empty(t, verbs[resource], "%s has two rules", resource)
			verbs[resource] = r.Verbs
		}
	}
	return verbs
}
