package main

import (
	"context"

	"linkaudit/fact"
	"linkaudit/host"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// request is what of a machine is to be looked at.
type request struct {
	root    string
	names   []string
	kinds   []string
	all     bool
	files   bool              // the files and the release only, no devices
	every   bool              // everything that any audit could ask, for a snapshot
	release linkfiles.Release // 0: find out
}

// collect makes a snapshot of the machine, or of the image below r.root,
// together with its .link files, and reads those as its release does. The tree
// is nil where the release is not known.
func collect(ctx context.Context, r request) (*host.Snapshot, *linkfiles.Tree, error) {
	store, err := linkfiles.Read(r.root)
	if err != nil {
		return nil, nil, err
	}
	var tree *linkfiles.Tree
	snap, err := host.Collect(ctx, host.Options{
		Root: r.root, Kinds: r.kinds, Names: r.names, All: r.all, Release: r.release,
		WantNameFor: policy.NameMatters,
		WantFor: func(release fact.Fact[linkfiles.Release]) host.Want {
			if rel, ok := release.Get(); ok {
				tree = linkfiles.Parse(store, rel)
			}
			switch {
			case r.files:
				return host.WantNone
			case r.every || tree == nil:
				return host.WantEverything
			}
			return wantFor(tree.Needs())
		},
	})
	if err != nil {
		return nil, nil, err
	}
	snap.Files = *store
	return snap, tree, nil
}

// wantFor leaves out what costs something and what no file asks for.
func wantFor(n linkfiles.Needs) host.Want {
	want := host.WantCheck
	if n.Driver {
		want |= host.WantDriver
	}
	if n.Properties {
		want |= host.WantUEvent
	}
	if n.NameAssignType {
		want |= host.WantNameAssignType
	}
	if n.Virtualization || n.Firmware || n.Credentials || n.MachineTags || n.OtherIDs {
		want |= host.WantSystem
	}
	return want
}
