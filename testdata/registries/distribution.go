package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/distribution/distribution/v3/configuration"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/sirupsen/logrus"
	"golang.org/x/crypto/bcrypt"
)

// newDistribution is the registry that most others began as. It has no referrers API. It is configured as
// its image is by default, but that it lets things be deleted.
func newDistribution(o options) (http.Handler, io.Closer, error) {
	logrus.SetOutput(io.Discard)
	c := &configuration.Configuration{
		Version: configuration.CurrentVersion,
		Storage: configuration.Storage{
			"filesystem":  {"rootdirectory": filepath.Join(o.dir, "storage")},
			"cache":       {"blobdescriptor": "inmemory"},
			"tag":         {"concurrencylimit": 8},
			"delete":      {"enabled": true},
			"maintenance": {"uploadpurging": map[any]any{"enabled": false}},
		},
	}
	c.Log.Level = "error"
	c.Log.AccessLog.Disabled = true
	c.HTTP.Secret = "one process, one secret"
	if o.user != "" {
		if o.password == "" {
			return nil, nil, errors.New("--user wants --password")
		}
		hash, err := bcrypt.GenerateFromPassword([]byte(o.password), bcrypt.MinCost)
		if err != nil {
			return nil, nil, err
		}
		users := filepath.Join(o.dir, "htpasswd")
		if err := os.WriteFile(users, fmt.Appendf(nil, "%s:%s\n", o.user, hash), 0o600); err != nil {
			return nil, nil, err
		}
		c.Auth = configuration.Auth{"htpasswd": {"realm": "registries", "path": users}}
	}
	app := handlers.NewApp(context.Background(), c)
	return app, closeFunc(app.Shutdown), nil
}

type closeFunc func() error

func (f closeFunc) Close() error { return f() }
