//go:build bench

package bench

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// floor measures, in one process, the system calls that every audit of the bridges
// needs: no audit can be faster. It also says how far above it linkaudit was in the row
// r.
func (b *bench) floor(r *row, bridges int) {
	names := deviceNames("bridge", 0, bridges)
	records := make([]string, 0, bridges)
	for _, name := range names {
		records = append(records, b.udevRecord(name))
	}
	file := func(name string) func(int) string {
		return func(i int) string { return "/sys/devices/virtual/net/" + names[i] + "/" + name }
	}
	say := func(format string, args ...any) { b.said = append(b.said, fmt.Sprintf(format, args...)) }
	say("\nthe floor under %s, %s, in one process: ms, median (quartiles) of %d", r.what, r.where, b.size.atMost)
	var sum float64
	for _, step := range []struct {
		what  string
		apart bool // not part of the sum
		do    func() (string, error)
	}{
		{"dump of the links of kind bridge, with the counters of IPv6", false, func() (string, error) { return dump("bridge", 0) }},
		{"  the same without (IFLA_EXT_MASK), as ip asks for it", true, func() (string, error) { return dump("bridge", 1<<3) }},
		{"/sys/class/net/NAME/brif of each", false, func() (string, error) { return list(bridges, file("brif")) }},
		{"/sys/class/net/NAME/addr_assign_type of each", false, func() (string, error) { return read(bridges, file("addr_assign_type")) }},
		{"/run/udev/data/n<ifindex> of each", false, func() (string, error) { return read(bridges, func(i int) string { return records[i] }) }},
	} {
		var v []float64
		var got string
		for range b.size.atMost {
			start := time.Now()
			var err error
			got, err = step.do()
			b.must(err)
			v = append(v, time.Since(start).Seconds()*1000)
		}
		slices.Sort(v)
		n := len(v)
		if !step.apart {
			sum += v[n/2]
		}
		say("%-62s %6s (%s-%s)  %s", step.what, number(v[n/2]), number(v[n/4]), number(v[3*n/4]), got)
	}
	say("%-62s %6s", "sum, without the second line", number(sum))
	if r.cells[linkaudit].fails == "" {
		check, start := wall(&r.cells[linkaudit]), wall(&b.rows[0].cells[linkaudit])
		say("%-62s %6s  %.1f times the floor; %s of it are the start of the program, without which it is %.1f times",
			"linkaudit check", number(check), check/sum, number(start), (check-start)/sum)
	}
}

func read(n int, name func(int) string) (string, error) {
	var buf [4096]byte
	total := 0
	for i := range n {
		fd, err := unix.Open(name(i), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name(i), err)
		}
		got, err := unix.Read(fd, buf[:])
		unix.Close(fd)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name(i), err)
		}
		total += got
	}
	return fmt.Sprintf("%d files, %d bytes", n, total), nil
}

func list(n int, name func(int) string) (string, error) {
	var buf [4096]byte
	total := 0
	for i := range n {
		fd, err := unix.Open(name(i), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name(i), err)
		}
		for {
			got, err := unix.Getdents(fd, buf[:])
			if err != nil {
				return "", fmt.Errorf("%s: %w", name(i), err)
			}
			if got == 0 {
				break
			}
			total += got
		}
		unix.Close(fd)
	}
	return fmt.Sprintf("%d directories, %d bytes", n, total), nil
}

// dump requests links from rtnetlink and discards the answer.
func dump(kind string, mask uint32) (string, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1); err != nil {
		return "", err
	}
	attr := func(typ uint16, v []byte) []byte {
		a := binary.NativeEndian.AppendUint16(nil, uint16(4+len(v)))
		a = append(binary.NativeEndian.AppendUint16(a, typ), v...)
		for len(a)%4 != 0 {
			a = append(a, 0)
		}
		return a
	}
	body := make([]byte, unix.SizeofIfInfomsg)
	if mask != 0 {
		body = append(body, attr(unix.IFLA_EXT_MASK, binary.NativeEndian.AppendUint32(nil, mask))...)
	}
	if kind != "" {
		body = append(body, attr(unix.IFLA_LINKINFO|unix.NLA_F_NESTED, attr(unix.IFLA_INFO_KIND, []byte(kind)))...)
	}
	req := binary.NativeEndian.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+len(body)))
	req = binary.NativeEndian.AppendUint16(req, unix.RTM_GETLINK)
	req = binary.NativeEndian.AppendUint16(req, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	req = append(append(req, 1, 0, 0, 0, 0, 0, 0, 0), body...)
	if err := unix.Sendto(fd, req, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return "", err
	}
	buf := make([]byte, 64<<10)
	messages, size := 0, 0
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			return "", err
		}
		size += n
		for m := buf[:n]; len(m) >= unix.NLMSG_HDRLEN; {
			length := int(binary.NativeEndian.Uint32(m))
			switch binary.NativeEndian.Uint16(m[4:]) {
			case unix.NLMSG_DONE:
				return fmt.Sprintf("%d messages, %d bytes", messages, size), nil
			case unix.NLMSG_ERROR:
				return "", fmt.Errorf("the kernel refused the dump")
			}
			messages++
			m = m[min(len(m), (length+3)&^3):]
		}
	}
}
