package shop_test

import (
	"fmt"
	"testing"

	. "github.com/onsi/ginkgo/v2"
)

func TestShop(t *testing.T) { RunSpecs(t, "shop") }

var tries int

var _ = Describe("shop", func() {
	It("passes", Label("fast"), func() { fmt.Fprintln(GinkgoWriter, "counted <1> & 2") })
	It("fails", func() { Fail("sum of the cart") })
	It("panics", func() { panic("no connection") })
	It("is skipped", func() { Skip("no printer here") })
	PIt("is pending", func() {})
	It("is flaky", FlakeAttempts(2), func() {
		if tries++; tries == 1 {
			Fail("first time")
		}
	})
	It("takes too long", SpecTimeout(1000000), func(ctx SpecContext) { <-ctx.Done() })
	DescribeTable("taxes", func(cents int) {
		if cents != 1 {
			Fail("too much")
		}
	}, Entry("one", 1), Entry("two", 2))

	Describe("database", Ordered, func() {
		BeforeAll(func() { Fail("no database") })
		It("reads", func() {})
		It("writes", func() {})
	})
	Describe("teardown", func() {
		AfterEach(func() { Fail("cannot be closed") })
		It("reads", func() {})
	})
})
