package node

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// kubeconfig is one user's way into the cluster: a client certificate or a token.
type kubeconfig struct {
	server      string
	authority   []byte
	user        string
	certificate []byte
	key         []byte
	token       string
	namespace   string
}

type object map[string]any

// write leaves a file that only its owner can read. JSON is YAML, so no YAML writer is needed.
func (k kubeconfig) write(path string) error {
	user := object{}
	if k.token != "" {
		user["token"] = k.token
	} else {
		user["client-certificate-data"] = base64.StdEncoding.EncodeToString(k.certificate)
		user["client-key-data"] = base64.StdEncoding.EncodeToString(k.key)
	}
	context := object{"cluster": "lab", "user": k.user}
	if k.namespace != "" {
		context["namespace"] = k.namespace
	}
	document := object{
		"apiVersion": "v1",
		"kind":       "Config",
		"clusters": []object{{"name": "lab", "cluster": object{
			"server":                     k.server,
			"certificate-authority-data": base64.StdEncoding.EncodeToString(k.authority),
		}}},
		"users":           []object{{"name": k.user, "user": user}},
		"contexts":        []object{{"name": "lab", "context": context}},
		"current-context": "lab",
	}
	raw, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return err
	}
	if err := writeFile(path, append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the kubeconfig: %w", err)
	}
	return nil
}

func (s *State) apiURL() string { return fmt.Sprintf("https://127.0.0.1:%d", s.APIPort) }
