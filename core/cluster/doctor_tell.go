package cluster

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	registry "github.com/google/go-containerregistry/pkg/v1/remote/transport"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/summary"
)

// This file tells what answers mean; it asks nothing.

// say fills in a check.
func say(c summary.Check, status summary.CheckStatus, mend, format string, args ...any) summary.Check {
	c.Status, c.Message, c.Mend = status, oneLine(fmt.Sprintf(format, args...)), mend
	return c
}

func installMend(environment string) string {
	return "Have an administrator apply what `assay install` prints:\n\nassay install --environment " + environment + " | kubectl apply -f -"
}

func clusterCheck(p summary.ExaminedPlace, answered time.Duration, err error) summary.Check {
	c := summary.Check{ID: checkCluster, Title: "cluster"}
	by := ""
	if p.Context != "" {
		by = " (context " + p.Context + ")"
	}
	switch {
	case apierrors.IsUnauthorized(err):
		return say(c, summary.CheckFailed, "Renew the credentials in the kubeconfig: they are expired, revoked or of another cluster.", "%s%s refuses the credentials: %v", p.Address, by, err)
	case err != nil:
		return say(c, summary.CheckFailed, "Check that the address is right and reachable from here; `kubectl version` uses the same kubeconfig. --kubeconfig and --kube-context name another.", "%s%s: %v", p.Address, by, err)
	}
	user := "it does not say for whom it takes us"
	if p.User != "" {
		user = "for it we are " + p.User
	}
	return say(c, summary.CheckOK, "", "%s%s answered within %s; %s", p.Address, by, max(time.Millisecond, answered.Round(time.Millisecond)), user)
}

// versionCheck takes major.minor.
func versionCheck(c summary.Check, version string) summary.Check {
	major, rest, _ := strings.Cut(version, ".")
	minor, err := strconv.Atoi(rest)
	switch {
	case err != nil || major != "1":
		return say(c, summary.CheckUnknown, "", "the cluster calls its version %q, which is none that this assay knows; it needs 1.%d or newer", version, Oldest)
	case minor < Oldest:
		return say(c, summary.CheckFailed, fmt.Sprintf("Upgrade the cluster to Kubernetes 1.%d or newer, or use another.", Oldest), "%s has no native sidecars, which keep the results when a test crashes; assay needs 1.%d or newer", version, Oldest)
	}
	return say(c, summary.CheckOK, "", "%s (1.%d or newer is needed)", version, Oldest)
}

// skew is how far the clocks may be apart before it is worth a word.
const skew = 30 * time.Second

func clockCheck(c summary.Check, r reading) summary.Check {
	if r.date.IsZero() {
		return say(c, summary.CheckUnknown, "", "the cluster's answer bears no time")
	}
	way := r.received.Sub(r.sent)
	// When it was written the answer's clock showed date, or up to a second more; that was between sent
	// and received. What is left after giving both the benefit of the doubt is certain.
	ahead, behind := r.date.Sub(r.received), r.sent.Sub(r.date.Add(time.Second))
	how := fmt.Sprintf("(the question took %s)", max(time.Millisecond, way.Round(time.Millisecond)))
	const mend = "Set the clock that is wrong, by NTP: assay run writes the cluster's time into evidence meanwhile, but assay verdict compares its age with this machine's."
	switch {
	case ahead > skew:
		return say(c, summary.CheckWarning, mend, "the cluster's clock is %s ahead of this machine's %s", ahead.Round(time.Second), how)
	case behind > skew:
		return say(c, summary.CheckWarning, mend, "the cluster's clock is %s behind this machine's %s", behind.Round(time.Second), how)
	case ahead > 0 || behind > 0:
		return say(c, summary.CheckOK, "", "%s apart %s", max(ahead, behind).Round(100*time.Millisecond), how)
	}
	return say(c, summary.CheckOK, "", "no difference to be seen %s", how)
}

func namespaceCheck(c summary.Check, env suite.Environment, a namespaceAnswer) summary.Check {
	name := env.RunNamespace
	terminating := func() summary.Check {
		return say(c, summary.CheckFailed, "Wait until it is gone, then have it made anew:\n\nassay install --environment "+env.Name+" | kubectl apply -f -", "%s is being deleted", name)
	}
	missing := func() summary.Check {
		return say(c, summary.CheckFailed, installMend(env.Name), "%s does not exist", name)
	}
	switch {
	case a.err == nil && a.terminating:
		return terminating()
	case a.err == nil:
		return say(c, summary.CheckOK, "", "%s is there", name)
	case apierrors.IsNotFound(a.err):
		return missing()
	case a.tried == nil:
		return say(c, summary.CheckOK, "", "%s is there: it answers a dry run (these credentials may not read it, and need not)", name)
	case apierrors.IsNotFound(a.tried):
		return missing()
	case apierrors.HasStatusCause(a.tried, corev1.NamespaceTerminatingCause):
		return terminating()
	case isRBAC(a.tried):
		return say(c, summary.CheckUnknown, installMend(env.Name), "%s: these credentials may neither read it nor create anything in it, so it is not there or its Role is not applied", name)
	}
	return say(c, summary.CheckUnknown, "", "%s could not be read (%v) and a dry run in it was refused: %v", name, a.err, a.tried)
}

// podSecurity is what is known of a namespace's Pod Security level.
type podSecurity struct {
	// read is true where its labels could be read, and enforce is the label.
	read    bool
	enforce string
	// warned is the level that the cluster warned of.
	warned string
}

var violates = regexp.MustCompile(`violate[s]? PodSecurity "([a-z]+):`)

// levelOf finds the level in the admission controller's warning or refusal.
func levelOf(text string) string {
	if m := violates.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

const levelRestricted = "restricted"

func podSecurityCheck(c summary.Check, namespace string, s podSecurity) summary.Check {
	switch {
	case s.read && (s.enforce == levelRestricted || s.enforce == "baseline"):
		return say(c, summary.CheckOK, "", "%s enforces %s", namespace, s.enforce)
	case s.read:
		what := "enforces " + s.enforce
		if s.enforce == "" {
			what = "has no level of its own, so that the cluster's default holds, which is none unless it was set"
		}
		return say(c, summary.CheckWarning,
			"Whoever may create Jobs there can start pods that own their node. Assay's pods need no more than restricted:\n\nkubectl label namespace "+namespace+" --overwrite pod-security.kubernetes.io/enforce=restricted",
			"%s %s", namespace, what)
	case s.warned != "":
		return say(c, summary.CheckOK, "", "%s warns of what is not %s; what it enforces could not be seen with these credentials", namespace, s.warned)
	}
	return say(c, summary.CheckUnknown, "", "could not be seen with these credentials: they may not read the namespace %s, and it warned of nothing", namespace)
}

// needs are the permissions of a rule.
func needs(r Rule, namespace string) []permission {
	var all []permission
	for _, resource := range r.Resources {
		name, sub, _ := strings.Cut(resource, "/")
		for _, verb := range r.Verbs {
			all = append(all, permission{namespace, verb, r.Group, name, sub})
		}
	}
	return all
}

func (p permission) what() string {
	if p.subresource != "" {
		return p.resource + "/" + p.subresource
	}
	return p.resource
}

func permissionCheck(c summary.Check, r Rule, namespace, role, environment string, answers []allowance) summary.Check {
	missing := map[string][]string{} // verbs by resource
	var unasked error
	for _, a := range answers {
		switch {
		case a.err != nil:
			unasked = a.err
		case !a.allowed:
			missing[a.what()] = append(missing[a.what()], a.verb)
		}
	}
	var parts []string
	for _, resource := range r.Resources {
		if verbs := missing[resource]; len(verbs) > 0 {
			parts = append(parts, strings.Join(verbs, ", ")+" "+resource)
		}
	}
	switch {
	case len(parts) > 0:
		mend := fmt.Sprintf("Have an administrator apply the Roles that `assay install` prints, which hold what is missing, and use the credentials of the ServiceAccount that comes with them:\n\nassay install --environment %s | kubectl apply -f -\n\n# Role %s in namespace %s\n%s",
			environment, role, namespace, r.Line())
		return say(c, summary.CheckFailed, mend, "may not %s in %s, which it takes to %s", strings.Join(parts, "; "), namespace, r.Why)
	case unasked != nil:
		return say(c, summary.CheckUnknown, "", "the cluster was asked and did not say: %v", unasked)
	}
	return say(c, summary.CheckOK, "", "may %s in %s", strings.Join(r.Verbs, ", "), namespace)
}

// snapshotCheck tells what comparing environments would leave out. That is a choice and no fault: no
// run needs these permissions.
func snapshotCheck(c summary.Check, environment string, answers []allowance) summary.Check {
	var missing []string
	for _, a := range answers {
		switch {
		case a.err != nil:
			return say(c, summary.CheckUnknown, "", "the cluster was asked and did not say: %v", a.err)
		case !a.allowed:
			missing = append(missing, a.what())
		}
	}
	if len(missing) > 0 {
		return say(c, summary.CheckOK, "", "no run needs to list %s, and `assay env` calls them unread: `assay install --environment %s %s` prints the Role that lets it read them", strings.Join(missing, " and "), environment, SnapshotFlag)
	}
	return say(c, summary.CheckOK, "", "may list what environments are compared by")
}

// excessive are permissions that a runner should not have.
func excessive(e suite.Environment) []permission {
	all := []permission{{verb: "*", group: "*", resource: "*"}, {namespace: e.RunNamespace, verb: "*", group: "*", resource: "*"}}
	for _, namespace := range append([]string{e.RunNamespace}, e.Targets...) {
		all = append(all, permission{namespace: namespace, verb: "get", resource: "secrets"}, permission{namespace: namespace, verb: "list", resource: "secrets"})
	}
	return all
}

func excessCheck(c summary.Check, runNamespace string, answers []allowance) summary.Check {
	var secrets []string
	everything := ""
	var unasked error
	for _, a := range answers {
		switch {
		case a.err != nil:
			unasked = a.err
		case !a.allowed:
		case a.resource == "*" && a.namespace == "":
			everything = "everything in the whole cluster"
		case a.resource == "*" && everything == "":
			everything = "everything in the namespace " + a.namespace
		case a.resource == "secrets" && !slices.Contains(secrets, a.namespace):
			secrets = append(secrets, a.namespace)
		}
	}
	const mend = "Let CI use the ServiceAccount that `assay install` makes, which may do what runs need and nothing else:\n\nkubectl create token " + ServiceAccount + " --duration 8h -n "
	switch {
	case everything != "":
		return say(c, summary.CheckWarning, mend+runNamespace, "these credentials may do %s", everything)
	case len(secrets) > 0:
		return say(c, summary.CheckWarning, mend+runNamespace, "these credentials may read the Secrets of %s", strings.Join(secrets, ", "))
	case unasked != nil:
		return say(c, summary.CheckUnknown, "", "the cluster was asked and did not say: %v", unasked)
	}
	return say(c, summary.CheckOK, "", "none: no Secrets to read, and not everything to do")
}

// interest is a workload with the suites that are about it.
type interest struct {
	workload          suite.Workload
	covers, dependsOn []string
}

func interests(runs []suite.Run) []interest {
	var list []interest
	of := func(w suite.Workload) *interest {
		i := slices.IndexFunc(list, func(i interest) bool { return i.workload == w })
		if i < 0 {
			list, i = append(list, interest{workload: w}), len(list)
		}
		return &list[i]
	}
	for _, r := range runs {
		for _, w := range r.Suite.Covers {
			i := of(w)
			i.covers = append(i.covers, r.Suite.Name)
		}
		for _, w := range r.Suite.DependsOn {
			i := of(w)
			i.dependsOn = append(i.dependsOn, r.Suite.Name)
		}
	}
	return list
}

func (i interest) who() string {
	var parts []string
	if len(i.covers) > 0 {
		parts = append(parts, "covered by "+strings.Join(i.covers, ", "))
	}
	if len(i.dependsOn) > 0 {
		parts = append(parts, "needed by "+strings.Join(i.dependsOn, ", "))
	}
	return strings.Join(parts, ", ")
}

func workloadCheck(c summary.Check, env suite.Environment, i interest, observed []evidence.Workload, err error) summary.Check {
	if err != nil {
		return say(c, summary.CheckFailed, evidence.ClusterUnreachable.Meaning().Next, "%s: %v", i.who(), err)
	}
	var found, amiss []string
	for _, o := range observed {
		place := o.Namespace
		switch {
		case o.Missing && len(env.Targets) == 0:
			return say(c, missingStatus(i), "Name the application's namespaces in the spec.targets of environment "+env.Name+".", "%s, and the environment has no target namespaces", i.who())
		case o.Missing:
			return say(c, missingStatus(i), "Deploy it, or correct "+corrections(i)+", or the targets of environment "+env.Name+".", "%s, and it is in none of the target namespaces (%s)", i.who(), o.Namespace)
		case len(o.Images) == 0:
			amiss = append(amiss, "runs no pod in "+place)
		case o.Ready < o.Replicas:
			amiss = append(amiss, fmt.Sprintf("%d of %d pods are ready in %s, on %s", o.Ready, o.Replicas, place, words(o.Images)))
		default:
			found = append(found, fmt.Sprintf("%d pods in %s run %s", o.Ready, place, words(o.Images)))
		}
	}
	if len(amiss) > 0 {
		return say(c, summary.CheckWarning, "Wait until it is rolled out, or look at why its pods do not get ready.", "%s (%s)", strings.Join(append(amiss, found...), "; "), i.who())
	}
	return say(c, summary.CheckOK, "", "%s (%s)", strings.Join(found, "; "), i.who())
}

// missingStatus: without a workload that it covers a suite does not run; without one that it depends
// on it does, and says in its evidence that it was not there.
func missingStatus(i interest) summary.CheckStatus {
	if len(i.covers) > 0 {
		return summary.CheckFailed
	}
	return summary.CheckWarning
}

func corrections(i interest) string {
	if len(i.covers) > 0 {
		return "the spec.covers of " + strings.Join(i.covers, ", ")
	}
	return "the spec.dependsOn of " + strings.Join(i.dependsOn, ", ")
}

// usedImage is an image with the suites that use it.
type usedImage struct {
	image  string
	core   bool
	suites []suite.Suite
}

// imagesOf lists the core image and then those of the suites, each once.
func imagesOf(coreImage string, runs []suite.Run) []usedImage {
	list := []usedImage{{image: coreImage, core: true}}
	for _, r := range runs {
		i := slices.IndexFunc(list, func(u usedImage) bool { return u.image == r.Suite.Image })
		if i < 0 {
			list, i = append(list, usedImage{image: r.Suite.Image}), len(list)
		}
		list[i].suites = append(list[i].suites, r.Suite)
	}
	return list
}

func (u usedImage) check() summary.Check {
	if u.core {
		return summary.Check{ID: checkCore, Title: "core image"}
	}
	names := u.names()
	return summary.Check{ID: "image/" + u.suites[0].Name, Title: "image of " + strings.Join(names, ", ")}
}

// short is the reference with a digest that is just long enough to be told from others.
func (u usedImage) short() string {
	repository, digest, ok := strings.Cut(u.image, "@sha256:")
	if !ok || len(digest) < 12 {
		return u.image
	}
	return repository + "@sha256:" + digest[:12]
}

func (u usedImage) names() []string {
	var names []string
	for _, s := range u.suites {
		names = append(names, s.Name)
	}
	return names
}

// imageCheck says what a registry's answer means; nodes are the platforms of the cluster's nodes, none
// where they are not known.
func imageCheck(u usedImage, a imageAnswer, nodes []string) summary.Check {
	c := u.check()
	if a.err != nil {
		var entry []string
		for _, s := range u.suites {
			if len(s.Command) == 0 {
				entry = append(entry, s.Name)
			}
		}
		mend := registryMend(a.err)
		if len(entry) > 0 {
			return say(c, summary.CheckFailed, mend+" Or say in spec.command what to run.", "%s could not be read from here: %v; without it nobody knows the command that %s would run", u.image, a.err, strings.Join(entry, ", "))
		}
		return say(c, summary.CheckWarning, mend, "%s could not be read from here: %v; the cluster pulls with credentials of its own", u.image, a.err)
	}
	platforms := strings.Join(a.platforms, ", ")
	var without []string
	for _, n := range nodes {
		if !slices.Contains(a.platforms, n) {
			without = append(without, n)
		}
	}
	switch {
	case len(nodes) > 0 && len(without) == len(nodes):
		return say(c, summary.CheckFailed, "Build it for the platform of the nodes.", "%s is made for %s, and every node is %s", u.short(), platforms, strings.Join(nodes, ", "))
	case len(without) > 0:
		return say(c, summary.CheckWarning, "Build it for every platform of the nodes, or choose nodes by spec.podTemplate (nodeSelector: kubernetes.io/arch).", "%s is made for %s, and some nodes are %s", u.short(), platforms, strings.Join(without, ", "))
	}
	return say(c, summary.CheckOK, "", "%s, for %s, read from here", u.short(), platforms)
}

func registryMend(err error) string {
	var refused *registry.Error
	if errors.As(err, &refused) {
		switch refused.StatusCode {
		case 401, 403:
			return "Log in to the registry on this machine (docker login, or the variable DOCKER_CONFIG)."
		case 404:
			return "Correct the image's name, or push it: the registry does not have it, or not for these credentials."
		}
	}
	return "Check the image's name, and that its registry can be reached from here."
}

const userMend = "Leave spec.user away, so that the suite runs as UID 1000 with a writable HOME; or give the image a numeric user (USER 1000); or run it in a namespace that enforces no more than baseline."

// userCheck explains what `user: image` comes to.
func userCheck(c summary.Check, s suite.Suite, namespace string, a imageAnswer, level podSecurity) summary.Check {
	if a.err != nil {
		return say(c, summary.CheckUnknown, "", "the suite runs as its image's own user, and the image could not be read, so nobody knows who that is")
	}
	if a.config.unprivileged() {
		return say(c, summary.CheckOK, "", "runs as its image's own user %s, which every Pod Security level lets in", a.user)
	}
	who := "root"
	switch {
	case a.user == "":
		who = "root, because the image names no user"
	case a.config.UID == nil:
		who = fmt.Sprintf("%q, a name of which Kubernetes cannot tell that it is not root", a.user)
	}
	switch {
	case level.read && level.enforce == levelRestricted:
		return say(c, summary.CheckFailed, userMend, "runs as its image's own user, %s; %s enforces restricted and will refuse the pod", who, namespace)
	case !level.read && level.warned == levelRestricted:
		return say(c, summary.CheckWarning, userMend, "runs as its image's own user, %s; %s warns of what is not restricted and probably refuses the pod", who, namespace)
	case !level.read:
		return say(c, summary.CheckUnknown, "", "runs as its image's own user, %s; whether %s lets that in could not be seen with these credentials", who, namespace)
	}
	return say(c, summary.CheckOK, "", "runs as its image's own user, %s, which %s lets in", who, namespace)
}

func jobCheck(c summary.Check, s suite.Suite, a jobAnswer) summary.Check {
	err, what := a.err, "the cluster refuses the Job"
	if err == nil && a.podErr != nil {
		err, what = a.podErr, "the cluster takes the Job and refuses its pod"
	}
	switch {
	case err != nil && a.reason == evidence.ConfigError:
		return say(c, summary.CheckFailed, fmt.Sprintf("Correct the suite (%s).", place(s)), "no Job can be made of the suite: %v", err)
	case err != nil && (a.reason == evidence.ClusterUnreachable || a.reason == evidence.Forbidden):
		return say(c, summary.CheckFailed, a.reason.Meaning().Next, "%v", err)
	case err != nil && s.User == "image" && levelOf(err.Error()) != "":
		return say(c, summary.CheckFailed, userMend, "%s: %v", what, err)
	case err != nil:
		return say(c, summary.CheckFailed, "The words are the cluster's: they name the quota, limit, admission rule or field that refused it. Change the suite ("+place(s)+"), or have an administrator change the rule.", "%s: %v", what, err)
	case len(a.warnings) > 0:
		return say(c, summary.CheckWarning, "The words are the cluster's: change the suite ("+place(s)+") so that it has nothing to warn of.", "the cluster takes the Job and warns: %s", strings.Join(a.warnings, "; "))
	case a.podTried:
		return say(c, summary.CheckOK, "", "a dry run: the cluster takes the Job and its pod")
	}
	return say(c, summary.CheckOK, "", "a dry run: the cluster takes the Job; to try its pod as well takes the right to create pods, which runs do without")
}

func place(s suite.Suite) string {
	if at := s.At("podTemplate").String(); len(s.PodTemplate) > 0 && at != "" {
		return at
	}
	if at := s.Position.String(); at != "" {
		return at
	}
	return s.Name
}

// wantedVariable is a variable of the runner with the suites that want it.
type wantedVariable struct {
	name   string
	suites []string
}

func variablesOf(runs []suite.Run) []wantedVariable {
	var list []wantedVariable
	for _, r := range runs {
		for _, v := range r.Suite.Env {
			if v.FromRunner == "" {
				continue
			}
			i := slices.IndexFunc(list, func(w wantedVariable) bool { return w.name == v.FromRunner })
			if i < 0 {
				list, i = append(list, wantedVariable{name: v.FromRunner}), len(list)
			}
			if !slices.Contains(list[i].suites, r.Suite.Name) {
				list[i].suites = append(list[i].suites, r.Suite.Name)
			}
		}
	}
	return list
}

func variableCheck(v wantedVariable, set bool) summary.Check {
	c := summary.Check{ID: "variable/" + v.name, Title: "variable " + v.name}
	if !set {
		return say(c, summary.CheckFailed, "Set the variable "+v.name+" in the environment that assay runs in; CI systems have protected variables for it.", "%s wants it from the runner, and it is not set here", strings.Join(v.suites, ", "))
	}
	return say(c, summary.CheckOK, "", "is set, for %s", strings.Join(v.suites, ", "))
}

// secretsCheck names the Secrets that suites want; some is false where there are none. They are not
// looked into: a runner that may read them would be a runner with too many rights.
func secretsCheck(runs []suite.Run, namespace string) (c summary.Check, some bool) {
	var wanted []string
	for _, r := range runs {
		for _, v := range r.Suite.Env {
			if v.FromSecret != "" {
				wanted = append(wanted, v.FromSecret+" for "+r.Suite.Name)
			}
		}
	}
	slices.Sort(wanted)
	c = summary.Check{ID: "secrets", Title: "Secrets"}
	return say(c, summary.CheckUnknown, "", "not looked into, because a runner should not be able to; that they are in %s shows when a pod starts: %s", namespace, strings.Join(slices.Compact(wanted), ", ")), len(wanted) > 0
}

func probeCheck(c summary.Check, namespace string, p probed) summary.Check {
	whole := strings.Contains(p.log, " heard "+p.heard) && p.file == p.log
	remains := ""
	switch {
	case p.leftErr != nil:
		remains = fmt.Sprintf("; whether its Job and pod are gone is not known: %v", p.leftErr)
	case len(p.left) > 0:
		remains = "; still there: " + strings.Join(p.left, ", ")
	}
	removal := "kubectl delete jobs,pods -n " + namespace + " -l " + LabelSuite + "=" + ProbeSuite
	failed := func(mend, format string, args ...any) summary.Check {
		if remains != "" {
			mend += " Then remove what is left:\n\n" + removal
		}
		return say(c, summary.CheckFailed, mend, "%s%s", fmt.Sprintf(format, args...), remains)
	}
	switch {
	case p.reason == evidence.ExitCode && p.code == 64:
		return failed("Use the core image of the same release (--core-image).", "the agent in the core image does not know the command probe: the image is older than this assay")
	case p.reason != evidence.Completed:
		return failed(p.reason.Meaning().Next, "%s: %s", p.reason, strings.TrimPrefix(p.message, string(p.reason)+": "))
	case !whole:
		return failed(evidence.InternalError.Meaning().Next, "the probe ended well and what came back is not what it said: log %q, file %q%s", p.log, p.file, notes(p.notes))
	case remains != "":
		return say(c, summary.CheckWarning, "Remove it; if it stays, look at its finalizers and at the node:\n\n"+removal, "a Job ran on node %s in %s%s", p.node, short(p.took), remains)
	}
	return say(c, summary.CheckOK, "", "a Job ran on node %s in %s: image pulled, a variable sent in over exec, log and file brought back and verified; Job and pod are gone", p.node, short(p.took))
}

func notes(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return " (" + strings.Join(list, "; ") + ")"
}

func short(d time.Duration) time.Duration { return d.Round(100 * time.Millisecond) }

// coreVersionCheck compares our version with the one that the agent said, or else the image's label.
func coreVersionCheck(c summary.Check, ours, agent, label string) summary.Check {
	theirs := agent
	if theirs == "" {
		theirs = label
	}
	switch {
	case theirs == "":
		return say(c, summary.CheckUnknown, "", "neither the agent nor the image's label could be asked; this is assay %s", ours)
	case ours == "dev" || theirs == "dev":
		return say(c, summary.CheckUnknown, "", "the agent is %s and this is assay %s: a development build has no version to compare", theirs, ours)
	case ours != theirs:
		return say(c, summary.CheckWarning, "Use the core image of the same release (`assay version` names it), or the assay of the image's.", "the agent is %s and this is assay %s", theirs, ours)
	}
	return say(c, summary.CheckOK, "", "%s, as this assay", theirs)
}
