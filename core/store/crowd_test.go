//go:build unix

package store

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/store/storetest"
)

// crowd is as large as every kind of store must bear.
var crowd = storetest.Crowd{Processes: 50, Each: 20}

const numberVariable = "ASSAY_STORE_TEST_NUMBER"

// writeInCrowd is one process of the crowd.
func writeInCrowd() error {
	d, err := OpenDir(os.Getenv(storeVariable))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(os.Getenv(numberVariable))
	if err != nil {
		return err
	}
	return crowd.Append(context.Background(), n, d.Append, os.Stdin, os.Stdout)
}

func TestCrowd(t *testing.T) {
	dir := t.TempDir()
	crowd.Test(t, func(n int) *exec.Cmd {
		cmd := start(t, "crowd", dir)
		cmd.Env = append(cmd.Env, numberVariable+"="+strconv.Itoa(n))
		return cmd
	}, func() core.Store { return open(t, dir) })
}
