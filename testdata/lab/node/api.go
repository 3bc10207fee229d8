package node

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// apiClient speaks to the API server as the administrator. A handful of requests needs no client library.
func (s *State) apiClient() (*http.Client, error) {
	authority, err := os.ReadFile(s.path("pki", "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("reading the cluster's authority: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(s.path("pki", "admin.crt"), s.path("pki", "admin.key"))
	if err != nil {
		return nil, fmt.Errorf("reading the administrator's certificate: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	return &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}}},
	}, nil
}

// call sends one request and decodes the answer when there is somewhere to put it.
func (s *State) call(ctx context.Context, method, path string, body, answer any) error {
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return err
		}
	}
	return s.send(ctx, method, path, "application/json", raw, answer)
}

// apply makes an object be as the manifest says, whether it is there or not.
func (s *State) apply(ctx context.Context, path, manifest string) error {
	return s.send(ctx, http.MethodPatch, path+"?fieldManager=lab&force=true", "application/apply-patch+yaml", []byte(manifest), nil)
}

func (s *State) send(ctx context.Context, method, path, kind string, body []byte, answer any) error {
	client, err := s.apiClient()
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, s.apiURL()+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", kind)
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("asking the API server: %w", err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading the API server's answer: %w", err)
	}
	if response.StatusCode >= 300 {
		var status struct{ Message string }
		if json.Unmarshal(raw, &status) != nil || status.Message == "" {
			status.Message = strings.TrimSpace(string(raw))
		}
		return fmt.Errorf("the API server answers %s: %s", response.Status, status.Message)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("reading the API server's answer: %w", err)
	}
	return nil
}

func (s *State) apiReady(ctx context.Context) error {
	return s.call(ctx, http.MethodGet, "/readyz", nil, nil)
}

// nodeReady wants a sign of life that is younger than since: after a crash the API server goes on calling a dead
// node ready for a while.
func (s *State) nodeReady(ctx context.Context, since time.Time) error {
	var node struct {
		Status struct {
			Conditions []struct {
				Type, Status, Reason, Message string
				LastHeartbeatTime             time.Time
			}
		}
	}
	if err := s.call(ctx, http.MethodGet, "/api/v1/nodes/"+nodeName, nil, &node); err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type != "Ready" {
			continue
		}
		if condition.Status != "True" {
			return fmt.Errorf("the node is not ready: %s: %s", condition.Reason, condition.Message)
		}
		if condition.LastHeartbeatTime.Before(since) {
			return s.leaseRenewed(ctx, since)
		}
		return nil
	}
	return errors.New("the node has not said yet whether it is ready")
}

// leaseRenewed asks for the other sign of life: a node reports its state rarely, and renews its lease often, but not in
// its first seconds.
func (s *State) leaseRenewed(ctx context.Context, since time.Time) error {
	var lease struct {
		Spec struct{ RenewTime time.Time }
	}
	if err := s.call(ctx, http.MethodGet, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/"+nodeName, nil, &lease); err != nil {
		return err
	}
	if lease.Spec.RenewTime.Before(since) {
		return fmt.Errorf("the node has shown no sign of life since %s", lease.Spec.RenewTime.Format(time.TimeOnly))
	}
	return nil
}

// ServiceAccountKubeconfig writes a kubeconfig with a token of a service account that is good for a day.
func (s *State) ServiceAccountKubeconfig(ctx context.Context, namespace, name, defaultNamespace, path string) error {
	authority, err := os.ReadFile(s.path("pki", "ca.crt"))
	if err != nil {
		return fmt.Errorf("reading the cluster's authority: %w", err)
	}
	request := object{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": object{"expirationSeconds": 24 * 60 * 60}}
	var answer struct {
		Status struct{ Token string }
	}
	if err := s.call(ctx, http.MethodPost, "/api/v1/namespaces/"+namespace+"/serviceaccounts/"+name+"/token", request, &answer); err != nil {
		return fmt.Errorf("getting a token for service account %s/%s: %w", namespace, name, err)
	}
	config := kubeconfig{server: s.apiURL(), authority: authority, user: namespace + "/" + name, token: answer.Status.Token, namespace: defaultNamespace}
	return config.write(path)
}
