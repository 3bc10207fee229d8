// Command reader reads test reports with what Assay is measured against, and prints what it counted.
//
//	reader go-junit PATH...   joshdk/go-junit: the counts, as JSON
//	reader xml WORD PATH      encoding/xml, tokens alone: how many elements are named WORD
//	reader json WORD PATH     encoding/json, tokens alone: how many strings are WORD
//	reader csv WORD PATH      encoding/csv, rows alone: how many there are; WORD is in the first
//
// It is a program of its own and small, so that its memory is the reader's.
package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/joshdk/go-junit"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "reader:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	if len(args) >= 2 && args[0] == "go-junit" {
		return goJUnit(args[1:], stdout)
	}
	if len(args) != 3 {
		return errors.New("usage: reader go-junit PATH... | xml|json|csv WORD PATH")
	}
	count, ok := map[string]func(io.Reader, string) (int, error){"xml": inXML, "json": inJSON, "csv": inCSV}[args[0]]
	if !ok {
		return fmt.Errorf("there is no reader %q", args[0])
	}
	f, err := os.Open(args[2])
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := count(bufio.NewReaderSize(f, 64<<10), args[1])
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, n)
	return err
}

func goJUnit(paths []string, stdout io.Writer) error {
	suites, err := junit.IngestFiles(paths)
	if err != nil {
		return err
	}
	counts := map[string]int{}
	for _, s := range suites {
		counts["tests"] += s.Totals.Tests
		counts["passed"] += s.Totals.Passed
		counts["failed"] += s.Totals.Failed
		counts["errored"] += s.Totals.Error
		counts["skipped"] += s.Totals.Skipped
	}
	return json.NewEncoder(stdout).Encode(counts)
}

func inXML(r io.Reader, word string) (n int, err error) {
	d := xml.NewDecoder(r)
	for {
		t, err := d.Token()
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if e, ok := t.(xml.StartElement); ok && e.Name.Local == word {
			n++
		}
	}
}

// inJSON reads one document or several.
func inJSON(r io.Reader, word string) (n int, err error) {
	d := json.NewDecoder(r)
	for {
		t, err := d.Token()
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if t == word {
			n++
		}
	}
}

func inCSV(r io.Reader, word string) (n int, err error) {
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	for {
		row, err := rows.Read()
		switch {
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, err
		case n == 0 && !slices.Contains(row, word):
			return 0, fmt.Errorf("the first row has no %q", word)
		}
		n++
	}
}
