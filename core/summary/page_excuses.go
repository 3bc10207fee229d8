package summary

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
)

// excuseView is what is excused in the verdict and until when.
type excuseView struct {
	Waivers, Quarantine         []excuseRow
	WaiversMore, QuarantineMore string
	// Notes are what the findings say of waivers and quarantines that excuse nothing: expired, refused,
	// of something else.
	Notes pageFindingList
}

// excuseRow is a waiver or a quarantine.
type excuseRow struct {
	What, Workload, Where, Only, Approver, Reason, Ticket, Expires, Left string
	// Soon is set where it ends within a week.
	Soon bool
}

// soon is when the end of an excuse wants a look.
const soon = 7 * 24 * time.Hour

func excusesOf(s Summary, told []policy.Finding) (out excuseView) {
	v := s.Verdict
	at := decidedAt(s)
	for i, w := range v.Waivers {
		if i == pageExcuses {
			out.WaiversMore = counted(len(v.Waivers)-i, "more waiver") + " not shown here."
			break
		}
		r := excuseRow{What: title(w.Suite), Workload: cmp.Or(title(w.Workload), noWorkload), Approver: title(w.Approver), Reason: shorten(oneLine(w.Reason), longestInline), Ticket: title(w.Ticket)}
		if w.Suite == "" {
			r.What = "level " + title(w.Level)
		}
		if w.Environment != "" && oneLine(w.Environment) != s.environmentName() {
			r.Where = title(w.Environment)
		}
		switch {
		case w.Release != "" && w.Digest != "":
			r.Only = "release " + title(w.Release) + ", " + title(shortDigest(w.Digest))
		case w.Release != "":
			r.Only = "release " + title(w.Release)
		case w.Digest != "":
			r.Only = title(shortDigest(w.Digest))
		}
		r.ends(w.Expires, at)
		out.Waivers = append(out.Waivers, r)
	}
	for i, q := range v.Quarantine {
		if i == pageExcuses {
			out.QuarantineMore = counted(len(v.Quarantine)-i, "more quarantine") + " not shown here."
			break
		}
		r := excuseRow{What: title(q.Suite), Workload: shorten(oneLine(q.Test), 2*longestName), Approver: title(q.Approver), Reason: shorten(oneLine(q.Reason), longestInline), Ticket: title(q.Ticket)}
		r.ends(q.Expires, at)
		out.Quarantine = append(out.Quarantine, r)
	}
	// What is in force stands in the tables.
	out.Notes = findingList(slices.DeleteFunc(slices.Clone(told), func(f policy.Finding) bool {
		return f.Code == policy.CodeWaived && len(v.Waivers) > 0 || f.Code == policy.CodeQuarantined && len(v.Quarantine) > 0
	}), &digestList{})
	return out
}

func (r *excuseRow) ends(d policy.Day, at time.Time) {
	left := d.Left(at)
	r.Expires, r.Left, r.Soon = title(d.String()), leftText(left), left < soon
}

// leftText says how long something still lasts, rounded down.
func leftText(d time.Duration) string {
	switch {
	case d <= 0:
		return "expired"
	case d < time.Hour:
		return counted(int(d/time.Minute), "minute") + " left"
	case d < 48*time.Hour:
		return counted(int(d/time.Hour), "hour") + " left"
	}
	return counted(int(d/(24*time.Hour)), "day") + " left"
}

// placeView is how the environment drifted since it was tested, and how it differs from the one that
// the policy wants it to match.
type placeView struct {
	// Drift is what changed since the tests passed: what makes a pass stale first, then what decides nothing.
	Drift []driftRow
	// Differences decide, Tolerated do not.
	Differences, Tolerated         []differenceRow
	DriftMore, Differing, Accepted string
	// Unknown says that it could not be told.
	Unknown [][]textSpan
}

type driftRow struct {
	What, Owner string
	Message     []textSpan
}

type differenceRow struct{ Where, What, Sentence string }

func placesIn(s Summary) (out placeView) {
	v := s.Verdict
	var drifted []policy.Finding
	for _, f := range v.Findings {
		switch f.Code {
		case policy.CodeEnvironmentChanged, policy.CodeDrifted:
			drifted = append(drifted, f)
		case policy.CodeEnvironmentsUnknown:
			if len(out.Unknown) < pageTests {
				out.Unknown = append(out.Unknown, spans(f.Message))
			}
		}
	}
	drifted = together(drifted)
	for i, f := range drifted {
		if i == pageChanges {
			out.DriftMore = number(len(drifted)-i) + " more."
			break
		}
		r := driftRow{What: title(f.Suite), Owner: cmp.Or(title(f.Owner), noOwner), Message: spans(f.Message)}
		if f.Workload != "" {
			r.What += " for " + shorten(oneLine(f.Workload), longestInline)
		}
		out.Drift = append(out.Drift, r)
	}
	out.Differences, out.Differing = differenceRows(v.Differences)
	out.Tolerated, out.Accepted = differenceRows(v.Tolerated)
	return out
}

func differenceRows(list []evidence.Difference) (rows []differenceRow, more string) {
	for i, d := range list {
		if i == pageChanges {
			return rows, fmt.Sprintf("%s more.", number(len(list)-i))
		}
		what := string(d.Aspect)
		if d.Item != "" {
			what += " " + d.Item
		}
		rows = append(rows, differenceRow{Where: title(d.Where), What: title(what), Sentence: shorten(oneLine(d.Sentence), longestInline)})
	}
	return rows, ""
}
