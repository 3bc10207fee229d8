// Package githubtest is a GitHub for tests: an http.Handler that keeps check runs, comments and
// statuses in memory, holds every request and every answer against GitHub's own OpenAPI description,
// enforces the limits which that description does not hold, and fails on demand as GitHub does.
package githubtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// descriptionPath is where testdata/npm/install.sh puts GitHub's description, below the module's root.
const descriptionPath = "testdata/npm/node_modules/@octokit/openapi/generated/api.github.com.json"

// ErrNoDescription says that GitHub's description is not on this machine.
var ErrNoDescription = errors.New("GitHub's OpenAPI description is not here: run testdata/npm/install.sh")

// used are the paths of the API that this GitHub knows. Only they are read: the whole description
// takes seconds.
var used = []string{
	"/user",
	"/repos/{owner}/{repo}/check-runs",
	"/repos/{owner}/{repo}/check-runs/{check_run_id}",
	"/repos/{owner}/{repo}/check-runs/{check_run_id}/annotations",
	"/repos/{owner}/{repo}/commits/{ref}/check-runs",
	"/repos/{owner}/{repo}/commits/{ref}/statuses",
	"/repos/{owner}/{repo}/commits/{commit_sha}/pulls",
	"/repos/{owner}/{repo}/issues/{issue_number}/comments",
	"/repos/{owner}/{repo}/issues/comments/{comment_id}",
	"/repos/{owner}/{repo}/pulls/{pull_number}",
	"/repos/{owner}/{repo}/statuses/{sha}",
}

// Description is GitHub's description of its API, as far as it is used.
type Description struct {
	doc      *openapi3.T
	router   routers.Router
	examples map[string]json.RawMessage
}

// NPM gives a file below testdata/npm, looked for from the working directory upwards.
func NPM(name string) (string, error) { return fromRoot("testdata/npm/" + name) }

func fromRoot(name string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, filepath.FromSlash(name)), nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("the working directory is below no Go module")
		}
		dir = filepath.Dir(dir)
	}
}

// Describe reads the description that testdata/npm/install.sh has installed. The error is
// ErrNoDescription where it has not.
func Describe() (*Description, error) { return DescribeFile("") }

// DescribeFile reads a description from a file; an empty name means the one that is installed.
func DescribeFile(file string) (*Description, error) {
	if file == "" {
		var err error
		if file, err = fromRoot(descriptionPath); err != nil {
			return nil, err
		}
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNoDescription
	}
	if err != nil {
		return nil, err
	}
	d, err := describe(data)
	if err != nil {
		return nil, fmt.Errorf("reading GitHub's description %s: %w", file, err)
	}
	return d, nil
}

// reference is how one part of the description names another.
var reference = regexp.MustCompile(`"\$ref":\s*"#/components/(\w+)/([^"]+)"`)

func describe(data []byte) (*Description, error) {
	var whole struct {
		OpenAPI    string                                `json:"openapi"`
		Info       json.RawMessage                       `json:"info"`
		Paths      map[string]json.RawMessage            `json:"paths"`
		Components map[string]map[string]json.RawMessage `json:"components"`
	}
	if err := json.Unmarshal(data, &whole); err != nil {
		return nil, err
	}
	paths, parts := map[string]json.RawMessage{}, map[string]map[string]json.RawMessage{}
	var need func(part []byte) error
	need = func(part []byte) error {
		for _, ref := range reference.FindAllSubmatch(part, -1) {
			kind, name := string(ref[1]), string(ref[2])
			if _, have := parts[kind][name]; have {
				continue
			}
			found, ok := whole.Components[kind][name]
			if !ok {
				return fmt.Errorf("it names %s/%s and does not have it", kind, name)
			}
			if parts[kind] == nil {
				parts[kind] = map[string]json.RawMessage{}
			}
			parts[kind][name] = found
			if err := need(found); err != nil {
				return err
			}
		}
		return nil
	}
	for _, p := range used {
		found, ok := whole.Paths[p]
		if !ok {
			return nil, fmt.Errorf("it does not describe %s", p)
		}
		paths[p] = found
		if err := need(found); err != nil {
			return nil, err
		}
	}
	part, err := json.Marshal(map[string]any{"openapi": whole.OpenAPI, "info": whole.Info, "paths": paths, "components": parts})
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(part)
	if err != nil {
		return nil, err
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, err
	}
	return &Description{doc: doc, router: router, examples: parts["examples"]}, nil
}

// example is a fresh copy of one of the description's own examples: the frame of an answer.
func (d *Description) example(name string) map[string]any {
	var one struct {
		Value map[string]any `json:"value"`
	}
	if json.Unmarshal(d.examples[name], &one) == nil && one.Value != nil {
		return one.Value
	}
	var several struct {
		Value []map[string]any `json:"value"`
	}
	if err := json.Unmarshal(d.examples[name], &several); err != nil || len(several.Value) == 0 {
		panic(fmt.Sprintf("GitHub's description has no example %s", name))
	}
	return several.Value[0]
}

// call is a request that the description knows, with its operation and the values in its path.
type call struct {
	operation string
	path      map[string]string
	input     *openapi3filter.RequestValidationInput
}

var filter = &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true}

// read finds the operation that a request asks for, and holds the request against it.
func (d *Description) read(r *http.Request) (call, error) {
	route, path, err := d.router.FindRoute(r)
	if err != nil {
		return call{}, err
	}
	c := call{operation: route.Operation.OperationID, path: path}
	c.input = &openapi3filter.RequestValidationInput{Request: r, PathParams: path, Route: route, Options: filter}
	if err := openapi3filter.ValidateRequest(r.Context(), c.input); err != nil {
		return c, short(err)
	}
	return c, nil
}

// check holds an answer against the description.
func (d *Description) check(c call, status int, header http.Header, body []byte) error {
	header = header.Clone()
	if strings.HasPrefix(header.Get("Content-Type"), "application/json") {
		header.Set("Content-Type", "application/json")
	}
	err := openapi3filter.ValidateResponse(c.input.Request.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: c.input, Status: status, Header: header, Options: filter, Body: io.NopCloser(bytes.NewReader(body)),
	})
	if err != nil {
		return short(err)
	}
	return nil
}

// short leaves the schema out of an error: it can be thousands of lines.
func short(err error) error {
	var schema *openapi3.SchemaError
	if errors.As(err, &schema) {
		return fmt.Errorf("/%s: %s", strings.Join(schema.JSONPointer(), "/"), schema.Reason)
	}
	text, _, _ := strings.Cut(err.Error(), "\nSchema:")
	return errors.New(text)
}
