package conformance

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"sync"
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

// readCases reads fixtures.
func readCases(files []string) ([]*Case, error) {
	cases := make([]*Case, len(files))
	for i, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		if cases[i], err = ParseCase(data); err != nil {
			return nil, fmt.Errorf("read %s: %w", f, err)
		}
	}
	return cases, nil
}

// Capture asks every release about every fixture and writes the answers and the
// devices' facts into it.
func Capture(o Options, files []string) error {
	cases, err := readCases(files)
	if err != nil {
		return err
	}
	for _, c := range cases {
		c.Udevd = nil
	}
	for _, suite := range o.Suites {
		o.Workers = 1 // a case has the answers in the order of the releases
		err := o.oracles(suite, func(oracle *Oracle, piece int) error {
			oracle.Raw = o.Raw
			c := cases[piece]
			if err := c.complete(oracle); err != nil {
				return err
			}
			return c.ask(oracle)
		}).Work(len(cases))
		if err != nil {
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

// CheckFixtures asks every release about every fixture and returns an error if an
// answer differs from the fixture, or the devices have changed.
func CheckFixtures(o Options, files []string) error {
	if len(files) == 0 {
		return errors.New("no fixtures to check")
	}
	cases, err := readCases(files)
	if err != nil {
		return err
	}
	return o.eachSuite("udevd's answer differs from %d answers of the fixtures", func(o Options, suite string) (failures int, err error) {
		var (
			mu      sync.Mutex
			asked   int
			release int
		)
		err = o.oracles(suite, func(oracle *Oracle, piece int) error {
			recorded := cases[piece]
			now := *recorded // another suite has it at the same time
			now.Devices, now.Udevd = slices.Clone(recorded.Devices), nil
			if err := now.complete(oracle); err != nil {
				return fmt.Errorf("%s: %w", files[piece], err)
			}
			if err := now.ask(oracle); err != nil {
				return fmt.Errorf("%s: %w", files[piece], err)
			}
			mu.Lock()
			defer mu.Unlock()
			release = oracle.Release
			wrong := func(device, what string) {
				failures++
				fmt.Fprintf(o.Log, "--- udev %d, %s, device %s: %s\n", oracle.Release, files[piece], device, what)
			}
			for i, is := range now.Udevd {
				at := slices.IndexFunc(recorded.Udevd, func(a Answer) bool { return a.Release == is.Release && a.Device == is.Device })
				if at < 0 {
					continue
				}
				asked++
				if was := recorded.Udevd[at].Verdict.Text(); was != is.Verdict.Text() {
					wrong(is.Device, fmt.Sprintf("the fixture has\n%sudevd says\n%s", was, is.Verdict.Text()))
				}
				if was, is := recorded.Devices[i].matched(), now.Devices[i].matched(); !reflect.DeepEqual(was, is) {
					wrong(is.Name, fmt.Sprintf("the fixture has\n%+v\nthe namespace\n%+v", was, is))
				}
			}
			return nil
		}).Work(len(files))
		if err != nil {
			return failures, err
		}
		fmt.Fprintf(o.Log, "udev %d (%s): %d answers in %d fixtures; %d differ\n", release, suite, asked, len(files), failures)
		if asked == 0 {
			fmt.Fprintf(o.Log, "  no fixture has an answer of this release: conformance capture adds them\n")
		}
		return failures, nil
	})
}

// ask adds udevd's answer about each device to the case.
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

// complete fills in what a hand-written fixture leaves out: the machine, and the facts
// of its devices. Only what the database says about a device is the fixture's own; the
// rest is the namespace's, and an address must be the same in all releases.
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

// Show prints generated cases with the devices of the first suite, and what its udevadm
// says.
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
