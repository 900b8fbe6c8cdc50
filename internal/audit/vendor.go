package audit

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/remedy"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// VendorFile is a .link file or drop-in that differs from what its package installed.
type VendorFile struct {
	host.Packaged
	State host.PackagedState
	// Recorded is the text that the package installed, nil if only its checksum is
	// known. It is found by undoing a change of one line with MACAddressPolicy= in the
	// present text, until the checksum matches.
	Recorded []byte
	// Line is the first line that differs from Recorded.
	Line int
}

// EditedVendorFiles returns the package files of a snapshot that were edited, removed
// or replaced, sorted by path. A half-installed package has none, because its files and
// its records may be of two versions.
func EditedVendorFiles(snap *host.Snapshot) []VendorFile {
	var out []VendorFile
	for _, p := range snap.Packaged.Or(nil) {
		v := VendorFile{Packaged: p, State: p.State(&snap.Files)}
		switch {
		case p.HalfInstalled, v.State == host.FileSame, v.State == host.FileUncompared:
			continue
		case v.State == host.FileEdited:
			text, _ := snap.Files.Content(p.Path)
			v.Recorded, v.Line = unedited(text, p.MD5)
		}
		out = append(out, v)
	}
	slices.SortStableFunc(out, func(x, y VendorFile) int { return strings.Compare(x.Path, y.Path) })
	return out
}

// maxUnedited is the maximum size in bytes of a file for which unedited searches: it
// computes a checksum for each line.
const maxUnedited = 16 << 10

// policyValues are the values of MACAddressPolicy=.
var policyValues = []string{"persistent", "random", "none"}

// unedited searches for the text with the checksum. It tries to undo what people do to
// the policy with sed: change the value, comment the line out, remove it, or add it. It
// returns nil if none of these fits.
func unedited(text []byte, sum string) ([]byte, int) {
	if len(text) > maxUnedited {
		return nil, 0
	}
	const key = "MACAddressPolicy="
	is := func(candidate []byte) bool {
		got := md5.Sum(candidate)
		return hex.EncodeToString(got[:]) == sum
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	for i, line := range lines {
		before, after := lines[:i], lines[i+1:]
		with := func(middle string) []byte {
			return slices.Concat(bytes.Join(before, nil), []byte(middle), bytes.Join(after, nil))
		}
		var candidates [][]byte
		switch {
		case bytes.Contains(line, []byte(key)):
			candidates = append(candidates, with(""))
			for _, value := range policyValues {
				candidates = append(candidates, with(key+value+"\n"))
			}
		default:
			for _, value := range policyValues {
				candidates = append(candidates, with(key+value+"\n"+string(line)))
			}
		}
		for _, c := range candidates {
			if is(c) {
				return c, i + 1
			}
		}
	}
	return nil, 0
}

// Restored returns a function that says which MACAddressPolicy= udev would find for a
// device if the file were as the package installed it. The policy is absent if none is
// set, unknown if the text of the package's file is unknown.
func (v *VendorFile) Restored(snap *host.Snapshot, rel linkfiles.Release) func(*linkfiles.Device) fact.Fact[string] {
	store, ok := snap.Files.With(v.Path, v.Recorded)
	if v.Recorded == nil || !ok {
		return func(*linkfiles.Device) fact.Fact[string] {
			return fact.Unknown[string](say("only-checksum-recorded"))
		}
	}
	decider := linkfiles.Parse(store, rel).For(&snap.System)
	return func(dev *linkfiles.Device) fact.Fact[string] {
		d := decider.Decide(dev)
		if d.File.IsUnknown() {
			return fact.Unknown[string](d.File.Reason())
		}
		return fact.Text(policy.OfFile(d.File.Or(nil)))
	}
}

// Restores is the command that restores the package's version of the file.
func (v *VendorFile) Restores(at remedy.Place) remedy.Line {
	return at.Run("apt-get install --reinstall " + v.Package)
}

// What says what happened to the file.
func (v *VendorFile) What() *linkfiles.Statement {
	switch v.State {
	case host.FileGone:
		return say("was-removed-since-installed", "file", v.Path, "package", v.Package)
	case host.FileReplaced:
		return say("no-longer-a-regular-file", "file", v.Path, "package", v.Package)
	}
	return say("was-edited-since-installed", "file", v.Path, "package", v.Package)
}

// Governs reports whether the file is f, the effective file, or a drop-in of it.
func (v *VendorFile) Governs(f *linkfiles.File, store *linkfiles.Store) bool {
	if f == nil {
		return false
	}
	if name, is := v.dropInOf(); is && v.State == host.FileGone {
		return name == f.Name
	}
	return store.Resolved(f.Path) == v.Path ||
		slices.ContainsFunc(f.DropIns, func(name string) bool { return store.Resolved(name) == v.Path })
}

// MayCome reports whether the package's file, which is missing now, would be used
// before f: it sorts before f, and no file of the same name shadows it.
func (v *VendorFile) MayCome(f *linkfiles.File, tree *linkfiles.Tree) bool {
	name := path.Base(v.Path)
	if _, is := v.dropInOf(); is || slices.ContainsFunc(tree.Files, func(x *linkfiles.File) bool { return x.Name == name && x.Path != v.Path }) {
		return false
	}
	return f == nil || name < f.Name
}

// Concerns reports whether fix would write an override because the file was edited: the
// file is effective as f, or no file is effective but the package's may be.
func (v *VendorFile) Concerns(f *linkfiles.File, store *linkfiles.Store, tree *linkfiles.Tree) bool {
	return v.Governs(f, store) || f == nil && v.MayCome(nil, tree)
}

// dropInOf is the name of the .link file that a drop-in belongs to.
func (v *VendorFile) dropInOf() (string, bool) {
	name := strings.TrimSuffix(path.Base(path.Dir(v.Path)), ".d")
	return name, strings.HasSuffix(v.Path, ".conf")
}

// PolicySetting is a policy setting as part of a sentence, "" for no setting.
func PolicySetting(policy string) *linkfiles.Statement {
	return say("policy-setting", "policy", policy)
}
