package main

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"linkaudit/internal/report"
)

// maxEvent bounds a line of a record: an event with a stack has some kB.
const maxEvent = 1 << 20

func replay(c *cli.Context) error {
	if c.NArg() != 1 {
		return usage(c, "replay takes one file (one that watch --record wrote, or - for standard input)")
	}
	out, err := newOutput(c)
	if err != nil {
		return err
	}
	name := c.Args().First()
	if name == "-" {
		return replayEvents(c, out, c.App.Reader, "standard input")
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return replayEvents(c, out, f, name)
}

// replayEvents shows the events of the record name.
func replayEvents(c *cli.Context, out output, in io.Reader, name string) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxEvent)
	number := 0
	for lines.Scan() {
		number++
		e, err := report.ParseEvent(lines.Bytes())
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, number, err)
		}
		if err := out.format.Event(c.App.Writer, e, out.Options); err != nil {
			return fmt.Errorf("cannot write the events: %w", err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s:%d: %w", name, number+1, err)
	}
	if number == 0 {
		return fmt.Errorf("%s: no events (use a file that watch --record wrote)", name)
	}
	return nil
}
