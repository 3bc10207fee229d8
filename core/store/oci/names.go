package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
)

const (
	// pageSize is how many tags are asked for at a time; registries give as many as they like.
	pageSize = 1000
	maxPage  = 16 << 20
	// late is how long after the moment in its tag an entry may become visible, at the very most: the last
	// request that writes it may be tried again for some time.
	late = time.Hour
	// wholeEvery is how often all tags are listed, whatever a registry says of the last ones.
	wholeEvery = 24 * time.Hour
)

// listTags gives the tags behind last, in the registry's order, until enough says that the rest is not wanted. Some
// registries give others too: they know no last. It also gives the registry's clock.
func (r *Registry) listTags(ctx context.Context, last string, enough func(tag string) bool) ([]string, time.Time, error) {
	ctx, said := listening(ctx)
	q := request{scope: pull, method: http.MethodGet, path: "tags/list", query: url.Values{"n": {strconv.Itoa(pageSize)}}, want: []int{http.StatusOK}}
	if last != "" {
		q.query.Set("last", last)
	}
	var all []string
	seen, been := map[string]bool{}, map[string]bool{}
	for {
		data, resp, err := r.read(ctx, q, maxPage)
		switch {
		case isMissing(err) && len(all) == 0:
			return nil, said.now(), nil // nobody has written there yet
		case statusOf(err) == http.StatusBadRequest && q.query.Has("n"):
			q.query.Del("n") // more than it allows
			continue
		case err != nil:
			return nil, time.Time{}, err
		}
		var page struct {
			Tags []string `json:"tags"`
		}
		if err := json.Unmarshal(data, &page); err != nil {
			return nil, time.Time{}, final("the registry's list of tags is no JSON: " + printable(err.Error(), maxSaid))
		}
		fresh := false
		for _, tag := range page.Tags {
			if enough(tag) {
				return all, said.now(), nil
			}
			if !seen[tag] {
				seen[tag], fresh = true, true
				all = append(all, tag)
			}
		}
		next, err := nextPage(resp)
		switch {
		case err != nil:
			return nil, time.Time{}, err
		case next != nil && been[next.String()]:
			return nil, time.Time{}, final("the registry's list of tags goes in circles")
		case next != nil:
			been[next.String()] = true
			q.location, q.query = next, url.Values{}
		case fresh && q.query.Has("n") && len(page.Tags) >= pageSize:
			// It cut the list and does not say so.
			q.query.Set("last", page.Tags[len(page.Tags)-1])
		default:
			return all, said.now(), nil
		}
	}
}

// nextPage is where the Link header says that the list goes on (RFC 8288); nil where it ends.
func nextPage(resp *http.Response) (*url.URL, error) {
	for _, link := range resp.Header.Values("Link") {
		address, rest, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(link), "<"), ">")
		if !ok || !strings.Contains(rest, "next") {
			continue
		}
		at, err := resp.Request.URL.Parse(address)
		if err != nil || at.Host != resp.Request.URL.Host {
			return nil, final("the registry's list of tags goes on somewhere else")
		}
		at.Scheme = resp.Request.URL.Scheme
		return at, nil
	}
	return nil, nil
}

func never(string) bool { return false }

// listEntries gives the tags of entries behind last, sorted.
func (r *Registry) listEntries(ctx context.Context, last string) ([]string, time.Time, error) {
	enough := never
	if last != "" {
		enough = func(tag string) bool { return tag > entryPrefix && !strings.HasPrefix(tag, entryPrefix) }
	}
	all, clock, err := r.listTags(ctx, last, enough)
	entries := slices.DeleteFunc(all, func(tag string) bool {
		_, ok := parseEntryTag(tag)
		return !ok || tag <= last
	})
	slices.Sort(entries)
	return entries, clock, err
}

// state is what Names remembers.
type state struct {
	Version int `json:"v"`
	// Whole is when all tags were listed.
	Whole time.Time `json:"whole"`
	// After is a tag, and Behind a digest of all those behind it. It is empty where the registry was not seen to give
	// tags in order from one on; Behind is then of all.
	After  string `json:"after,omitempty"`
	Behind string `json:"behind"`
}

// Names tells which entries there are by their tags. Tags sort by the moment in which they were appended, so that as a
// rule only the last are asked for: in registries that were seen to give them in order. All are listed once a day.
func (r *Registry) Names(ctx context.Context, since []byte) (backend.Names, error) {
	var was state
	if json.Unmarshal(since, &was) != nil || was.Version != 1 {
		was = state{}
	}
	now := r.now()
	if was.After != "" && !now.Before(was.Whole) && now.Sub(was.Whole) < wholeEvery {
		tags, clock, err := r.listEntries(ctx, was.After)
		if err != nil {
			return backend.Names{}, r.fail("reading", err)
		}
		if digestOf(tags) == was.Behind {
			return backend.Names{State: since, Unchanged: true}, nil
		}
		is := was
		if after := r.settled(tags, clock); after > was.After {
			is.After = after
		}
		is.Behind = digestOf(behind(tags, is.After))
		return names(is, false, tags)
	}
	tags, clock, err := r.listEntries(ctx, "")
	if err != nil {
		return backend.Names{}, r.fail("reading", err)
	}
	is := state{Version: 1, Whole: now.UTC(), Behind: digestOf(tags)}
	if was.Version == 1 && was.After == "" && was.Behind == is.Behind && now.Sub(was.Whole) < wholeEvery {
		return backend.Names{State: since, Unchanged: true}, nil
	}
	if after := r.settled(tags, clock); after != "" && r.inOrder(ctx, tags, after) {
		is.After, is.Behind = after, digestOf(behind(tags, after))
	}
	return names(is, true, tags)
}

func names(is state, whole bool, tags []string) (backend.Names, error) {
	data, err := json.Marshal(is)
	return backend.Names{State: data, Whole: whole, Names: tags}, err
}

// settled gives a name behind which all tags will come that are not there yet; empty where no tag is older.
func (r *Registry) settled(tags []string, clock time.Time) string {
	if clock.IsZero() {
		clock = r.now()
	}
	// A tag of the future, which nobody writes who means well, must not hide those of today.
	after := entryPrefix + clock.Add(-late).UTC().Format(appendedForm)
	if len(tags) > 0 {
		if t, ok := parseEntryTag(tags[len(tags)-1]); ok {
			after = min(after, entryPrefix+t.appended.Add(-late).Format(appendedForm))
		}
	}
	if len(tags) == 0 || tags[0] > after {
		return ""
	}
	return after
}

// inOrder says whether the registry gives the tags behind one, and all of them.
func (r *Registry) inOrder(ctx context.Context, tags []string, after string) bool {
	got, _, err := r.listTags(ctx, after, func(tag string) bool { return tag > entryPrefix && !strings.HasPrefix(tag, entryPrefix) })
	if err != nil || !slices.IsSorted(got) || len(got) > 0 && got[0] <= after {
		return false
	}
	for _, tag := range behind(tags, after) {
		if _, found := slices.BinarySearch(got, tag); !found {
			return false
		}
	}
	return len(behind(tags, after)) > 0
}

// behind gives the tags behind one, of sorted ones.
func behind(tags []string, after string) []string {
	at, _ := slices.BinarySearch(tags, after)
	return tags[at:]
}

func digestOf(tags []string) string { return evidence.Digest([]byte(strings.Join(tags, "\n"))) }

// Fits implements backend.Source: a tag tells half of the entry's digest.
func (r *Registry) Fits(name string, e evidence.Entry, digest string) bool {
	t, ok := parseEntryTag(name)
	return ok && t == entryTagOf(e, digest, t.appended)
}

// Heads is Query with heads: whoever reads a registry's entry has read all of it.
func (r *Registry) Heads(ctx context.Context, q evidence.Query) iter.Seq2[evidence.Head, error] {
	return evidence.Heads(r.Query(ctx, q))
}

// Day is the UTC day on which the entry was appended.
func (r *Registry) Day(name string) string {
	t, ok := parseEntryTag(name)
	if !ok {
		return ""
	}
	return t.appended.Format(time.DateOnly)
}

// listing is a list of all tags, for those who look for many.
type listing struct {
	at   time.Time
	tags map[string][]string
}

// listingAge is how long a list of all tags serves to find what should be removed.
const listingAge = time.Minute

// tagsOf gives all tags that name an entry by its digest.
func (r *Registry) tagsOf(ctx context.Context, digest string) ([]string, error) {
	r.mu.Lock()
	l := r.listed
	r.mu.Unlock()
	if tags := l.tags[digits(digest)]; len(tags) > 0 && r.now().Sub(l.at) < listingAge {
		return tags, nil
	}
	all, _, err := r.listTags(ctx, "", never)
	if err != nil {
		return nil, err
	}
	l = listing{at: r.now(), tags: map[string][]string{}}
	for _, tag := range all {
		for part := range strings.SplitSeq(tag, ".") {
			if len(part) == digestDigits {
				l.tags[part] = append(l.tags[part], tag)
			}
		}
	}
	r.mu.Lock()
	r.listed = l
	r.mu.Unlock()
	return l.tags[digits(digest)], nil
}

var errSegmentName = errors.New("a segment is named by a day (2006-01-02), or by one and a number")

// checkSegment refuses names that are none of a segment.
func checkSegment(name string) error {
	day, part, numbered := strings.Cut(name, ".")
	n, err := strconv.Atoi(part)
	if at, dayErr := time.Parse(time.DateOnly, day); dayErr != nil || at.Format(time.DateOnly) != day || numbered && (err != nil || n < 1 || strconv.Itoa(n) != part) {
		return fmt.Errorf("%s: %w", shown(name), errSegmentName)
	}
	return nil
}
