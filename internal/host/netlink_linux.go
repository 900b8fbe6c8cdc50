package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"linkaudit/linkfiles"
)

// Numbers of include/uapi/linux/rtnetlink.h that package unix does not have.
const (
	rtextFilterSkipStats = 1 << 3
	nlaTypeMask          = 0x3fff // NLA_TYPE_MASK of netlink.h
)

// A dump that the kernel marked as interrupted (NLM_F_DUMP_INTR: a device came or went
// meanwhile) is made again, dumpAttempts times or, with many devices, until dumpPatience is
// over.
var (
	dumpAttempts = 8
	dumpPatience = 300 * time.Millisecond
)

// dumpTries are the tries at one dump.
func dumpTries(yield func() bool) {
	start := time.Now()
	for attempt := 0; attempt < dumpAttempts && (attempt < 2 || time.Since(start) < dumpPatience); attempt++ {
		if !yield() {
			return
		}
	}
}

// orderedDumps: since Linux 6.9 a dump of links or IPv4 addresses goes by the index of the
// device (for_each_netdev_dump() in rtnl_dump_ifinfo() and inet_dump_ifaddr()): even an
// interrupted one has every device that existed all the time. Before, it continued at a
// position in a list, and missed devices when an earlier one was gone.
var orderedDumps = sync.OnceValue(func() bool { return kernelAtLeast(6, 9) })

// netlinkTimeout is for one answer of the kernel, which needs no other process.
const netlinkTimeout = 10 * time.Second

var (
	errInterrupted = errors.New("the list of devices kept changing during the read")
	// errFilterIgnored says that the kernel sent links outside the filter.
	errFilterIgnored = errors.New("the kernel did not filter")
	// errManyLinks says that a brief dump is better.
	errManyLinks = errors.New("many links")
)

// link is one RTM_NEWLINK message.
type link struct {
	Device
	masterIndex int
	// ownMAC is Port.OwnMAC of a link that is a port.
	ownMAC linkfiles.MAC
	port   bool // has IFLA_MASTER
	// lowerIndex is IFLA_LINK, 0 where that is in another network namespace.
	lowerIndex int

	// What became of it in deviceReader: read at all, read with every check
	// (inspect), and found to be gone.
	read, checked, gone bool
	// tornPorts: Ports are of a dump that was interrupted.
	tornPorts bool
	// portNames are a bridge's ports, where sysfs told them.
	portNames  []string
	namesPorts bool
}

// rtnl is one rtnetlink socket.
type rtnl struct {
	fd     int
	strict bool
	seq    uint32
	buf    []byte
}

func openRtnl() (*rtnl, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket: %w", err)
	}
	r := &rtnl{fd: fd, buf: *buffers.Get().(*[]byte)}
	tv := unix.NsecToTimeval(int64(netlinkTimeout))
	err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("open a netlink socket: %w", err)
	}
	// Since Linux 4.20. Without it the kernel before 4.20 still filters, but
	// does not say when it did not understand the filter.
	r.strict = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1) == nil
	return r, nil
}

func (r *rtnl) close() {
	unix.Close(r.fd)
	buffers.Put(&r.buf)
}

// lateRtnl is an rtnetlink socket that is opened at its first use.
type lateRtnl struct{ r *rtnl }

func (s *lateRtnl) open() (*rtnl, error) {
	if s.r == nil {
		var err error
		if s.r, err = openRtnl(); err != nil {
			return nil, err
		}
	}
	return s.r, nil
}

func (s *lateRtnl) close() {
	if s.r != nil {
		s.r.close()
	}
}

// buffers hold one answer of the kernel each, which are no larger than 32 KiB
// (netlink_dump() in net/netlink/af_netlink.c) but for one huge message.
var buffers = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

// request sends one request and calls each for every RTM_NEWLINK of the answer; the message
// is valid only during the call. interrupted is NLM_F_DUMP_INTR.
func (r *rtnl) request(ctx context.Context, req *nl.NetlinkRequest, each func(msg []byte) error) (interrupted bool, err error) {
	r.seq++
	req.Seq = r.seq
	if err := unix.Sendto(r.fd, req.Serialize(), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return false, err
	}
	for {
		if err := ctx.Err(); err != nil {
			return interrupted, err
		}
		b, err := r.receive()
		if err != nil {
			return interrupted, err
		}
		done, torn, err := r.answer(b, each)
		interrupted = interrupted || torn
		if done || err != nil {
			return interrupted, err
		}
	}
}

// receive reads from the socket. It returns nothing for a message that is not from the
// kernel, and after a signal.
func (r *rtnl) receive() ([]byte, error) {
	n, from, err := unix.Recvfrom(r.fd, r.buf, unix.MSG_TRUNC)
	switch {
	case err == unix.EINTR:
		return nil, nil
	case err == unix.EAGAIN:
		return nil, fmt.Errorf("no answer from the kernel within %v", netlinkTimeout)
	case err != nil:
		return nil, err
	case n > len(r.buf):
		return nil, fmt.Errorf("a netlink message of %d bytes", n)
	case !fromKernel(from):
		return nil, nil
	}
	return r.buf[:n], nil
}

// answer goes through one read of the answer to the last request. done says that the answer
// ends there.
func (r *rtnl) answer(b []byte, each func(msg []byte) error) (done, interrupted bool, err error) {
	for m := range messages(b) {
		if m.malformed {
			return false, interrupted, errors.New("a malformed netlink message")
		}
		if m.seq != r.seq {
			continue
		}
		interrupted = interrupted || m.flags&unix.NLM_F_DUMP_INTR != 0
		switch m.typ {
		case unix.NLMSG_DONE, unix.NLMSG_ERROR:
			return true, interrupted, m.refusal()
		case unix.RTM_NEWLINK, unix.RTM_NEWADDR:
			if err := each(m.body); err != nil {
				return false, interrupted, err
			}
		}
		if m.flags&unix.NLM_F_MULTI == 0 {
			return true, interrupted, nil
		}
	}
	return false, interrupted, nil
}

// fromKernel reports whether a message of a netlink socket came from the kernel: its port is
// 0. Any process with CAP_NET_ADMIN in a network namespace can send one, and the creator of
// a namespace has that.
func fromKernel(from unix.Sockaddr) bool {
	sa, ok := from.(*unix.SockaddrNetlink)
	return ok && sa.Pid == 0
}

// message is one netlink message: nlmsghdr of netlink(7), and what follows it.
type message struct {
	typ, flags uint16
	seq        uint32
	body       []byte
	// malformed: the length is impossible, and nothing after it can be read.
	malformed bool
}

// refusal is the error at the end of an answer, nil if the request succeeded.
func (m *message) refusal() error {
	if len(m.body) < 4 {
		return nil
	}
	if e := int32(binary.NativeEndian.Uint32(m.body)); e < 0 {
		return syscall.Errno(-e)
	}
	return nil
}

// messages walks what one read of a netlink socket brought.
func messages(b []byte) iter.Seq[message] {
	return func(yield func(message) bool) {
		for len(b) >= unix.NLMSG_HDRLEN {
			length := binary.NativeEndian.Uint32(b)
			if length < unix.NLMSG_HDRLEN || uint64(length) > uint64(len(b)) {
				yield(message{malformed: true})
				return
			}
			m := message{
				typ: binary.NativeEndian.Uint16(b[4:]), flags: binary.NativeEndian.Uint16(b[6:]),
				seq: binary.NativeEndian.Uint32(b[8:]), body: b[unix.NLMSG_HDRLEN:length],
			}
			if !yield(m) {
				return
			}
			b = b[min(len(b), int(length+3)&^3):]
		}
	}
}

// linkRequest asks for links; brief without the counters of IPv6
// (RTEXT_FILTER_SKIP_STATS, Linux 4.4), which the kernel adds up over all
// processors for each link. The price of leaving them out is that the kernel
// first measures every link that there is (rtnl_calcit() in
// net/core/rtnetlink.c), whatever the filter.
func linkRequest(flags int, brief bool) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, flags)
	req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	if brief {
		req.AddData(nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(rtextFilterSkipStats)))
	}
	return req
}

// A dump of few links out of many is cheaper with their counters, and one of
// many links without: the more processors, the sooner. Where there are many,
// a dump of more than fewLinks is begun again without counters.
const (
	fewLinks       = 24
	manyProcessors = 8
)

// enoughLinks is how many links a dump may bring before it is begun again.
func enoughLinks(brief bool) int {
	if brief || runtime.NumCPU() < manyProcessors {
		return math.MaxInt
	}
	return fewLinks
}

// linkFilter filters a dump in the kernel; the zero value is every link.
type linkFilter struct {
	kind   string
	master int
}

// passes reports whether a link is one of those that the kernel is asked for.
func (f linkFilter) passes(l *link) bool {
	return (f.kind == "" || l.Kind == f.kind) && (f.master == 0 || l.masterIndex == f.master)
}

// dumpRequest asks for a dump of the links that pass.
func (f linkFilter) dumpRequest(brief bool) *nl.NetlinkRequest {
	req := linkRequest(unix.NLM_F_DUMP, brief)
	if f.kind != "" {
		info := nl.NewRtAttr(unix.IFLA_LINKINFO|unix.NLA_F_NESTED, nil)
		info.AddRtAttr(unix.IFLA_INFO_KIND, nl.NonZeroTerminated(f.kind))
		req.AddData(info)
	}
	if f.master != 0 {
		req.AddData(nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(f.master))))
	}
	return req
}

// dumpLinks returns the links that pass the filter, sorted by index. It starts again when
// the kernel says that the list changed meanwhile. If that does not stop, the list is torn:
// it has all links that existed all the time, each as it was at some moment. take, if not
// nil, gets each link at once, also those of an abandoned dump.
func dumpLinks(ctx context.Context, f linkFilter, take func(*link)) (links []*link, torn bool, err error) {
	brief := f == linkFilter{}
	for range dumpTries {
		links, torn, err = dumpOnce(ctx, f, brief, take)
		if errors.Is(err, errManyLinks) {
			brief = true
			links, torn, err = dumpOnce(ctx, f, brief, take)
		}
		if err != nil || !torn {
			break
		}
	}
	if err == nil && torn && !orderedDumps() {
		links, err = withMissed(ctx, f, links)
	}
	slices.SortStableFunc(links, func(a, b *link) int { return a.Index - b.Index })
	if torn { // one that was renamed meanwhile may have come twice
		links = slices.CompactFunc(links, func(a, b *link) bool { return a.Index == b.Index })
	}
	return links, torn, err
}

// withMissed adds the links that an interrupted dump missed: those that sysfs names. Its list
// has everything that existed all the time (kernfs_fop_readdir() goes by the hash of the
// name).
func withMissed(ctx context.Context, f linkFilter, links []*link) ([]*link, error) {
	r, err := openRtnl()
	if err != nil {
		return nil, err
	}
	defer r.close()
	dir, err := os.Open(classNet)
	if err != nil {
		return nil, errInterrupted
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, errInterrupted
	}
	missed, err := r.missedLinks(ctx, f, names, links)
	if err != nil {
		return nil, err
	}
	links = append(links, missed...)
	if r.hasHidden(ctx, names, links) {
		return nil, errInterrupted
	}
	return links, nil
}

// missedLinks asks for the links that have one of the names, pass the filter and are not in
// the list. It is errInterrupted if sysfs belongs to another network namespace.
func (r *rtnl) missedLinks(ctx context.Context, f linkFilter, names []string, links []*link) (missed []*link, err error) {
	have := make(map[string]bool, len(links))
	for _, l := range links {
		have[l.Name] = true
	}
	types := assignTypes{}
	for _, name := range names {
		if have[name] {
			continue
		}
		l, err := r.get(ctx, name, 0)
		switch {
		case errors.Is(err, unix.ENODEV):
			if _, err := types.number(filepath.Join(classNet, name, "ifindex")); err == nil {
				return nil, errInterrupted
			}
		case err != nil:
			return nil, fmt.Errorf("look up the device %q: %w", name, err)
		case f.passes(&l):
			missed = append(missed, &l)
		}
	}
	return missed, nil
}

// hasHidden reports whether a link that still exists has none of the names in sysfs, which
// then belongs to another network namespace.
func (r *rtnl) hasHidden(ctx context.Context, shown []string, links []*link) bool {
	isShown := make(map[string]bool, len(shown))
	for _, name := range shown {
		isShown[name] = true
	}
	for _, l := range links {
		if isShown[l.Name] {
			continue
		}
		if now, err := r.get(ctx, "", l.Index); err == nil && now.Name == l.Name {
			return true
		}
	}
	return false
}

// dumpOnce has its own socket: after an error the rest of a dump would still be in it.
//
// The kernel treats a kind without a driver as no filter at all (linkinfo_to_kind_ops() and
// link_kind_filtered() in net/core/rtnetlink.c). So with NETLINK_GET_STRICT_CHK, the first
// link of another kind means that no link of the kind can exist; that saves reading all the
// others. Without strict checking it may be an old kernel, and everything is read.
func dumpOnce(ctx context.Context, f linkFilter, brief bool, take func(*link)) (links []*link, interrupted bool, err error) {
	r, err := openRtnl()
	if err != nil {
		return nil, false, err
	}
	defer r.close()
	enough := enoughLinks(brief)
	interrupted, err = r.request(ctx, f.dumpRequest(brief), func(msg []byte) error {
		l, err := parseLink(msg)
		switch {
		case err != nil:
			return err
		case r.strict && f.kind != "" && l.Kind != f.kind:
			return errFilterIgnored
		case !f.passes(&l):
			return nil
		}
		if links = append(links, &l); len(links) > enough {
			return errManyLinks
		}
		if take != nil {
			take(&l)
		}
		return nil
	})
	switch {
	case errors.Is(err, errFilterIgnored):
		return nil, false, nil
	case errors.Is(err, errManyLinks):
		return nil, false, err
	case err != nil:
		return nil, false, fmt.Errorf("list the network devices: %w", err)
	}
	return links, interrupted, nil
}

// dumpBridgePorts returns the indexes of all bridges' ports by the bridge's
// index.
func dumpBridgePorts(ctx context.Context) (members map[int][]int, err error) {
	err = dump(ctx, "list the ports of bridges", unix.RTM_GETLINK, nl.NewIfInfomsg(unix.AF_BRIDGE), func() { members = map[int][]int{} }, func(msg []byte) error {
		l, err := parseLink(msg)
		if err == nil && l.port {
			members[l.masterIndex] = append(members[l.masterIndex], l.Index)
		}
		return err
	})
	return members, err
}

// dump asks for everything of a type. It starts again when the kernel says that the list
// changed meanwhile, and is errInterrupted if that does not stop. It calls begin each time;
// what names it in an error.
func dump(ctx context.Context, what string, typ int, header nl.NetlinkRequestData, begin func(), each func(msg []byte) error) error {
	for range dumpTries {
		r, err := openRtnl()
		if err != nil {
			return err
		}
		begin()
		req := nl.NewNetlinkRequest(typ, unix.NLM_F_DUMP)
		req.AddData(header)
		interrupted, err := r.request(ctx, req, each)
		r.close()
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if !interrupted {
			return nil
		}
	}
	return errInterrupted
}

const listIPv4 = "list the IPv4 addresses"

// dynamicIPv4 returns those of the devices, by their indexes, that have an IPv4 address
// with a lifetime.
func dynamicIPv4(ctx context.Context, indexes []int) (dynamic map[int]bool, err error) {
	err = dump(ctx, listIPv4, unix.RTM_GETADDR, nl.NewIfAddrmsg(unix.AF_INET), func() { dynamic = map[int]bool{} }, func(msg []byte) error {
		return noteDynamic(dynamic, msg)
	})
	switch torn := errors.Is(err, errInterrupted); {
	case torn && orderedDumps():
		return dynamic, nil
	case torn:
		return dynamicIPv4OneByOne(ctx, indexes)
	}
	return dynamic, err
}

// dynamicIPv4OneByOne asks for the addresses of each device.
func dynamicIPv4OneByOne(ctx context.Context, indexes []int) (map[int]bool, error) {
	r, err := openRtnl()
	if err != nil {
		return nil, err
	}
	defer r.close()
	if !r.strict {
		return nil, errInterrupted // the kernel would not look at ifa_index
	}
	dynamic := map[int]bool{}
	for _, index := range indexes {
		req := nl.NewNetlinkRequest(unix.RTM_GETADDR, unix.NLM_F_DUMP)
		header := nl.NewIfAddrmsg(unix.AF_INET)
		header.Index = uint32(index)
		req.AddData(header)
		_, err := r.request(ctx, req, func(msg []byte) error { return noteDynamic(dynamic, msg) })
		if err != nil && !errors.Is(err, unix.ENODEV) {
			return nil, fmt.Errorf("%s: %w", listIPv4, err)
		}
	}
	return dynamic, nil
}

// noteDynamic reads an RTM_NEWADDR message.
func noteDynamic(dynamic map[int]bool, msg []byte) error {
	if len(msg) < unix.SizeofIfAddrmsg {
		return errors.New("a short RTM_NEWADDR message")
	}
	// What IFA_FLAGS has more is of no interest here.
	if msg[2]&unix.IFA_F_PERMANENT == 0 {
		dynamic[number(msg[4:])] = true
	}
	return nil
}

// get asks for one link by name, by alternative name or, if name is "", by
// index. ENODEV says that there is none.
func (r *rtnl) get(ctx context.Context, name string, index int) (link, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, 0)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	req.AddData(msg)
	req.AddData(nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(rtextFilterSkipStats)))
	switch {
	case name == "":
	case len(name) < unix.IFNAMSIZ:
		req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	default:
		req.AddData(nl.NewRtAttr(unix.IFLA_ALT_IFNAME, nl.ZeroTerminated(name)))
	}
	var l link
	found := false
	_, err := r.request(ctx, req, func(msg []byte) (err error) {
		l, err = parseLink(msg)
		found = err == nil
		return err
	})
	if err == nil && !found {
		err = unix.ENODEV
	}
	return l, err
}

// linkWatch collects the kernel's notifications about links.
type linkWatch struct{ r *rtnl }

func watchLinks() (*linkWatch, error) {
	r, err := openRtnl()
	if err != nil {
		return nil, err
	}
	// Otherwise lost notifications while many devices are read mean reading all again.
	_ = unix.SetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, noticesBuffer)
	if err := unix.SetsockoptInt(r.fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, unix.RTNLGRP_LINK); err != nil {
		r.close()
		return nil, fmt.Errorf("watch the network devices: %w", err)
	}
	return &linkWatch{r}, nil
}

func (w *linkWatch) close() { w.r.close() }

// drain returns the indexes of the links with notifications so far. overflow says that some
// were lost.
func (w *linkWatch) drain() (changed map[int]bool, overflow bool, err error) {
	changed = map[int]bool{}
	for {
		n, from, err := unix.Recvfrom(w.r.fd, w.r.buf, unix.MSG_DONTWAIT)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return changed, overflow, nil
		case err == unix.ENOBUFS:
			overflow = true
			continue
		case err != nil:
			return nil, false, fmt.Errorf("watch the network devices: %w", err)
		}
		if !fromKernel(from) {
			continue
		}
		if malformed := noteLinks(changed, w.r.buf[:n]); malformed {
			overflow = true
		}
	}
}

// noteLinks reads which links messages are about.
func noteLinks(changed map[int]bool, b []byte) (malformed bool) {
	for m := range messages(b) {
		if m.malformed {
			malformed = true
		} else if len(m.body) >= unix.SizeofIfInfomsg {
			changed[int(int32(binary.NativeEndian.Uint32(m.body[4:])))] = true
		}
	}
	return malformed
}

// attrs walks the attributes in b.
func attrs(b []byte, each func(typ uint16, value []byte)) {
	for len(b) >= unix.SizeofRtAttr {
		length := int(binary.NativeEndian.Uint16(b))
		if length < unix.SizeofRtAttr || length > len(b) {
			return
		}
		each(binary.NativeEndian.Uint16(b[2:])&nlaTypeMask, b[unix.SizeofRtAttr:length])
		b = b[min(len(b), (length+3)&^3):]
	}
}

func text(b []byte) string { return string(b[:clen(b)]) }

func clen(b []byte) int {
	if i := slices.Index(b, 0); i >= 0 {
		return i
	}
	return len(b)
}

func number(b []byte) int {
	if len(b) < 4 {
		return 0
	}
	return int(binary.NativeEndian.Uint32(b))
}

// parseLink reads the body of an RTM_NEWLINK message.
func parseLink(b []byte) (link, error) {
	var l link
	elsewhere := false
	if len(b) < unix.SizeofIfInfomsg {
		return l, errors.New("a short RTM_NEWLINK message")
	}
	l.ARPHRD = int(binary.NativeEndian.Uint16(b[2:]))
	l.Index = int(int32(binary.NativeEndian.Uint32(b[4:])))
	l.Flags = binary.NativeEndian.Uint32(b[8:])
	attrs(b[unix.SizeofIfInfomsg:], func(typ uint16, v []byte) {
		if typ == unix.IFLA_LINK_NETNSID {
			elsewhere = true
		}
		parseLinkAttribute(&l, typ, v)
	})
	if elsewhere {
		l.lowerIndex = 0
	}
	if l.Name == "" || l.Index <= 0 {
		return l, errors.New("an RTM_NEWLINK message without a name")
	}
	return l, nil
}

func parseLinkAttribute(l *link, typ uint16, v []byte) {
	switch typ {
	case unix.IFLA_IFNAME:
		l.Name = text(v)
	case unix.IFLA_ADDRESS:
		l.MAC = linkfiles.MACOf(v)
	case unix.IFLA_PERM_ADDRESS:
		l.PermanentMAC = hardwareAddress(v)
	case unix.IFLA_MASTER:
		l.masterIndex, l.port = number(v), true
	case unix.IFLA_LINK:
		l.lowerIndex = number(v)
	case unix.IFLA_PROP_LIST:
		attrs(v, func(typ uint16, v []byte) {
			if typ == unix.IFLA_ALT_IFNAME {
				l.AltNames = append(l.AltNames, text(v))
			}
		})
	case unix.IFLA_LINKINFO:
		parseLinkInfo(l, v)
	}
}

func parseLinkInfo(l *link, b []byte) {
	var data, port []byte
	var master string
	attrs(b, func(typ uint16, v []byte) {
		switch typ {
		case unix.IFLA_INFO_KIND:
			l.Kind = text(v)
		case unix.IFLA_INFO_DATA:
			data = v
		case unix.IFLA_INFO_SLAVE_KIND:
			master = text(v)
		case unix.IFLA_INFO_SLAVE_DATA:
			port = v
		}
	})
	if master == "bond" {
		attrs(port, func(typ uint16, v []byte) {
			if typ == nl.IFLA_BOND_SLAVE_PERM_HWADDR {
				l.ownMAC = hardwareAddress(v)
			}
		})
	}
	if l.Kind == "bond" {
		l.Bond = parseBond(data)
	}
}

func parseBond(data []byte) *Bond {
	bond := new(Bond)
	attrs(data, func(typ uint16, v []byte) {
		if len(v) == 0 {
			return
		}
		switch typ {
		case nl.IFLA_BOND_MODE:
			bond.Mode = named(bondModes, v[0])
		case nl.IFLA_BOND_FAIL_OVER_MAC:
			bond.FailOverMAC = named(failOverMACs, v[0])
		case nl.IFLA_BOND_AD_ACTOR_SYSTEM:
			bond.ADActorSystem = hardwareAddress(v).String()
		}
	})
	return bond
}

// The names are those of bond_opt_tbl in drivers/net/bonding/bond_options.c.
var (
	bondModes    = []string{"balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"}
	failOverMACs = []string{"none", "active", "follow"}
)

func named(names []string, n byte) string {
	if int(n) < len(names) {
		return names[n]
	}
	return fmt.Sprint(n)
}

// hardwareAddress is "" for an address that is missing or all zeros.
func hardwareAddress(b []byte) linkfiles.MAC {
	if !slices.ContainsFunc(b, func(c byte) bool { return c != 0 }) {
		return ""
	}
	return linkfiles.MACOf(b)
}
