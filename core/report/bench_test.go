package report

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

// generated is a JUnit report of n cases that is made while it is read, so that a test of memory
// measures the reader alone. One case in a hundred fails, one in fifty is skipped.
type generated struct {
	n, made int
	buf     bytes.Buffer
	ended   bool
}

func (g *generated) Read(p []byte) (int, error) {
	for g.buf.Len() < len(p) && !g.ended {
		switch {
		case g.made == 0:
			g.buf.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<testsuites>\n")
			fallthrough
		case g.made < g.n && g.made%100 == 0:
			if g.made > 0 {
				g.buf.WriteString("</testsuite>\n")
			}
			fmt.Fprintf(&g.buf, "<testsuite name=\"com.example.shop.Suite%dTest\" time=\"1.234\">\n", g.made/100)
		}
		if g.made == g.n {
			g.buf.WriteString("</testsuite>\n</testsuites>\n")
			g.ended = true
			break
		}
		fmt.Fprintf(&g.buf, "  <testcase classname=\"com.example.shop.Suite%dTest\" name=\"checks the total of a basket with %d articles\" time=\"0.0%d\"", g.made/100, g.made, g.made%100)
		switch {
		case g.made%100 == 7:
			g.buf.WriteString(`><failure message="expected &lt;42&gt; but was &lt;41&gt;" type="AssertionError">AssertionError: expected &lt;42&gt;` +
				"\n\tat com.example.shop.BasketTest.total(BasketTest.java:17)\n</failure></testcase>\n")
		case g.made%50 == 3:
			g.buf.WriteString("><skipped/></testcase>\n")
		case g.made%5 == 0:
			g.buf.WriteString("><system-out><![CDATA[12:00:01 INFO  basket: 3 articles, total 42.00 EUR, voucher none, customer 4711, session abcdef\n]]></system-out></testcase>\n")
		default:
			g.buf.WriteString("/>\n")
		}
		g.made++
	}
	if g.buf.Len() == 0 {
		return 0, io.EOF
	}
	return g.buf.Read(p)
}

func BenchmarkJUnit(b *testing.B) {
	content, err := io.ReadAll(&generated{n: 100_000})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		f := ReadFile(bytes.NewReader(content), "report.xml", "", Options{}, func(Case) {})
		if f.Tests != 100_000 || len(f.Doubts) > 0 {
			b.Fatalf("%+v", f)
		}
	}
}
