// Command misbehave is the test that end-to-end tests run: it does on purpose what real tests do by
// accident. One static binary, so that an image needs nothing else.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

const usage = `misbehave does on purpose what tests do by accident.

Usage: misbehave COMMAND ...

  exit CODE                        exit with CODE at once
  sleep DURATION                   sleep (10s, 5m), then exit 0
  ignore-term [DURATION]           ignore TERM and INT, say so each time, sleep (default 1h)
  print N [oneline]                print N bytes to stdout: lines of 64 bytes, or one line without an end
  emit N [DURATION]                print N bytes in lines of 64, spread over DURATION, then a line with their SHA-256
  fork-children [N] [DURATION]     leave N (default 3) background processes behind that live for DURATION
                                   (default 1h), and exit 0 without waiting for them
  fork-bomb [DURATION] [CODE]      start processes until no more can be, hold them for DURATION (default 5s), then
                                   exit with CODE (default 7) and leave them behind
  fill DIR...                      write a file into each DIR until it takes no more, and exit 0
  hog [REPORT]                     write a passing JUnit report to REPORT, then allocate memory until killed
  junit PATH [--pass N] [--fail N] [--skip N] [--error N] [--exit CODE]
                                   write a JUnit report with so many cases and exit with CODE (default 0:
                                   a report full of failures and a process that says all is well)
  env                              print the names of all environment variables, sorted, never a value
  leak VAR                         print the value of VAR to stdout and stderr, and write it to
                                   results/leak.xml (a JUnit report) and results/leak.txt
  files N SIZE DIR                 write N files of SIZE bytes, each with its own bytes, below DIR
  symlink DIR [TARGET]             make links in DIR: "inside" to a file beside it, "outside" to TARGET
                                   (default /etc/passwd), "dangling" to nothing, "loop" to itself

Examples:
  misbehave junit results/junit.xml --pass 3 --fail 1
  misbehave print 1048576 oneline
`

// exitError is an exit code that was asked for, without a complaint.
type exitError int

func (e exitError) Error() string { return "exit " + strconv.Itoa(int(e)) }

func main() {
	err := run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	var code exitError
	switch {
	case errors.As(err, &code):
		os.Exit(int(code))
	case err != nil:
		fmt.Fprintln(os.Stderr, "misbehave:", err)
		os.Exit(64)
	}
}

// run does what args say. A misspelt command exits 64, so that a test which expects some failure
// does not mistake it for that one.
func run(args, env []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return errors.New("name a command")
	}
	command, args := args[0], args[1:]
	switch command {
	case "help", "-h", "--help":
		_, err := fmt.Fprint(stdout, usage)
		return err
	case "exit":
		code, err := number(args, 0, -1)
		if err != nil {
			return err
		}
		return exitError(code)
	case "sleep":
		d, err := duration(args, 0, 0)
		if err != nil {
			return err
		}
		time.Sleep(d)
		return nil
	case "ignore-term":
		d, err := duration(args, 0, time.Hour)
		if err != nil {
			return err
		}
		ignoreTerm(d, stdout)
		return nil
	case "print":
		return printBytes(args, stdout)
	case "emit":
		return emit(args, stdout)
	case "fork-bomb":
		return forkBomb(args, stdout)
	case "fill":
		return fill(args, stdout)
	case "fork-children":
		return forkChildren(args, stdout)
	case "hog":
		return hog(args, stdout)
	case "junit":
		return junit(args)
	case "env":
		return printNames(env, stdout)
	case "leak":
		return leak(args, env, stdout, stderr)
	case "files":
		return writeFiles(args, stdout)
	case "symlink":
		return makeLinks(args)
	}
	return fmt.Errorf("no command %q; see misbehave --help", command)
}

// number is the i-th argument as a number that is not negative; fallback (where not negative) is for one left out.
func number(args []string, i, fallback int) (int, error) {
	if i >= len(args) {
		if fallback < 0 {
			return 0, errors.New("a number is missing; see misbehave --help")
		}
		return fallback, nil
	}
	n, err := strconv.Atoi(args[i])
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a number of 0 or more", args[i])
	}
	return n, nil
}

// duration is the i-th argument as a duration; fallback (where not 0) is for one left out.
func duration(args []string, i int, fallback time.Duration) (time.Duration, error) {
	if i >= len(args) {
		if fallback == 0 {
			return 0, errors.New("a duration is missing; see misbehave --help")
		}
		return fallback, nil
	}
	return time.ParseDuration(args[i])
}
