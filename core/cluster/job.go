package cluster

import (
	"encoding/json"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/wire"
)

// Labels on what we create.
const (
	LabelRun       = "assay.dev/run"
	LabelSuite     = "assay.dev/suite"
	LabelShard     = "assay.dev/shard"
	LabelManagedBy = "app.kubernetes.io/managed-by"
)

// Names of the containers in a run's pod.
const (
	TestContainer      = "test"
	CollectorContainer = "assay-collector"
)

// user is who tests run as unless the suite says otherwise: Pod Security "restricted" wants a
// user that is not root, and 1000 is what most images make their first user.
const user = 1000

// Plan is everything a Job is built from; building is pure.
type Plan struct {
	Run suite.Run
	// CoreImage holds the agent.
	CoreImage string
	// Image is what the registry says of the test image, as far as it was asked and answered.
	Image ImageConfig
	// Wrapped is false where the command is not known and the image's own entrypoint runs without the shim.
	Wrapped bool
	// Env are the variables that arrive over the stream instead of the spec.
	Env bool
	// Drain bounds how long the collector waits for its reader.
	Drain time.Duration
	// StartTimeout bounds the start; it goes into the Job's deadline, which is only a backstop.
	StartTimeout time.Duration
	// Observed is what the workloads ran before the Job was made. It travels with the Job, for a
	// runner that takes the run over.
	Observed []evidence.Workload
	// Runner names the process that attends to the run, for those who find the Job later.
	Runner string
}

// Caps on what a run may hand over, besides the suite's own on its artifacts.
const (
	maxReports = 1 << 30
	maxSpool   = 2 << 30
	maxCopied  = 512 << 20
	// An emptyDir over its limit has the pod evicted, so the volume is larger than the log's cap and
	// that on copied files together.
	sharedLimit = "3Gi"
)

// Annotations on the Job.
const (
	annotationInvocation = "assay.dev/invocation"
	annotationOwner      = "assay.dev/owner"
	annotationRunner     = "assay.dev/runner"
	annotationObserved   = "assay.dev/observed"
	// annotationStart is how long the run may take to start.
	annotationStart = "assay.dev/start-timeout"
)

// maxObserved bounds the observation on the Job: annotations have 256 KiB together.
const maxObserved = 128 << 10

func annotations(p Plan) (map[string]string, error) {
	a := map[string]string{annotationInvocation: p.Run.Invocation, annotationOwner: p.Run.Suite.Owner, annotationStart: p.StartTimeout.String()}
	if p.Runner != "" {
		a[annotationRunner] = p.Runner
	}
	if len(p.Observed) > 0 {
		observed, err := json.Marshal(p.Observed)
		if err != nil {
			return nil, err
		}
		if len(observed) <= maxObserved {
			a[annotationObserved] = string(observed)
		}
	}
	return a, nil
}

// Job builds the Job of a run.
func Job(p Plan) (*batchv1.Job, error) {
	r := p.Run
	labels := map[string]string{LabelRun: r.ID, LabelSuite: r.Suite.Name, LabelShard: "0", LabelManagedBy: "assay"}
	template, err := podTemplate(p, labels)
	if err != nil {
		return nil, err
	}
	about, err := annotations(p)
	if err != nil {
		return nil, err
	}
	deadline := p.StartTimeout + time.Duration(r.Suite.Timeout) + p.Drain + time.Minute
	return &batchv1.Job{
		TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{
			Name:        JobName(r),
			Namespace:   r.Environment.RunNamespace,
			Labels:      labels,
			Annotations: about,
		},
		Spec: batchv1.JobSpec{
			BackoffLimit:            ptr(int32(0)),
			ActiveDeadlineSeconds:   ptr(int64(math.Ceil(deadline.Seconds()))),
			TTLSecondsAfterFinished: ptr(int32(3600)),
			PodReplacementPolicy:    ptr(batchv1.Failed),
			Template:                *template,
		},
	}, nil
}

// JobName is readable, unique for the run, and short enough for the pod's name to follow from it.
func JobName(r suite.Run) string {
	name := r.Suite.Name
	if len(name) > 40 {
		name = strings.TrimRight(name[:40], "-.")
	}
	return "assay-" + name + "-" + r.ID
}

func podTemplate(p Plan, labels map[string]string) (*corev1.PodTemplateSpec, error) {
	s := p.Run.Suite
	l := lay(p)
	collector, err := collectorContainer(p, l)
	if err != nil {
		return nil, err
	}
	test, err := testContainer(p, l)
	if err != nil {
		return nil, err
	}
	security := &corev1.PodSecurityContext{
		FSGroup:        ptr(int64(user)),
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	switch {
	case s.User != "image":
		security.RunAsNonRoot = ptr(true)
		security.RunAsUser = ptr(int64(user))
		security.RunAsGroup = ptr(int64(user))
	case p.Image.unprivileged():
		security.RunAsNonRoot = ptr(true)
	}
	t := &corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec: corev1.PodSpec{
			RestartPolicy:                 corev1.RestartPolicyNever,
			AutomountServiceAccountToken:  ptr(false),
			EnableServiceLinks:            ptr(false), // variables of every Service would make the environment depend on the namespace
			TerminationGracePeriodSeconds: ptr(int64(p.Drain.Seconds())),
			SecurityContext:               security,
			InitContainers:                []corev1.Container{*collector},
			Containers:                    []corev1.Container{*test},
			Volumes:                       l.volumes,
		},
	}
	if len(s.PodTemplate) == 0 {
		return t, nil
	}
	return overlay(t, s.PodTemplate)
}

// layout is how the pod's directories lie.
type layout struct {
	volumes   []corev1.Volume
	test      []corev1.VolumeMount
	collector []corev1.VolumeMount
	mounts    []wire.Mount
	dirs      []string // directories of the test that are volumes
	workdir   string   // empty where only the shim knows
}

func lay(p Plan) layout {
	s := p.Run.Suite
	l := layout{}
	empty := func(limit string) corev1.VolumeSource {
		e := &corev1.EmptyDirVolumeSource{}
		if limit != "" {
			q := resource.MustParse(limit)
			e.SizeLimit = &q
		}
		return corev1.VolumeSource{EmptyDir: e}
	}
	l.volumes = []corev1.Volume{{Name: "assay", VolumeSource: empty(sharedLimit)}, {Name: "assay-private", VolumeSource: empty("")}}
	l.test = []corev1.VolumeMount{{Name: "assay", MountPath: wire.SharedDir}}
	if ownHome(s) {
		// Not a directory of the shared volume: a test that fills its home must not get the log evicted.
		l.volumes = append(l.volumes, corev1.Volume{Name: "home", VolumeSource: empty("")})
		l.test = append(l.test, corev1.VolumeMount{Name: "home", MountPath: wire.HomeDir})
	}
	l.collector = []corev1.VolumeMount{{Name: "assay", MountPath: wire.SharedDir}, {Name: "assay-private", MountPath: wire.PrivateDir}}
	if s.Workspace != nil {
		l.workdir = path.Join(wire.WorkspaceDir, s.Workdir)
		l.volumes = append(l.volumes, corev1.Volume{Name: "workspace", VolumeSource: empty("")})
		l.test = append(l.test, corev1.VolumeMount{Name: "workspace", MountPath: wire.WorkspaceDir})
		l.collector = append(l.collector, corev1.VolumeMount{Name: "workspace", MountPath: wire.WorkspaceDir})
		l.mounts = append(l.mounts, wire.Mount{At: wire.WorkspaceDir, Dir: wire.WorkspaceDir})
		l.dirs = append(l.dirs, wire.WorkspaceDir)
	} else if l.workdir = s.Workdir; l.workdir == "" && p.Image.Known {
		if l.workdir = p.Image.WorkingDir; l.workdir == "" {
			l.workdir = "/"
		}
	}
	for i, dir := range outputDirs(s, l.workdir) {
		name, at := fmt.Sprintf("out-%d", i), fmt.Sprintf("%s/%d", wire.OutputDir, i)
		l.volumes = append(l.volumes, corev1.Volume{Name: name, VolumeSource: empty("")})
		l.test = append(l.test, corev1.VolumeMount{Name: name, MountPath: dir})
		l.collector = append(l.collector, corev1.VolumeMount{Name: name, MountPath: at})
		l.mounts = append(l.mounts, wire.Mount{At: dir, Dir: at})
		l.dirs = append(l.dirs, dir)
	}
	return l
}

// ownHome says whether the test gets a home from us: our user has none in the image.
func ownHome(s suite.Suite) bool {
	return s.User != "image" && !slices.ContainsFunc(s.Env, func(e suite.EnvVar) bool { return e.Name == "HOME" })
}

// outputDirs are the directories that the suite's patterns declare as places for output: the part
// before the first wildcard. They become volumes and so survive whatever becomes of the container.
// A pattern that names a single file does not declare its directory, which may hold the tests
// themselves; nor does one whose directory holds the working directory or the system.
func outputDirs(s suite.Suite, workdir string) []string {
	var dirs []string
	for _, pattern := range outputs(s) {
		if !wire.HasMeta(pattern) {
			continue
		}
		dir := wire.StaticPrefix(pattern)
		if !strings.HasPrefix(dir, "/") {
			if dir == "" || workdir == "" {
				continue
			}
			dir = path.Join(workdir, dir)
		}
		if dir = path.Clean(dir); holds(dir, workdir) || system(dir) {
			continue
		}
		if s.Workspace != nil && holds(wire.WorkspaceDir, dir) {
			continue // is a volume already
		}
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	var outer []string
	for _, d := range slices.Compact(dirs) {
		if len(outer) == 0 || !holds(outer[len(outer)-1], d) {
			outer = append(outer, d)
		}
	}
	return outer
}

func outputs(s suite.Suite) []string {
	var patterns []string
	for _, r := range s.Reports {
		patterns = append(patterns, r.Path)
	}
	return append(patterns, s.Artifacts.Paths...)
}

func holds(dir, p string) bool {
	return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/")
}

func system(dir string) bool {
	for _, top := range []string{"/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr", wire.SharedDir, wire.PrivateDir} {
		if holds(top, dir) {
			return true
		}
	}
	// A volume over the whole of one of these would hide what images keep there.
	return slices.Contains([]string{"/", "/home", "/opt", "/root", "/run", "/srv", "/var"}, dir)
}

func collectorContainer(p Plan, l layout) (*corev1.Container, error) {
	s := p.Run.Suite
	config := wire.CollectorConfig{
		Run:        p.Run.ID,
		Env:        p.Env,
		Artifacts:  s.Artifacts.Paths,
		Workdir:    l.workdir,
		Mounts:     l.mounts,
		MaxFiles:   s.Artifacts.MaxFiles,
		MaxBytes:   int64(s.Artifacts.MaxSize),
		Drain:      p.Drain,
		MaxReports: maxReports,
	}
	for _, r := range s.Reports {
		config.Reports = append(config.Reports, r.Path)
	}
	if w := p.Run.Workspace; w != nil {
		config.Workspace = &wire.Delivery{Size: w.PackedSize, SHA256: w.SHA256}
	}
	value, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	c := &corev1.Container{
		Name:          CollectorContainer,
		Image:         p.CoreImage,
		Command:       []string{"/assay-agent", "collect"},
		RestartPolicy: ptr(corev1.ContainerRestartPolicyAlways),
		Env:           []corev1.EnvVar{{Name: wire.CollectorEnv, Value: string(value)}},
		Lifecycle: &corev1.Lifecycle{PostStart: &corev1.LifecycleHandler{
			Exec: &corev1.ExecAction{Command: []string{"/assay-agent", "stage"}},
		}},
		// No CPU limit: a throttled collector slows every test down.
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("20m"), corev1.ResourceMemory: resource.MustParse("16Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("128Mi")},
		},
		SecurityContext: restricted(true),
		VolumeMounts:    l.collector,
		// Its last words are the explanation where it does not come up.
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}
	if s.User == "image" {
		// Files that only their owner may read are readable for the owner alone.
		id := int64(user)
		if p.Image.UID != nil {
			id = *p.Image.UID
		}
		c.SecurityContext.RunAsUser = ptr(id)
		c.SecurityContext.RunAsNonRoot = ptr(id != 0)
	}
	return c, nil
}

func testContainer(p Plan, l layout) (*corev1.Container, error) {
	s := p.Run.Suite
	c := &corev1.Container{
		Name:            TestContainer,
		Image:           s.Image,
		WorkingDir:      l.workdir,
		SecurityContext: restricted(false),
		VolumeMounts:    l.test,
	}
	if s.User == "image" && !p.Image.unprivileged() {
		c.SecurityContext = nil // a root that may do nothing root does is of no use to anybody
	}
	if s.Workspace == nil && s.Workdir == "" {
		c.WorkingDir = "" // the image's own
	}
	if err := resources(s.Resources, &c.Resources); err != nil {
		return nil, err
	}
	c.Env = []corev1.EnvVar{
		{Name: "ASSAY_RUN", Value: p.Run.ID},
		{Name: "ASSAY_SUITE", Value: s.Name},
		{Name: "ASSAY_ENVIRONMENT", Value: p.Run.Environment.Name},
	}
	shim := wire.ShimConfig{
		Prepare:   s.Prepare,
		Timeout:   time.Duration(s.Timeout),
		MaxSpool:  maxSpool,
		MaxCopied: maxCopied,
		Mounts:    l.dirs,
	}
	for _, e := range s.Env {
		switch {
		case e.FromSecret != "":
			name, key, _ := strings.Cut(e.FromSecret, "/")
			shim.SecretEnv = append(shim.SecretEnv, e.Name)
			c.Env = append(c.Env, corev1.EnvVar{Name: e.Name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: name}, Key: key}}})
		case e.FromRunner != "": // travels over the stream
		default:
			c.Env = append(c.Env, corev1.EnvVar{Name: e.Name, Value: e.Value})
		}
	}
	if ownHome(s) {
		c.Env = append(c.Env, corev1.EnvVar{Name: "HOME", Value: wire.HomeDir})
	}
	if !p.Wrapped {
		return c, nil
	}
	for i, pattern := range outputs(s) {
		if covered(pattern, l) {
			continue
		}
		shim.Outputs = append(shim.Outputs, pattern)
		if i < len(s.Reports) {
			shim.Reports = append(shim.Reports, pattern)
		}
	}
	value, err := json.Marshal(shim)
	if err != nil {
		return nil, err
	}
	c.Env = append(c.Env, corev1.EnvVar{Name: wire.ShimEnv, Value: string(value)})
	command := s.Command
	if len(command) == 0 {
		command = p.Image.Command()
	}
	c.Command = append([]string{wire.AgentPath, "run", "--"}, command...)
	return c, nil
}

// covered says whether everything that the pattern can name lies on a volume.
func covered(pattern string, l layout) bool {
	dir := wire.StaticPrefix(pattern)
	if !strings.HasPrefix(pattern, "/") {
		if l.workdir == "" {
			return false
		}
		dir = path.Join(l.workdir, dir)
	}
	return slices.ContainsFunc(l.dirs, func(d string) bool { return holds(d, path.Clean(dir)) })
}

func restricted(readOnly bool) *corev1.SecurityContext {
	c := &corev1.SecurityContext{
		AllowPrivilegeEscalation: ptr(false),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
	if readOnly {
		c.ReadOnlyRootFilesystem = ptr(true)
	}
	return c
}

func resources(from *suite.Resources, to *corev1.ResourceRequirements) error {
	if from == nil {
		return nil
	}
	list := func(what string, m map[string]string) (corev1.ResourceList, error) {
		if len(m) == 0 {
			return nil, nil
		}
		out := corev1.ResourceList{}
		for name, value := range m {
			q, err := resource.ParseQuantity(value)
			if err != nil {
				return nil, fmt.Errorf("spec.resources.%s.%s: %q is not a quantity: %w", what, name, value, err)
			}
			out[corev1.ResourceName(name)] = q
		}
		return out, nil
	}
	var err error
	if to.Requests, err = list("requests", from.Requests); err != nil {
		return err
	}
	to.Limits, err = list("limits", from.Limits)
	return err
}

func ptr[T any](v T) *T { return &v }
