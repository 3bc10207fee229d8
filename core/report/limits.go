package report

// Limits bound what reading a report may cost, whatever the file holds. A zero field means its
// default. Counting is never limited by what is kept: Totals hold every case that was read.
type Limits struct {
	// Cases is how many passed and how many skipped cases a Report keeps of each; default 10,000.
	Cases int
	// Problems is how many failed, errored and flaky cases a Report keeps; default 10,000.
	Problems int
	// Kept bounds the text of all cases that a Report keeps, in bytes; default 32 MiB. Passed and
	// skipped cases use at most half of it. Above it a case loses detail, output, properties and
	// attachments before it is left out.
	Kept int
	// FileCases ends the reading of a file that holds more cases than this; default 20,000,000.
	FileCases int
	// Depth ends the reading of a file whose elements are nested deeper; default 256.
	Depth int
	// Name bounds the names of cases, classes, suites, types and files, in bytes; default 4 KiB.
	Name int
	// Message bounds a case's message, in bytes; default 8 KiB.
	Message int
	// Detail bounds the body of a failure, in bytes; default 64 KiB. Beginning and end are kept.
	Detail int
	// Output bounds what a case printed, in bytes; default 32 KiB. Beginning and end are kept.
	Output int
	// Attempts is how many earlier tries of a case are kept; default 20.
	Attempts int
	// Properties is how many properties of a case are kept; default 50.
	Properties int
	// Attachments is how many attachments of a case are kept; default 20.
	Attachments int
	// Measurements is how many measurements a File and a Report keep of those that missed their
	// threshold, and how many of the others; default 1,000 each.
	Measurements int
	// CrossCheck is the size up to which a file is also read by a second reader whose counts are
	// compared, in bytes; default 1 MiB, negative for never.
	CrossCheck int
	// CrossCheckTotal bounds the bytes that one call of Read has read a second time, so that a
	// thousand small files do not take several times as long; default 16 MiB.
	CrossCheckTotal int
}

// withDefaults fills the zero fields.
func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		field *int
		value int
	}{
		{&l.Cases, 10_000},
		{&l.Problems, 10_000},
		{&l.Kept, 32 << 20},
		{&l.FileCases, 20_000_000},
		{&l.Depth, 256},
		{&l.Name, 4 << 10},
		{&l.Message, 8 << 10},
		{&l.Detail, 64 << 10},
		{&l.Output, 32 << 10},
		{&l.Attempts, 20},
		{&l.Properties, 50},
		{&l.Attachments, 20},
		{&l.Measurements, 1_000},
		{&l.CrossCheck, 1 << 20},
		{&l.CrossCheckTotal, 16 << 20},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return l
}

// Options say how to read. The zero value is the product's behaviour.
type Options struct {
	Limits Limits
}
