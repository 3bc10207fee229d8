// Package core is Assay's straight line, from a plan to a summary, and the interfaces it consumes.
// It does no input or output of its own.
//
// This is the map of the house. Imports only go down, and rooms on one floor do not know each
// other; house_test.go holds both.
//
//	7   cmd/assay         the command line
//	    cmd/assay-agent   what runs in a test's pod: shim and collector; standard library only
//	6½  integrations      the one table of vendors: where do we run, what does it say, who shows the outcome?
//	6   core/cluster      executes runs as Kubernetes Jobs and brings back what they left; observes environments
//	    core/store        opens a store: its own directory, or a registry; answers by the index
//	    core/agent        the agent's two halves; standard library only
//	    integrations/...  one vendor each: github, gitlab, jenkins, generic, local; git for all of them
//	5.8 core/store/upkeep segments, retention, purging, copies of a store
//	5.6 core/store/oci    keeps evidence in a registry; attaches to images what travels with them
//	5.4 core/store/index  what SQLite remembers of a store, so that questions are answered quickly
//	5.2 core/store/backend  what a place for evidence must be able to do; segments
//	5   core              Pipeline: plan, execute, keep, decide, publish
//	4   core/summary      record and verdict become Markdown, terminal text, a JSON document; pure
//	3   core/policy       record and time become a verdict; pure
//	2½  core/policy/trend what is a regression and what is chance; arithmetic alone
//	    core/evidence/attest  what entries say as in-toto statements; their signatures, and the keys; pure
//	2   core/suite        the catalog becomes a plan; the checkout becomes a packed workspace
//	    core/evidence     the persisted entries, their canonical JSON, reasons, redaction; environments compared
//	1   core/report       report files become one neutral model
//	    core/ci           what a CI system told us
//	    core/manifest     strict YAML with positions
//	    core/wire         the protocol that agent and executor share; standard library only
//
// Floors 1 to 5 know neither Kubernetes nor a registry nor a forge nor net/http.
package core
