// Command generate writes the man pages in docs and the texts of --help in
// cmd/linkaudit. "go generate ./internal/manual" runs it.
package main

import (
	"fmt"
	"os"

	"linkaudit/internal/manual"
)

func main() {
	if err := generate(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate() error {
	files, err := manual.Files()
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile("../../"+name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
