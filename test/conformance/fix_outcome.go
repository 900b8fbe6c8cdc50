package conformance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"linkaudit/internal/change"
	"linkaudit/internal/override"
	"linkaudit/linkfiles"
)

// fixOutcomeBatches is how many trees are tried under the running udevd of each
// release, with some 25 devices each.
const fixOutcomeBatches = 8

// fixOutcomes proves by udevd's actions that the policy of an override is none. It
// writes overrides for devices that do not exist yet, then creates them under a running
// udevd, which must leave their addresses as the kernel made them. All other devices
// must get what is predicted for the changed tree.
func fixOutcomes(o Options, suite string) (failures int, err error) {
	targets, left, taken, release := 0, 0, 0, 0
	err = o.underUdevd(suite, func(agent *Oracle, batch int) error {
		release = agent.Release
		g := &generator{Rand: rand.New(rand.NewPCG(o.Seed, 1<<32+uint64(batch)))}
		tree, devices := g.policyTree(), g.devicesToCreate("-")
		plans, err := planAhead(g, linkfiles.Release(agent.Release), &tree, devices)
		if err != nil {
			return fmt.Errorf("batch %d: %w", batch, err)
		}
		rep, err := agent.ask(request{Tree: tree, Create: devices})
		if err != nil {
			return fmt.Errorf("batch %d: %w", batch, err)
		}
		scheme, others := "", map[string]bool{}
		for _, c := range rep.Outcomes {
			if s := c.After.DB["ID_NET_NAMING_SCHEME"]; s != "" {
				scheme = s
			}
			others[c.After.MAC] = true
		}
		for _, c := range rep.Outcomes {
			c.Before.DB = map[string]string{"ID_NET_DRIVER": c.Before.Driver}
			problem := ""
			if p := planFor(plans, c.Before); p != nil {
				targets++
				problem = leftAlone(p, c)
				if problem == "" {
					left++
				}
			} else {
				out := Outcome{agent.Release, scheme, outcomeMachine(), tree, c.Before, c.After, others}
				var what string
				what, problem = out.check(agent.Root())
				if what == "set" || what == "set-random" {
					taken++
				}
			}
			if problem != "" {
				failures++
				fmt.Fprintf(o.Log, "--- fix under a running udevd: udev %d, seed %d, batch %d, device %s: %s\n%s",
					agent.Release, o.Seed, batch, c.Before.Name, problem,
					(&Case{Machine: outcomeMachine(), Devices: []Device{c.Before, c.After}, Tree: tree}).Format())
			}
		}
		return nil
	}).Work(fixOutcomeBatches)
	if err != nil {
		return failures, err
	}
	fmt.Fprintf(o.Log, "udev %d (%s), seed %d: a running udevd left the address of %d of %d new devices with an override; without one it set %d\n",
		release, suite, o.Seed, left, targets, taken)
	return failures, nil
}

// planAhead writes overrides for some of the future devices, or for all of a kind, and
// adds them to the tree.
func planAhead(g *generator, rel linkfiles.Release, tree *Tree, devices [][]string) ([]*change.Plan, error) {
	root, err := os.MkdirTemp("", "linkaudit-fix-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(root)
	if err := tree.Write(root); err != nil {
		return nil, err
	}
	var targets []override.Target
	if g.chance(3) {
		targets = append(targets, override.Target{Kind: one(g, "bridge", "veth", "vxlan")})
	}
	for _, command := range devices {
		// "link add NAME ... type KIND ..."
		at := slices.Index(command, "type")
		if at > 0 && slices.Contains([]string{"bridge", "veth", "vxlan"}, command[at+1]) && g.chance(3) {
			targets = append(targets, override.Target{Kind: command[at+1], Name: command[2]})
		}
	}
	var plans []*change.Plan
	for _, t := range targets {
		store, err := linkfiles.Read(root)
		if err != nil {
			return nil, err
		}
		done, err := change.Fix(context.Background(), options(root, t, snapshotOf(int(rel), outcomeMachine(), store)))
		if err != nil {
			return nil, err
		}
		if !done.Changed {
			continue
		}
		p := done.Plans[0]
		plans = append(plans, p)
		*tree = append(*tree, Node{Path: p.Path, Kind: NodeFile, Content: p.Content})
	}
	return plans, nil
}

// planFor returns the override for the device. One for the device alone was written
// after one for its kind, so it comes first.
func planFor(plans []*change.Plan, d Device) *change.Plan {
	for _, p := range slices.Backward(plans) {
		if p.Target.Name == d.Name || p.Target.Name == "" && p.Target.Kind == d.Kind {
			return p
		}
	}
	return nil
}

// leftAlone says what udev did to the device besides leaving its address.
func leftAlone(p *change.Plan, c created) string {
	want := p.Path
	if strings.HasSuffix(want, ".conf") {
		want = pathOf(p.Base)
	}
	file := c.After.DB["ID_NET_LINK_FILE"]
	var err error
	switch {
	case file != want && p.Target.Name == "":
		return "" // its own file sorts before the one for its kind
	case file != want:
		err = fmt.Errorf("udevd applied %q, not %q", file, want)
	case c.After.MAC != c.Before.MAC || c.After.AddrAssignType != c.Before.AddrAssignType:
		err = errors.New("udevd made its address " + c.After.MAC + ", which was " + c.Before.MAC)
	default:
		return ""
	}
	return err.Error()
}
