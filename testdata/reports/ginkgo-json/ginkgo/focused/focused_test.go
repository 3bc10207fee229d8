package focused

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
)

func TestFocused(t *testing.T) {
	RunSpecs(t, "Focused")
}

var _ = Describe("cart", func() {
	FIt("is focused", func() {})
	It("is left out", func() { Fail("nobody sees this") })
})
