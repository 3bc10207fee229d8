package suite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/manifest"
)

// Explain says in words what a suite is: what it runs and where, for which subject, what it covers,
// which files it promises, what makes it pass and where it is declared. envs are the catalog's
// environments.
func Explain(s Suite, envs []Environment) string {
	var b strings.Builder
	line := func(label, format string, args ...any) {
		if label != "" {
			label += ":"
		}
		fmt.Fprintf(&b, "  %-12s %s\n", label, fmt.Sprintf(format, args...))
	}
	title := "Suite " + s.Name
	if s.Level != "" {
		title += ", level " + s.Level
	}
	owner := "nobody (spec.owner is not set)"
	if s.Owner != "" {
		owner = s.Owner
	}
	fmt.Fprintf(&b, "%s, owned by %s.\n", title, owner)
	if s.Description != "" {
		fmt.Fprintf(&b, "%s\n", strings.TrimSpace(s.Description))
	}
	b.WriteByte('\n')

	line("Runs", "%s", commandLine(s.Command))
	if len(s.Prepare) > 0 {
		line("", "first, in the same container: %s", commandLine(s.Prepare))
	}
	line("", "in image %s, %s", s.Image, userWords(s.User))
	line("", "%s", workspaceWords(s.Workspace))
	if s.Workdir != "" {
		line("", "working directory %s", s.Workdir)
	}
	for _, v := range s.Env {
		line("", "with %s", variableWords(v))
	}
	if words := resourceWords(s.Resources); words != "" {
		line("", "%s", words)
	}
	if len(s.PodTemplate) > 0 {
		line("", "with its own pod settings (spec.podTemplate, %s)", s.At("podTemplate"))
	}
	line("", "for at most %s, counted from when the workspace is complete", s.Timeout)

	for i, words := range placeWords(s, envs) {
		line([]string{"Where", ""}[min(i, 1)], "%s", words)
	}
	for i, words := range subjectWords(s.Subject) {
		line([]string{"Subject", ""}[min(i, 1)], "%s", words)
	}
	if len(s.Covers) == 0 {
		line("Covers", "no workload: its evidence speaks for none")
	} else {
		line("Covers", "%s", workloads(s.Covers))
	}
	if len(s.DependsOn) > 0 {
		line("Depends on", "%s", workloads(s.DependsOn))
	}
	if len(s.Reports) == 0 {
		line("Reports", "none promised")
	}
	for i, r := range s.Reports {
		words := r.Path + " (format detected)"
		if r.Format != "" {
			words = r.Path + " (" + r.Format + ")"
		}
		line([]string{"Reports", ""}[min(i, 1)], "%s", words)
	}
	if len(s.Artifacts.Paths) > 0 {
		line("Artifacts", "%s (at most %s in %d files)", strings.Join(s.Artifacts.Paths, ", "), s.Artifacts.MaxSize, s.Artifacts.MaxFiles)
	}
	for i, words := range passWords(s) {
		line([]string{"Passes if", ""}[min(i, 1)], "%s", words)
	}
	if s.Position != (manifest.Position{}) {
		line("Declared", "%s", s.Position)
	}
	return b.String()
}

func commandLine(words []string) string {
	if len(words) == 0 {
		return "the image's own entrypoint and command"
	}
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = w
		if w == "" || strings.ContainsAny(w, " \t\n\"'\\$`*?[]{}()<>|&;#~!") {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

func userWords(user string) string {
	if user == "image" {
		return "as the image's own user"
	}
	return "as UID 1000 with a writable home"
}

func workspaceWords(w *Workspace) string {
	if w == nil {
		return "without a workspace: only what the image holds"
	}
	what := "the whole checkout"
	if len(w.Include) > 0 {
		what = strings.Join(w.Include, ", ") + " of the checkout"
	}
	if len(w.Exclude) > 0 {
		what += " without " + strings.Join(w.Exclude, ", ")
	}
	return fmt.Sprintf("in a copy of %s, at most %s", what, w.MaxSize)
}

func variableWords(v EnvVar) string {
	switch {
	case v.FromRunner != "":
		return fmt.Sprintf("%s from the runner's %s (never kept)", v.Name, v.FromRunner)
	case v.FromSecret != "":
		return fmt.Sprintf("%s from the Secret key %s of the run namespace (never kept)", v.Name, v.FromSecret)
	}
	return fmt.Sprintf("%s=%s", v.Name, commandLine([]string{v.Value}))
}

func resourceWords(r *Resources) string {
	if r == nil {
		return ""
	}
	var parts []string
	for _, side := range []struct {
		words string
		table map[string]string
	}{{"requesting", r.Requests}, {"limited to", r.Limits}} {
		var list []string
		for name, amount := range side.table {
			list = append(list, name+" "+amount)
		}
		if len(list) > 0 {
			slices.Sort(list)
			parts = append(parts, side.words+" "+strings.Join(list, ", "))
		}
	}
	return strings.Join(parts, "; ")
}

func placeWords(s Suite, envs []Environment) []string {
	var out []string
	for _, e := range envs {
		if !s.MeantFor(e.Name) {
			continue
		}
		words := fmt.Sprintf("environment %s: as a Job in namespace %s", e.Name, e.RunNamespace)
		if len(e.Targets) > 0 {
			words += " against " + strings.Join(e.Targets, ", ")
		}
		if e.KubeContext != "" {
			words += " (kubeconfig context " + e.KubeContext + ")"
		}
		out = append(out, words)
	}
	if len(out) == 0 {
		return []string{"nowhere yet: the catalog has no environment for it"}
	}
	return out
}

func subjectWords(k SubjectKind) []string {
	switch k {
	case Source:
		return []string{"source: the commit and the files of the workspace"}
	case Candidate:
		return []string{"candidate: the images given with --subject, which must be seen running",
			"in every covered workload when the tests start and when they end"}
	}
	return []string{"environment: whatever runs there; this never satisfies a pull request"}
}

func workloads(list []Workload) string {
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = w.String()
	}
	return strings.Join(words, ", ")
}

func passWords(s Suite) []string {
	out := []string{fmt.Sprintf("the command ends with exit code 0 within %s", s.Timeout)}
	if len(s.Reports) > 0 {
		out = append(out,
			"every promised report is there, can be read whole and holds at least one test that ran",
			"no test in them failed or errored")
	} else {
		out = append(out, "(no report is promised, so the exit code alone decides)")
	}
	if s.Subject == Candidate {
		out = append(out, "the candidate ran in every covered workload all the time")
	}
	return append(out, "everything it left was collected and verified")
}
