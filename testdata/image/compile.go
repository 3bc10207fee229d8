package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// compile builds a static binary, the same bytes wherever the same source and Go are: no paths
// (-trimpath), no commit (-buildvcs=false; the version is told instead), no C library.
func compile(ctx context.Context, pkg string, platform v1.Platform, version, out string) error {
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -X main.version="+version, "-o", out, pkg)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+platform.OS, "GOARCH="+platform.Architecture)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s for %s: %w\n%s", pkg, platform.String(), err, output)
	}
	return nil
}
