package cluster

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/summary"
)

// ProbeSuite is the name of the suite that an examination runs.
const ProbeSuite = "doctor"

// probeFile is what the probe leaves, in a directory that becomes a volume.
const probeFile = "/assay-probe/answer.txt"

// probeRun is a run like any other: the core image as the test's image, the agent's word as its
// command, one variable that travels over the stream and one file that comes back.
func probeRun(e suite.Environment, coreImage, id string) suite.Run {
	return suite.Run{
		ID: id, Invocation: "doctor", Attempt: 1, Environment: e,
		Subject: suite.Subject{Kind: suite.EnvironmentSubject},
		Suite: suite.Suite{Name: ProbeSuite, Spec: suite.Spec{
			Subject:   suite.EnvironmentSubject,
			Image:     coreImage,
			Command:   []string{"/assay-agent", "probe", probeFile},
			Env:       []suite.EnvVar{{Name: "ASSAY_PROBE", FromRunner: "ASSAY_PROBE"}},
			Artifacts: suite.Artifacts{Paths: []string{path.Dir(probeFile) + "/*.txt"}},
			Timeout:   suite.Duration(time.Minute),
			// With these it fits where a quota wants every pod to say what it takes.
			Resources: &suite.Resources{
				Requests: map[string]string{"cpu": "10m", "memory": "16Mi"},
				Limits:   map[string]string{"cpu": "200m", "memory": "64Mi"},
			},
		}},
	}
}

// probed is what came of the probe.
type probed struct {
	reason  evidence.Reason
	message string
	notes   []string
	node    string
	code    int
	took    time.Duration
	// log and file are what was read back, heard is the digest that both must name.
	log, file, heard string
	// left are the Job and pods that are still there after all, leftErr why that is not known.
	left    []string
	leftErr error
}

// probe runs the probe by the executor that runs suites.
func (e *examiner) probe(ctx context.Context) {
	c := summary.Check{ID: "probe", Title: "probe"}
	if e.NoProbe {
		c.Status, c.Message = summary.CheckSkipped, "--no-probe: nothing was created, so that nobody knows whether pods start and can be reached"
		e.add(c, 0)
		return
	}
	if e.skips(c, checkCluster, checkVersion, checkNamespace, runPermission+"jobs", runPermission+"pods", runPermission+"pods/exec") {
		return
	}
	e.timed(func() summary.Check {
		p := e.run(ctx)
		e.agent = agentVersion(p.log)
		return probeCheck(c, e.Environment.RunNamespace, p)
	})
}

func (e *examiner) run(ctx context.Context) probed {
	var random [6]byte
	_, _ = rand.Read(random[:]) // never fails
	id := hex.EncodeToString(random[:])
	word := rand.Text()
	r := probeRun(e.Environment, e.CoreImage, id)
	executor := NewExecutor(e.conn, Options{
		CoreImage: e.CoreImage, Runs: []string{id}, Namespace: e.Environment.RunNamespace, Dir: e.Dir,
		Env:          func(string) (string, bool) { return word, true },
		StartTimeout: e.StartTimeout,
	})
	defer executor.Close()
	obs := e.Observer
	if obs == nil {
		obs = deaf{}
	}
	execution, err := executor.Execute(ctx, r, obs)
	if err != nil {
		return probed{reason: evidence.InternalError, message: err.Error()}
	}
	attempt := execution.Attempts[0]
	shard := attempt.Shards[0]
	p := probed{
		reason: attempt.Reason, message: attempt.Message, notes: attempt.Notes, node: shard.Node,
		took: attempt.Finished.Sub(attempt.Started), heard: fmt.Sprintf("%x", sha256.Sum256([]byte(word))),
	}
	if shard.ExitCode != nil {
		p.code = *shard.ExitCode
	}
	if shard.Files != nil {
		p.log = readFile(shard.Files, "log.txt")
		p.file = readFile(shard.Files, path.Base(probeFile))
	}
	// Whatever becomes of us, what we made is taken away.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askBound)
	defer cancel()
	if execution.Release != nil {
		p.leftErr = execution.Release(ctx)
	}
	if p.leftErr == nil {
		p.left, p.leftErr = e.left(ctx, r)
	}
	return p
}

// readFile reads the file of that name, wherever it lies.
func readFile(fsys fs.FS, name string) string {
	content := ""
	_ = fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path.Base(p) == name {
			raw, _ := fs.ReadFile(fsys, p)
			content = string(raw)
			return fs.SkipAll
		}
		return nil
	})
	return content
}

// left waits until neither Job nor pod of a run is there, and names them where ctx ends before.
func (e *examiner) left(ctx context.Context, r suite.Run) ([]string, error) {
	for {
		var left []string
		_, err := e.conn.Client.BatchV1().Jobs(e.Environment.RunNamespace).Get(ctx, JobName(r), metav1.GetOptions{})
		switch {
		case err == nil:
			left = append(left, "job/"+JobName(r))
		case ctx.Err() == nil && !apierrors.IsNotFound(err):
			return nil, err
		}
		pods, err := e.conn.Client.CoreV1().Pods(e.Environment.RunNamespace).List(ctx, metav1.ListOptions{LabelSelector: LabelRun + "=" + r.ID})
		if err != nil {
			return left, err
		}
		for _, pod := range pods.Items {
			left = append(left, "pod/"+pod.Name)
		}
		if len(left) == 0 {
			return nil, nil
		}
		select {
		case <-ctx.Done():
			return left, nil
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// deaf is the observer of a probe that nobody watches.
type deaf struct{}

func (deaf) Log(int, []byte)             {}
func (deaf) Phase(core.Phase, time.Time) {}

// agentVersion reads the version out of the probe's answer; empty where it gave none.
func agentVersion(log string) string {
	words := strings.Fields(log)
	if len(words) < 4 || words[0] != "assay-agent" || words[3] != "heard" {
		return ""
	}
	return words[1]
}
