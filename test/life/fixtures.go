package life

import "fmt"

// Fixtures are sequences that showed something new. Random printed them, or they were
// made from what it printed.
var Fixtures = []string{
	// A follower gets the bond's address when it becomes active.
	`bond under none
create mode=active-backup fail_over_mac=follow
join p1
join p2
leave p1`,
	// It swaps with the port that has it.
	`bond under none
create mode=active-backup fail_over_mac=follow
join p0
join p1
set-port p1 address=p0
join p2
leave p0
leave p1`,
	// A port joins with the bond's address: Kernel.SparesBondsAddress.
	`bond under none
create mode=active-backup fail_over_mac=follow address=02:00:00:00:00:05
join p0
set-port p1 address=p0
join p1
leave p0
leave p1`,
	// The same address again: Kernel.SkipsSameAddress.
	`bond under random
create mode=active-backup fail_over_mac=none address=p0
join p0
join p1
set-port p1 address=02:00:00:00:00:05
set address=same`,
	`bond under persistent
create mode=balance-tlb
set-port p0 address=persistent
join p1
set address=p0
join p0
set address=persistent`,
	`team under MACAddress
create mode=roundrobin
join p1
set-port p1 address=02:00:00:00:00:09
set address=same`,
	// The kernel refuses p2, because it finds no address for it.
	`bond under none
set-port p2 address=02:00:00:00:00:05
set-port p1 address=02:00:00:00:00:05
create mode=balance-tlb
join p1
join p2
set address=02:00:00:00:00:01`,
	// Ports by runner.
	`team under persistent
create mode=activebackup
udev
join p0
set address=02:00:00:00:00:01
leave p0`,
	`team under persistent
create mode=loadbalance
udev
join p0
set address=02:00:00:00:00:01
leave p0`,
	`team under persistent
create mode=broadcast
udev
join p0
set address=02:00:00:00:00:01
leave p0`,
	// The story that the project began with.
	`bond under persistent
create mode=active-backup
udev
join p0
leave p0
join p0
set address=02:00:00:00:00:01
leave p0
trigger
udev`,
	// A bridge that lost its last port still has type 1.
	`bridge under persistent
create
join p0
leave p0
udev
join p1`,
	// udevd handles an event of a device that was deleted and exists again.
	`bond under persistent
create mode=balance-rr
trigger
delete
create mode=balance-rr
join p0
udev`,
}

// Known runs the fixtures of a kind side by side.
func (r *Runner) Known(kind string) error {
	var sequences []Sequence
	for _, text := range Fixtures {
		s, err := ParseSequence(text)
		if err != nil {
			return err
		}
		if s.Kind == kind {
			sequences = append(sequences, s)
		}
	}
	if _, err := r.Replay(sequences...); err != nil {
		return fmt.Errorf("a fixture: %w", err)
	}
	return nil
}
