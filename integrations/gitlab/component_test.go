package gitlab

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// component is the template of the GitLab component, in its two documents.
type component struct {
	Spec struct {
		Inputs map[string]struct {
			Description, Type, Regex string
			Options                  []string
			Default                  any
		}
	}
	jobs string
}

func readComponent(t *testing.T) component {
	t.Helper()
	raw, err := os.ReadFile("../../templates/assay/template.yml")
	require.NoError(t, err)
	spec, jobs, ok := strings.Cut(string(raw), "\n---\n")
	require.True(t, ok)
	c := component{jobs: jobs}
	require.NoError(t, yaml.UnmarshalStrict([]byte(spec), &c))
	return c
}

var block = regexp.MustCompile(`\$\[\[ inputs\.([a-z-]+) \]\]`)

// job interpolates as GitLab does, which puts inputs into the text before it reads it as YAML: strings as
// they are, everything else as JSON.
func (c component) job(t *testing.T, inputs map[string]any) (name string, job map[string]any) {
	t.Helper()
	text := block.ReplaceAllStringFunc(c.jobs, func(m string) string {
		name := block.FindStringSubmatch(m)[1]
		input, known := c.Spec.Inputs[name]
		require.True(t, known, "%s is no input", name)
		value, given := inputs[name]
		if !given {
			value = input.Default
		}
		if s, ok := value.(string); ok {
			return s
		}
		raw, err := json.Marshal(value)
		require.NoError(t, err)
		return string(raw)
	})
	var all map[string]map[string]any
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), &all), text)
	require.Len(t, all, 1, "a job, and neither default: nor image: for other people's jobs")
	for name, job = range all {
	}
	return name, job
}

// The component names the files that the publisher writes.
func TestComponent(t *testing.T) {
	c := readComponent(t)
	name, job := c.job(t, map[string]any{"image": "ci:1"})
	assert.Equal(t, "assay", name)
	assert.Equal(t, map[string]any{
		"when": "always", "expire_in": "90 days", "paths": []any{".assay", Reports},
		"reports": map[string]any{
			"junit": Reports + "/" + JUnitFile, "codequality": Reports + "/" + QualityFile, "annotations": Reports + "/" + AnnotationsFile, "dotenv": Reports + "/" + DotenvFile,
		},
	}, job["artifacts"])
	assert.Equal(t, map[string]any{"exit_codes": []any{99.0}}, job["allow_failure"])
	assert.Equal(t, "0", job["variables"].(map[string]any)["GIT_DEPTH"])
	for name, input := range c.Spec.Inputs {
		assert.NotEmpty(t, input.Description, name)
		assert.Contains(t, c.jobs, "$[[ inputs."+name+" ]]")
		if name != "image" {
			assert.NotNil(t, input.Default, "%s: ten lines are enough", name)
		}
	}
}

// Whatever an input holds that the template lets in, it stays the value of its variable.
func TestComponentInputsAreValues(t *testing.T) {
	c := readComponent(t)
	for name, input := range c.Spec.Inputs {
		if input.Type != "" && input.Type != "string" {
			continue
		}
		if input.Options != nil {
			continue
		}
		require.NotEmpty(t, input.Regex, "%s: what it may hold", name)
		form, err := regexp.Compile(input.Regex) // GitLab's are RE2 as well
		require.NoError(t, err, name)
		for _, hostile := range []string{"a\"\nscript: [evil]\n#", `a\"b`, "a\nb", `"`, `\`, "a\r", "a\x00"} {
			assert.False(t, form.MatchString(hostile), "%s takes %q", name, hostile)
		}
		for _, hostile := range []string{"$(id)", "`id`", "; id", "a # b", "a: b", "' & *x !y", "{a: b}", "- a", "--publish=none"} {
			if !form.MatchString(hostile) {
				continue
			}
			_, job := c.job(t, map[string]any{"image": "ci:1", name: hostile})
			variable := "ASSAY_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
			if name == "subject" {
				variable = "ASSAY_SUBJECTS"
			}
			if value, ok := job["variables"].(map[string]any)[variable]; ok {
				assert.Equal(t, hostile, value, name)
			}
			assert.NotContains(t, job["script"].([]any)[0], hostile, "no input is shell text")
		}
	}
}
