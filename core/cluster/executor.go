package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/suite"
)

var _ core.Executor = (*Executor)(nil)

// Executor runs suites as Jobs. Close it when all runs are over.
type Executor struct {
	conn    *Connection
	options Options
	watcher *watcher
	stop    context.CancelFunc
	stopped sync.WaitGroup

	mu     sync.Mutex
	images map[string]*inspection
}

// Options are an executor's settings; zero values mean the defaults named.
type Options struct {
	// CoreImage is the image that holds the agent. Required.
	CoreImage string
	// Runs are the ids of all runs that will be executed: one watch serves them all. Required.
	Runs []string
	// Namespace is where the Jobs run. Required.
	Namespace string
	// Dir is where files are kept until they are in the store. Required.
	Dir string
	// Env looks up variables of the runner.
	Env func(string) (string, bool)
	// StartTimeout bounds the time from the creation of the Job to the start of the test; default 5 minutes.
	StartTimeout time.Duration
	// WaitForSubject is how long to wait for the candidate to be deployed; default not at all.
	WaitForSubject time.Duration
	// Drain bounds how long a pod keeps its results for a reader; default 15 minutes.
	Drain time.Duration
	// Patience bounds the time without progress while talking to a pod; default 6 minutes: a node that
	// stopped answering is given up by Kubernetes itself after little less, and then has a name.
	Patience time.Duration
	// Runner names this process to those who find its Jobs later.
	Runner string
	// Now is the clock of what is written down; default time.Now.
	Now func() time.Time
}

// NewExecutor starts the watch.
func NewExecutor(conn *Connection, o Options) *Executor {
	if o.StartTimeout <= 0 {
		o.StartTimeout = 5 * time.Minute
	}
	if o.Drain <= 0 {
		o.Drain = 15 * time.Minute
	}
	if o.Patience <= 0 {
		o.Patience = 6 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	ctx, cancel := context.WithCancel(context.Background())
	e := &Executor{conn: conn, options: o, stop: cancel, images: map[string]*inspection{}, watcher: newWatcher(conn.Client, o.Namespace, o.Runs)}
	e.stopped.Go(func() { e.watcher.run(ctx) })
	return e
}

// Close ends the watch.
func (e *Executor) Close() {
	e.stop()
	e.stopped.Wait()
}

// inspection is an image's configuration, asked for once per image.
type inspection struct {
	once   sync.Once
	config ImageConfig
	err    error
}

func (e *Executor) inspect(ctx context.Context, image string) (ImageConfig, error) {
	e.mu.Lock()
	i := e.images[image]
	if i == nil {
		i = new(inspection)
		e.images[image] = i
	}
	e.mu.Unlock()
	i.once.Do(func() { i.config, i.err = inspect(ctx, image) })
	return i.config, i.err
}

// Execute implements core.Executor.
func (e *Executor) Execute(ctx context.Context, r suite.Run, obs core.Observer) (core.Execution, error) {
	x := &execution{
		executor: e,
		run:      r,
		obs:      obs,
		bounds:   boundsOf(e.options.StartTimeout),
		attempt:  core.Attempt{Started: e.options.Now().UTC()},
		shard:    core.Shard{Shard: evidence.Shard{Image: r.Suite.Image}},
	}
	obs.Phase(core.PhaseWaiting, time.Now())
	x.go_(ctx)
	obs.Phase(core.PhaseDone, time.Now())
	x.attempt.Finished = e.options.Now().UTC()
	x.attempt.Shards = []core.Shard{x.shard}
	return core.Execution{
		Attempts:   []core.Attempt{x.attempt},
		Cluster:    e.conn.ID,
		Kubernetes: e.conn.Kubernetes,
		Observed:   x.observed,
		Release:    x.release,
	}, nil
}

// execution is one run on its way.
type execution struct {
	executor *Executor
	run      suite.Run
	obs      core.Observer
	bounds   bounds
	wrapped  bool
	env      map[string]string
	job      *batchv1.Job
	// adopted is true where the Job is one that an earlier invocation has made.
	adopted bool
	// unmade is true once the Job and its pod are removed.
	unmade bool
	reader *reader
	// eventless is why the cluster's events could not be read.
	eventless error
	attempt   core.Attempt
	shard     core.Shard
	observed  evidence.Observed
}

// conclude fixes the reason, once: the first cause counts, what follows from it does not.
func (x *execution) conclude(reason evidence.Reason, format string, args ...any) {
	if x.attempt.Reason == "" {
		x.attempt.Reason, x.attempt.Message = reason, fmt.Sprintf(format, args...)
		x.shard.Reason, x.shard.Message = x.attempt.Reason, x.attempt.Message
	}
}

func (x *execution) note(format string, args ...any) {
	x.attempt.Notes = append(x.attempt.Notes, fmt.Sprintf(format, args...))
}

// go_ takes the run from observation to observation.
func (x *execution) go_(ctx context.Context) {
	if !x.before(ctx) {
		return
	}
	if err := x.create(ctx); err != nil {
		x.conclude(reasonOfCreate(err), "%s", x.explain(err))
		if ctx.Err() != nil {
			x.attempt.Reason = ""
			x.conclude(evidence.Cancelled, "the run was cancelled while its Job was being created")
		}
		// The request may have reached the cluster although its answer was lost.
		if x.job != nil && !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) && !noNamespace(err) {
			x.remove()
		}
		return
	}
	if x.attempt.Reason == "" {
		x.follow(ctx)
	}
	if x.attempt.Reason == evidence.Cancelled {
		return
	}
	x.after(ctx)
	if x.attempt.Reason != evidence.Completed {
		return
	}
	if changed := Unstable(x.observed.Start, x.observed.End); changed != "" {
		x.attempt.Reason = ""
		x.conclude(evidence.SubjectUnstable, "what was under test changed while the tests ran: %s", changed)
	}
}

// before observes what is there and makes sure that it is what shall be tested.
func (x *execution) before(ctx context.Context) bool {
	for _, v := range x.run.Suite.Env {
		if v.FromRunner == "" {
			continue
		}
		value, ok := x.executor.options.Env(v.FromRunner)
		if !ok {
			x.conclude(evidence.ConfigError, "the suite wants %s from the runner's variable %s, which is not set", v.Name, v.FromRunner)
			return false
		}
		if x.env == nil {
			x.env = map[string]string{}
		}
		x.env[v.Name] = value
		x.shard.Secrets = append(x.shard.Secrets, value)
	}
	deadline := time.Now().Add(x.executor.options.WaitForSubject)
	for {
		observed, err := x.observe(ctx)
		if err != nil {
			x.concludeAccess(ctx, err)
			return false
		}
		x.observed.Start = observed
		reason, why := x.unfit(observed)
		if reason == "" {
			return true
		}
		if !time.Now().Before(deadline) {
			x.conclude(reason, "%s", why)
			return false
		}
		select {
		case <-ctx.Done():
			x.conclude(evidence.Cancelled, "the run was cancelled while waiting for the subject: %s", why)
			return false
		case <-time.After(min(2*time.Second, time.Until(deadline))):
		}
	}
}

func (x *execution) unfit(observed []evidence.Workload) (evidence.Reason, string) {
	if x.run.Subject.Kind == suite.Candidate {
		return deployed(x.run.Subject.Images, x.run.Suite.Covers, observed)
	}
	for _, w := range x.run.Suite.Covers {
		for _, o := range observed {
			if o.Workload == w.String() && o.Missing {
				return evidence.WorkloadNotFound, fmt.Sprintf("the covered workload %s is in none of the target namespaces (%s)", w, o.Namespace)
			}
		}
	}
	return "", ""
}

func (x *execution) observe(ctx context.Context) ([]evidence.Workload, error) {
	s := x.run.Suite
	workloads := append(append([]suite.Workload(nil), s.Covers...), s.DependsOn...)
	if len(workloads) == 0 {
		return nil, nil
	}
	var observed []evidence.Workload
	err := steady(ctx, func() (err error) {
		observed, err = x.executor.conn.Observe(ctx, x.run.Environment.Targets, workloads)
		return err
	})
	return observed, err
}

// after observes once more. An observation that fails leaves the evidence without its second half,
// which is said, and is no pass.
func (x *execution) after(ctx context.Context) {
	observed, err := x.observe(ctx)
	if err != nil {
		if x.attempt.Reason == evidence.Completed {
			x.attempt.Reason = ""
			x.concludeAccess(ctx, fmt.Errorf("after the test: %w", err))
			return
		}
		x.note("the workloads could not be observed after the test: %v", err)
		return
	}
	x.observed.End = observed
}

func (x *execution) concludeAccess(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
		x.conclude(evidence.Cancelled, "the run was cancelled")
	case refused(err):
		x.conclude(evidence.Forbidden, "%s", x.explain(err))
	default:
		x.conclude(evidence.ClusterUnreachable, "%s", err)
	}
}

// create makes the Job. One that is already there under this run's name is attached to.
func (x *execution) create(ctx context.Context) error {
	s := x.run.Suite
	p := Plan{
		Run:          x.run,
		CoreImage:    x.executor.options.CoreImage,
		Env:          len(x.env) > 0,
		Drain:        x.executor.options.Drain,
		StartTimeout: x.executor.options.StartTimeout,
		Observed:     x.observed.Start,
		Runner:       x.executor.options.Runner,
	}
	p.Wrapped = len(s.Command) > 0
	if needsImage(s) {
		image, err := x.executor.inspect(ctx, s.Image)
		p.Image = image
		p.Wrapped = p.Wrapped || len(image.Command()) > 0
		if err != nil {
			x.note("%v; %s", err, withoutImage(s))
		}
	}
	x.wrapped = p.Wrapped
	if !p.Wrapped && (len(x.env) > 0 || len(s.Prepare) > 0 || s.Workspace != nil) {
		return unbuildable{errors.New("the suite has no command and the image's own could not be read from its registry, but prepare, workspace and variables of the runner need it: give spec.command, or let this machine read the registry")}
	}
	job, err := Job(p)
	if err != nil {
		return unbuildable{err}
	}
	// What is refused is best known before there is anything to remove.
	if w := x.executor.watcher; w != nil { // a dry run has none
		if _, _, err := w.look(x.run.ID, ""); refused(err) {
			return err
		}
	}
	if !p.Wrapped {
		// The output is read from the container's log then. The answer is that there is no such pod,
		// unless the log may not be read: who may is asked before what there is.
		err := x.executor.conn.Client.CoreV1().Pods(job.Namespace).GetLogs(job.Name, &corev1.PodLogOptions{Container: TestContainer}).Do(ctx).Error()
		if refused(err) {
			return fmt.Errorf("reading the log of the test's container: %w", err)
		}
	}
	x.job = job
	x.shard.Job = job.Name
	return x.submit(ctx)
}

func withoutImage(s suite.Suite) string {
	if len(s.Command) == 0 {
		return "so the image's own command runs without Assay around it: its output is read from the container's log, which rotates, and files outside volumes are lost"
	}
	return "so its working directory and user are not known beforehand: promised files are copied while the test runs instead of lying on a volume"
}

// unbuildable is the error of a run of which no Job can be made, so that the cluster was never asked.
type unbuildable struct{ error }

// reasonOfCreate tells a refusal by the API server from one that never reached it.
func reasonOfCreate(err error) evidence.Reason {
	var status *apierrors.StatusError
	switch {
	case errors.As(err, new(unbuildable)):
		return evidence.ConfigError
	case !errors.As(err, &status):
		return evidence.ClusterUnreachable
	case refused(err):
		return evidence.Forbidden
	case noNamespace(err):
		return evidence.NamespaceNotFound
	case apierrors.IsServerTimeout(err), apierrors.IsTimeout(err), apierrors.IsTooManyRequests(err), apierrors.IsServiceUnavailable(err):
		return evidence.ClusterUnreachable
	}
	// Quota (403), validation (422), an admission webhook that refuses or is down (500).
	return evidence.FailedCreate
}

// noNamespace says whether the namespace that something was to be created in does not exist.
func noNamespace(err error) bool {
	var status *apierrors.StatusError
	return errors.As(err, &status) && apierrors.IsNotFound(err) && status.ErrStatus.Details != nil && status.ErrStatus.Details.Kind == "namespaces"
}

// explain puts what the cluster refused into words that say what to do.
func (x *execution) explain(err error) error {
	env := x.run.Environment
	if noNamespace(err) {
		return fmt.Errorf("the run namespace %s does not exist: make it with `assay install --environment %s | kubectl apply -f -`, or correct the environment's runNamespace or the context", env.RunNamespace, env.Name)
	}
	return Explain(err, env)
}

// release tells the pod that everything it handed over is kept, and removes the Job. It is called
// after the evidence is in the store: until then the pod holds the only other copy.
func (x *execution) release(ctx context.Context) error {
	if x.job == nil || x.unmade {
		return nil
	}
	bound := acknowledgeBound
	switch x.attempt.Reason {
	case evidence.NodeLost, evidence.Evicted, evidence.PodDeleted:
		bound = lostBound
	}
	x.farewell(ctx, bound)
	return x.explain(x.dismiss(ctx))
}

func (x *execution) dir() string {
	return filepath.Join(x.executor.options.Dir, x.run.ID)
}

// keep creates a file of the run on this machine.
func (x *execution) keep(name string) (io.WriteCloser, error) {
	root := x.dir()
	path := filepath.Join(root, filepath.FromSlash(name))
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return nil, fmt.Errorf("the pod sent a file with the name %q, which leads outside", name)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, localError{fmt.Errorf("keeping %s: %w", name, err)}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, localError{fmt.Errorf("keeping %s: %w", name, err)}
	}
	return localFile{f}, nil
}

// localFile marks its errors as this machine's.
type localFile struct{ *os.File }

func (f localFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	if err != nil {
		err = localError{err}
	}
	return n, err
}

func (f localFile) Close() error {
	if err := f.File.Close(); err != nil {
		return localError{err}
	}
	return nil
}
