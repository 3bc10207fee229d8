package report

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestID(t *testing.T) {
	for name, test := range map[string]struct {
		c    Case
		want string
	}{
		"name alone":               {Case{Name: "adds"}, "adds"},
		"suites, class, name":      {Case{Suite: []string{"shop", "", "cart"}, Class: "CartTest", Name: "adds"}, "shop > cart > CartTest > adds"},
		"the class is the suite":   {Case{Suite: []string{"CartTest"}, Class: "CartTest", Name: "adds"}, "CartTest > adds"},
		"parameters":               {Case{Name: `pays[EUR-10.50](2026-11-22T16:00:00Z, "a@b.example")`}, `pays[EUR-10.50](2026-11-22T16:00:00Z, "a@b.example")`},
		"a path that is tested":    {Case{Name: "File /var/lib/kubelet/config.yaml is owned by root"}, "File /var/lib/kubelet/config.yaml is owned by root"},
		"a UUID that is tested":    {Case{Name: "finds 2f4d47b6-3e03-4267-8d85-a9e120b71a25"}, "finds 2f4d47b6-3e03-4267-8d85-a9e120b71a25"},
		"a number that is tested":  {Case{Name: "reads 0xdeadbeef, 0x7f3c2c0b5d30 and /tmp/orders.csv"}, "reads 0xdeadbeef, 0x7f3c2c0b5d30 and /tmp/orders.csv"},
		"Java's object":            {Case{Name: "pays(com.acme.Order@1b6d3586, [I@7a81197d, [Lcom.acme.Item;@5ca881b5)"}, "pays(com.acme.Order@..., [I@..., [Lcom.acme.Item;@...)"},
		"an address of mail":       {Case{Name: "writes to Ann@decade.example and User@facade"}, "writes to Ann@decade.example and User@facade"},
		"Python's object":          {Case{Name: "pays[<shop.Order object at 0x7f3c2c0b5d30>]"}, "pays[<shop.Order object at 0x...>]"},
		"Ruby's object":            {Case{Name: "pays #<Shop::Order:0x000055d5c8a3b2a8 @id=1>"}, "pays #<Shop::Order:0x... @id=1>"},
		"Go's pointer":             {Case{Name: "TestPay/0xc0000b4000"}, "TestPay/0x..."},
		"pytest's directory":       {Case{Name: "reads[/tmp/pytest-of-root/pytest-12/a/orders.csv]"}, "reads[/tmp/.../a/orders.csv]"},
		"Python's directory":       {Case{Name: "reads /tmp/tmpx7k2_a9q/orders.csv"}, "reads /tmp/.../orders.csv"},
		"mktemp's directory":       {Case{Name: "reads /tmp/tmp.Ab12Cd34Ef"}, "reads /tmp/..."},
		"Go's directory":           {Case{Name: "reads /tmp/TestReads2891236789/001/a"}, "reads /tmp/.../001/a"},
		"JUnit's directory":        {Case{Name: "reads /tmp/junit5872346578123456789/a"}, "reads /tmp/.../a"},
		"a directory of macOS":     {Case{Name: "reads /private/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T/tmpx7k2_a9q/a"}, "reads /tmp/.../a"},
		"a checkout on GitHub":     {Case{Suite: []string{"/home/runner/work/shop/shop/e2e/cart.test.js"}, Name: "adds"}, "e2e/cart.test.js > adds"},
		"one in a container":       {Case{Suite: []string{"/__w/shop/shop/test/cart_test.dart"}, Name: "adds"}, "test/cart_test.dart > adds"},
		"one on Windows":           {Case{Class: `D:\a\shop\shop\e2e\cart.test.js`, Name: "adds"}, `e2e\cart.test.js > adds`},
		"one of Jenkins":           {Case{Class: "/var/jenkins_home/workspace/shop_main@2/e2e/cart.test.js", Name: "adds"}, "e2e/cart.test.js > adds"},
		"assay's own":              {Case{Suite: []string{"/workspace/e2e/cart.test.js"}, Name: "adds"}, "e2e/cart.test.js > adds"},
		"another absolute path":    {Case{Suite: []string{"/srv/shop/e2e/cart.test.js"}, Name: "adds"}, "/srv/shop/e2e/cart.test.js > adds"},
		"the joint within a name":  {Case{Suite: []string{"cart.test.js"}, Name: "sums > adds"}, `cart.test.js > sums \> adds`},
		"with a backslash already": {Case{Name: `sums \> adds`}, `sums \\> adds`},
		"other arrows":             {Case{Name: "List<Order> -> a=>b, 1>0, 2 >0"}, "List<Order> -> a=>b, 1>0, 2 >0"},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, test.c.ID()) })
	}
}

// TestIDIsOneTest: two cases whose suites or names differ have different IDs, whatever stands in them.
func TestIDIsOneTest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	seen := map[string]string{}
	for range 300_000 {
		var parts []string
		for range 1 + random.IntN(3) {
			var b strings.Builder
			for range 1 + random.IntN(5) {
				b.WriteByte(` >\a`[random.IntN(4)])
			}
			parts = append(parts, b.String())
		}
		c := Case{Suite: parts[:len(parts)-1], Name: parts[len(parts)-1]}
		key := strings.Join(parts, "\x00")
		if other, ok := seen[c.ID()]; ok && other != key {
			t.Fatalf("%q and %q are both %q", other, key, c.ID())
		}
		seen[c.ID()] = key
	}
}

func TestIDTellsRowsOfOneFileApart(t *testing.T) {
	a, b := Case{Name: "pays(Order@1b6d3586)"}, Case{Name: "pays(Order@7a81197d)"}
	assert.Equal(t, a.ID(), b.ID())
	assert.NotEqual(t, a.exactID(), b.exactID())
}
