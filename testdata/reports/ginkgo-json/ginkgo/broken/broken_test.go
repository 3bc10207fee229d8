package broken

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
)

func TestBroken(t *testing.T) { RunSpecs(t, undefined) }
