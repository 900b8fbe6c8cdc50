package host

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"linkaudit/fact"
	"linkaudit/linkfiles"
)

// Notices are subscriptions to what the kernel and udevd say of the network
// devices of this network namespace, and of the .link files.
type Notices struct {
	links, udev *listener
	files       *fileListener
	out         chan Notice
	stop        context.CancelFunc
	readers     sync.WaitGroup
}

// noticesBuffer is the receive buffer of each socket in bytes, as far as it may be
// had (SO_RCVBUFFORCE needs CAP_NET_ADMIN): a burst of 10,000 devices fits.
const noticesBuffer = 64 << 20

// noticesAhead is how many notices are read ahead of whoever takes them. More wait
// in the kernel, whose memory is bounded by noticesBuffer.
const noticesAhead = 256

// Subscribe begins to listen. What happens from its return on is not missed, or
// is reported as lost.
func Subscribe() (*Notices, error) {
	links, err := listen(unix.NETLINK_ROUTE, 1<<(unix.RTNLGRP_LINK-1))
	if err != nil {
		return nil, fmt.Errorf("listen to the kernel's messages about network devices: %w", err)
	}
	udev, err := listen(unix.NETLINK_KOBJECT_UEVENT, udevGroup)
	if err != nil {
		links.close()
		return nil, fmt.Errorf("listen to udevd: %w", err)
	}
	files, err := listenToFiles(linkfiles.SearchPath)
	if err != nil {
		links.close()
		udev.close()
		return nil, fmt.Errorf("listen to changes of .link files: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	n := &Notices{links: links, udev: udev, files: files, out: make(chan Notice, noticesAhead), stop: stop}
	n.readers.Go(func() { n.readLinks(ctx) })
	n.readers.Go(func() { n.readUdev(ctx) })
	n.readers.Go(func() { n.readFiles(ctx) })
	return n, nil
}

// C is where the notices come from. It is never closed.
func (n *Notices) C() <-chan Notice { return n.out }

// Close ends the subscriptions.
func (n *Notices) Close() {
	n.stop()
	n.links.wake()
	n.udev.wake()
	n.files.wake()
	n.readers.Wait()
	n.links.close()
	n.udev.close()
	n.files.close()
}

func (n *Notices) send(ctx context.Context, notice Notice) bool {
	notice.Time = time.Now()
	select {
	case n.out <- notice:
		return true
	case <-ctx.Done():
		return false
	}
}

// waiting is a file descriptor that is waited for, and a pipe that ends that.
type waiting struct{ fd, pipe, waker int }

// newWaiting takes the descriptor over, also where it fails.
func newWaiting(fd int) (waiting, error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		unix.Close(fd)
		return waiting{}, err
	}
	return waiting{fd, pipe[0], pipe[1]}, nil
}

// wait returns once there may be something to read, or wake was called.
func (w waiting) wait() error {
	poll := []unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}, {Fd: int32(w.pipe), Events: unix.POLLIN}}
	if _, err := unix.Poll(poll, -1); err != nil && err != unix.EINTR {
		return err
	}
	return nil
}

func (w waiting) wake() { _, _ = unix.Write(w.waker, []byte{0}) }

func (w waiting) close() {
	unix.Close(w.fd)
	unix.Close(w.pipe)
	unix.Close(w.waker)
}

// listener is a netlink socket that is in a multicast group.
type listener struct {
	waiting
	buf, control []byte
}

func listen(protocol int, group uint32) (*listener, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, err
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, noticesBuffer) != nil {
		// As much as net.core.rmem_max lets.
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, noticesBuffer)
	}
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: group})
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	w, err := newWaiting(fd)
	if err != nil {
		return nil, err
	}
	return &listener{waiting: w, buf: make([]byte, 64<<10), control: make([]byte, unix.CmsgSpace(unix.SizeofUcred))}, nil
}

var errLost = errors.New("messages were lost")

// next waits for a message, errLost saying that some before it were lost. The
// message is nil where it was sent by anyone but sender accepts, and when the
// waiting was ended.
func (l *listener) next(sender func(from *unix.SockaddrNetlink, cred *unix.Ucred) bool) ([]byte, error) {
	if err := l.wait(); err != nil {
		return nil, err
	}
	n, oobn, flags, from, err := unix.Recvmsg(l.fd, l.buf, l.control, unix.MSG_DONTWAIT)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return nil, nil
	case err == unix.ENOBUFS:
		return nil, errLost
	case err != nil:
		return nil, err
	case flags&unix.MSG_TRUNC != 0:
		return nil, errLost
	}
	address, ok := from.(*unix.SockaddrNetlink)
	if !ok {
		return nil, nil
	}
	var cred *unix.Ucred
	if messages, err := unix.ParseSocketControlMessage(l.control[:oobn]); err == nil && len(messages) == 1 {
		cred, _ = unix.ParseUnixCredentials(&messages[0])
	}
	if !sender(address, cred) {
		return nil, nil
	}
	return l.buf[:n], nil
}

// readLinks reads what the kernel says.
func (n *Notices) readLinks(ctx context.Context) {
	types := assignTypes{}
	kernel := func(from *unix.SockaddrNetlink, _ *unix.Ucred) bool { return fromKernel(from) }
	for ctx.Err() == nil {
		b, err := n.links.next(kernel)
		if err != nil {
			if !n.lost(ctx, LostKernel, err) {
				return
			}
			continue
		}
		for m := range messages(b) {
			notice, err := types.notice(m)
			switch {
			case err != nil:
				if !n.lost(ctx, LostKernel, errLost) {
					return
				}
			case notice != nil && !n.send(ctx, Notice{Link: notice}):
				return
			}
		}
	}
}

// lost says that there is a hole, whatever the error is. One that stays would come
// again and again without a message being read.
func (n *Notices) lost(ctx context.Context, who string, err error) bool {
	return n.send(ctx, Notice{Lost: who}) && (errors.Is(err, errLost) || pause(ctx))
}

// notice is what a message says of a link, nil where it is of something else. What
// a bridge says of its ports (AF_BRIDGE) comes as AF_UNSPEC too.
func (a *assignTypes) notice(m message) (*LinkNotice, error) {
	switch {
	case m.malformed:
		return nil, errLost
	case m.typ != unix.RTM_NEWLINK && m.typ != unix.RTM_DELLINK, len(m.body) < unix.SizeofIfInfomsg, m.body[0] != unix.AF_UNSPEC:
		return nil, nil
	}
	l, err := parseLink(m.body)
	if err != nil {
		return nil, err
	}
	notice := &LinkNotice{Device: l.Device, MasterIndex: l.masterIndex, Gone: m.typ == unix.RTM_DELLINK}
	notice.AddrAssignType = fact.Unknown[AddrAssignType]("the device is gone")
	if !notice.Gone {
		notice.AddrAssignType = a.of(&l.Device)
	}
	return notice, nil
}

// pause keeps a socket that only fails from keeping a processor busy.
func pause(ctx context.Context) bool {
	select {
	case <-time.After(time.Second):
		return true
	case <-ctx.Done():
		return false
	}
}

// NetworkNamespace returns the inode number of this process's network namespace,
// which names it (namespaces(7)).
func NetworkNamespace() (uint64, error) {
	var st unix.Stat_t
	if err := unix.Stat("/proc/self/ns/net", &st); err != nil {
		return 0, fmt.Errorf("the network namespace: /proc/self/ns/net: %w", err)
	}
	return st.Ino, nil
}

// Links lists all devices, as notices would.
func (n *Notices) Links(ctx context.Context) ([]*LinkNotice, error) {
	links, err := dumpLinks(ctx, linkFilter{}, nil)
	if err != nil {
		return nil, err
	}
	types := assignTypes{}
	out := make([]*LinkNotice, 0, len(links))
	for _, l := range links {
		notice := &LinkNotice{Device: l.Device, MasterIndex: l.masterIndex}
		notice.AddrAssignType = types.of(&l.Device)
		out = append(out, notice)
	}
	return out, nil
}

// assignTypes reads addr_assign_type, which is in no message of the kernel's.
type assignTypes struct{ buf [256]byte }

// of returns what sysfs shows for the device now, as long as that is the same
// device and it still has the same address: by the time a message is read the
// device may have been renamed, or its address set.
func (a *assignTypes) of(d *Device) fact.Fact[AddrAssignType] {
	dir := filepath.Join(classNet, d.Name)
	index, err := a.number(dir + "/ifindex")
	var t int
	if err == nil {
		t, err = a.number(dir + "/addr_assign_type")
	}
	n := 0
	if err == nil {
		n, err = readAt(unix.AT_FDCWD, dir+"/address", a.buf[:])
	}
	switch {
	case err != nil:
		return fact.Unknown[AddrAssignType]("addr_assign_type: " + err.Error())
	case index != d.Index:
		return fact.Unknown[AddrAssignType]("addr_assign_type: the device has another name by now")
	case !sameAddress(a.buf[:n], d.MAC):
		return fact.Unknown[AddrAssignType]("addr_assign_type: the device has another address by now")
	}
	return fact.Known(AddrAssignType(t))
}

func (a *assignTypes) number(name string) (int, error) {
	n, err := readAt(unix.AT_FDCWD, name, a.buf[:])
	if err != nil {
		return 0, &os.PathError{Op: "read", Path: name, Err: err}
	}
	return strconv.Atoi(strings.TrimSpace(string(a.buf[:n])))
}

// Of libudev's monitor (libudev-monitor.c and, since 241, device-monitor.c): the
// multicast group, the prefix and the magic number of a message.
const (
	udevGroup  = 2
	udevPrefix = "libudev\x00"
	udevMagic  = 0xfeedcafe
)

// readUdev reads what udevd says, which is root.
func (n *Notices) readUdev(ctx context.Context) {
	fromRoot := func(from *unix.SockaddrNetlink, cred *unix.Ucred) bool {
		return from.Groups == udevGroup && cred != nil && cred.Uid == 0
	}
	for ctx.Err() == nil {
		b, err := n.udev.next(fromRoot)
		if err != nil {
			if !n.lost(ctx, LostUdev, err) {
				return
			}
			continue
		}
		if u := parseUdevNotice(b); u != nil && !n.send(ctx, Notice{Udev: u}) {
			return
		}
	}
}

// parseUdevNotice reads a broadcast of udevd: a header with the place of the
// properties, and KEY=VALUE with a NUL after each. It is nil for what is not of a
// network device itself, or is malformed.
func parseUdevNotice(b []byte) *UdevNotice {
	const headerSize = 40
	if len(b) < headerSize || string(b[:len(udevPrefix)]) != udevPrefix || binary.BigEndian.Uint32(b[8:]) != udevMagic {
		return nil
	}
	offset, length := uint64(binary.NativeEndian.Uint32(b[16:])), uint64(binary.NativeEndian.Uint32(b[20:]))
	if offset < headerSize || offset+length > uint64(len(b)) {
		return nil
	}
	u := &UdevNotice{}
	net := false
	for property := range bytes.SplitSeq(b[offset:offset+length], []byte{0}) {
		switch key, value, _ := bytes.Cut(property, []byte("=")); string(key) {
		case "ACTION":
			u.Action = string(value)
		case "SUBSYSTEM":
			net = string(value) == "net"
		case "IFINDEX":
			u.Index, _ = strconv.Atoi(string(value))
		}
	}
	if !net || u.Index == 0 {
		return nil
	}
	return u
}
