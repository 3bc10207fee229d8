package oci

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
)

// Tags, of at most 128 characters (the distribution specification's bound):
//
//	ev.<appended>.<k>.<id>.<digest32>  makes an entry visible; k is its kind's first letter
//	id.<k>.<id>                        says whose an id is
//	part.<digest32>.<n>                names the files of an entry that its manifest has no room for
//	att.<digest32>                     holds its Sigstore bundle where cosign finds it
//	seg.<day>, seg.<day>.<part>        a day's entries together
const (
	entryPrefix   = "ev."
	segmentPrefix = "seg."
	// appendedForm has a fixed width and sorts.
	appendedForm = "20060102T150405Z"
	// digestDigits is how much of a digest a tag has room for.
	digestDigits = 32
	maxTag       = 128
)

var kindLetters = map[string]string{
	evidence.KindPlan: "p", evidence.KindResult: "r", evidence.KindVerdict: "v", evidence.KindHold: "h", evidence.KindTombstone: "t",
}

// entryTag is a tag that makes an entry visible, taken apart.
type entryTag struct {
	appended time.Time
	kind     string // its letter
	id       string // shortened where it is long
	digest   string // the first digits
}

func (t entryTag) String() string {
	return entryPrefix + t.appended.UTC().Format(appendedForm) + "." + t.kind + "." + t.id + "." + t.digest
}

func entryTagOf(e evidence.Entry, digest string, appended time.Time) entryTag {
	return entryTag{appended: appended, kind: kindLetters[e.Kind], id: shortID(e.ID), digest: digits(digest)}
}

// parseEntryTag takes a tag apart that this package may have written.
func parseEntryTag(name string) (entryTag, bool) {
	rest, ok := strings.CutPrefix(name, entryPrefix)
	if !ok || len(name) > maxTag {
		return entryTag{}, false
	}
	moment, rest, _ := strings.Cut(rest, ".")
	kind, rest, _ := strings.Cut(rest, ".")
	dot := strings.LastIndexByte(rest, '.')
	at, err := time.Parse(appendedForm, moment)
	if err != nil || dot < 0 {
		return entryTag{}, false
	}
	t := entryTag{appended: at, kind: kind, id: rest[:dot], digest: rest[dot+1:]}
	known := false
	for _, letter := range kindLetters {
		known = known || letter == kind
	}
	_, err = hex.DecodeString(t.digest)
	return t, known && err == nil && len(t.digest) == digestDigits && evidence.ValidID(t.id) && t.String() == name
}

// shortID is the id as far as a tag has room for it. A long one ends in a hash of the whole.
func shortID(id string) string {
	const room = maxTag - len(entryPrefix) - len(appendedForm) - len(".p..") - digestDigits
	const hash = 12
	if len(id) <= room {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return id[:room-hash-1] + "-" + hex.EncodeToString(sum[:])[:hash]
}

// digits are the first of a digest that ValidDigest would pass.
func digits(digest string) string {
	return strings.TrimPrefix(digest, "sha256:")[:digestDigits]
}

func claimTag(e evidence.Entry) string { return "id." + kindLetters[e.Kind] + "." + e.ID }

func partTag(digest string, n int) string { return "part." + digits(digest) + "." + strconv.Itoa(n) }

func bundleTag(digest string) string { return "att." + digits(digest) }

// mayMatch says whether the entry of a tag can be selected, as far as the tag tells.
func (t entryTag) mayMatch(q evidence.Query) bool {
	return (q.Kind == "" || kindLetters[q.Kind] == t.kind) && (q.ID == "" || shortID(q.ID) == t.id)
}
