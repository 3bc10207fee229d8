package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Healthy says what is wrong, or nothing when the whole lab serves.
func (s *State) Healthy(ctx context.Context) error {
	all, err := s.Components(ctx)
	if err != nil {
		return err
	}
	for _, one := range all {
		if !one.Ready {
			return fmt.Errorf("%s is not ready: %s", one.Name, one.Problem)
		}
	}
	if err := s.nodeReady(ctx, time.Now().Add(-45*time.Second)); err != nil {
		return err
	}
	return dnsAnswers(ctx)
}

// WriteStatus prints a table of the components and what they do together.
func (s *State) WriteStatus(ctx context.Context, w io.Writer) error {
	all, err := s.Components(ctx)
	if err != nil {
		return err
	}
	var problems []error
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "COMPONENT\tSTATE\tPID\tSTARTS\tUP FOR\tDETAIL")
	for _, one := range all {
		state, pid, up := "ready", "-", "-"
		switch {
		case !one.Wanted:
			state = "stopped"
		case !one.Running:
			state = "down"
		case !one.Ready:
			state = "not ready"
		}
		if one.Running {
			pid, up = fmt.Sprint(one.PID), time.Since(one.Since).Round(time.Second).String()
		}
		if !one.Ready {
			problems = append(problems, fmt.Errorf("%s is %s", one.Name, state))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\n", one.Name, state, pid, one.Starts, up, one.Problem)
	}
	checks := []struct {
		name  string
		check func() error
	}{
		{"node " + nodeName, func() error { return s.nodeReady(ctx, time.Now().Add(-45*time.Second)) }},
		{"cluster DNS", func() error { return dnsAnswers(ctx) }},
	}
	for _, c := range checks {
		state, detail := "ready", ""
		if err := c.check(); err != nil {
			state, detail = "not ready", err.Error()
			problems = append(problems, err)
		}
		fmt.Fprintf(table, "%s\t%s\t-\t-\t-\t%s\n", c.name, state, detail)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(problems) > 0 {
		return fmt.Errorf("the lab is not well: %w. The logs are in %s", errors.Join(problems...), s.Logs())
	}
	return nil
}
