package slow

import (
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
)

func TestSlow(t *testing.T) {
	RunSpecs(t, "Slow")
}

var _ = Describe("cart", Ordered, func() {
	It("passes", func() {})
	It("hangs", func(ctx SpecContext) {
		select {
		case <-ctx.Done():
		case <-time.After(time.Minute):
		}
	})
	It("is not reached", func() {})
})
