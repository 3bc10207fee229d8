package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// ignoreTerm lives for d whatever it is told, short of KILL.
func ignoreTerm(d time.Duration, stdout io.Writer) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	fmt.Fprintln(stdout, "ignoring TERM")
	end := time.After(d)
	for {
		select {
		case s := <-signals:
			fmt.Fprintln(stdout, "ignored", s)
		case <-end:
			return
		}
	}
}

// forkChildren leaves processes behind that hold its stdout open, as a forgotten dev server does.
func forkChildren(args []string, stdout io.Writer) error {
	n, err := number(args, 0, 3)
	if err != nil {
		return err
	}
	d, err := duration(args, 1, time.Hour)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for range n {
		child := exec.Command(self, "sleep", d.String())
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		// A session of its own: a signal to our process group does not reach it.
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := child.Start(); err != nil {
			return fmt.Errorf("starting a child: %w", err)
		}
		fmt.Fprintln(stdout, "left behind process", child.Process.Pid)
	}
	return nil
}

// forkBomb starts processes until the pod's limit refuses one. Its own exit code tells it from a crash.
func forkBomb(args []string, stdout io.Writer) error {
	d, err := duration(args, 0, 5*time.Second)
	if err != nil {
		return err
	}
	code, err := number(args, 1, 7)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		child := exec.Command(self, "sleep", "1h")
		if err := child.Start(); err != nil {
			fmt.Fprintf(stdout, "after %d processes: %v\n", n, err)
			break
		}
	}
	time.Sleep(d)
	return exitError(code)
}

// hog touches 4 MiB at a time, so that the memory is really in use, until the kernel ends it.
func hog(args []string, stdout io.Writer) error {
	if len(args) > 0 {
		if err := writeReport(args[0], counts{pass: 1}); err != nil {
			return err
		}
		fmt.Fprintln(stdout, "wrote", args[0])
	}
	var held [][]byte
	for {
		block := make([]byte, 4<<20)
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1
		}
		held = append(held, block)
		fmt.Fprintf(stdout, "holding %d MiB\n", 4*len(held))
	}
}
