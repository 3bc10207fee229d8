package node

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
)

// run executes a program to its end and puts what it complained about into the error.
func run(name string, args ...string) error {
	_, err := outputOf(exec.Command(name, args...))
	return err
}

func output(name string, args ...string) (string, error) {
	return outputOf(exec.Command(name, args...))
}

func outputOf(command *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return stdout.String(), fmt.Errorf("running %s: %w: %s", strings.Join(command.Args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}
