package attest

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
)

// subjects gives what the entry is about, as far as others can recognize it: in order, each once.
func subjects(e evidence.Entry) []descriptor {
	var all []evidence.Subject
	var images []string
	switch {
	case e.Result != nil:
		all = append(all, e.Result.Subject)
		if len(e.Result.Subject.Images) == 0 && e.Result.Subject.Commit == "" {
			images = observed(e.Result.Observed)
		}
	case e.Plan != nil:
		for _, r := range e.Plan.Runs {
			all = append(all, r.Subject)
		}
	case e.Verdict != nil:
		var document struct {
			Subject []evidence.Subject `json:"subject"`
		}
		if json.Unmarshal(e.Verdict.Document, &document) == nil {
			all = document.Subject
		}
	}
	var out []descriptor
	for _, s := range all {
		images = append(images, s.Images...)
		if isCommit(s.Commit) {
			out = append(out, descriptor{Name: repository(e), Digest: map[string]string{"gitCommit": s.Commit}})
		}
	}
	return sorted(append(out, imageDescriptors(images)...))
}

func observed(o evidence.Observed) []string {
	var out []string
	for _, w := range slices.Concat(o.Start, o.End) {
		out = append(out, w.Images...)
	}
	return out
}

// imageDescriptors describes the images that have a digest.
func imageDescriptors(images []string) []descriptor {
	var out []descriptor
	for _, i := range images {
		name, digest, found := strings.Cut(i, "@")
		if !found {
			name, digest = "", i
		}
		if !evidence.ValidDigest(digest) {
			continue
		}
		// A tag is no part of the repository's name; a port before a slash is.
		if at := strings.LastIndexByte(name, ':'); at > strings.LastIndexByte(name, '/') {
			name = name[:at]
		}
		out = append(out, descriptor{Name: name, Digest: sha256Digest(digest)})
	}
	return out
}

func sorted(list []descriptor) []descriptor {
	slices.SortFunc(list, func(a, b descriptor) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Digest["sha256"], b.Digest["sha256"]), strings.Compare(a.Digest["gitCommit"], b.Digest["gitCommit"]))
	})
	return slices.CompactFunc(list, func(a, b descriptor) bool { return a.Name == b.Name && maps.Equal(a.Digest, b.Digest) })
}

// sha256Digest is a digest that ValidDigest has passed, as in-toto writes it.
func sha256Digest(digest string) map[string]string {
	return map[string]string{"sha256": strings.TrimPrefix(digest, "sha256:")}
}

// repository names where a commit is from: git+ and its address, as SPDX and pip do.
func repository(e evidence.Entry) string {
	if at := cmp.Or(e.Context.RepositoryURL, e.Context.Repository); at != "" {
		return "git+" + at
	}
	return "git"
}

// isCommit says whether s is a whole name of a commit, of SHA-1 or SHA-256.
func isCommit(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && s == strings.ToLower(s) && (len(s) == 40 || len(s) == 64)
}

// configuration is what the tests are: the suite, and the images that ran it.
func configuration(r *evidence.Result) []descriptor {
	var images []string
	for _, s := range r.Shards {
		images = append(images, s.ImageID)
	}
	suite := descriptor{Name: r.Suite, URI: "https://assay.dev/suite/" + url.PathEscape(r.Suite)}
	return append([]descriptor{suite}, sorted(imageDescriptors(images))...)
}
