package setup

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
)

func TestSetup(t *testing.T) {
	RunSpecs(t, "Setup")
}

var _ = BeforeSuite(func() { Fail("no environment") })

var _ = Describe("cart", func() {
	It("never runs", func() {})
})
