package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTRXOutcomes(t *testing.T) {
	for outcome, want := range map[string]Status{
		"Passed": Passed, "PassedButRunAborted": Passed, "Warning": Passed,
		"Failed": Failed, "Timeout": Failed,
		"NotExecuted": Skipped, "Inconclusive": Skipped, "Pending": Skipped, "Completed": Skipped,
		"Error": Errored, "Aborted": Errored, "Disconnected": Errored, "InProgress": Errored, "NotRunnable": Errored, "": Errored, "Fine": Errored,
	} {
		_, cases := readString(fmt.Sprintf(`<TestRun><Results><UnitTestResult testName="x" outcome="%s"/></Results></TestRun>`, outcome), Limits{})
		require.Len(t, cases, 1)
		assert.Equal(t, want, cases[0].Status, outcome)
		if want == Skipped {
			assert.Equal(t, outcome+"; "+noReason, cases[0].Message)
		}
	}
}

func TestTRXTime(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"00:00:01.5000000": 1500 * time.Millisecond, "01:02:03": time.Hour + 2*time.Minute + 3*time.Second,
		"1.00:00:00.25": 24*time.Hour + 250*time.Millisecond, "": 0, "x": 0, "-1:00:00": 0, "99999999999:0:0": 0,
	} {
		assert.Equal(t, want, trxTime(text), text)
	}
}

// TestTRXWaiting holds that results wait for their definitions within bounds, and that of more than that all
// are counted, in their order, and the file is told to have more.
func TestTRXWaiting(t *testing.T) {
	const n = 70_000
	for _, tc := range []struct {
		padding int
		class   string
	}{
		{0, "C"},
		{500, ""}, // more than Limits.Kept
	} {
		var b strings.Builder
		b.WriteString(`<TestRun><Results>`)
		name := func(i int) string { return fmt.Sprintf("t%d%s", i, strings.Repeat("x", tc.padding)) }
		for i := range n {
			fmt.Fprintf(&b, `<UnitTestResult testId="%d" testName="%s" duration="00:00:01" outcome="Passed"/>`, i, name(i))
		}
		b.WriteString(`</Results><TestDefinitions>`)
		for i := range n {
			fmt.Fprintf(&b, `<UnitTest id="%d"><TestMethod className="C"/></UnitTest>`, i)
		}
		b.WriteString(`</TestDefinitions></TestRun>`)
		file, cases := readString(b.String(), Limits{})
		require.Len(t, cases, n)
		for i, c := range cases {
			require.Equal(t, Case{Class: tc.class, Name: name(i), Status: Passed, Duration: time.Second}, c)
		}
		require.Empty(t, file.SeriousDoubts())
		if tc.class != "" {
			require.Empty(t, file.Doubts)
			continue
		}
		require.Contains(t, messages(file.Doubts)[0], "defines no class for some of its tests")
	}
}

// TestTRXWaitingWhole holds that a passed test which has more than a name keeps it while it waits.
func TestTRXWaitingWhole(t *testing.T) {
	_, cases := readString(`<TestRun><Results><UnitTestResult testId="1" testName="a" outcome="Passed" dataRowInfo="3"><Output><StdOut>out</StdOut></Output>`+
		`<ResultFiles><ResultFile path="shot.png"/></ResultFiles></UnitTestResult><UnitTestResult testId="1" testName="b" outcome="Passed"><ResultFiles><ResultFile path="b.png"/></ResultFiles></UnitTestResult>`+
		`</Results><TestDefinitions><UnitTest id="1"><TestMethod className="C"/></UnitTest></TestDefinitions></TestRun>`, Limits{})
	require.Len(t, cases, 2)
	assert.Equal(t, "out", cases[0].Output)
	assert.Equal(t, []Property{{"dataRowInfo", "3"}}, cases[0].Properties)
	require.Len(t, cases[0].Attachments, 1)
	require.Len(t, cases[1].Attachments, 1)
	assert.Equal(t, "C", cases[1].Class)
}

// TestTRXID holds that a GUID is the same however it is written, and that other words are ids as well.
func TestTRXID(t *testing.T) {
	guid := trxIDOf("5c2b8d1e-0000-4000-8000-00000000000A")
	assert.Equal(t, guid, trxIDOf("{5C2B8D1E-0000-4000-8000-00000000000a}"))
	ids := map[trxID]string{}
	for _, s := range []string{"", "1", "2", "5c2b8d1e-0000-4000-8000-00000000000A", "5c2b8d1e-0000-4000-8000-00000000000", "5c2b8d1e-0000-4000-8000-00000000000A0", "a test"} {
		id := trxIDOf(s)
		assert.Empty(t, ids[id], s)
		ids[id] = s + " "
	}
	assert.Equal(t, " ", ids[trxID{}], "none is none")
}

func TestTRXDamage(t *testing.T) {
	file, cases := readString(`<TestRun><Results><UnitTestResult testId="1" testName="a" outcome="Passed"/><UnitTestResult testId="2" testName="b" outcome="Failed"><Output><ErrorInfo><Message>m`, Limits{})
	assert.Equal(t, []string{"a=passed", "b=failed"}, statuses(cases))
	assert.Equal(t, "m", cases[1].Message)
	assert.True(t, file.Incomplete)
	assert.Contains(t, messages(file.Doubts), "SERIOUS r.xml ends early in line 1, inside <Message>; 2 cases were read")
}
