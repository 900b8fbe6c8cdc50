package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"linkaudit/internal/audit"
	"linkaudit/internal/derived"
	"linkaudit/internal/host"
	"linkaudit/internal/report"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

// idMachine is a machine with its ID.
type idMachine struct {
	report.MACMachine
	id [16]byte
}

func mac(c *cli.Context) error {
	format, err := formatOf(c)
	if err != nil {
		return err
	}
	names, err := namesToHash(c)
	if err != nil {
		return err
	}
	machines, err := idMachines(c)
	if err != nil {
		return err
	}
	l := macListFor(c, format, machines)
	if l.out.Shows(report.ByUdev) {
		noteOlder(c, machines)
	}
	if names == nil {
		if err := l.read(c.Context, c.App.Reader); err != nil {
			if failed := l.out.Flush(); failed != nil {
				return writing(failed)
			}
			return err
		}
	}
	for _, name := range names {
		l.add([]byte(name))
	}
	return writing(l.out.Close())
}

func macListFor(c *cli.Context, format *report.Format, machines []idMachine) *macList {
	source := report.ByUdev
	if c.Bool("networkd") {
		source = report.ByNetworkd
	}
	shown := make([]report.MACMachine, 0, len(machines))
	for _, m := range machines {
		shown = append(shown, m.MACMachine)
	}
	return &macList{machines: machines, out: format.MACs(c.App.Writer, shown, source)}
}

// namesToHash are the arguments, nil if the names are on standard input.
func namesToHash(c *cli.Context) ([]string, error) {
	names := c.Args().Slice()
	switch {
	case len(names) == 0 && isTerminal(c.App.Reader):
		return nil, usage(c, "missing name (use an interface name such as bond0, or names on standard input)")
	case len(names) == 0 || len(names) == 1 && names[0] == "-":
		return nil, nil
	}
	for _, name := range names {
		if name == "-" {
			return nil, usage(c, "- cannot be combined with names (it reads them from standard input)")
		}
		if err := host.HashableName(name); err != nil {
			return nil, usage(c, "invalid device name %q: %w", name, err)
		}
	}
	return names, nil
}

func writing(err error) error {
	if err != nil {
		return fmt.Errorf("cannot write the addresses: %w", err)
	}
	return nil
}

// noteOlder prints a note if udevd of the machine derives no address from interface names.
// It does from names of hardware, so there is an answer anyway.
func noteOlder(c *cli.Context, machines []idMachine) {
	if h, ok := machines[0].HashesInterfaceName.Get(); ok && !h {
		fmt.Fprintln(c.App.ErrWriter, "linkaudit: note: with its systemd release or naming scheme, udev there derives no address from an interface name; the addresses are only for ID_NET_NAME_* of hardware")
	}
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// idMachines are the machines of the flags, --machine-id first, or else this one. If an ID
// is given, only the release of --root counts.
func idMachines(c *cli.Context) ([]idMachine, error) {
	dir, err := root(c)
	if err != nil {
		return nil, err
	}
	given, err := machinesGiven(c)
	if err != nil {
		return nil, err
	}
	if len(given) > 0 && !c.IsSet("root") {
		return given, nil
	}
	snap, err := collectFiles(c.Context, dir, 0)
	if err != nil {
		return nil, cannotRead(dir, err)
	}
	if len(given) == 0 {
		label := "this machine"
		if c.IsSet("root") {
			label = dir
		}
		if given, err = machineFound(snap, label); err != nil {
			return nil, err
		}
	}
	for i := range given {
		given[i].HashesInterfaceName = audit.HashesInterfaceName(snap)
	}
	return given, nil
}

// machineFound is the machine of snap.
func machineFound(snap *host.Snapshot, label string) ([]idMachine, error) {
	known := snap.System.MachineID.ID()
	id, ok := known.Get()
	if !ok {
		return nil, fmt.Errorf("no machine ID: %s (use --machine-id or --machine-id-file)", words.Of(known.Reason()))
	}
	return []idMachine{{report.MACMachine{Label: label}, id}}, nil
}

// machinesGiven reads --machine-id and --machine-id-file.
func machinesGiven(c *cli.Context) (out []idMachine, err error) {
	for i, s := range c.StringSlice("machine-id") {
		id, err := machineIDGiven(s)
		if err != nil {
			return nil, usage(c, "invalid --machine-id number %d: %w", i+1, err)
		}
		out = append(out, idMachine{report.MACMachine{Label: fmt.Sprint("id", i+1)}, id})
	}
	for _, path := range c.StringSlice("machine-id-file") {
		if path == "" {
			return nil, usage(c, "--machine-id-file needs a file name")
		}
		if slices.ContainsFunc(out, func(m idMachine) bool { return m.Label == path }) {
			return nil, usage(c, "invalid --machine-id-file %q: another machine has this label (write ./ before the name)", path)
		}
		id, err := host.ReadMachineID(path)
		if err != nil {
			return nil, err
		}
		out = append(out, idMachine{report.MACMachine{Label: path}, id})
	}
	return out, nil
}

func machineIDGiven(s string) ([16]byte, error) {
	id, err := linkfiles.ParseMachineID(s)
	if err == nil && id == [16]byte{} {
		err = errors.New("a machine ID is not all zeros")
	}
	return id, err
}

// macList derives the addresses of one name after the other.
type macList struct {
	machines []idMachine
	out      report.MACList
	// Buffers, used again for each name.
	persistent, networkd []byte
}

func (l *macList) add(name []byte) {
	for i := range l.machines {
		id := l.machines[i].id
		l.persistent = derived.AppendPersistent(l.persistent[:0], id, string(name))
		l.networkd = derived.AppendNetworkd(l.networkd[:0], id, string(name))
		l.out.Add(name, i, l.persistent, l.networkd)
	}
}

// read takes one name per line, up to the first invalid one. It holds one buffer of input,
// however long a line is.
func (l *macList) read(ctx context.Context, from io.Reader) error {
	in := bufio.NewReaderSize(&patientReader{ctx: ctx, in: from, before: l.out.Flush}, 64<<10)
	for n := 1; ; n++ {
		line, err := in.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return fmt.Errorf("standard input: %w", err)
		}
		if err == nil {
			line = line[:len(line)-1]
		}
		name := line[:min(len(line), 128)]
		if err := host.HashableName(string(name)); err != nil {
			return fmt.Errorf("standard input:%d: invalid device name %.40q: %w", n, name, err)
		}
		l.add(name)
	}
}

// patientReader writes out the answers so far before it waits for more, and stops waiting
// when the program must end.
type patientReader struct {
	ctx    context.Context
	in     io.Reader
	before func() error
}

func (r *patientReader) Read(p []byte) (int, error) {
	if err := r.before(); err != nil {
		return 0, writing(err)
	}
	type answer struct {
		n   int
		err error
	}
	done := make(chan answer, 1)
	go func() {
		n, err := r.in.Read(p)
		done <- answer{n, err}
	}()
	select {
	case <-r.ctx.Done():
		return 0, errors.New("interrupted")
	case a := <-done:
		return a.n, a.err
	}
}
