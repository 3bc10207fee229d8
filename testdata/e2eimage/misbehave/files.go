package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// writeFiles writes N files of SIZE bytes that do not compress, the same ones every time.
func writeFiles(args []string, stdout io.Writer) error {
	if len(args) != 3 {
		return fmt.Errorf("files needs N, SIZE and DIR")
	}
	n, err := number(args, 0, -1)
	if err != nil {
		return err
	}
	size, err := number(args, 1, -1)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(args[2], 0o755); err != nil {
		return err
	}
	for i := range n {
		if err := writeNoise(filepath.Join(args[2], fmt.Sprintf("file-%06d", i)), size, uint64(i)); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(stdout, "wrote %d files of %d bytes\n", n, size)
	return err
}

// writeNoise streams, so that a file may be larger than the memory.
func writeNoise(path string, size int, seed uint64) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	out := bufio.NewWriterSize(file, 1<<20)
	if _, err := io.CopyN(out, rand.NewChaCha8(key), int64(size)); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return file.Close()
}

// fill writes until a directory takes no more, which must be for want of room.
func fill(dirs []string, stdout io.Writer) error {
	if len(dirs) == 0 {
		return errors.New("fill needs a DIR")
	}
	block := make([]byte, 1<<20)
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		file, err := os.Create(filepath.Join(dir, "filler"))
		if err != nil {
			return err
		}
		for err == nil {
			_, err = file.Write(block)
		}
		_ = file.Close()
		if !errors.Is(err, syscall.ENOSPC) {
			return fmt.Errorf("filling %s: %w", dir, err)
		}
		fmt.Fprintf(stdout, "filled %s\n", dir)
	}
	return nil
}

// makeLinks makes the links that a collector must keep (inside) or refuse (the others).
func makeLinks(args []string) error {
	if len(args) == 0 || len(args) > 2 {
		return fmt.Errorf("symlink needs DIR, and may have TARGET")
	}
	target := "/etc/passwd"
	if len(args) == 2 {
		target = args[1]
	}
	if err := writeFile(filepath.Join(args[0], "file"), []byte("a file beside the links\n")); err != nil {
		return err
	}
	for name, to := range map[string]string{"inside": "file", "outside": target, "dangling": "nothing-here", "loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(args[0], name)); err != nil {
			return err
		}
	}
	return nil
}
