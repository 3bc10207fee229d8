package main

import (
	"errors"
	"io"
	"net/http"

	"github.com/olareg/olareg"
	"github.com/olareg/olareg/config"
)

// newOlareg is a registry with the referrers API.
func newOlareg(o options) (http.Handler, io.Closer, error) {
	if o.user != "" {
		return nil, nil, errors.New("olareg knows no users")
	}
	yes := true
	s := olareg.New(config.Config{
		Storage: config.ConfigStorage{StoreType: config.StoreDir, RootDir: o.dir},
		API:     config.ConfigAPI{DeleteEnabled: &yes, Blob: config.ConfigAPIBlob{DeleteEnabled: &yes}},
	})
	return s, s, nil
}
