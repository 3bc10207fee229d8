package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/assay-dev/assay/core/cluster"
)

// place is where it is measured: a run namespace as `assay install` prints it, a plain namespace for
// what a person would make by hand, and this machine's directories.
type place struct {
	options
	// command is kubectl as the administrator.
	command []string
	admin   *kubernetes.Clientset
	// runs is the run namespace, bare the other one, which is also the target; plain is a pod in it.
	runs, bare, plain string
	// kubeconfig is that of the account which `assay install` makes, schema the FlowSchema that counts
	// its requests.
	kubeconfig, schema string
	// dir is for catalogs and evidence, fast for bytes that no disk shall slow down.
	dir, fast string
	// here says that the cluster's node is this machine.
	here bool
	// waited is how long quiet took.
	waited time.Duration
	env    []string
	stdout io.Writer
}

// newPlace makes the namespaces and waits until they can be used. close is to be called even after
// an error.
func newPlace(ctx context.Context, o options, env []string, stdout io.Writer) (*place, error) {
	unique := strconv.FormatInt(time.Now().UnixNano()&0xffffff, 16)
	p := &place{options: o, stdout: stdout, runs: "assay-bench-" + unique, bare: "bench-" + unique, schema: "assay-bench-" + unique, env: calm(env)}
	var err error
	if p.dir, err = os.MkdirTemp("", "assay-bench-"); err != nil {
		return p, err
	}
	p.fast = p.dir
	if shm, err := os.MkdirTemp("/dev/shm", "assay-bench-"); err == nil {
		p.fast = shm
	}
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return p, err
	}
	config.QPS = -1
	if p.admin, err = kubernetes.NewForConfig(config); err != nil {
		return p, err
	}
	if p.command, err = quickest(ctx, o.kubectl, o.kubeconfig); err != nil {
		return p, err
	}
	if _, err := p.kubectl(ctx, "", "create", "namespace", p.bare); err != nil {
		return p, err
	}
	catalog, err := p.project("install")
	if err != nil {
		return p, err
	}
	install := exec.CommandContext(ctx, o.assay, "install", "--catalog", filepath.Join(catalog, "assay.yaml"))
	install.Env = p.env
	manifests, err := install.Output()
	if err != nil {
		return p, fmt.Errorf("assay install: %w%s", err, said(err))
	}
	if _, err := p.kubectl(ctx, string(manifests), "apply", "-f", "-"); err != nil {
		return p, err
	}
	if err := p.account(ctx, config); err != nil {
		return p, err
	}
	if err := p.count(ctx); err != nil {
		return p, err
	}
	if err := p.deploy(ctx); err != nil {
		return p, err
	}
	nodes, err := p.admin.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return p, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	p.here = err == nil && len(nodes.Items) == 1 && nodes.Items[0].Status.NodeInfo.BootID == strings.TrimSpace(string(boot))
	return p, nil
}

func said(err error) string {
	var exited *exec.ExitError
	if errors.As(err, &exited) && len(exited.Stderr) > 0 {
		return ": " + strings.TrimSpace(string(exited.Stderr))
	}
	return ""
}

// calm takes out of the environment what would make assay believe that it runs in CI, or has settings.
func calm(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name == "CI" || name == "KUBECONFIG" ||
			slices.ContainsFunc([]string{"ASSAY_", "GITHUB_", "GITLAB_", "CI_", "JENKINS_"}, func(p string) bool { return strings.HasPrefix(name, p) })
	})
}

// quickest chooses among several kubectl: the comparison is with the best one there is.
func quickest(ctx context.Context, candidates []string, kubeconfig string) ([]string, error) {
	var best []string
	var least time.Duration
	var last error
	for _, c := range candidates {
		words := append(strings.Fields(c), "--kubeconfig", kubeconfig)
		var took []float64
		for range 5 {
			began := time.Now()
			if out, err := exec.CommandContext(ctx, words[0], append(words[1:], "get", "namespace", "default", "-o", "name")...).CombinedOutput(); err != nil {
				last = fmt.Errorf("%s: %w: %s", c, err, bytes.TrimSpace(out))
				took = nil
				break
			}
			took = append(took, float64(time.Since(began)))
		}
		if took == nil {
			continue
		}
		if m := time.Duration(median(took)); best == nil || m < least {
			best, least = words, m
		}
	}
	if best == nil {
		return nil, errors.Join(errors.New("no kubectl works"), last)
	}
	return best, nil
}

// kubectl runs as the administrator.
func (p *place) kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, p.command[0], slices.Concat(p.command[1:], args)...)
	c.Stdin = strings.NewReader(stdin)
	c.Env = p.env
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		return stdout.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// account writes the kubeconfig of the account in the run namespace.
func (p *place) account(ctx context.Context, admin *rest.Config) error {
	hours := int64(2 * 60 * 60)
	token, err := p.admin.CoreV1().ServiceAccounts(p.runs).CreateToken(ctx, cluster.ServiceAccount,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &hours}}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("making a token of the account %s/%s: %w", p.runs, cluster.ServiceAccount, err)
	}
	p.kubeconfig = filepath.Join(p.dir, "kubeconfig")
	return clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{"bench": {
			Server: admin.Host, CertificateAuthority: admin.CAFile, CertificateAuthorityData: admin.CAData,
			InsecureSkipTLSVerify: admin.Insecure, TLSServerName: admin.ServerName,
		}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"assay": {Token: token.Status.Token}},
		Contexts:       map[string]*clientcmdapi.Context{"bench": {Cluster: "bench", AuthInfo: "assay", Namespace: p.runs}},
		CurrentContext: "bench",
	}, p.kubeconfig)
}

// count makes a FlowSchema that takes in this account's requests and no others, so that the API
// server counts them by its name. Their priority stays what it is for any service account.
func (p *place) count(ctx context.Context) error {
	all := []string{"*"}
	_, err := p.admin.FlowcontrolV1().FlowSchemas().Create(ctx, &flowcontrolv1.FlowSchema{
		ObjectMeta: metav1.ObjectMeta{Name: p.schema, Labels: map[string]string{"app.kubernetes.io/managed-by": "assay-bench"}},
		Spec: flowcontrolv1.FlowSchemaSpec{
			PriorityLevelConfiguration: flowcontrolv1.PriorityLevelConfigurationReference{Name: "workload-low"},
			MatchingPrecedence:         700,
			DistinguisherMethod:        &flowcontrolv1.FlowDistinguisherMethod{Type: flowcontrolv1.FlowDistinguisherMethodByUserType},
			Rules: []flowcontrolv1.PolicyRulesWithSubjects{{
				Subjects:         []flowcontrolv1.Subject{{Kind: flowcontrolv1.SubjectKindServiceAccount, ServiceAccount: &flowcontrolv1.ServiceAccountSubject{Namespace: p.runs, Name: cluster.ServiceAccount}}},
				ResourceRules:    []flowcontrolv1.ResourcePolicyRule{{Verbs: all, APIGroups: all, Resources: all, Namespaces: all, ClusterScope: true}},
				NonResourceRules: []flowcontrolv1.NonResourcePolicyRule{{Verbs: all, NonResourceURLs: all}},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("making the FlowSchema %s: %w", p.schema, err)
	}
	// It counts from when the API server has taken it up.
	config, err := clientcmd.BuildConfigFromFlags("", p.kubeconfig)
	if err != nil {
		return err
	}
	ours, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	for range 100 {
		if _, err := ours.Discovery().RESTClient().Get().AbsPath("/version").DoRaw(ctx); err != nil {
			return fmt.Errorf("asking for the version with the account's token: %w", err)
		}
		text, err := p.metrics(ctx)
		if err != nil {
			return err
		}
		n, err := requestsIn(text, p.schema)
		if err != nil || n.Short > 0 {
			return err
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("the API server does not count by the FlowSchema %s", p.schema)
}

func (p *place) metrics(ctx context.Context) (string, error) {
	raw, err := p.admin.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return "", fmt.Errorf("reading the API server's metrics: %w", err)
	}
	return string(raw), nil
}

// requests is the count of our requests so far.
func (p *place) requests(ctx context.Context) (Count, error) {
	text, err := p.metrics(ctx)
	if err != nil {
		return Count{}, err
	}
	return requestsIn(text, p.schema)
}

// deploy makes the workload that suites cover; its pod is also what is read from by plain exec.
func (p *place) deploy(ctx context.Context) error {
	_, err := p.kubectl(ctx, fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: covered, namespace: %[1]s}
spec:
  selector: {matchLabels: {app: covered}}
  template:
    metadata: {labels: {app: covered}}
    spec:
      terminationGracePeriodSeconds: 0
      securityContext: {runAsUser: 1000, fsGroup: 1000}
      containers: [{name: test, image: %[2]q, command: [sleep, 1d], volumeMounts: [{name: out, mountPath: /out}]}]
      volumes: [{name: out, emptyDir: {}}]
`, p.bare, p.testImage), "apply", "-f", "-")
	if err != nil {
		return err
	}
	if _, err = p.kubectl(ctx, "", "-n", p.bare, "rollout", "status", "deployment/covered", "--timeout=120s"); err != nil {
		return err
	}
	p.plain, err = p.kubectl(ctx, "", "-n", p.bare, "get", "pods", "-l", "app=covered", "-o", "jsonpath={.items[0].metadata.name}")
	return err
}

// close removes everything, also after an interruption.
func (p *place) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var errs []error
	if p.command != nil {
		_, err := p.kubectl(ctx, "", "delete", "namespace", p.runs, p.bare, "--wait=false", "--ignore-not-found")
		errs = append(errs, err)
	}
	if p.command != nil {
		_, err := p.kubectl(ctx, "", "delete", "flowschema", p.schema, "--ignore-not-found")
		errs = append(errs, err)
	}
	for _, dir := range []string{p.dir, p.fast} {
		if dir != "" {
			errs = append(errs, os.RemoveAll(dir))
		}
	}
	return errors.Join(errs...)
}

// project makes a directory with a catalog of these documents, the environment and a policy beside them.
func (p *place) project(name string, documents ...string) (string, error) {
	dir := filepath.Join(p.dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	environment := fmt.Sprintf("apiVersion: assay.dev/v1alpha1\nkind: Environment\nmetadata: {name: bench}\nspec: {runNamespace: %s, targets: [%s]}\n", p.runs, p.bare)
	all := strings.Join(append([]string{environment}, documents...), "---\n")
	return dir, os.WriteFile(filepath.Join(dir, "assay.yaml"), []byte(all), 0o644)
}

// suite is a document of kind TestSuite that runs a line of shell; more is further fields, one a line.
func (p *place) suite(name, line, more string) string {
	return fmt.Sprintf("apiVersion: assay.dev/v1alpha1\nkind: TestSuite\nmetadata: {name: %s}\nspec:\n  owner: team-bench\n  image: %s\n  command: [sh, -c, %s]\n%s\n", name, p.testImage, quoted(line), more)
}

// quoted is a string in YAML.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// run calls assay in a project; stderr receives what it says.
func (p *place) run(ctx context.Context, dir string, stdout, stderr io.Writer, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, p.assay, args...)
	c.Dir = dir
	c.Env = append(slices.Clone(p.env), "ASSAY_KUBECONFIG="+p.kubeconfig, "ASSAY_CORE_IMAGE="+p.coreImage, "NO_COLOR=1")
	c.Stdout, c.Stderr = stdout, stderr
	// Interrupted, assay removes what it made.
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 20 * time.Second
	return c
}

// quiet waits until no Job and no pod of one is left of what ran before.
func (p *place) quiet(ctx context.Context) error {
	began := time.Now()
	defer func() { p.waited += time.Since(began) }()
	for range 1200 {
		left := 0
		for _, namespace := range []string{p.runs, p.bare} {
			jobs, err := p.admin.BatchV1().Jobs(namespace).List(ctx, metav1.ListOptions{})
			if err != nil {
				return err
			}
			pods, err := p.admin.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: jobLabel})
			if err != nil {
				return err
			}
			left += len(jobs.Items) + len(pods.Items)
		}
		if left == 0 {
			return nil
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("there are Jobs or pods in %s or %s that do not go away", p.runs, p.bare)
}

// pause waits for a random time. Kubelet looks at its containers once a second: what starts right
// after something else has ended is in step with it, and so is the next, so that a figure would tell
// the phase and not the thing measured.
func pause(ctx context.Context) error {
	return sleep(ctx, time.Duration(rand.Int64N(int64(1500*time.Millisecond))))
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

func (p *place) say(format string, args ...any) { fmt.Fprintf(p.stdout, format+"\n", args...) }
