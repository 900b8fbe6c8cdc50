package conformance

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// Options are those of every command.
type Options struct {
	Roots       string   // directory of the roots
	Suites      []string // which of them
	Seed        uint64
	Cases       int // (tree, device) pairs for each release
	Workers     int
	Fixtures    string // where disagreements are written
	MaxFailures int
	Devices     int  // for each release's outcome
	Trees       int  // that each release's fix is tried on
	OracleOnly  bool // do not ask the code under test
	Log         io.Writer
	Raw         io.Writer // if set, gets what udevadm prints, and refusals of fix
}

func (o Options) root(suite string) string { return filepath.Join(o.Roots, suite) }

// Capture asks every release about every fixture and writes the answers and
// the devices' facts into it.
func Capture(o Options, files []string) error {
	cases := make([]*Case, len(files))
	for i, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if cases[i], err = ParseCase(data); err != nil {
			return fmt.Errorf("read %s: %w", f, err)
		}
		cases[i].Udevd = nil
	}
	for _, suite := range o.Suites {
		if err := captureSuite(o, suite, cases); err != nil {
			return fmt.Errorf("%s: %w", suite, err)
		}
	}
	for i, f := range files {
		if err := os.WriteFile(f, cases[i].Format(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func captureSuite(o Options, suite string, cases []*Case) error {
	oracle, err := StartOracle(o.root(suite))
	if err != nil {
		return err
	}
	defer oracle.Close()
	oracle.Raw = o.Raw
	for _, c := range cases {
		if err := c.complete(oracle); err != nil {
			return err
		}
		if err := c.ask(oracle); err != nil {
			return err
		}
	}
	return nil
}

// ask adds what udevd says of each device to the case.
func (c *Case) ask(o *Oracle) error {
	verdicts, err := o.Ask(c)
	if err != nil {
		return err
	}
	for i, d := range c.Devices {
		c.Udevd = append(c.Udevd, Answer{o.Release, d.Name, verdicts[i]})
	}
	return nil
}

// complete fills in what a fixture written by hand leaves out: the machine,
// and the facts of the devices it names. Of a device only what the database
// says is the fixture's own; the rest is the namespace's, and an address must
// not differ between the releases.
func (c *Case) complete(o *Oracle) error {
	if c.Machine.Hostname == "" {
		c.Machine = Machine{Hostname: "host-a", MachineID: "0123456789abcdef0123456789abcdef",
			Container: "lxc", CommandLine: "root=/dev/vda ro quiet"}
	}
	if err := c.Machine.ofThisMachine(); err != nil {
		return err
	}
	if len(c.Devices) == 0 {
		c.Devices = []Device{{Name: "br0"}}
	}
	for i, want := range c.Devices {
		found := false
		for _, have := range o.Devices {
			if have.Name == want.Name {
				have.DB = want.DB
				c.Devices[i], found = have, true
			}
		}
		if !found {
			return fmt.Errorf("this kernel has no device %s", want.Name)
		}
	}
	return nil
}

// Show prints generated cases, as the first of the suites has the devices for
// them, with what its udevadm says.
func Show(o Options, indices []string) error {
	oracle, err := StartOracle(o.root(o.Suites[0]))
	if err != nil {
		return err
	}
	defer oracle.Close()
	oracle.Raw = o.Raw
	for _, text := range indices {
		index, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return err
		}
		c, err := Generate(o.Seed, index, oracle.Devices)
		if err != nil {
			return err
		}
		if err := c.ask(oracle); err != nil {
			return err
		}
		if _, err := o.Log.Write(c.Format()); err != nil {
			return err
		}
	}
	return nil
}
