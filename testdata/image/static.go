package main

import (
	"debug/elf"
	"fmt"
)

// checkStatic says whether file runs in an image that holds nothing else: it must name no dynamic linker.
func checkStatic(file string) error {
	binary, err := elf.Open(file)
	if err != nil {
		return fmt.Errorf("%s is not a Linux binary: %w", file, err)
	}
	defer binary.Close()
	for _, program := range binary.Progs {
		if program.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is linked dynamically", file)
		}
	}
	return nil
}
