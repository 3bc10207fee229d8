package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
)

// Place is an environment as it was found when the decision was asked for.
type Place struct {
	Environment string `json:"environment"`
	// Cluster and Kubernetes identify where it is; empty where that was not asked.
	Cluster    string `json:"cluster,omitempty"`
	Kubernetes string `json:"kubernetes,omitempty"`
	// Observed is what runs there now in the workloads that suites cover and depend on.
	Observed []evidence.Workload `json:"observed,omitempty"`
	// Problem is set where it could not be asked.
	Problem string `json:"problem,omitempty"`
}

// about is what evidence must be about to fill the cells of one demand.
type about struct {
	Want
	environment string
	// workload is the cell's; empty where the suite covers none.
	workload string
	// release is the workload as it is to be released; nil where what is under test identifies itself.
	release *Workload
	// runs is what is known to run now, or is to be released, in the workloads that the evidence speaks of.
	runs  []evidence.Workload
	place Place
	// problem says why that could not be established.
	problem string
}

func aboutOf(in Input, w Want, d demand) about {
	a := about{Want: w, environment: d.environment, workload: d.workload, release: d.release, problem: w.Problem, runs: w.Observed}
	if i := slices.IndexFunc(in.Places, func(p Place) bool { return p.Environment == d.environment }); i >= 0 {
		a.place = in.Places[i]
		if d.environment != in.Environment || len(a.runs) == 0 {
			a.runs = among(a.place.Observed, slices.Concat(w.Covers, w.DependsOn))
		}
		if a.place.Problem != "" && a.needsPlace() {
			a.problem = a.place.Problem
		}
	} else if d.environment != in.Environment {
		a.runs = nil
		if a.needsPlace() {
			a.problem = fmt.Sprintf("what runs in environment %s now was not asked", d.environment)
		}
	}
	if d.release == nil {
		return a
	}
	if w.Subject.Kind == subjectSource && d.release.Commit == "" {
		a.problem = fmt.Sprintf("the release does not say from which commit %s was built", d.release.Name)
	}
	// What is to be released stands in for what runs now.
	var runs []evidence.Workload
	for _, name := range slices.Concat([]string{d.release.Name}, w.DependsOn) {
		if released, ok := in.Release.workload(name); ok {
			runs = append(runs, evidence.Workload{Workload: name, Images: released.Images})
		}
	}
	for _, now := range a.runs {
		if slices.Contains(w.DependsOn, now.Workload) && !slices.ContainsFunc(runs, func(r evidence.Workload) bool { return r.Workload == now.Workload }) {
			runs = append(runs, now)
		}
	}
	a.runs = runs
	return a
}

const (
	subjectSource      = "source"
	subjectCandidate   = "candidate"
	subjectEnvironment = "environment"
)

// needsPlace says whether the evidence can only be judged with what runs now.
func (a about) needsPlace() bool {
	return a.release == nil && a.Subject.Kind == subjectEnvironment && len(a.Covers)+len(a.DependsOn) > 0
}

// concerns says whether a run was planned for what is under test. For whatever runs in an
// environment that is every run there; what it found running is looked at later.
func (a about) concerns(r *ran) bool {
	if a.release == nil {
		return r.subject.Equal(a.Subject)
	}
	if r.subject.Kind != a.Subject.Kind {
		return false
	}
	switch r.subject.Kind {
	case subjectSource:
		return a.release.Commit != "" && r.subject.Commit == a.release.Commit
	case subjectCandidate:
		return slices.ContainsFunc(r.subject.Images, func(i string) bool { return containsImage(a.release.Images, i) })
	}
	return true
}

// covers says whether a run was about the cell's workload. A run says which workloads its suite
// covered when it was made: one of another catalog that has a suite of the same name, or from before
// the suite covered this workload, proves nothing of it.
func (a about) covers(r *ran) bool {
	return a.workload == "" || len(r.covers) == 0 || slices.Contains(r.covers, a.workload)
}

// same says whether a result tested what its run was planned for.
func (a about) same(s evidence.Subject) bool {
	return a.concerns(&ran{subject: s})
}

// among gives the workloads of these names.
func among(list []evidence.Workload, names []string) []evidence.Workload {
	var out []evidence.Workload
	for _, w := range list {
		if slices.Contains(names, w.Workload) {
			out = append(out, w)
		}
	}
	return out
}

// drift is how what is under test differs from what a result was about.
type drift struct {
	// fingerprint are the differences that make a pass stale, in words.
	fingerprint []string
	// others are those that decide nothing: a change that left the images as they were.
	others []string
	// released is true where the very workload that is to be released ran something else.
	released bool
}

func (d drift) none() bool { return len(d.fingerprint) == 0 }

func (d drift) String() string {
	slices.Sort(d.fingerprint)
	return atMost(d.fingerprint, 3, "; ") + "."
}

// driftOf compares a run's evidence with what is under test: what ran in the workloads, the cluster,
// and its minor version of Kubernetes.
func (a about) driftOf(r *ran) drift {
	var d drift
	res := r.result()
	then := res.Observed.End
	if res.Outcome != evidence.OutcomePassed {
		if len(then) == 0 {
			then = res.Observed.Start
		}
		if len(then) == 0 {
			return d
		}
	}
	for _, now := range a.runs {
		// The candidate identifies what it is about; only what it leans on can move.
		if a.release == nil && a.Subject.Kind != subjectEnvironment && !slices.Contains(a.DependsOn, now.Workload) {
			continue
		}
		if a.release != nil && a.Subject.Kind == subjectSource && now.Workload == a.release.Name {
			continue // the commit identifies it
		}
		i := slices.IndexFunc(then, func(t evidence.Workload) bool {
			return t.Workload == now.Workload && (now.Namespace == "" || t.Namespace == now.Namespace)
		})
		ours := a.release != nil && now.Workload == a.release.Name
		change := ""
		switch {
		case i < 0 && now.Namespace == "":
			change = fmt.Sprintf("what %s ran was not observed, and %s is to be released", now.Workload, running(now))
		case i < 0:
			change = fmt.Sprintf("%s runs %s; what it ran then was not observed", now.Workload, running(now))
		case now.Namespace == "" && !released(now.Images, then[i]):
			change = fmt.Sprintf("%s ran %s, and %s is to be released", now.Workload, running(then[i]), running(now))
		case now.Namespace != "" && (then[i].Missing != now.Missing || !sameImages(then[i], now)):
			change = fmt.Sprintf("%s changed from %s to %s", now.Workload, running(then[i]), running(now))
		case now.Revision != "" && then[i].Revision != "" && now.Revision != then[i].Revision:
			d.others = append(d.others, fmt.Sprintf("%s went from revision %s to %s with the same images", now.Workload, shortened(then[i].Revision), shortened(now.Revision)))
		}
		if change != "" {
			d.fingerprint = append(d.fingerprint, change)
			d.released = d.released || ours
		}
	}
	if r.imported() {
		return d
	}
	if was := r.cluster; a.place.Cluster != "" && was != "" && was != a.place.Cluster {
		d.fingerprint = append(d.fingerprint, fmt.Sprintf("the cluster of environment %s was replaced (%s, now %s)", a.environment, shortDigest(was), shortDigest(a.place.Cluster)))
	}
	if was := r.kubernetes; a.place.Kubernetes != "" && was != "" && was != a.place.Kubernetes {
		d.fingerprint = append(d.fingerprint, fmt.Sprintf("Kubernetes changed from %s to %s", was, a.place.Kubernetes))
	}
	return d
}

// released says whether a workload ran the images of a release, and of their repositories nothing
// else. Images of other repositories are sidecars, which a release need not name.
func released(images []string, then evidence.Workload) bool {
	if then.Missing {
		return false
	}
	for _, want := range images {
		if !containsImage(then.Images, want) {
			return false
		}
	}
	for _, ran := range then.Images {
		if containsImage(images, ran) {
			continue
		}
		if slices.ContainsFunc(images, func(i string) bool { return repository(i) == repository(ran) }) {
			return false
		}
	}
	return true
}

func containsImage(list []string, image string) bool {
	return slices.ContainsFunc(list, func(i string) bool { return digestOfImage(i) == digestOfImage(image) })
}

func digestOfImage(image string) string {
	_, digest, _ := strings.Cut(image, "@")
	return digest
}

func repository(image string) string {
	name, _, _ := strings.Cut(image, "@")
	return name
}
