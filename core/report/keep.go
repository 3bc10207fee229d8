package report

// keeper chooses the cases that a Report keeps, within its limits. Problems have room of their own,
// so that a million passes never crowd out one failure.
type keeper struct {
	limits                    Limits
	report                    Report
	problems, passed, skipped int
	size                      int
}

func (k *keeper) keep(c Case) {
	count, limit, room := &k.problems, k.limits.Problems, k.limits.Kept
	switch {
	case c.Status == Passed && !c.Flaky():
		count, limit, room = &k.passed, k.limits.Cases, room/2
	case c.Status == Skipped:
		count, limit, room = &k.skipped, k.limits.Cases, room/2
	}
	if *count >= limit {
		k.report.CasesOmitted++
		return
	}
	size := sizeOf(c)
	if k.size+size > room-room/4 {
		// The last quarter is for names and messages.
		c.Detail, c.Output, c.Properties, c.Attempts = "", "", nil, bareAttempts(c.Attempts)
		c.Attachments, c.AttachmentsOmitted = nil, c.AttachmentsOmitted+len(c.Attachments)
		size = sizeOf(c)
	}
	if k.size+size > room {
		k.report.CasesOmitted++
		return
	}
	*count++
	k.size += size
	k.report.Cases = append(k.report.Cases, c)
}

// bareAttempts leaves what happened and drops the details.
func bareAttempts(attempts []Attempt) []Attempt {
	var out []Attempt
	for _, a := range attempts {
		out = append(out, Attempt{Status: a.Status, Type: a.Type})
	}
	return out
}

// sizeOf estimates the memory that keeping a case takes.
func sizeOf(c Case) int {
	const caseSize, stringSize, attemptSize = 256, 16, 64
	n := caseSize + len(c.Class) + len(c.Name) + len(c.Message) + len(c.Type) + len(c.Detail) + len(c.Output) + len(c.File)
	for _, s := range c.Suite {
		n += stringSize + len(s)
	}
	for _, p := range c.Properties {
		n += 2*stringSize + len(p.Name) + len(p.Value)
	}
	for _, a := range c.Attachments {
		n += 3*stringSize + len(a.Name) + len(a.Path) + len(a.MediaType)
	}
	for _, a := range c.Attempts {
		n += attemptSize + len(a.Message) + len(a.Type) + len(a.Detail)
	}
	return n
}
