package main

import (
	"fmt"
	"strings"
)

// lines are both tables, each with its head first.
func (t *Trends) lines() (alarms, power [][]string) {
	head := []string{fmt.Sprintf("%s tests that fail as often as before (%d runs before, %d now): how many are called a regression", thousands(alarmTests), trendsBase, alarmRuns)}
	by := [][]string{{"by p < 0.05 and more than 5 points, test by test"}, {"by the same, and three failures or more"}, {"by the rule"}}
	for _, a := range t.Alarms {
		head = append(head, share(a.Rate)+" fail")
		for i, counts := range [][]float64{a.Alone, a.Three, a.Rule} {
			by[i] = append(by[i], spread(counts, "n"))
		}
	}
	alarms = append([][]string{head}, by...)

	head = []string{fmt.Sprintf("a test that failed in %s of %d runs before: how likely it is seen", share(steadyRate), trendsBase)}
	for _, runs := range powerRuns {
		head = append(head, fmt.Sprintf("after %d runs", runs))
	}
	power = [][]string{head}
	for _, p := range t.Power {
		what := fmt.Sprintf("failing in %s now, ", share(p.Rate))
		switch p.By {
		case byAlone:
			what += by[0][0]
		case byThree:
			what += by[1][0]
		default:
			what += "by the rule over " + overTests(p)
		}
		line := []string{what}
		for _, seen := range p.Seen {
			if seen > 0 && seen < 1 {
				seen = min(max(seen, 0.01), 0.99) // nearly all is not all
			}
			line = append(line, fmt.Sprintf("%.2f", seen))
		}
		power = append(power, line)
	}
	return alarms, power
}

func overTests(p Power) string {
	if p.Of == 1 {
		return "this test alone"
	}
	return fmt.Sprintf("%s tests, %s of them like it", thousands(p.Of), thousands(p.Changed))
}

// share is a share in percent, as short as it can be.
func share(v float64) string { return fmt.Sprintf("%.3g %%", 100*v) }

// besides is what is said without a table.
func (t *Trends) besides() string {
	return fmt.Sprintf("14 passes of 14 prove a pass rate of at least %.1f %%, no more (Wilson, 95 %%). A test that fails in 30 %% of its attempts passes\n"+
		"%.1f %% of its runs with two retries.", 100*t.Proven, 100*t.Retried)
}

// text is for the terminal.
func (t *Trends) text() string {
	var b strings.Builder
	alarms, power := t.lines()
	for _, table := range [][][]string{alarms, power} {
		fmt.Fprintf(&b, "\n%s\n", table[0][0])
		for _, line := range table[1:] {
			fmt.Fprintf(&b, "    %s\n       ", line[0])
			for i, figure := range line[1:] {
				fmt.Fprintf(&b, " %s: %s;", table[0][i+1], figure)
			}
			b.WriteString("\n")
		}
	}
	fmt.Fprintf(&b, "%s\n", t.besides())
	return b.String()
}

// markdown is what stands in the README between the markers. Neither machine nor day matters.
func (t *Trends) markdown() string {
	var b strings.Builder
	alarms, power := t.lines()
	for i, table := range [][][]string{alarms, power} {
		if i > 0 {
			b.WriteString("\n")
		}
		for j, line := range table {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(line, " | "))
			if j == 0 {
				fmt.Fprintf(&b, "|---%s|\n", strings.Repeat("|---", len(line)-1))
			}
		}
	}
	rounds := 0
	if len(t.Alarms) > 0 {
		rounds = len(t.Alarms[0].Rule)
	}
	fmt.Fprintf(&b, "\n%s\nDrawn by chance from seed %d by `make bench`: median (least to most) of %d families, and shares of %s tests that changed. What is seen\n"+
		"after fewer than 30 runs is advice and blocks nothing.\n", t.besides(), t.Seed, rounds, thousands(100*rounds))
	return b.String()
}
