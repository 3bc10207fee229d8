package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/wire"
)

// settle is how long the two accounts of a run's end, the pod's state and the collector's list, may
// be apart: kubelet looks at its containers once a second, and may be restarted.
const settle = 6 * time.Minute

// lastWords is how long the reader of a pod that is being taken away may go on: its log is on the
// way already.
const lastWords = 10 * time.Second

// follow waits for the pod, reads from it while the test runs, and concludes when both the
// container's end and what it left are known.
func (x *execution) follow(ctx context.Context) {
	w := x.executor.watcher
	changed := w.changed(x.run.ID)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	f := following{created: time.Now(), first: map[evidence.Reason]time.Time{}}
	for {
		pod, deleted, err := w.look(x.run.ID, x.job.UID)
		if err != nil {
			x.concludeAccess(ctx, err)
		} else if pod != nil {
			x.see(ctx, &f, pod, deleted)
			if x.adopted && x.reader == nil && (deleted || ended(pod)) {
				x.uncollected(fmt.Sprintf("its pod %s ended without a reader", pod.Name))
			}
		}
		if x.attempt.Reason == "" && f.ended == nil {
			x.watchdog(ctx, &f, pod)
		}
		if x.reader != nil && x.reader.finished() && refused(x.reader.err) {
			// However the test ends, nothing of it can be had.
			x.concludeAccess(ctx, x.reader.err)
		}
		if x.reader != nil && x.reader.finished() && f.ended != nil {
			x.conclude(conclusion(f.ended, f.taken, x.reader, x.wrapped))
		}
		if f.ended != nil && x.reader == nil && f.taken.reason != "" {
			x.conclude(f.taken.reason, "%s", f.taken.message)
		}
		if f.ended != nil && x.reader == nil {
			x.conclude(evidence.CollectorLost, "the test's container ended (%s, exit code %d) and the collector was never reached", f.ended.Reason, f.ended.ExitCode)
		}
		if x.attempt.Reason != "" {
			x.finish()
			return
		}
		var read <-chan struct{}
		if x.reader != nil && !x.reader.finished() {
			read = x.reader.done
		}
		select {
		case <-ctx.Done():
			x.conclude(evidence.Cancelled, "the run was cancelled while it was %s", f.phase())
			x.remove()
			x.finish()
			return
		case <-changed:
		case <-read:
		case <-tick.C:
		}
	}
}

// following is what follow knows so far.
type following struct {
	created time.Time
	started bool // the test's container runs or ran
	ended   *corev1.ContainerStateTerminated
	read    time.Time // when the reader had finished
	first   map[evidence.Reason]time.Time
	asked   time.Time // when the events were last asked for
	trouble trouble
	taken   trouble   // why the pod was taken away before the test had ended
	gone    time.Time // when the pod was seen to be deleted
}

func (f *following) phase() core.Phase {
	if f.started {
		return core.PhaseRunning
	}
	return core.PhaseWaiting
}

// see takes in a pod's state.
func (x *execution) see(ctx context.Context, f *following, pod *corev1.Pod, deleted bool) {
	s := see(pod, x.bounds)
	x.shard.Pod, x.shard.Node = pod.Name, pod.Spec.NodeName
	for _, c := range pod.Status.ContainerStatuses {
		if c.Name == TestContainer && c.ImageID != "" {
			x.shard.ImageID = running(c)
		}
	}
	if s.collector && x.reader == nil {
		x.reader = x.read(ctx, pod.Name)
	}
	if (s.test || s.ended != nil) && !f.started {
		f.started = true
		x.obs.Phase(core.PhaseRunning, time.Now())
	}
	if s.ended != nil && f.ended == nil {
		f.ended = s.ended
		code := int(s.ended.ExitCode)
		x.shard.ExitCode, x.shard.Terminated = &code, s.ended.Reason
		x.shard.Started, x.shard.Finished = s.ended.StartedAt.UTC(), s.ended.FinishedAt.UTC()
		x.obs.Phase(core.PhaseCollecting, time.Now())
	}
	f.trouble, f.taken = s.trouble, s.taken
	if deleted && f.gone.IsZero() {
		f.gone = time.Now()
	}
}

// watchdog ends a start that gets nowhere, which Kubernetes never does.
func (x *execution) watchdog(ctx context.Context, f *following, pod *corev1.Pod) {
	now := time.Now()
	if x.reader != nil && !x.reader.finished() && !f.gone.IsZero() && now.Sub(f.gone) < lastWords {
		return // what had left the pod before it went is still arriving
	}
	if t := f.trouble; t.reason != "" && t.bound == 0 && (!f.gone.IsZero() || x.reader != nil && x.reader.finished()) {
		x.conclude(t.reason, "%s", t.message)
		return
	}
	if !f.gone.IsZero() {
		x.conclude(evidence.PodDeleted, "the pod %s was deleted while it was %s", x.shard.Pod, f.phase())
		return
	}
	if x.reader != nil && x.reader.finished() {
		if f.read.IsZero() {
			f.read = now
		} else if now.Sub(f.read) > settle {
			x.conclude(evidence.NodeLost, "everything was read from pod %s, but its node did not report the end of the test's container within %s", x.shard.Pod, settle)
		}
		return
	}
	t := f.trouble
	if t.reason == "" && !f.started && now.Sub(f.created) > 3*time.Second && now.Sub(f.asked) > 5*time.Second {
		f.asked = now
		t = x.events(ctx, pod)
	}
	if t.reason != "" {
		if _, known := f.first[t.reason]; !known {
			f.first[t.reason] = now
		}
		if t.bound == 0 && x.reader != nil && now.Sub(f.first[t.reason]) < lastWords {
			return
		}
		if t.bound == 0 {
			x.conclude(t.reason, "%s", t.message)
			return
		}
		if waited := now.Sub(f.first[t.reason]); waited >= t.bound {
			x.conclude(t.reason, "%s (for %s)", t.message, waited.Round(time.Second))
			return
		}
	} else if f.trouble.reason == "" && f.started {
		return
	}
	if !f.started && now.Sub(f.created) > x.bounds.start {
		what := "no pod appeared"
		if pod != nil {
			what = "the pod " + pod.Name + " is " + describe(pod)
		}
		if x.eventless != nil {
			what += "; why is in the events, which may not be read: " + x.explain(x.eventless).Error()
		}
		x.conclude(evidence.StartTimeout, "the test did not start within %s: %s", x.bounds.start, what)
	}
}

// describe says in a few words how far a pod has come.
func describe(pod *corev1.Pod) string {
	what := string(pod.Status.Phase)
	for _, c := range append(append([]corev1.ContainerStatus(nil), pod.Status.InitContainerStatuses...), pod.Status.ContainerStatuses...) {
		if w := c.State.Waiting; w != nil {
			what += fmt.Sprintf(", container %s waits (%s %s)", c.Name, w.Reason, oneLine(w.Message))
		}
	}
	return what
}

// events asks the cluster why nothing happens: a Job whose pod is refused and a pod whose volume is
// missing tell it nowhere else.
func (x *execution) events(ctx context.Context, pod *corev1.Pod) trouble {
	name, reasons := x.job.Name, map[string]evidence.Reason{"FailedCreate": evidence.FailedCreate}
	if pod != nil {
		name = pod.Name
		reasons = map[string]evidence.Reason{"FailedMount": evidence.ConfigError, "FailedAttachVolume": evidence.ConfigError, "FailedCreatePodSandBox": evidence.StartFailed}
	}
	list, err := x.executor.conn.Client.CoreV1().Events(x.job.Namespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=" + name})
	if err != nil {
		if refused(err) && x.eventless == nil {
			x.eventless = fmt.Errorf("reading the events in namespace %s: %w", x.job.Namespace, err)
		}
		return trouble{} // the bound on the start still holds
	}
	var t trouble
	var newest time.Time
	for _, e := range list.Items {
		reason, ok := reasons[e.Reason]
		at := e.LastTimestamp.Time
		if at.IsZero() {
			at = e.CreationTimestamp.Time
		}
		if !ok || at.Before(newest) {
			continue
		}
		newest = at
		t = trouble{reason: reason, message: e.Reason + ": " + oneLine(e.Message)}
		if pod != nil || passing(e.Message) {
			t.bound = x.bounds.absent
		}
	}
	return t
}

// finish takes what the reader has brought into the shard, however the run ended.
func (x *execution) finish() {
	r := x.reader
	if r == nil {
		return
	}
	if !r.finished() {
		// The pod is lost or given up: what has arrived so far is kept.
		r.cancel()
		<-r.done
	}
	x.shard.Secrets = append(x.shard.Secrets, r.secrets...)
	x.shard.Listing, x.shard.Skipped = r.listing, r.skipped
	if _, err := os.Stat(x.dir()); err == nil {
		x.shard.Files = os.DirFS(x.dir())
	}
	x.attempt.Notes = append(x.attempt.Notes, r.notes()...)
}

// conclusion decides from the two accounts of the end; it is pure.
func conclusion(ended *corev1.ContainerStateTerminated, taken trouble, r *reader, wrapped bool) (evidence.Reason, string, string) {
	say := func(reason evidence.Reason, format string, args ...any) (evidence.Reason, string, string) {
		return reason, "%s", fmt.Sprintf(format, args...)
	}
	status := r.manifest.Status
	switch {
	case ended.Reason == "OOMKilled":
		return say(evidence.OOMKilled, "the kernel killed the test for using more memory than its limit (exit code %d)", ended.ExitCode)
	case taken.reason != "":
		// A test that is told to end may exit with anything, 0 included: it proves nothing.
		return say(taken.reason, "%s", taken.message)
	case startFailed(ended) && status == nil:
		reason := evidence.StartFailed
		if notFound(ended.Message) {
			reason = evidence.CommandNotFound
		}
		return say(reason, "%s", oneLine(ended.Message))
	case errors.As(r.err, new(localError)):
		return say(evidence.NotKept, "the test ended (exit code %d), but this machine could not keep what it left: %v", ended.ExitCode, r.err)
	case r.err != nil:
		return say(evidence.CollectorLost, "the test ended (exit code %d), but what it left could not be read whole: %v", ended.ExitCode, r.err)
	case status == nil && wrapped:
		return say(evidence.Killed, "the test's container was killed (exit code %d, %s) before the test had ended", ended.ExitCode, ended.Reason)
	case status == nil && ended.ExitCode != 0:
		return say(evidence.ExitCode, "the image's command ended with exit code %d", ended.ExitCode)
	case status == nil && ended.Reason != "Completed":
		return say(evidence.Killed, "the container ended with exit code 0 and reason %s", ended.Reason)
	case status == nil:
		return say(evidence.Completed, "the image's command ended with exit code 0")
	}
	switch status.Failure {
	case wire.FailNotFound, wire.FailNotExecutable:
		return say(evidence.CommandNotFound, "%s", status.Message)
	case wire.FailPrepare:
		return say(evidence.PrepareFailed, "%s", status.Message)
	case wire.FailWorkspace:
		return say(evidence.WorkspaceFailed, "%s", status.Message)
	case wire.FailCollector:
		return say(evidence.CollectorLost, "%s", status.Message)
	}
	switch {
	case status.TimedOut:
		return say(evidence.TimedOut, "%s", status.Message)
	case status.Signal != "":
		return say(evidence.ExitCode, "the test command was ended by a signal: %s (exit code %d)", status.Signal, status.ExitCode)
	case status.ExitCode != 0:
		return say(evidence.ExitCode, "the test command ended with exit code %d", status.ExitCode)
	case ended.ExitCode != 0 || ended.Reason != "Completed":
		return say(evidence.Killed, "the test command ended with exit code 0, but its container with %d (%s)", ended.ExitCode, ended.Reason)
	case !status.Done:
		return say(evidence.InternalError, "the shim left no final status")
	}
	return say(evidence.Completed, "the test command ended with exit code 0")
}
