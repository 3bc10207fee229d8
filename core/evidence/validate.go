package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// maxID leaves room in a registry tag (128 characters) for what a store writes around an id.
const maxID = 96

// ResultID is the ID of the entry that keeps the given attempt of a run, counted from 1: RUN.aN.
func ResultID(run string, attempt int) string { return run + ".a" + strconv.Itoa(attempt) }

// ValidID says whether s may name an entry, a run or an invocation: 1 to 96 letters, digits,
// dots, underscores and hyphens, the first one a letter or a digit. Such a name is safe in a file
// name and in a registry tag. Ids come from outside (CI variables, files of others), so everything
// that makes a name of one relies on this.
func ValidID(s string) bool {
	if s == "" || len(s) > maxID {
		return false
	}
	for i, c := range []byte(s) {
		alnum := '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}

// Validate says what is wrong with an entry that must not be kept or believed: a kind without its
// body, an unsafe id, a file that cannot be found again, a pass that contradicts its own reason.
// Reasons and subjects that this version does not know are no fault of the entry.
func (e Entry) Validate() error {
	if err := checkKind(e.APIVersion, e.Kind); err != nil {
		return err
	}
	if !ValidID(e.ID) {
		return fmt.Errorf("%s entry: the id %q is not a safe name: use up to %d letters, digits, '.', '_' and '-', beginning with a letter or digit", e.Kind, e.ID, maxID)
	}
	var err error
	switch {
	case !ValidID(e.Invocation):
		err = fmt.Errorf("the invocation %q is not a safe name", e.Invocation)
	case e.Time.IsZero() || e.Time.UTC().Year() < 1 || e.Time.UTC().Year() > 9999:
		err = fmt.Errorf("the time %v is not in the years 1 to 9999", e.Time)
	case (e.Kind == KindPlan) != (e.Plan != nil), (e.Kind == KindResult) != (e.Result != nil), (e.Kind == KindVerdict) != (e.Verdict != nil),
		(e.Kind == KindHold) != (e.Hold != nil), (e.Kind == KindTombstone) != (e.Tombstone != nil):
		err = fmt.Errorf("it must have the body of its kind and no other")
	case e.Kind != KindResult && e.ID != e.Invocation:
		err = fmt.Errorf("a %s's id is its invocation, which is %q", strings.ToLower(e.Kind), e.Invocation)
	case e.Kind == KindVerdict:
		err = e.Verdict.validate()
	case e.Kind == KindPlan:
		err = e.Plan.validate()
	case e.Kind == KindHold && e.Hold.Release == "":
		err = errors.New("a hold names a release")
	case e.Kind == KindHold:
	case e.Kind == KindTombstone:
		err = e.Tombstone.validate()
	default:
		err = e.Result.validate(e.ID)
	}
	if err != nil {
		return fmt.Errorf("%s entry %q: %w", e.Kind, e.ID, err)
	}
	return nil
}

func checkKind(apiVersion, kind string) error {
	if apiVersion != APIVersion {
		return fmt.Errorf("the entry has apiVersion %q and this assay knows %q: use the version of assay that wrote it", apiVersion, APIVersion)
	}
	if !slices.Contains(kinds, kind) {
		return fmt.Errorf("the entry has kind %q and this assay knows %s: use the version of assay that wrote it", kind, strings.Join(kinds, ", "))
	}
	return nil
}

func (p Plan) validate() error {
	seen := map[string]bool{}
	for _, r := range p.Runs {
		switch {
		case !ValidID(r.Run):
			return fmt.Errorf("the run %q is not a safe name", r.Run)
		case seen[r.Run]:
			return fmt.Errorf("the run %q is planned twice", r.Run)
		case r.Suite == "":
			return fmt.Errorf("the run %q names no suite", r.Run)
		}
		seen[r.Run] = true
	}
	return nil
}

func (r Result) validate(id string) error {
	switch r.Outcome {
	case OutcomePassed, OutcomeFailed, OutcomeError, OutcomeInsufficient:
	default:
		return fmt.Errorf("the outcome %q is unknown", r.Outcome)
	}
	switch {
	case !ValidID(r.Run):
		return fmt.Errorf("the run %q is not a safe name", r.Run)
	case r.Attempt < 1:
		return fmt.Errorf("the attempt is %d; attempts count from 1", r.Attempt)
	case id != ResultID(r.Run, r.Attempt):
		return fmt.Errorf("the id of attempt %d of run %q is %q", r.Attempt, r.Run, ResultID(r.Run, r.Attempt))
	case r.Suite == "":
		return fmt.Errorf("it names no suite")
	case r.Reason == "":
		return fmt.Errorf("it gives no reason")
	case (r.Outcome == OutcomePassed) != (r.Reason == Completed):
		// The one contradiction that could turn into a false green.
		return fmt.Errorf("the outcome %q contradicts the reason %q", r.Outcome, r.Reason)
	}
	return validateFiles(r.Files)
}

func (v Verdict) validate() error {
	switch {
	case v.Decision == "" || v.Release == "":
		return errors.New("a verdict says what it decided, and about which release")
	case !json.Valid(v.Document):
		return errors.New("its document is no JSON")
	}
	return validateFiles(v.Files)
}

func (t Tombstone) validate() error {
	switch {
	case !ValidDigest(t.Digest):
		return fmt.Errorf("the digest %q is not sha256: and 64 lower-case hexadecimal digits", t.Digest)
	case t.Kind != "" && !slices.Contains(kinds, t.Kind), (t.Kind == "") != (t.ID == ""), t.ID != "" && !ValidID(t.ID):
		return fmt.Errorf("it names no entry: kind %q, id %q", t.Kind, t.ID)
	case t.Reason == "":
		return errors.New("it gives no reason")
	}
	return nil
}

func validateFiles(files []File) error {
	seen := map[string]bool{}
	for _, f := range files {
		switch {
		case !fs.ValidPath(f.Path) || f.Path == ".":
			return fmt.Errorf("the file path %q is not a clean relative path", f.Path)
		case seen[f.Path]:
			return fmt.Errorf("the file %q is listed twice", f.Path)
		case !ValidDigest(f.Digest):
			return fmt.Errorf("the digest %q of the file %q is not sha256: and 64 lower-case hexadecimal digits", f.Digest, f.Path)
		case f.Size < 0:
			return fmt.Errorf("the size of the file %q is %d", f.Path, f.Size)
		}
		seen[f.Path] = true
	}
	return nil
}
