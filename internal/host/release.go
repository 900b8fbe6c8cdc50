package host

import (
	"fmt"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

// The releases of systemd since which udevd looks elsewhere for a fact of this package: a
// complete list, from the tags of systemd's history.
const (
	// rulesInUsrLocal: /usr/local/lib/udev/rules.d is searched (RULES_DIRS
	// in udev-rules.c; v241 has /etc, /run and its own directory).
	rulesInUsrLocal linkfiles.Release = 242
	// firstSchemeRelease: naming schemes exist (udev-builtin-net_id.c).
	firstSchemeRelease linkfiles.Release = 240
	// containerManagerFile: detect_container() reads
	// /run/host/container-manager.
	containerManagerFile linkfiles.Release = 247
	// containerFiles: it accepts /run/.containerenv and /.dockerenv as marks.
	containerFiles linkfiles.Release = 248
	// containerByPIDNamespace: without any mark it treats a PID namespace other than the
	// first as a container.
	containerByPIDNamespace linkfiles.Release = 257
	// userNamespaceByInode: running_in_userns() reads the namespace's inode number, and no
	// longer uid_map, gid_map and setgroups.
	userNamespaceByInode linkfiles.Release = 258
)

// Needed is the release for callers that need it; the error says why it is unknown, and
// what to do.
func (s Systemd) Needed() (linkfiles.Release, error) {
	rel, ok := s.Release.Get()
	if !ok {
		return 0, fmt.Errorf("the systemd release is unknown, and the result depends on it: %s; set it with --systemd-release", s.Release.Reason().String())
	}
	return rel, nil
}

// WithRelease returns the snapshot of the machine with another release of systemd, given by
// the user. The naming scheme changes if it was the default of the release, and with it what
// depends on both.
func (s *Snapshot) WithRelease(rel linkfiles.Release) *Snapshot {
	other := *s
	other.Systemd = Systemd{Release: fact.Known(rel), Version: fmt.Sprint(int(rel)), Source: "given"}
	scheme, ok := s.NamingScheme.Get()
	if ok && scheme.Source != schemeByDefault || s.NamingScheme.IsUnknown() {
		return &other
	}
	other.NamingScheme = fact.Absent[NamingScheme]()
	if rel >= firstSchemeRelease {
		other.NamingScheme = fact.Known(NamingScheme{Name: defaultScheme(rel), Source: schemeByDefault, Assumed: s.Offline})
	}
	return &other
}
