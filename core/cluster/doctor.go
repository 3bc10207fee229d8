package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/summary"
)

// Examination is what Examine looks into.
type Examination struct {
	Access      Access
	Environment suite.Environment
	// Runs are the suites as they would run in the environment.
	Runs []suite.Run
	// CoreImage is the image that holds the agent.
	CoreImage string
	// Version is ours, "dev" where it is not stamped.
	Version string
	// Env looks up variables of the runner.
	Env func(string) (string, bool)
	// Now is the clock of this machine; nil means time.Now.
	Now func() time.Time
	// NoProbe leaves the one thing out that creates something in the cluster.
	NoProbe bool
	// Dir is where the probe's files are kept while it runs. Required with a probe.
	Dir string
	// StartTimeout bounds the start of the probe; default 2 minutes.
	StartTimeout time.Duration
	// Observer hears of the probe; may be nil.
	Observer core.Observer
}

// askBound bounds each question that an examination asks, except for the probe.
const askBound = 20 * time.Second

// atOnce is how many questions of a kind are under way at the same time.
const atOnce = 8

// Examine finds out whether suites can run: it asks, tries by dry runs that the cluster forgets, and
// runs a probe, which it removes. A check that fails hides no other; one that makes no sense after it
// is skipped. A way to the cluster that is not well described is a *ConfigError, and an end of ctx
// its cause; the checks done by then come with it.
func Examine(ctx context.Context, x Examination) (summary.ExaminedPlace, []summary.Check, error) {
	if x.Now == nil {
		x.Now = time.Now
	}
	if x.StartTimeout <= 0 {
		x.StartTimeout = 2 * time.Minute
	}
	conn, err := configure(x.Access)
	if err != nil {
		return summary.ExaminedPlace{}, nil, err
	}
	e := &examiner{Examination: x, conn: conn, clock: &clock{now: x.Now}}
	if err := e.connect(); err != nil {
		return summary.ExaminedPlace{}, nil, err
	}
	e.place = summary.ExaminedPlace{ID: conn.ID, Address: conn.Config.Host, Context: conn.Context}
	for _, step := range []func(context.Context){
		e.reach, e.time, e.namespace, e.permissions, e.workloads, e.images, e.jobs, e.values, e.probe, e.version,
	} {
		step(ctx)
		if ctx.Err() != nil {
			return e.place, e.checks, context.Cause(ctx)
		}
	}
	return e.place, e.checks, nil
}

// examiner is an examination on its way.
type examiner struct {
	Examination
	place  summary.ExaminedPlace
	checks []summary.Check
	clock  *clock

	// conn is the connection that runs use, ask hears the cluster's warnings and time besides, and what
	// is created over dry is forgotten at once.
	conn, ask, dry *Connection

	security podSecurity
	answers  map[string]imageAnswer // by image
	agent    string                 // the version that the probe met
}

// connect makes the connections that hear and try.
func (e *examiner) connect() (err error) {
	if e.ask, err = e.conn.with(func(c *rest.Config) {
		c.Wrap(e.clock.wrap)
		c.WarningHandlerWithContext = hearing{}
	}); err != nil {
		return err
	}
	e.dry, err = e.ask.with(func(c *rest.Config) { c.Wrap(onlyDry) })
	return err
}

// IDs of checks that others depend on.
const (
	checkCluster   = "cluster"
	checkVersion   = "kubernetes-version"
	checkNamespace = "run-namespace"
	runPermission  = "run-permission/"
	checkCore      = "image/core"
)

func targetPermission(namespace string) string { return "target-permission/" + namespace + "/" }

// add adds a check that took this long.
func (e *examiner) add(c summary.Check, took time.Duration) {
	c.DurationSeconds = took.Round(time.Millisecond).Seconds()
	e.checks = append(e.checks, c)
}

// timed adds what look says, with the time it took.
func (e *examiner) timed(look func() summary.Check) {
	began := time.Now()
	c := look()
	e.add(c, time.Since(began))
}

// each adds what look says of each of n things, in their order; several are looked at at once.
func (e *examiner) each(n int, look func(i int) summary.Check) {
	checks, took := make([]summary.Check, n), make([]time.Duration, n)
	parallel(n, func(i int) {
		began := time.Now()
		checks[i] = look(i)
		took[i] = time.Since(began)
	})
	for i, c := range checks {
		e.add(c, took[i])
	}
}

func parallel(n int, f func(i int)) {
	var all sync.WaitGroup
	room := make(chan struct{}, atOnce)
	for i := range n {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			f(i)
		})
	}
	all.Wait()
}

// hindered gives the title of the first check that came to nothing of those whose id is one of ids, or
// begins with one that ends in a slash.
func (e *examiner) hindered(ids ...string) string {
	for _, c := range e.checks {
		if c.Status != summary.CheckFailed && c.Status != summary.CheckSkipped {
			continue
		}
		if slices.ContainsFunc(ids, func(id string) bool {
			return c.ID == id || strings.HasSuffix(id, "/") && strings.HasPrefix(c.ID, id)
		}) {
			return c.Title
		}
	}
	return ""
}

// skips adds the check as skipped where one it depends on came to nothing.
func (e *examiner) skips(c summary.Check, on ...string) bool {
	title := e.hindered(on...)
	if title == "" {
		return false
	}
	e.add(skippedOn(c, title), 0)
	return true
}

func skippedOn(c summary.Check, title string) summary.Check {
	c.Status, c.Message = summary.CheckSkipped, "not looked at, because it depends on: "+title
	return c
}

// reach asks the cluster for its version and who we are.
func (e *examiner) reach(ctx context.Context) {
	e.timed(func() summary.Check {
		ctx, cancel := context.WithTimeoutCause(ctx, askBound, fmt.Errorf("no answer within %s", askBound))
		defer cancel()
		began := time.Now()
		info, err := serverVersion(ctx, e.ask.Client)
		if err == nil {
			e.place.Kubernetes = info.Major + "." + strings.TrimSuffix(info.Minor, "+")
			e.conn.Kubernetes = e.place.Kubernetes
		} else if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		answered := time.Since(began)
		if err == nil {
			e.place.User, err = e.whoami(ctx)
		}
		return clusterCheck(e.place, answered, err)
	})
	c := summary.Check{ID: checkVersion, Title: "Kubernetes version"}
	if !e.skips(c, checkCluster) {
		e.add(versionCheck(c, e.place.Kubernetes), 0)
	}
}

func (e *examiner) time(ctx context.Context) {
	c := summary.Check{ID: "clock", Title: "clock"}
	if e.skips(c, checkCluster) {
		return
	}
	e.timed(func() summary.Check {
		ctx, cancel := context.WithTimeout(ctx, askBound)
		defer cancel()
		// The second question goes over a connection that stands, so that the way there and back is short.
		if _, err := serverVersion(ctx, e.ask.Client); err != nil {
			c.Status, c.Message = summary.CheckUnknown, "the cluster was asked for the time and did not answer: "+oneLine(err.Error())
			return c
		}
		return clockCheck(c, e.clock.reading())
	})
}

// namespace looks whether the run namespace is there, and what Pod Security level it has.
func (e *examiner) namespace(ctx context.Context) {
	there := summary.Check{ID: checkNamespace, Title: "run namespace"}
	level := summary.Check{ID: "pod-security", Title: "Pod Security"}
	if e.skips(there, checkCluster) {
		e.skips(level, checkCluster)
		return
	}
	var seen namespaceAnswer
	e.timed(func() summary.Check {
		seen = e.seeNamespace(ctx)
		return namespaceCheck(there, e.Environment, seen)
	})
	if e.skips(level, checkNamespace) {
		return
	}
	e.timed(func() summary.Check {
		e.security = podSecurity{read: seen.err == nil, enforce: seen.labels["pod-security.kubernetes.io/enforce"]}
		if !e.security.read {
			e.security.warned = e.warnedLevel(ctx)
		}
		return podSecurityCheck(level, e.Environment.RunNamespace, e.security)
	})
}

// permissions asks about every verb of every rule, and about those that nobody needs.
func (e *examiner) permissions(ctx context.Context) {
	type place struct {
		check     summary.Check
		rule      Rule
		namespace string
		role      string
	}
	var places []place
	for _, r := range RunRules {
		what := strings.Join(r.Resources, ", ")
		places = append(places, place{summary.Check{ID: runPermission + r.Resources[0], Title: "permission: " + what}, r, e.Environment.RunNamespace, runRole})
	}
	for _, target := range e.Environment.Targets {
		for _, r := range TargetRules {
			what := r.Resources[0]
			if len(r.Resources) > 1 {
				what = "workloads"
			}
			places = append(places, place{summary.Check{ID: targetPermission(target) + what, Title: "in " + target + ": " + what}, r, target, targetRole(e.Environment)})
		}
	}
	var snapshots []summary.Check
	for _, target := range e.Environment.Targets {
		snapshots = append(snapshots, summary.Check{ID: "snapshot/" + target, Title: "in " + target + ": snapshot"})
	}
	excess := summary.Check{ID: "excess-permissions", Title: "excess permissions"}
	if e.hindered(checkCluster) != "" {
		for _, p := range places {
			e.skips(p.check, checkCluster)
		}
		for _, c := range snapshots {
			e.skips(c, checkCluster)
		}
		e.skips(excess, checkCluster)
		return
	}
	e.each(len(places), func(i int) summary.Check {
		p := places[i]
		return permissionCheck(p.check, p.rule, p.namespace, p.role, e.Environment.Name, e.may(ctx, needs(p.rule, p.namespace)))
	})
	e.each(len(snapshots), func(i int) summary.Check {
		var wanted []permission
		for _, r := range SnapshotRules {
			wanted = append(wanted, needs(r, e.Environment.Targets[i])...)
		}
		return snapshotCheck(snapshots[i], e.Environment.Name, e.may(ctx, wanted))
	})
	e.timed(func() summary.Check {
		return excessCheck(excess, e.Environment.RunNamespace, e.may(ctx, excessive(e.Environment)))
	})
}

// workloads observes what the suites are about.
func (e *examiner) workloads(ctx context.Context) {
	list := interests(e.Runs)
	var places []string
	for _, target := range e.Environment.Targets {
		places = append(places, targetPermission(target))
	}
	on := e.hindered(append(places, checkCluster)...)
	e.each(len(list), func(i int) summary.Check {
		c := summary.Check{ID: "workload/" + list[i].workload.String(), Title: list[i].workload.String()}
		if on != "" {
			return skippedOn(c, on)
		}
		ctx, cancel := context.WithTimeout(ctx, askBound)
		defer cancel()
		observed, err := e.conn.Observe(ctx, e.Environment.Targets, []suite.Workload{list[i].workload})
		return workloadCheck(c, e.Environment, list[i], observed, err)
	})
}

// images asks the registries for the core image and every image of a suite.
func (e *examiner) images(ctx context.Context) {
	var nodes []string
	if e.hindered(checkCluster) == "" {
		nodes = e.nodes(ctx)
	}
	list := imagesOf(e.CoreImage, e.Runs)
	answers := make([]imageAnswer, len(list))
	e.each(len(list), func(i int) summary.Check {
		ctx, cancel := context.WithTimeoutCause(ctx, askBound, fmt.Errorf("no answer within %s", askBound))
		defer cancel()
		answers[i] = askRegistry(ctx, list[i].image)
		return imageCheck(list[i], answers[i], nodes)
	})
	e.answers = map[string]imageAnswer{}
	for i, answer := range answers {
		e.answers[list[i].image] = answer
	}
	for _, r := range e.Runs {
		if r.Suite.User != "image" {
			continue
		}
		c := summary.Check{ID: "user/" + r.Suite.Name, Title: "user of " + r.Suite.Name}
		e.add(userCheck(c, r.Suite, e.Environment.RunNamespace, e.answers[r.Suite.Image], e.security), 0)
	}
}

// jobs lets the cluster say what it thinks of the very Job of each suite.
func (e *examiner) jobs(ctx context.Context) {
	on := e.hindered(checkCluster, checkNamespace, runPermission+"jobs")
	withPods := false
	if on == "" {
		withPods = e.may(ctx, []permission{{namespace: e.Environment.RunNamespace, verb: "create", resource: "pods"}})[0].allowed
	}
	executor := &Executor{conn: e.dry, images: map[string]*inspection{}, options: Options{
		CoreImage: e.CoreImage, Namespace: e.Environment.RunNamespace, StartTimeout: 5 * time.Minute, Drain: 15 * time.Minute,
	}}
	e.each(len(e.Runs), func(i int) summary.Check {
		r := e.Runs[i]
		c := summary.Check{ID: "job/" + r.Suite.Name, Title: "Job of " + r.Suite.Name}
		if on != "" {
			return skippedOn(c, on)
		}
		return jobCheck(c, r.Suite, e.tryJob(ctx, executor, r, withPods))
	})
}

// values looks whether what suites want from the runner is there; Secrets are not looked into.
func (e *examiner) values(context.Context) {
	for _, v := range variablesOf(e.Runs) {
		_, set := e.Env(v.name)
		e.add(variableCheck(v, set), 0)
	}
	if c, some := secretsCheck(e.Runs, e.Environment.RunNamespace); some {
		e.add(c, 0)
	}
}

// version compares the core image's version with ours.
func (e *examiner) version(context.Context) {
	c := summary.Check{ID: "core-version", Title: "core image's version"}
	e.add(coreVersionCheck(c, e.Version, e.agent, e.answers[e.CoreImage].version), 0)
}
