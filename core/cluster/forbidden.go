package cluster

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/assay-dev/assay/core/suite"
)

// refused says whether the API server refused the credentials, or what they asked for by RBAC.
func refused(err error) bool { return isRBAC(err) || apierrors.IsUnauthorized(err) }

// isRBAC tells missing permission from quota and admission, which answer 403 as well and may say
// "cannot" too.
func isRBAC(err error) bool {
	var status *apierrors.StatusError
	return apierrors.IsForbidden(err) && errors.As(err, &status) && denialForm.MatchString(status.Error())
}

// denialForm is how every authorizer's refusal is written (k8s.io/apiserver, responsewriters): the
// verb is nowhere else.
var denialForm = regexp.MustCompile(`forbidden: User "((?:[^"\\]|\\.)*)" cannot (\S+) resource "([^"]*)" in API group "([^"]*)"(?: in the namespace "([^"]*)"| at the cluster scope)?(.*)`)

// denial is a permission that somebody has not.
type denial struct {
	user string
	verb string
	// resource has its subresource, as in pods/log.
	group, resource, namespace string
	// more is what the authorizer adds, such as a RoleBinding whose Role is gone.
	more string
}

// denialOf reads a refusal.
func denialOf(err error) (denial, bool) {
	var status *apierrors.StatusError
	if !isRBAC(err) || !errors.As(err, &status) {
		return denial{}, false
	}
	m := denialForm.FindStringSubmatch(status.Error())
	return denial{user: m[1], verb: m[2], resource: m[3], group: m[4], namespace: m[5], more: strings.Trim(m[6], ": ")}, true
}

// rule gives the rule of the Role, in the run namespace or in a target, that allows it, and the flag
// of `assay install` with which the Role has it, if it takes one.
func (d denial) rule(env suite.Environment) (r Rule, flag string, ok bool) {
	allows := func(r Rule) bool {
		return r.Group == d.group && slices.Contains(r.Resources, d.resource) && slices.Contains(r.Verbs, d.verb)
	}
	rules := TargetRules
	if d.namespace == env.RunNamespace {
		rules = RunRules
	} else if i := slices.IndexFunc(SnapshotRules, allows); i >= 0 {
		return SnapshotRules[i], " " + SnapshotFlag, true
	}
	if i := slices.IndexFunc(rules, allows); i >= 0 {
		return rules[i], "", true
	}
	return Rule{}, "", false
}

func (d denial) sentence(env suite.Environment) string {
	resource := d.resource
	if d.group != "" {
		resource += "." + d.group
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s may not %s %s", d.user, d.verb, resource)
	if d.namespace != "" {
		fmt.Fprintf(&b, " in namespace %s", d.namespace)
	}
	if d.more != "" {
		fmt.Fprintf(&b, " (%s)", d.more)
	}
	if d.user == "system:anonymous" {
		b.WriteString(": the kubeconfig sends no credentials that the cluster knows")
		return b.String()
	}
	rule, flag, ok := d.rule(env)
	install := fmt.Sprintf("`assay install --environment %s%s | kubectl apply -f -`", env.Name, flag)
	if ok {
		fmt.Fprintf(&b, ": the Role there lacks the line \"%s\", or it is not bound, or there is no such namespace; %s mends each", rule.Line(), install)
	} else {
		fmt.Fprintf(&b, ": no Role of assay's gives that; compare with what %s applies", install)
	}
	return b.String()
}

// Explain says what an error of the cluster is about where it is a refusal: which permission is
// missing and which line of the Role of `assay install` gives it, or that the credentials were
// refused. Any other error is given back as it is.
func Explain(err error, env suite.Environment) error {
	if err == nil {
		return nil
	}
	if d, ok := denialOf(err); ok {
		return explained{replaced(err, d.sentence(env)), err}
	}
	if apierrors.IsUnauthorized(err) {
		return explained{replaced(err, credentialsRefused(err, "").Error()), err}
	}
	return err
}

// credentialsRefused is what 401 means; why is what can be seen in the credentials, or empty.
func credentialsRefused(err error, why string) error {
	said := "the cluster refused the credentials (401 Unauthorized)"
	if why != "" {
		said += ": " + why
	}
	return explained{said + "; renew them, or log in again: they are expired, revoked, or another cluster's", err}
}

// explained is an error in other words.
type explained struct {
	said string
	err  error
}

func (e explained) Error() string { return e.said }
func (e explained) Unwrap() error { return e.err }

// replaced gives the text of err with the API server's own words replaced, so that what was being
// done stays.
func replaced(err error, by string) string {
	var status *apierrors.StatusError
	if errors.As(err, &status) && status.Error() != "" {
		// What comes behind them only says the same of an earlier try.
		if before, _, ok := strings.Cut(err.Error(), status.Error()); ok {
			return before + by
		}
	}
	return by
}
