// Command generate writes what is made of the manual's sources: the man pages
// in docs, and the texts of the help in cmd/linkaudit. "go generate ./manual"
// runs it in the directory manual.
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
