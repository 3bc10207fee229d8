#!/bin/sh
# Makes the fixtures of this directory with go 1.26 and gotestsum 1.13: sh regenerate.sh
set -u
here=$(cd "$(dirname "$0")" && pwd); work=$(mktemp -d); cd "$work" || exit 1
mkdir -p .; cat > go.mod <<'END'
module example.test/shop
go 1.26
END
mkdir -p a; cat > a/a_test.go <<'END'
package a

import (
	"os"
	"testing"
)

func TestPasses(t *testing.T) {
	t.Attr("ticket", "SHOP-7")
	t.Log("fine")
}
func TestFails(t *testing.T)   { t.Errorf("want 1, got 2") }
func TestSkipped(t *testing.T) { t.Skip("no database") }
func TestTable(t *testing.T) {
	t.Run("one", func(t *testing.T) {})
	t.Run("two", func(t *testing.T) { t.Fatal("two is wrong") })
}
func TestFlaky(t *testing.T) {
	if _, err := os.Stat(os.Getenv("MARK")); err != nil {
		os.WriteFile(os.Getenv("MARK"), nil, 0o600)
		t.Fatal("first time")
	}
}
func TestParallel(t *testing.T) { t.Parallel(); t.Log("in parallel") }
func BenchmarkSum(b *testing.B) {
	for range b.N {
	}
}
END
mkdir -p broken; cat > broken/b_test.go <<'END'
package broken

import "testing"

func TestX(t *testing.T) { undefined() }
END
mkdir -p tm; cat > tm/tm_test.go <<'END'
package tm

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) { fmt.Println("no environment"); os.Exit(3) }
func TestX(t *testing.T)    {}
END
mkdir -p panics; cat > panics/p_test.go <<'END'
package panics

import "testing"

func TestBefore(t *testing.T) {}
func TestWaits(t *testing.T)  { t.Parallel() }
func TestPanics(t *testing.T) { var m map[string]int; m["a"] = 1 }
func TestNever(t *testing.T)  {}
END
mkdir -p exits; cat > exits/e_test.go <<'END'
package exits

import (
	"os"
	"testing"
)

func TestBefore(t *testing.T) {}
func TestExits(t *testing.T)  { os.Exit(1) }
END
mkdir -p timeouts; cat > timeouts/t_test.go <<'END'
package timeouts

import (
	"testing"
	"time"
)

func TestHangs(t *testing.T) { time.Sleep(time.Minute) }
END
mkdir -p nothing; cat > nothing/n.go <<'END'
package nothing
END
export MARK="$work/mark"
go test -json -timeout 3s ./... > "$here/report-all-with-broken-build.json" 2>/dev/null
rm -rf broken "$MARK"
go test -json -timeout 3s -bench . -benchtime 10x ./... > "$here/report-all.json" 2>/dev/null
rm -f "$MARK"
go run gotest.tools/gotestsum@v1.13.0 --jsonfile "$here/report-gotestsum-rerun.json" --rerun-fails --packages ./a -- -run 'Pass|Flaky|Parallel' >/dev/null
rm -rf "$work"
test -s "$here/report-all-with-broken-build.json" && test -s "$here/report-all.json" && test -s "$here/report-gotestsum-rerun.json"
