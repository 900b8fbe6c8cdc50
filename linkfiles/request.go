package linkfiles

import (
	"strconv"
	"strings"
)

// A Refusal is a setting of [Link] that the kernel refuses. udevd sends it with the address in
// one request (rtnl_set_link_properties of netlink-util.c: Alias= and MTUBytes=, and since
// 248 the queues and GenericSegmentOffloadMaxBytes= and -Segments=), and the kernel then
// refuses the whole request.
//
// MTUBytes= is not one: the kernel sets the address first, then the MTU (do_setlink of
// net/core/rtnetlink.c). It accepts any number of queues.
type Refusal struct {
	Key string
	Pos Pos
	// Certain is false if the kernel may accept the setting.
	Certain bool
	// Takes says what the kernel accepts.
	Takes *Statement
}

// What the kernel accepts: IFALIASZ of include/uapi/linux/if.h counts a NUL that udevd sends;
// GSO_MAX_SEGS, TSO_LEGACY_MAX_SIZE and TSO_MAX_SIZE of include/linux/netdevice.h.
const (
	maxAlias       = aliasSize - 2
	maxGSOSegments = 1<<16 - 1
	// maxGSOBytes is the limit of a driver that sets none, mostGSOBytes the highest that
	// one may set.
	maxGSOBytes, mostGSOBytes = 1 << 16, 8 * maxGSOSegments
	// Below the first no kernel with a minimum accepts a size, from the second on all do:
	// MAX_TCP_HEADER depends on the kernel's build.
	minGSOBytes, enoughGSOBytes = 193, 512
)

// gsoMaxOf are the kinds with a known driver limit, seen on Linux 6.18.
var gsoMaxOf = map[string]uint64{"bridge": maxGSOBytes, "vxlan": maxGSOBytes, "veth": mostGSOBytes}

// Refusal returns the setting of the file that makes the kernel refuse the request with an
// address, for a device of the kind ("" if that is unknown).
func (f *File) Refusal(rel Release, kind string, kernel Fact[string]) (Refusal, bool) {
	if a, ok := last(rel, f.Assignments, "Link", "Alias"); ok && len(a.Value) > maxAlias {
		return Refusal{"Alias", a.Pos, !aliasWasDroppedOnce.has(rel), Say("at-most-characters", "most", maxAlias)}, true
	}
	// Since 6.4, and in later 6.1, validate_linkmsg() checks the others before anything is
	// set; older kernels set the address first.
	if kernel.IsKnown() && !kernelAtLeast(kernel, 6, 1) {
		return Refusal{}, false
	}
	return f.gsoRefusal(rel, kind, kernel)
}

// gsoRefusal is Refusal for GenericSegmentOffloadMaxSegments= and -Bytes=.
func (f *File) gsoRefusal(rel Release, kind string, kernel Fact[string]) (Refusal, bool) {
	certain := kernelAtLeast(kernel, 6, 4)
	if a, ok := last(rel, f.Assignments, "Link", "GenericSegmentOffloadMaxSegments"); ok {
		if n, err := parseUnsigned(rel, a.Value); err == nil && n > maxGSOSegments {
			return Refusal{a.Key, a.Pos, certain, Say("at-most", "most", maxGSOSegments)}, true
		}
	}
	if a, ok := last(rel, f.Assignments, "Link", "GenericSegmentOffloadMaxBytes"); ok {
		if takes, surely := refusedGSOBytes(a.Value, kind, kernel); takes != nil {
			return Refusal{a.Key, a.Pos, certain && surely, takes}, true
		}
	}
	return Refusal{}, false
}

// refusedGSOBytes says what the kernel accepts instead of a size, nil if it accepts that.
// surely is false if only some kernels refuse it.
func refusedGSOBytes(value, kind string, kernel Fact[string]) (takes *Statement, surely bool) {
	size, err := parseBytes(value, 1024)
	n := uint64(uint32(size)) // as it is sent
	most, known := gsoMaxOf[kind]
	if !known {
		most = mostGSOBytes
	}
	switch {
	case err != nil, n == 0:
	case n > most:
		return Say("at-most-bytes", "most", int(most)), true
	case !known && n > maxGSOBytes:
		return Say("more-bytes-of-few-drivers", "most", maxGSOBytes), false
	case n < enoughGSOBytes:
		return Say("at-least-bytes", "least", minGSOBytes), n < minGSOBytes && kernelAtLeast(kernel, 6, 15)
	}
	return nil, false
}

// kernelAtLeast reports whether a release (uname -r) is known to be a version or a newer
// one.
func kernelAtLeast(release Fact[string], major, minor int) bool {
	first, rest, _ := strings.Cut(release.Or(""), ".")
	second := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
	x, err := strconv.Atoi(first)
	y, err2 := strconv.Atoi(second)
	return err == nil && err2 == nil && (x > major || x == major && y >= minor)
}
