package oci_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/store/backend"
	"github.com/assay-dev/assay/core/store/oci"
	"github.com/assay-dev/assay/core/store/registrytest"
	"github.com/assay-dev/assay/core/store/storetest"
)

// repository is one that is empty, on a server of the test.
func repository(t *testing.T, s *registrytest.Server) *oci.Registry {
	t.Helper()
	r, err := oci.Open(t.Context(), s.Host+"/team/evidence", oci.Options{Keychain: s.Keychain(), PublicEvidence: true})
	require.NoError(t, err)
	return r
}

func TestRealRegistries(t *testing.T) {
	for _, kind := range registrytest.Real {
		t.Run(string(kind), func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) core.Store { return repository(t, registrytest.Start(t, kind)) }, storetest.Unconditional)
			storetest.Backend(t, func(t *testing.T) backend.Backend { return repository(t, registrytest.Start(t, kind)) })
		})
	}
}

// crowd has as many processes as must be borne. Its thousand entries are for the benchmark: registries take
// their time for them.
var crowd = storetest.Crowd{Processes: 50, Each: 4}

func TestCrowd(t *testing.T) {
	for _, kind := range []registrytest.Kind{registrytest.InProcess, registrytest.InProcessReferrers, registrytest.Distribution, registrytest.Olareg} {
		t.Run(string(kind), func(t *testing.T) {
			s := registrytest.Start(t, kind)
			crowd.Test(t, func(n int) *exec.Cmd {
				return process(t, s, numberVariable, n)
			}, func() core.Store { return repository(t, s) })
		})
	}
}

// With the first two set, this test binary is another process: the nth of the crowd, or one that is to
// be killed.
const (
	kindVariable   = "ASSAY_OCI_TEST_KIND"
	hostVariable   = "ASSAY_OCI_TEST_HOST"
	numberVariable = "ASSAY_OCI_TEST_NUMBER"
	victimVariable = "ASSAY_OCI_TEST_VICTIM"
)

// process prepares such a one, with the variable that says what it does.
func process(t *testing.T, s *registrytest.Server, variable string, n int) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), kindVariable+"="+string(s.Kind), hostVariable+"="+s.Host, variable+"="+strconv.Itoa(n), "TMPDIR="+t.TempDir())
	return cmd
}

func TestMain(m *testing.M) {
	host := os.Getenv(hostVariable)
	if host == "" {
		os.Exit(m.Run())
	}
	if err := write(context.Background(), host); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(ctx context.Context, host string) error {
	r, err := oci.Open(ctx, host+"/team/evidence", oci.Options{Keychain: registrytest.Keychain(registrytest.Kind(os.Getenv(kindVariable)), host), PublicEvidence: true})
	if err != nil {
		return err
	}
	if os.Getenv(victimVariable) != "" {
		return storetest.Victim(r, compact)
	}
	n, err := strconv.Atoi(os.Getenv(numberVariable))
	if err != nil {
		return err
	}
	return crowd.Append(ctx, n, r.Append, os.Stdin, os.Stdout)
}
