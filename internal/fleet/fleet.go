// Package fleet finds what only several hosts together show: an address or machine ID that
// more than one host has, and devices of one name with different policies.
//
// It collects, package policy judges. Memory does not grow with the number of hosts: what
// does not fit goes to temporary files without names.
package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"

	"linkaudit/internal/audit"
	"linkaudit/internal/host"
	"linkaudit/linkfiles"
)

// memory is how many bytes of records are in memory; the rest is in temporary files.
const memory = 8 << 20

// listed is how many hosts of a finding are named.
const listed = 10

// Fleet is what was collected of the hosts so far. Several threads may call Add at
// once.
type Fleet struct {
	mu     sync.Mutex
	sorter sorter
}

// New returns an empty fleet. Close it at the end.
func New() *Fleet { return &Fleet{sorter: sorter{memory: memory}} }

// Close removes its temporary files.
func (f *Fleet) Close() error { return f.sorter.close() }

// Finding is a finding about several hosts.
type Finding struct {
	audit.Finding
	// Hosts is how many hosts it is about.
	Hosts int
	// Claims are the devices, or hosts, of the first few hosts.
	Claims []audit.Claim
}

// What a record is about, in the order of the findings.
const (
	aboutMachineID = "1"
	aboutAddress   = "2"
	aboutPolicy    = "3"
)

// record says that a host has something: a machine ID, an address, a policy for a
// device.
type record struct {
	about, key string
	policy     string // of aboutPolicy
	identity   string // of the host
	claim      audit.Claim
	reach      audit.Reach // of aboutAddress
}

// separator is between the fields of a record. Their order puts records of one key together,
// and in those the ones of one host. No address and no name that the kernel accepts
// has one.
const separator = "\x00"

func (r record) encode() []byte {
	fields := []string{r.about, r.key, r.policy, r.claim.Host, r.identity, r.claim.Source, r.claim.Device, string('0' + rune(r.reach))}
	for i := range fields {
		fields[i] = strings.ReplaceAll(fields[i], separator, " ")
	}
	return []byte(strings.Join(fields, separator))
}

func decode(b []byte) (record, error) {
	f := strings.Split(string(b), separator)
	if len(f) != 8 || len(f[7]) != 1 {
		return record{}, errors.New("a temporary file was changed by another program")
	}
	return record{
		about: f[0], key: f[1], policy: f[2], identity: f[4],
		claim: audit.Claim{Host: f[3], Source: f[5], Device: f[6]}, reach: audit.Reach(f[7][0] - '0'),
	}, nil
}

// Add collects what an audited host has. source says where it was read: "web1.json" or
// "hosts.ndjson:17".
func (f *Fleet) Add(source string, res *audit.Result) error {
	snap := res.Snapshot
	of := record{identity: identity(snap), claim: audit.Claim{Host: snap.System.Hostname.Or("unnamed host"), Source: source}}
	var records []record
	if id := snap.System.MachineID.Fingerprint(); id != "" {
		r := of
		r.about, r.key = aboutMachineID, id
		records = append(records, r)
	}
	records = appendAddresses(records, of, snap.Devices)
	records = appendPolicies(records, of, res.Devices)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range records {
		if err := f.sorter.add(r.encode()); err != nil {
			return err
		}
	}
	return nil
}

// appendAddresses adds a record for each address, for the device with which it is seen
// farthest. A port has its master's address, so the master is named.
func appendAddresses(records []record, of record, devices []host.Device) []record {
	type carrier struct {
		record int
		port   bool
	}
	best := map[linkfiles.MAC]carrier{} // of each address
	for i := range devices {
		d := &devices[i]
		if d.MAC == "" || d.MAC == "00:00:00:00:00:00" || d.Loopback() {
			continue
		}
		r := of
		r.about, r.key, r.claim.Device, r.reach = aboutAddress, d.MAC.String(), d.Name, audit.ReachOf(d)
		b, seen := best[d.MAC]
		switch {
		case !seen:
			best[d.MAC] = carrier{len(records), d.Master != ""}
			records = append(records, r)
		case r.reach > records[b.record].reach || r.reach == records[b.record].reach && d.Master == "" && b.port:
			best[d.MAC] = carrier{b.record, d.Master != ""}
			records[b.record] = r
		}
	}
	return records
}

// appendPolicies adds a record for each device with a known policy.
func appendPolicies(records []record, of record, devices []audit.DeviceResult) []record {
	for i := range devices {
		d := &devices[i]
		if d.Policy.IsUnknown() {
			continue
		}
		r := of
		r.about, r.key, r.claim.Device = aboutPolicy, d.Kind+separatorOfKey+d.Name, d.Name
		// udevd handles an unset policy like none.
		r.policy = d.Policy.Or("none")
		records = append(records, r)
	}
	return records
}

// separatorOfKey is between kind and name; neither has a slash.
const separatorOfKey = "/"

// identity tells hosts apart. Two snapshots of one host at two times are one host: machine
// ID, name and the permanent addresses of the hardware agree.
func identity(s *host.Snapshot) string {
	facts := []string{s.System.MachineID.Fingerprint(), s.System.Hostname.Or("")}
	var hardware []string
	for i := range s.Devices {
		if mac := s.Devices[i].PermanentMAC; mac != "" && s.Devices[i].Kind == "" {
			hardware = append(hardware, mac.String())
		}
	}
	slices.Sort(hardware)
	sum := sha256.Sum256([]byte(strings.Join(append(facts, hardware...), separator)))
	return hex.EncodeToString(sum[:8])
}

// Findings calls yield with each finding: first about machine IDs, then addresses, then
// policies.
func (f *Fleet) Findings(site audit.Site, yield func(Finding) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	g := recordGroup{site: site, yield: yield}
	err := f.sorter.each(func(b []byte) error {
		r, err := decode(b)
		if err != nil {
			return err
		}
		return g.add(r)
	})
	if err != nil {
		return err
	}
	return g.end()
}

// recordGroup has the records of one key. Those of one policy are kept apart.
type recordGroup struct {
	site  audit.Site
	yield func(Finding) error

	first    string // the identity of the first host
	several  bool   // there is another
	last     record
	shared   audit.Shared // by hosts of one policy
	reach    audit.Reach  // of the last host
	policies map[string]audit.Shared
}

func (g *recordGroup) add(r record) error {
	switch {
	case r.about != g.last.about || r.key != g.last.key:
		if err := g.end(); err != nil {
			return err
		}
		g.shared, g.policies = audit.Shared{Value: r.key}, nil
		g.first, g.several = r.identity, false
	case r.policy != g.last.policy:
		g.countHost()
		g.keep()
		g.shared = audit.Shared{Value: r.key}
	case r.identity == g.last.identity:
		g.reach = max(g.reach, r.reach)
		g.last = r
		return nil
	default:
		g.countHost()
	}
	g.last, g.reach = r, r.reach
	g.several = g.several || r.identity != g.first
	g.shared.Hosts++
	if len(g.shared.Claims) < listed {
		g.shared.Claims = append(g.shared.Claims, r.claim)
	}
	return nil
}

// countHost counts the last host after all its records.
func (g *recordGroup) countHost() {
	switch g.reach {
	case audit.Outward:
		g.shared.Outward++
	case audit.Unsure:
		g.shared.Unsure++
	}
}

func (g *recordGroup) keep() {
	if g.policies == nil {
		g.policies = map[string]audit.Shared{}
	}
	g.policies[g.last.policy] = g.shared
}

// end judges the group.
func (g *recordGroup) end() error {
	if g.last.about == "" {
		return nil
	}
	if !g.several {
		return nil
	}
	g.countHost()
	s := g.shared
	var found []audit.Finding
	switch g.last.about {
	case aboutMachineID:
		found = audit.SharedMachineID(g.site, s)
	case aboutAddress:
		found = audit.SharedAddress(g.site, s)
	case aboutPolicy:
		if g.policies == nil {
			return nil
		}
		g.keep()
		s = audit.Shared{}
		for _, p := range []string{"persistent", "random", "none"} {
			s.Hosts += g.policies[p].Hosts
			s.Claims = append(s.Claims, g.policies[p].Claims...)
		}
		kind, name, _ := strings.Cut(g.last.key, separatorOfKey)
		found = audit.PolicyDiffers(g.site, name, kind, g.policies)
	}
	for _, f := range found {
		if err := g.yield(Finding{f, s.Hosts, s.Claims}); err != nil {
			return err
		}
	}
	return nil
}
