package node

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"
)

// dnsObjects are the cluster's DNS the way kubeadm lays it out, with one replica and the restricted pod profile, each
// with its place in the API.
var dnsObjects = []struct{ path, manifest string }{
	{"/api/v1/namespaces/kube-system/serviceaccounts/coredns", `apiVersion: v1
kind: ServiceAccount
metadata: {name: coredns, namespace: kube-system}
`},
	{"/apis/rbac.authorization.k8s.io/v1/clusterroles/system:coredns", `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "system:coredns"}
rules:
- {apiGroups: [""], resources: [services, namespaces, pods], verbs: [list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
`},
	{"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/system:coredns", `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: "system:coredns"}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:coredns"}
subjects: [{kind: ServiceAccount, name: coredns, namespace: kube-system}]
`},
	{"/api/v1/namespaces/kube-system/configmaps/coredns", `apiVersion: v1
kind: ConfigMap
metadata: {name: coredns, namespace: kube-system}
data:
  Corefile: |
    .:1053 {
        errors
        health
        ready
        kubernetes DOMAIN in-addr.arpa ip6.arpa {
            pods insecure
            fallthrough in-addr.arpa ip6.arpa
            ttl 5
        }
FORWARD        cache 30 {
            disable success DOMAIN
            disable denial DOMAIN
        }
    }
`},
	{"/api/v1/namespaces/kube-system/services/kube-dns", `apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec:
  selector: {k8s-app: kube-dns}
  clusterIP: SERVICE
  ports:
  - {name: dns, port: 53, targetPort: 1053, protocol: UDP}
  - {name: dns-tcp, port: 53, targetPort: 1053, protocol: TCP}
`},
	{"/apis/apps/v1/namespaces/kube-system/deployments/coredns", `apiVersion: apps/v1
kind: Deployment
metadata: {name: coredns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec:
  replicas: 1
  selector: {matchLabels: {k8s-app: kube-dns}}
  template:
    metadata: {labels: {k8s-app: kube-dns}}
    spec:
      priorityClassName: system-cluster-critical
      serviceAccountName: coredns
      dnsPolicy: Default
      terminationGracePeriodSeconds: 5
      securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: coredns
        image: IMAGE
        args: [-conf, /etc/coredns/Corefile]
        ports: [{containerPort: 1053, protocol: UDP}, {containerPort: 1053, protocol: TCP}]
        readinessProbe: {httpGet: {path: /ready, port: 8181}, periodSeconds: 1}
        livenessProbe: {httpGet: {path: /health, port: 8080}, initialDelaySeconds: 30, periodSeconds: 10}
        resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 256Mi}}
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
        volumeMounts: [{name: config, mountPath: /etc/coredns}]
      volumes: [{name: config, configMap: {name: coredns}}]
`},
}

// applyDNS is the same at the first start and the tenth.
func (s *State) applyDNS(ctx context.Context) error {
	forward := ""
	if servers := nameservers(); len(servers) > 0 {
		forward = "        forward . " + strings.Join(servers, " ") + "\n"
	}
	values := strings.NewReplacer("DOMAIN", dnsDomain, "SERVICE", dnsServiceIP, "IMAGE", s.Registry()+"/"+coreDNSImage, "FORWARD", forward)
	for _, one := range dnsObjects {
		if err := s.apply(ctx, one.path, values.Replace(one.manifest)); err != nil {
			return fmt.Errorf("applying the cluster's DNS, %s: %w", one.path, err)
		}
	}
	return nil
}

// dnsAnswers asks for a name as a pod would, through the Service: this shows kube-proxy, pod network and DNS at once.
func dnsAnswers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, dnsServiceIP+":53")
	}}
	name := "kubernetes.default.svc." + dnsDomain + "."
	addresses, err := resolver.LookupHost(ctx, name)
	if err != nil {
		return fmt.Errorf("asking the cluster's DNS for %s: %w", name, err)
	}
	if len(addresses) != 1 || addresses[0] != apiServiceIP {
		return fmt.Errorf("the cluster's DNS answers %v for %s, not %s", addresses, name, apiServiceIP)
	}
	return nil
}
