package oci

import (
	"context"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Keychain finds credentials where people and CI systems have them: in docker's or podman's configuration and
// its credential helpers first; then, for the one registry that each is for, in what the CI system gives a job:
// GITHUB_TOKEN (with GITHUB_ACTOR) for ghcr.io, CI_REGISTRY_USER and CI_REGISTRY_PASSWORD or else CI_JOB_TOKEN
// for CI_REGISTRY. env looks a variable up. No other registry ever sees those.
func Keychain(env func(string) (string, bool)) authn.Keychain {
	return authn.NewMultiKeychain(authn.DefaultKeychain, ciKeychain{env})
}

// withoutOutput says what went wrong with credentials, but for what a credential helper printed: a secret may be in it.
func withoutOutput(err error) string {
	text, _, found := strings.Cut(err.Error(), ", out: ")
	text = printable(text, maxSaid)
	if found {
		text += "; run the credential helper (docker-credential-...) that docker's configuration names, to see what it says"
	}
	return text
}

type ciKeychain struct {
	env func(string) (string, bool)
}

func (k ciKeychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), target)
}

// ResolveContext implements authn.ContextKeychain.
func (k ciKeychain) ResolveContext(_ context.Context, target authn.Resource) (authn.Authenticator, error) {
	switch host := strings.ToLower(target.RegistryStr()); {
	case host == "ghcr.io":
		if token := k.get("GITHUB_TOKEN"); token != "" {
			user := k.get("GITHUB_ACTOR")
			if user == "" {
				user = "token" // GitHub looks at the token alone, but wants a name
			}
			return &authn.Basic{Username: user, Password: token}, nil
		}
	case host != "" && host == strings.ToLower(k.get("CI_REGISTRY")):
		if user, password := k.get("CI_REGISTRY_USER"), k.get("CI_REGISTRY_PASSWORD"); user != "" && password != "" {
			return &authn.Basic{Username: user, Password: password}, nil
		}
		if token := k.get("CI_JOB_TOKEN"); token != "" {
			return &authn.Basic{Username: "gitlab-ci-token", Password: token}, nil
		}
	}
	return authn.Anonymous, nil
}

func (k ciKeychain) get(name string) string {
	if k.env == nil {
		return ""
	}
	value, _ := k.env(name)
	return value
}
