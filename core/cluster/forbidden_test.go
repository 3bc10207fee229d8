package cluster

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/assay-dev/assay/core/suite"
)

var staging = suite.Environment{Name: "staging", EnvironmentSpec: suite.EnvironmentSpec{RunNamespace: "runs", Targets: []string{"shop"}}}

// denying is what the API server answers: see responsewriters.ForbiddenStatusError of k8s.io/apiserver.
func denying(user, verb, group, resource, name, namespace, more string) error {
	of := schema.GroupResource{Group: group, Resource: strings.Split(resource, "/")[0]}
	return apierrors.NewForbidden(of, name, fmt.Errorf("User %q cannot %s resource %q in API group %q in the namespace %q%s", user, verb, resource, group, namespace, more))
}

// Every permission that assay asks for is named with its line, and the line is in what install prints.
func TestExplainEveryPermission(t *testing.T) {
	for _, tc := range []struct {
		namespace string
		rules     []Rule
		printed   string
		flag      string
	}{
		{"runs", RunRules, Manifests(staging), ""},
		{"shop", TargetRules, Manifests(staging), ""},
		{"shop", SnapshotRules, Manifests(staging, SnapshotRules...), " --snapshot"},
	} {
		namespace := tc.namespace
		for _, rule := range tc.rules {
			assert.Contains(t, tc.printed, "\n"+rule.Line()+"\n")
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					err := fmt.Errorf("doing something: %w", denying("system:serviceaccount:runs:assay", verb, rule.Group, resource, "x", namespace, ""))
					require.True(t, isRBAC(err), err)
					said := Explain(err, staging)
					full := resource
					if rule.Group != "" {
						full += "." + rule.Group
					}
					assert.EqualError(t, said, fmt.Sprintf("doing something: system:serviceaccount:runs:assay may not %s %s in namespace %s: the Role there lacks the line \"%s\", or it is not bound, or there is no such namespace; `assay install --environment staging%s | kubectl apply -f -` mends each", verb, full, namespace, rule.Line(), tc.flag))
					assert.ErrorIs(t, said, err)
					assert.True(t, refused(said), "what was explained is still a refusal")
				}
			}
		}
	}
}

func TestExplain(t *testing.T) {
	other := errors.New("connection refused")
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"another error":   {other, "connection refused"},
		"quota":           {apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "x", errors.New("exceeded quota: a user cannot have more")), `pods "x" is forbidden: exceeded quota: a user cannot have more`},
		"expired":         {fmt.Errorf("watching: %w", apierrors.NewUnauthorized("Unauthorized")), "watching: the cluster refused the credentials (401 Unauthorized); renew them, or log in again: they are expired, revoked, or another cluster's"},
		"twice":           {fmt.Errorf("reading: %w (the stream had ended: %v)", denying("jo", "get", "", "secrets", "s", "runs", ""), denying("jo", "get", "", "secrets", "s", "runs", "")), "reading: jo may not get secrets in namespace runs: no Role of assay's gives that; compare with what `assay install --environment staging | kubectl apply -f -` applies"},
		"no credentials":  {denying("system:anonymous", "create", "batch", "jobs", "", "runs", ""), "system:anonymous may not create jobs.batch in namespace runs: the kubeconfig sends no credentials that the cluster knows"},
		"a lost Role":     {denying("jo", "list", "", "pods", "", "shop", `: RBAC: role.rbac.authorization.k8s.io "assay" not found`), "jo may not list pods in namespace shop (RBAC: role.rbac.authorization.k8s.io \"assay\" not found): the Role there lacks the line \"- {apiGroups: [\"\"], resources: [pods], verbs: [list]}\", or it is not bound, or there is no such namespace; `assay install --environment staging | kubectl apply -f -` mends each"},
		"not ours":        {denying("jo", "get", "", "secrets", "s", "runs", ""), "jo may not get secrets in namespace runs: no Role of assay's gives that; compare with what `assay install --environment staging | kubectl apply -f -` applies"},
		"a quoting name":  {denying(`o"neil`, "get", "", "secrets", "s", "runs", ""), `o\"neil may not get secrets in namespace runs: no Role of assay's gives that; compare with what ` + "`assay install --environment staging | kubectl apply -f -` applies"},
		"in no namespace": {apierrors.NewForbidden(schema.GroupResource{Resource: "nodes"}, "", errors.New(`User "jo" cannot list resource "nodes" in API group "" at the cluster scope`)), "jo may not list nodes: no Role of assay's gives that; compare with what `assay install --environment staging | kubectl apply -f -` applies"},
	} {
		said := Explain(tc.err, staging)
		assert.EqualError(t, said, tc.want, name)
		assert.ErrorIs(t, said, tc.err, name)
	}
	assert.NoError(t, Explain(nil, staging))
}

// A refusal ends the run once it has lasted, and never after the pod was reached: an API server that
// comes back refuses for a moment.
func TestTransportRefused(t *testing.T) {
	denied := denying("jo", "create", "", "pods/exec", "p", "runs", "")
	gone := errors.New("the pod was deleted")
	var end error
	tr := &transport{gone: func() error { return end }}
	tr.heard(denied)
	assert.NoError(t, tr.Gone(), "it may pass")
	tr.heard(denied)
	assert.NoError(t, tr.Gone(), "it may still pass")
	tr.heard(errors.New("connection refused"))
	tr.denied = time.Now().Add(-blip)
	tr.heard(denied)
	assert.ErrorIs(t, tr.Gone(), denied)
	end = gone
	assert.ErrorIs(t, tr.Gone(), gone, "what the cluster says of the pod comes first")

	tr = &transport{gone: func() error { return nil }}
	tr.heard(nil)
	tr.heard(denied)
	tr.denied = time.Now().Add(-time.Hour)
	tr.heard(denied)
	assert.NoError(t, tr.Gone())
}
