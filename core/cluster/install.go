package cluster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/suite"
)

// ServiceAccount is the account that `assay install` makes for runners to use.
const ServiceAccount = "assay"

// Rule is one permission that Assay needs.
type Rule struct {
	Group     string
	Resources []string
	Verbs     []string
	// Why says what it is for.
	Why string
}

// Line is the rule as the Role has it, on one line.
func (r Rule) Line() string {
	return fmt.Sprintf("- {apiGroups: [%q], resources: [%s], verbs: [%s]}", r.Group, strings.Join(r.Resources, ", "), strings.Join(r.Verbs, ", "))
}

// RunRules are what a runner may do in the run namespace, and nothing besides.
var RunRules = []Rule{
	{"batch", []string{"jobs"}, []string{"create", "get", "list", "watch", "delete"}, "run suites and remove what is over"},
	{"", []string{"pods"}, []string{"get", "list", "watch", "delete"}, "see how far a run is, and cancel it"},
	{"", []string{"pods/log"}, []string{"get"}, "read the output of an image whose command is not known"},
	{"", []string{"pods/exec"}, []string{"get", "create"}, "bring workspaces in and results back"},
	{"", []string{"events"}, []string{"list", "watch"}, "say why a pod was not created or does not start"},
	{"", []string{"configmaps"}, []string{"create", "delete"}, "hand settings to runs"},
}

// TargetRules are what a runner may do in the namespaces of the application: look.
var TargetRules = []Rule{
	{"apps", []string{"deployments", "statefulsets", "daemonsets"}, []string{"get", "list"}, "observe which revision of a covered workload runs, and find those that no suite covers"},
	{"", []string{"pods"}, []string{"list"}, "observe which image digests it runs"},
}

// SnapshotRules are what `assay env` needs in the namespaces of the application besides TargetRules, to
// compare environments in full. No run needs them. Whoever may list ConfigMaps sees their data; Assay
// keeps digests of it. There is no rule for Secrets: their names come from pod templates.
var SnapshotRules = []Rule{
	{"", []string{"configmaps"}, []string{"list"}, "compare the data of ConfigMaps, by digest"},
	{"batch", []string{"cronjobs"}, []string{"list"}, "compare CronJobs"},
}

// SnapshotFlag is the flag of `assay install` that adds SnapshotRules.
const SnapshotFlag = "--snapshot"

// Manifests prints what an environment needs in its cluster, as YAML for kubectl apply. More are rules
// for the Roles in the targets besides TargetRules, such as SnapshotRules.
func Manifests(e suite.Environment, more ...Rule) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# What Assay needs in the cluster for the environment %q.
#
# Whoever may create Jobs in a namespace can mount every Secret of that namespace into them. So there
# is one run namespace for each group of people who may see each other's secrets, it holds only the
# secrets that their tests need, and it is never the namespace of the application.
apiVersion: v1
kind: Namespace
metadata:
  name: %s
  labels:
    app.kubernetes.io/managed-by: assay
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/warn: restricted
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: %s
  namespace: %s
  labels: {app.kubernetes.io/managed-by: assay}
automountServiceAccountToken: false
---
# A bound on what a mistake can start. Finished pods do not count.
apiVersion: v1
kind: ResourceQuota
metadata:
  name: assay
  namespace: %[2]s
  labels: {app.kubernetes.io/managed-by: assay}
spec:
  hard:
    pods: "100"
    count/jobs.batch: "500"
---
# Tests call; nobody calls tests.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: assay-no-ingress
  namespace: %[2]s
  labels: {app.kubernetes.io/managed-by: assay}
spec:
  podSelector: {}
  policyTypes: [Ingress]
`, e.Name, e.RunNamespace, ServiceAccount, e.RunNamespace)
	role(&b, runRole, e.RunNamespace, e.RunNamespace, RunRules)
	for _, target := range e.Targets {
		role(&b, targetRole(e), target, e.RunNamespace, slices.Concat(TargetRules, more))
	}
	return b.String()
}

// runRole is the name of the Role in the run namespace.
const runRole = "assay"

// targetRole is the name of the Role in a target. It tells the environments apart that watch the same
// application.
func targetRole(e suite.Environment) string { return "assay-read-for-" + e.RunNamespace }

func role(b *strings.Builder, name, namespace, account string, rules []Rule) {
	fmt.Fprintf(b, `---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: %s
  namespace: %s
  labels: {app.kubernetes.io/managed-by: assay}
rules:
`, name, namespace)
	for _, r := range rules {
		fmt.Fprintf(b, "# To %s:\n%s\n", r.Why, r.Line())
	}
	fmt.Fprintf(b, `---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: %s
  namespace: %s
  labels: {app.kubernetes.io/managed-by: assay}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: %s
subjects:
- kind: ServiceAccount
  name: %s
  namespace: %s
`, name, namespace, name, ServiceAccount, account)
}
