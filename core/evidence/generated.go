package evidence

import (
	"regexp"
	"slices"
)

// generatedSuffix is what kustomize's generators put behind the name of a ConfigMap or Secret: ten
// digits of a hash over what is in it, written without vowels and without what is easily confused
// (sigs.k8s.io/kustomize, api/hasher). With every change of the data comes another name.
var generatedSuffix = regexp.MustCompile(`^(.+)-[2456789bcdfghkmt]{10}$`)

// plain gives a name without kustomize's suffix, and whether it has one.
func plain(name string) (string, bool) {
	if m := generatedSuffix.FindStringSubmatch(name); m != nil {
		return m[1], true
	}
	return name, false
}

// withPlainNames gives the snapshot with kustomize's suffixes taken off, so that what is one thing for
// its authors is compared as one. Of several generations in a namespace it is the one that workloads
// use, and the others, which nothing uses, are left out. Where it is not clear which is meant (two are
// in use, or there is one of the plain name as well) the names stay.
func (s Snapshot) withPlainNames() Snapshot {
	s = s.Sorted()
	type key struct{ namespace, name string }
	// By namespace and plain name: the names that are used.
	used := func(of func(FoundWorkload) []string) map[key][]string {
		out := map[key][]string{}
		for _, w := range s.Workloads {
			for _, name := range of(w) {
				base, _ := plain(name)
				at := key{w.Namespace, base}
				if !slices.Contains(out[at], name) {
					out[at] = append(out[at], name)
				}
			}
		}
		return out
	}
	configMaps := used(func(w FoundWorkload) []string { return w.ConfigMaps })
	secrets := used(func(w FoundWorkload) []string { return w.Secrets })
	there := map[key][]string{}
	for _, m := range s.Config {
		base, _ := plain(m.Name)
		at := key{m.Namespace, base}
		there[at] = append(there[at], m.Name)
	}
	// meant gives the one name that a plain name stands for.
	meant := func(at key) (string, bool) {
		names := configMaps[at]
		if len(names) == 0 {
			names = there[at]
		}
		if len(names) != 1 || slices.Contains(there[at], at.name) {
			return "", false
		}
		return names[0], true
	}
	for i := range s.Workloads {
		w := &s.Workloads[i]
		for j, name := range w.ConfigMaps {
			base, generated := plain(name)
			if one, ok := meant(key{w.Namespace, base}); generated && ok && one == name {
				w.ConfigMaps[j] = base
			}
		}
		for j, name := range w.Secrets {
			if base, generated := plain(name); generated && len(secrets[key{w.Namespace, base}]) == 1 {
				w.Secrets[j] = base
			}
		}
	}
	var kept []ConfigMap
	for _, m := range s.Config {
		base, generated := plain(m.Name)
		one, ok := meant(key{m.Namespace, base})
		switch {
		case !generated || !ok:
		case one != m.Name:
			continue
		default:
			m.Name = base
		}
		kept = append(kept, m)
	}
	s.Config = kept
	return s.Sorted()
}
