// Command conformance compares this program's reader of .link files with the udevadm
// and the udevd of several systemd releases. It needs root and the roots of
// test/roots/build.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"syscall"

	"linkaudit/test/conformance"
)

const usage = `usage: conformance [flags] COMMAND [argument...]

  generated          compare the verdicts on generated trees
  corpus DIR...      compare the verdicts on existing .link files and fuzz inputs
  outcome            record what a running udevd makes of devices and compare
  networkd           compare what systemd-networkd creates from generated trees
  fix [INDEX...]     write an override on generated trees, and undo it
  capture FILE...    write into fixtures what each release's udevadm says
  fixtures FILE...   compare what each release's udevadm says with what is in fixtures
  show INDEX         print the generated case with that index of -seed

`

func main() {
	conformance.RunAgentIfAsked()
	// fix writes as root, with files that everybody can read.
	syscall.Umask(0o022)
	var o conformance.Options
	flag.StringVar(&o.Roots, "roots", "", "directory with a root for each suite")
	suites := flag.String("suites", "bullseye,bookworm,bookworm-backports,trixie,sid", "which of the roots to use")
	flag.Uint64Var(&o.Seed, "seed", 1, "seed of the generated cases")
	flag.IntVar(&o.Cases, "cases", 10000, "how many (tree, device) cases for each release")
	flag.IntVar(&o.Workers, "workers", 2, "how many udevadm at the same time")
	flag.StringVar(&o.Fixtures, "fixtures", "", "where to write a shrunk disagreement; none if empty")
	flag.IntVar(&o.MaxFailures, "max-failures", 10, "stop a release after so many disagreements")
	flag.IntVar(&o.Devices, "devices", 200, "how many devices for each release's outcome")
	flag.IntVar(&o.Trees, "trees", 2000, "on how many trees fix is tried for each release")
	flag.BoolVar(&o.OracleOnly, "oracle-only", false, "generated: only print what udevadm says")
	raw := flag.Bool("raw", false, "capture: print what udevadm prints; fix: print each refusal, and the cases of the indices")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	flag.Parse()
	o.Suites = strings.Split(*suites, ",")
	o.Log = os.Stdout
	if *raw {
		o.Raw = os.Stdout
	}
	if err := run(o, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func run(o conformance.Options, args []string) error {
	if len(args) == 0 {
		flag.Usage()
		os.Exit(2)
	}
	switch args[0] {
	case "generated":
		return conformance.Generated(o)
	case "corpus":
		return conformance.Corpus(o, args[1:])
	case "outcome":
		return conformance.Outcomes(o)
	case "fix":
		return conformance.Fixes(o, args[1:])
	case "networkd":
		return conformance.Networkd(o)
	case "show":
		return conformance.Show(o, args[1:])
	case "fixtures":
		return conformance.CheckFixtures(o, args[1:])
	case "capture":
		return conformance.Capture(o, args[1:])
	}
	return fmt.Errorf("no command %q", args[0])
}
