package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"linkaudit/host"
)

// completer answers the shells' completion scripts (contrib/completions). They
// call linkaudit with the words before the cursor, the word at the cursor
// (which may be empty) and --generate-bash-completion, and get one candidate a
// line; no candidate means that a file name is wanted.
func completer(args []string, flags []cli.Flag, arguments func(*cli.Context) []string) cli.BashCompleteFunc {
	return func(c *cli.Context) {
		if len(args) < 3 {
			return
		}
		current, before := args[len(args)-2], args[len(args)-3]
		for _, s := range candidates(c, flags, arguments, before, current) {
			if strings.HasPrefix(s, current) {
				fmt.Fprintln(c.App.Writer, s)
			}
		}
	}
}

func candidates(c *cli.Context, flags []cli.Flag, arguments func(*cli.Context) []string, before, current string) []string {
	if name, isFlag := strings.CutPrefix(before, "--"); isFlag && flagsWithValue(flags)[name] {
		switch name {
		case "kind":
			return host.DefaultKinds
		case "device":
			return devicesWith("")
		case "bond":
			return devicesWith("bonding")
		case "bridge":
			return devicesWith("bridge")
		}
		return choicesOf(c, name)
	}
	if !strings.HasPrefix(current, "-") {
		return arguments(c)
	}
	names := []string{"--help"}
	for _, f := range flags {
		if name := f.Names()[0]; name != "help" {
			names = append(names, "--"+name)
		}
	}
	return names
}

func noArguments(*cli.Context) []string { return nil }

// deviceNames lists the devices of this machine by the one way that needs no
// rights and no netlink.
func deviceNames(*cli.Context) []string { return devicesWith("") }

// devicesWith lists those that have a directory of that name in sysfs, as the
// bonding and the bridge driver make one.
func devicesWith(directory string) []string {
	entries, err := os.ReadDir("/sys/class/net")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if _, err := os.Stat("/sys/class/net/" + e.Name() + "/" + directory); err == nil {
			names = append(names, e.Name())
		}
	}
	return names
}
