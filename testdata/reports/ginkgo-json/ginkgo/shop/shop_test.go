package shop

import (
	"errors"
	"fmt"
	"testing"

	. "github.com/onsi/ginkgo/v2"
)

func TestShop(t *testing.T) {
	RunSpecs(t, "Shop")
}

var _ = BeforeSuite(func() {})

var _ = Describe("cart", Label("smoke"), func() {
	It("passes", Label("SHOP-7"), func() {
		By("adding a line")
		fmt.Fprintln(GinkgoWriter, "one line")
	})
	It("fails", func() { Fail("want 1, got 2") })
	It("panics", func() { panic(errors.New("no cart")) })
	It("is skipped", func() { Skip("no database") })
	PIt("is pending", func() {})
	PIt("is not written")
	DescribeTable("counts", func(n, want int) {
		if n+n != want {
			Fail(fmt.Sprintf("want %d, got %d", want, n+n))
		}
	},
		Entry("two", 1, 2),
		Entry("five", 2, 5),
		Entry(nil, 3, 6),
	)

	tries := 0
	It("is flaky", FlakeAttempts(3), func() {
		if tries++; tries < 3 {
			Fail(fmt.Sprintf("try %d", tries))
		}
	})
	It("fails in every try", FlakeAttempts(2), func() { Fail("no") })
	It("passes again and again", MustPassRepeatedly(2), func() {})

	Context("whose setup breaks", func() {
		BeforeEach(func() { Fail("no environment") })
		It("never runs", func() {})
	})
	Context("whose cleanup breaks", func() {
		It("passes before it", func() { DeferCleanup(func() error { return errors.New("cannot be removed") }) })
	})
	It("fails, and so does its cleanup", func() {
		DeferCleanup(func() { Fail("cannot be removed") })
		Fail("first")
	})
	Context("in order", Ordered, func() {
		It("breaks first", func() { Fail("first") })
		It("is not reached", func() {})
	})
	It("takes too long", NodeTimeout(20_000_000), func(ctx SpecContext) { <-ctx.Done() })
})

var _ = AfterSuite(func() { Fail("the shop cannot be closed") })
