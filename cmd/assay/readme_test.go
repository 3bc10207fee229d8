package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/policy"
)

// What the README shows as a catalog is one.
func TestReadmeCatalogs(t *testing.T) {
	raw, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	catalogs, waivers := 0, 0
	for _, block := range strings.Split(string(raw), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		if !strings.Contains(block, "apiVersion: assay.dev/") {
			continue
		}
		catalogs++
		docs, err := manifest.Parse("README.md", []byte(block))
		require.NoError(t, err)
		_, policies, err := new(app).parseCatalog(docs, nil)
		require.NoError(t, err, block)
		for _, p := range policies {
			waivers += len(p.Waivers)
			assert.NotEmpty(t, p.Required)
			for _, w := range p.Waivers {
				assert.True(t, slices.ContainsFunc(p.Required, func(r policy.Requirement) bool { return r.Suite == w.Suite }), "it waives what it requires")
			}
		}
	}
	assert.GreaterOrEqual(t, catalogs, 2)
	assert.Equal(t, 1, waivers, "the example of a waiver is there")
}

// The README's tables of reasons and of cells are the code's.
func TestReadmeTables(t *testing.T) {
	const path = "../../README.md"
	var reasons, cells strings.Builder
	fmt.Fprint(&reasons, "| reason | outcome | what happened | what to do |\n|---|---|---|---|\n")
	for _, r := range evidence.Reasons {
		fmt.Fprintf(&reasons, "| `%s` | %s | %s | %s |\n", r.Reason, r.Outcome, r.Means, r.Next)
	}
	fmt.Fprint(&cells, "| cell | verdict | when |\n|---|---|---|\n")
	for _, c := range policy.CellVerdicts {
		fmt.Fprintf(&cells, "| `%s` | `%s` | %s |\n", c.State, c.Verdict, c.Means)
	}
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	text := string(raw)
	for marker, table := range map[string]string{"reasons": reasons.String(), "cells": cells.String()} {
		begin, end := "<!-- "+marker+":begin -->\n", "<!-- "+marker+":end -->"
		head, rest, ok := strings.Cut(text, begin)
		require.True(t, ok, "README.md lacks %s", begin)
		was, tail, ok := strings.Cut(rest, end)
		require.True(t, ok, "README.md lacks %s", end)
		if flag.Lookup("update").Value.String() == "true" {
			text = head + begin + table + end + tail
			continue
		}
		assert.Equal(t, table, was, "run go test ./cmd/assay -update")
	}
	if text != string(raw) {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
}
