package host

import (
	"runtime"
	"sync"

	"linkaudit/internal/fact"
)

// sharedDevTypes are the kinds whose driver gives every device the same
// DEVTYPE (SET_NETDEV_DEVTYPE in br_dev_setup() and bond_setup()).
var sharedDevTypes = map[string]bool{"bridge": true, "bond": true}

const (
	// earlyBatch is how many links are handed to a thread at a time.
	earlyBatch = 16
	// samples is how many devices each thread reads with all checks.
	samples = 16
)

// earlyReader reads devices in threads of its own while the list of them is still being
// made, if it is long. For 5,000 links on two processors "check --all" takes a fifth less
// time with it for veth pairs, and a tenth for bridges; for those readQuickly saves a fifth
// of the processor time.
type earlyReader struct {
	c       *deviceReader
	waiting []*link      // for a thread
	queue   chan []*link // nil as long as there are none
	wg      sync.WaitGroup
}

// take is given every link of the list once it is parsed.
func (e *earlyReader) take(l *link) {
	e.waiting = append(e.waiting, l)
	switch {
	case e.queue == nil && len(e.waiting) <= manyDevices, e.queue != nil && len(e.waiting) < earlyBatch:
		return
	case e.queue == nil:
		e.start()
	}
	e.queue <- e.waiting
	e.waiting = nil
}

func (e *earlyReader) start() {
	e.queue = make(chan []*link, 1024)
	// One processor makes the list.
	for range min(max(runtime.GOMAXPROCS(0)-1, 1), 7) {
		e.wg.Go(e.work)
	}
}

// finish waits until all devices are read, and helps.
func (e *earlyReader) finish() {
	if e.queue == nil {
		return
	}
	e.queue <- e.waiting
	close(e.queue)
	e.work()
	e.wg.Wait()
}

// work leaves out what cannot be read at the first try. Meanwhile the list is sorted by
// index; work does not change indexes.
func (e *earlyReader) work() {
	r := *e.c // with a buffer and samples of its own
	r.devTypes = map[string]fact.Fact[string]{}
	sampled := 0
	for batch := range e.queue {
		for i, l := range batch {
			sample := i == 0 && sampled < samples
			if r.ctx.Err() != nil || !sample && r.readQuickly(l) {
				continue
			}
			sampled++
			r.readSample(l)
		}
	}
}

// readSample reads a device with every check, and learns from it what others of its kind
// have as well.
func (c *deviceReader) readSample(l *link) {
	if c.readFacts(l) != nil {
		return
	}
	l.read, l.checked = true, true
	if sharedDevTypes[l.Kind] && l.DevType.IsKnown() {
		c.devTypes[l.Kind] = l.DevType
	}
}

// readQuickly reads only addr_assign_type, name_assign_type if wanted, and the names of a
// bridge's ports: a sysfs file costs as much as a link in a dump, and three of them more
// than ip(8) takes. What inspect() checks for each device is checked for all: that sysfs
// belongs to this network namespace, by samples read with every check, and that nothing
// changed since the dump, by the kernel's notifications. It returns false, and leaves the
// device to inspect(), if anything is unexpected.
func (c *deviceReader) readQuickly(l *link) bool {
	devType, ok := c.devTypes[l.Kind]
	if !ok || c.virtual < 0 || c.oldKernel || c.want&(WantUEvent|WantDriver) != 0 {
		return false
	}
	v, err := c.readInt(c.virtual, l.Name+"/addr_assign_type")
	if err != nil {
		return false
	}
	l.AddrAssignType, l.DevType = fact.Known(AddrAssignType(v)), devType
	if !c.readNameAssignType(l, c.virtual, l.Name+"/name_assign_type") {
		return false
	}
	c.readBridgePorts(l, c.virtual, l.Name+"/brif")
	c.readUdevDB(l)
	l.read = true
	return true
}
