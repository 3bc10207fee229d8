package cluster

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/suite"
)

// This file asks; what the answers mean is told in doctor_tell.go.

// with gives a connection to the same cluster with a changed configuration.
func (c *Connection) with(change func(*rest.Config)) (*Connection, error) {
	other := *c
	other.Config = rest.CopyConfig(c.Config)
	change(other.Config)
	client, err := kubernetes.NewForConfig(other.Config)
	if err != nil {
		return nil, &ConfigError{err}
	}
	other.Client = client
	return &other, nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// onlyDry makes a dry run of every request that would change something, so that the code that
// creates Jobs can be tried as it is: the cluster decides as it would and keeps nothing.
func onlyDry(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			r = r.Clone(r.Context())
			query := r.URL.Query()
			query.Set("dryRun", metav1.DryRunAll)
			r.URL.RawQuery = query.Encode()
		}
		return next.RoundTrip(r)
	})
}

// heard collects the warnings that the cluster gives with its answers to requests of one context.
type heard struct {
	mu   sync.Mutex
	list []string
}

type heardKey struct{}

func hear(ctx context.Context) (context.Context, *heard) {
	h := new(heard)
	return context.WithValue(ctx, heardKey{}, h), h
}

// hearing is client-go's handler of warnings.
type hearing struct{}

func (hearing) HandleWarningHeaderWithContext(ctx context.Context, _ int, _, text string) {
	h, ok := ctx.Value(heardKey{}).(*heard)
	if !ok {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Contains(h.list, text) {
		h.list = append(h.list, text)
	}
}

// whoami is who the cluster takes us for; empty where it does not say.
func (e *examiner) whoami(ctx context.Context) (string, error) {
	r, err := e.ask.Client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if apierrors.IsUnauthorized(err) {
		return "", err
	}
	if err != nil {
		return "", nil // an old cluster, or one that keeps it to itself
	}
	return r.Status.UserInfo.Username, nil
}

// namespaceAnswer is what could be found out about a namespace.
type namespaceAnswer struct {
	// err is of the attempt to read it, labels and terminating are valid without one.
	err         error
	labels      map[string]string
	terminating bool
	// tried is of the attempt to create something in it, made where it cannot be read.
	tried error
}

func (e *examiner) seeNamespace(ctx context.Context) namespaceAnswer {
	ctx, cancel := context.WithTimeout(ctx, askBound)
	defer cancel()
	ns, err := e.ask.Client.CoreV1().Namespaces().Get(ctx, e.Environment.RunNamespace, metav1.GetOptions{})
	if err == nil {
		return namespaceAnswer{labels: ns.Labels, terminating: ns.DeletionTimestamp != nil}
	}
	a := namespaceAnswer{err: err}
	if !apierrors.IsNotFound(err) {
		// The Role does not let us see it, but who may create in a namespace is told that it is not there.
		_, a.tried = e.dry.Client.CoreV1().ConfigMaps(e.Environment.RunNamespace).Create(ctx,
			&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "assay-doctor-"}}, metav1.CreateOptions{})
	}
	return a
}

// warnedLevel tries a Job whose pod promises nothing: a namespace that warns about what is not
// restricted says so. Empty where nothing was said.
func (e *examiner) warnedLevel(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, askBound)
	defer cancel()
	ctx, heard := hear(ctx)
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "assay-doctor-", Labels: map[string]string{LabelManagedBy: "assay"}},
		Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers:    []corev1.Container{{Name: TestContainer, Image: e.CoreImage}},
		}}},
	}
	// Refused or not: what counts is the warning.
	_, _ = e.dry.Client.BatchV1().Jobs(e.Environment.RunNamespace).Create(ctx, job, metav1.CreateOptions{})
	for _, text := range heard.list {
		if level := levelOf(text); level != "" {
			return level
		}
	}
	return ""
}

// permission is one thing to be allowed or not.
type permission struct {
	namespace, verb, group, resource, subresource string
}

// allowance says whether it is; err where that could not be found out.
type allowance struct {
	permission
	allowed bool
	err     error
}

func (e *examiner) may(ctx context.Context, wanted []permission) []allowance {
	ctx, cancel := context.WithTimeout(ctx, askBound)
	defer cancel()
	answers := make([]allowance, len(wanted))
	for i, p := range wanted {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: p.namespace, Verb: p.verb, Group: p.group, Resource: p.resource, Subresource: p.subresource,
		}}}
		answers[i].permission = p
		r, err := e.ask.Client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil {
			answers[i].err = err
			continue
		}
		answers[i].allowed = r.Status.Allowed
	}
	return answers
}

// jobAnswer is what the cluster says to a suite's Job.
type jobAnswer struct {
	// err is why there can be no Job, with its reason.
	err      error
	reason   evidence.Reason
	warnings []string
	// podTried is true where the pod that follows from the Job was tried too; podErr is the answer.
	podTried bool
	podErr   error
}

// tryJob creates a Job as an executor does, by the executor itself, over a connection on which
// nothing is kept.
func (e *examiner) tryJob(ctx context.Context, executor *Executor, r suite.Run, withPod bool) jobAnswer {
	ctx, cancel := context.WithTimeout(ctx, 2*askBound) // a registry may be asked on the way
	defer cancel()
	ctx, heard := hear(ctx)
	x := &execution{executor: executor, run: r, env: map[string]string{}}
	for _, v := range r.Suite.Env {
		if v.FromRunner != "" {
			x.env[v.Name] = "" // that there is one changes the Job, its value does not
		}
	}
	var a jobAnswer
	if a.err = x.create(ctx); a.err != nil {
		a.reason = reasonOfCreate(a.err)
		return a
	}
	if withPod {
		template := x.job.Spec.Template
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: x.job.Name + "-", Labels: template.Labels, Annotations: template.Annotations}, Spec: template.Spec}
		a.podTried = true
		_, a.podErr = e.dry.Client.CoreV1().Pods(x.job.Namespace).Create(ctx, pod, metav1.CreateOptions{})
	}
	a.warnings = heard.list
	return a
}

// nodes gives the platforms of the cluster's nodes, sorted; none where they cannot be listed, which
// the Role does not allow.
func (e *examiner) nodes(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, askBound)
	defer cancel()
	list, err := e.conn.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil
	}
	var platforms []string
	for _, n := range list.Items {
		if info := n.Status.NodeInfo; info.Architecture != "" && !n.Spec.Unschedulable {
			platforms = append(platforms, info.OperatingSystem+"/"+info.Architecture)
		}
	}
	slices.Sort(platforms)
	return slices.Compact(platforms)
}

// imageAnswer is what a registry says of an image.
type imageAnswer struct {
	err    error
	config ImageConfig
	// user is the image's user as it is written there.
	user string
	// platforms are those it is made for, as in linux/amd64.
	platforms []string
	// version is the label org.opencontainers.image.version.
	version string
}

func askRegistry(ctx context.Context, image string) imageAnswer {
	ref, err := name.ParseReference(image)
	if err != nil {
		return imageAnswer{err: err}
	}
	descriptor, err := remote.Get(ref, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return imageAnswer{err: err}
	}
	var a imageAnswer
	var config *v1.ConfigFile
	if descriptor.MediaType.IsIndex() {
		config, a.platforms, err = fromIndex(descriptor)
	} else {
		var img v1.Image
		if img, err = descriptor.Image(); err == nil {
			config, err = img.ConfigFile()
		}
		if err == nil {
			a.platforms = []string{config.OS + "/" + config.Architecture}
		}
	}
	if err != nil {
		return imageAnswer{err: err}
	}
	a.config, a.user, a.version = configOf(config), config.Config.User, config.Config.Labels["org.opencontainers.image.version"]
	return a
}

// fromIndex reads the first image of an index and lists the platforms of all.
func fromIndex(d *remote.Descriptor) (config *v1.ConfigFile, platforms []string, err error) {
	index, err := d.ImageIndex()
	if err != nil {
		return nil, nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, nil, err
	}
	config = new(v1.ConfigFile)
	for _, m := range manifest.Manifests {
		// What is no image for a platform is said to be for "unknown": attestations.
		if p := m.Platform; m.MediaType.IsImage() && p != nil && p.OS != "unknown" {
			if len(platforms) == 0 {
				img, err := index.Image(m.Digest)
				if err != nil {
					return nil, nil, err
				}
				if config, err = img.ConfigFile(); err != nil {
					return nil, nil, err
				}
			}
			platforms = append(platforms, strings.TrimSuffix(p.OS+"/"+p.Architecture, "/"))
		}
	}
	slices.Sort(platforms)
	return config, slices.Compact(platforms), nil
}
