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
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

// Notices are subscriptions to the messages of the kernel and udevd about the network devices
// of this network namespace and the .link files.
type Notices struct {
	udev    *listener
	files   *fileListener
	out     chan Notice
	ctx     context.Context
	stop    context.CancelFunc
	readers sync.WaitGroup

	// links is the reader of the round.
	links *linkReader
	round int
}

// linkReader reads the kernel's messages about devices, after one list of all of them.
type linkReader struct {
	*listener
	ctx   context.Context
	stop  context.CancelFunc
	done  chan struct{}
	round int
	// lost: messages were lost while the list was made.
	lost bool
}

// noticesBuffer is the receive buffer of each socket in bytes, if allowed (SO_RCVBUFFORCE
// needs CAP_NET_ADMIN): a burst of 10,000 devices fits.
const noticesBuffer = 64 << 20

// noticesAhead is how many notices are read before they are taken. More wait in the kernel,
// up to noticesBuffer.
const noticesAhead = 256

// Subscribe begins to listen. Everything that happens after its return is reported, or
// reported as lost.
func Subscribe() (*Notices, error) {
	links, err := listenToLinks()
	if err != nil {
		return nil, err
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
	n := &Notices{udev: udev, files: files, out: make(chan Notice, noticesAhead), ctx: ctx, stop: stop}
	n.readLinksOf(links, false)
	n.readers.Go(func() { n.readUdev(ctx) })
	n.readers.Go(func() { n.readFiles(ctx) })
	return n, nil
}

func listenToLinks() (*listener, error) {
	l, err := listen(unix.NETLINK_ROUTE, 1<<(unix.RTNLGRP_LINK-1))
	if err != nil {
		return nil, fmt.Errorf("listen to the kernel's messages about network devices: %w", err)
	}
	return l, nil
}

// readLinksOf begins to read for the present round.
func (n *Notices) readLinksOf(l *listener, lost bool) {
	ctx, stop := context.WithCancel(n.ctx)
	r := &linkReader{listener: l, ctx: ctx, stop: stop, done: make(chan struct{}), round: n.round, lost: lost}
	n.links = r
	go func() {
		defer close(r.done)
		n.readLinks(r)
	}()
}

// end waits for the reader to be done.
func (r *linkReader) end() {
	r.stop()
	r.wake()
	<-r.done
	r.close()
}

// C is where the notices come from. It is never closed.
func (n *Notices) C() <-chan Notice { return n.out }

// Close ends the subscriptions.
func (n *Notices) Close() {
	n.stop()
	n.links.end()
	n.udev.wake()
	n.files.wake()
	n.readers.Wait()
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

// waiting is a file descriptor to wait for, and a pipe that ends the wait.
type waiting struct {
	fd, pipe, waker int
	// rest: report when nothing is left to read.
	rest *atomic.Bool
}

// newWaiting takes over the descriptor, even if it fails.
func newWaiting(fd int) (waiting, error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		unix.Close(fd)
		return waiting{}, err
	}
	return waiting{fd, pipe[0], pipe[1], new(atomic.Bool)}, nil
}

// wait returns once there may be something to read, or wake was called.
func (w waiting) wait() error {
	poll := []unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}, {Fd: int32(w.pipe), Events: unix.POLLIN}}
	if _, err := unix.Poll(poll, -1); err != nil && err != unix.EINTR {
		return err
	}
	if poll[1].Revents != 0 {
		var b [64]byte
		_, _ = unix.Read(w.pipe, b[:]) // what woke is known
	}
	return nil
}

// askForRest makes the reader report when nothing is left.
func (w waiting) askForRest() {
	w.rest.Store(true)
	w.wake()
}

func (w waiting) wake() { _, _ = unix.Write(w.waker, []byte{0}) }

func (w waiting) close() {
	unix.Close(w.fd)
	unix.Close(w.pipe)
	unix.Close(w.waker)
}

// listener is a netlink socket in a multicast group.
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
		// As much as net.core.rmem_max allows.
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

// errNothing: there is nothing to read now.
var errNothing = errors.New("no message")

// accept says whose messages to read.
type accept func(from *unix.SockaddrNetlink, cred *unix.Ucred) bool

func kernelAlone(from *unix.SockaddrNetlink, _ *unix.Ucred) bool { return fromKernel(from) }

// next waits for a message: see receive. It is errNothing when the wait was ended.
func (l *listener) next(sender accept) ([]byte, error) {
	if err := l.wait(); err != nil {
		return nil, err
	}
	return l.receive(sender)
}

// receive reads a message. errLost says that earlier ones were lost, errNothing that there is
// none. The message is nil if accept refuses its sender.
func (l *listener) receive(sender accept) ([]byte, error) {
	n, oobn, flags, from, err := unix.Recvmsg(l.fd, l.buf, l.control, unix.MSG_DONTWAIT)
	switch {
	case err == unix.EAGAIN:
		return nil, errNothing
	case err == unix.EINTR:
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
	if !sender(address, senderIn(l.control[:oobn])) {
		return nil, nil
	}
	return l.buf[:n], nil
}

// senderIn are the credentials in a control message, nil if there are none (unix(7)).
func senderIn(control []byte) *unix.Ucred {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(messages) != 1 {
		return nil
	}
	cred, _ := unix.ParseUnixCredentials(&messages[0])
	return cred
}

// readLinks reads what the kernel says.
func (n *Notices) readLinks(r *linkReader) {
	types, ctx, hole := assignTypes{}, r.ctx, Notice{Lost: LostKernel, Round: r.round}
	if r.lost && !(pause(ctx) && n.send(ctx, hole)) {
		return // a new list right away would fail, too
	}
	for ctx.Err() == nil {
		b, err := r.next(kernelAlone)
		if err != nil {
			if !n.goOn(ctx, r.waiting, hole, err) {
				return
			}
			continue
		}
		for m := range messages(b) {
			if !n.tellLink(r, m, &types) {
				return
			}
		}
	}
}

// tellLink sends what a message says about a link. It reports whether to go on.
func (n *Notices) tellLink(r *linkReader, m message, types *assignTypes) bool {
	notice, err := linkNotice(m)
	switch {
	case err != nil:
		return n.lost(r.ctx, Notice{Lost: LostKernel, Round: r.round}, errLost)
	case notice == nil:
		return true
	}
	types.fill(notice)
	return n.send(r.ctx, Notice{Link: notice, Round: r.round})
}

// goOn handles an error instead of a message: nothing is left to read, or messages are
// missing. It reports whether to go on.
func (n *Notices) goOn(ctx context.Context, w waiting, hole Notice, err error) bool {
	if errors.Is(err, errNothing) {
		return n.idle(ctx, w)
	}
	return n.lost(ctx, hole, err)
}

// lost reports missing messages, whatever the error is. An error that stays would repeat
// without a message being read.
func (n *Notices) lost(ctx context.Context, hole Notice, err error) bool {
	return n.send(ctx, hole) && (errors.Is(err, errLost) || pause(ctx))
}

// idle reports that nothing is left, if asked.
func (n *Notices) idle(ctx context.Context, w waiting) bool {
	return !w.rest.CompareAndSwap(true, false) || n.send(ctx, Notice{Idle: true})
}

// Rest makes the readers send everything that is unread now, and returns how many notices
// will then have Idle. While new messages keep coming, none has.
func (n *Notices) Rest() int {
	all := []waiting{n.links.waiting, n.udev.waiting, n.files.waiting}
	for _, w := range all {
		w.askForRest()
	}
	return len(all)
}

// fill reads what no message has.
func (a *assignTypes) fill(l *LinkNotice) {
	l.AddrAssignType = fact.Unknown[AddrAssignType](fact.Told("the device is gone"))
	if !l.Gone {
		l.AddrAssignType = a.of(&l.Device)
	}
}

// linkNotice is what a message says about a link, without its AddrAssignType; nil for
// another message. What a bridge says about its ports (AF_BRIDGE) comes as AF_UNSPEC too.
func linkNotice(m message) (*LinkNotice, error) {
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
	return &LinkNotice{Device: l.Device, MasterIndex: l.masterIndex, Gone: m.typ == unix.RTM_DELLINK}, nil
}

// pause keeps a socket that always fails from using a whole processor.
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

const (
	// listTries is how often to list all devices if messages are lost meanwhile.
	listTries = 3
	// catchUp is how long to read messages that arrived while the list was made. Later
	// ones are sent as notices.
	catchUp = time.Second
)

// Links lists all devices, as notices would, and begins a new round: notices of an earlier
// one that the caller has not taken yet are older than the list.
//
// What was sent to a socket stays there even if more was lost (netlink_overrun() of
// net/netlink/af_netlink.c only sets ENOBUFS), so what the socket holds is older than any
// list: it is closed. A new one listens before the list is made. Of its messages, the last
// one about a device is as new as the list or newer.
func (n *Notices) Links(ctx context.Context) (links []*LinkNotice, round int, err error) {
	for try := 1; ; try++ {
		l, err := listenToLinks()
		if err != nil {
			return nil, 0, err
		}
		links, err := listRound(ctx, l)
		lost := errors.Is(err, errLost)
		if err != nil && !lost || lost && try < listTries {
			l.close()
			if !lost {
				return nil, 0, err
			}
			continue
		}
		l.rest.Store(n.links.rest.Load())
		n.links.end()
		n.round++
		n.readLinksOf(l, lost)
		l.wake() // there may be no more messages
		return links, n.round, nil
	}
}

// listRound lists the devices as they are after the messages of the listener; with errLost
// as they were before lost messages.
func listRound(ctx context.Context, l *listener) ([]*LinkNotice, error) {
	dumped, _, err := dumpLinks(ctx, linkFilter{}, nil)
	if err != nil {
		return nil, err
	}
	list := linkList{at: make(map[int]*LinkNotice, len(dumped)), order: make([]int, 0, len(dumped))}
	for _, l := range dumped {
		list.take(&LinkNotice{Device: l.Device, MasterIndex: l.masterIndex})
	}
	err = list.update(l)
	return list.present(), err
}

// linkList has the last notice of each device, in the order of their first ones.
type linkList struct {
	at    map[int]*LinkNotice
	order []int
}

func (list *linkList) take(notice *LinkNotice) {
	if _, known := list.at[notice.Index]; !known {
		list.order = append(list.order, notice.Index)
	}
	list.at[notice.Index] = notice
}

// update takes what the listener has, at most for catchUp. The only error is errLost.
func (list *linkList) update(l *listener) (err error) {
	until := time.Now().Add(catchUp)
	for time.Now().Before(until) {
		b, failed := l.receive(kernelAlone)
		if errors.Is(failed, errNothing) {
			break
		}
		if failed != nil {
			return errLost
		}
		for m := range messages(b) {
			notice, failed := linkNotice(m)
			if failed != nil {
				err = errLost
			} else if notice != nil {
				list.take(notice)
			}
		}
	}
	return err
}

// present are the devices that are not gone.
func (list *linkList) present() []*LinkNotice {
	types := assignTypes{}
	out := make([]*LinkNotice, 0, len(list.order))
	for _, index := range list.order {
		if notice := list.at[index]; !notice.Gone {
			types.fill(notice)
			out = append(out, notice)
		}
	}
	return out
}

// assignTypes reads addr_assign_type, which no kernel message has.
type assignTypes struct{ buf [256]byte }

// of returns what sysfs shows for the device now, if it is the same device with the same
// address: since the message, the device may have been renamed, or its address set.
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
		return fact.Unknown[AddrAssignType](fact.Told("addr_assign_type: " + err.Error()))
	case index != d.Index:
		return fact.Unknown[AddrAssignType](fact.Told("addr_assign_type: the device has another name now"))
	case !sameAddress(a.buf[:n], d.MAC):
		return fact.Unknown[AddrAssignType](fact.Told("addr_assign_type: the device has another address now"))
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

// From libudev's monitor (libudev-monitor.c and, since 241, device-monitor.c): the multicast
// group, the prefix and the magic number of a message.
const (
	udevGroup  = 2
	udevPrefix = "libudev\x00"
	udevMagic  = 0xfeedcafe
)

// readUdev reads the messages of udevd, which is root.
func (n *Notices) readUdev(ctx context.Context) {
	fromRoot := func(from *unix.SockaddrNetlink, cred *unix.Ucred) bool {
		return from.Groups == udevGroup && cred != nil && cred.Uid == 0
	}
	for ctx.Err() == nil {
		b, err := n.udev.next(fromRoot)
		if err != nil {
			if !n.goOn(ctx, n.udev.waiting, Notice{Lost: LostUdev}, err) {
				return
			}
			continue
		}
		if u := parseUdevNotice(b); u != nil && !n.send(ctx, Notice{Udev: u}) {
			return
		}
	}
}

// parseUdevNotice reads a broadcast of udevd: a header with the place of the properties, and
// KEY=VALUE with a NUL after each. It is nil for one that is not about a network device
// itself, or is malformed.
func parseUdevNotice(b []byte) *UdevNotice {
	u := &UdevNotice{}
	net := false
	for property := range bytes.SplitSeq(udevProperties(b), []byte{0}) {
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

// udevProperties are the bytes that the header of a broadcast points to, none where it is
// malformed.
func udevProperties(b []byte) []byte {
	const headerSize = 40
	if len(b) < headerSize || string(b[:len(udevPrefix)]) != udevPrefix || binary.BigEndian.Uint32(b[8:]) != udevMagic {
		return nil
	}
	offset, length := uint64(binary.NativeEndian.Uint32(b[16:])), uint64(binary.NativeEndian.Uint32(b[20:]))
	if offset < headerSize || offset+length > uint64(len(b)) {
		return nil
	}
	return b[offset : offset+length]
}
