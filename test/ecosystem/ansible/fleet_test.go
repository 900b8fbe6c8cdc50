//go:build ecosystem

package ansible

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// fleetReport is the JSON of the report.
type fleetReport struct {
	Hosts map[string]struct {
		Audited  bool
		Error    string
		Findings []struct{ Device, Rule, Severity string }
	}
	Findings []struct {
		Rule, Message, Address string
		Hosts                  []string
		Uses                   []struct{ Host, Device string }
	}
	Rules []struct {
		Rule  string
		Hosts []string
	}
	Summary struct{ Hosts, Audited, Errors, Warnings int }
}

const fleetPlaybook = "linkaudit.linkaudit.fleet_report"

func aFleetIsOneReport(t *testing.T, l *lab) {
	const shared = "02:00:00:00:00:aa"
	// Two clones, two hosts with the same address, one that cannot be audited, one that
	// does not exist, and one that is there under another name too.
	cloned := host{"web2", web.machineID}
	machines := map[string]*machine{}
	for _, h := range []host{web, cloned, {"web3", "333333333333333333333333333333ab"}, db, {"broken", "444444444444444444444444444444ab"}} {
		machines[h.name] = l.add(h)
	}
	for _, name := range []string{"web3", "db1"} {
		m := machines[name]
		m.bridge("br9", "address", shared)
		// On one host the address is also on a port and a VLAN, which is normal.
		m.must("ip", "link", "add", "ve0", "address", shared, "type", "veth", "peer", "name", "ve1")
		m.must("ip", "link", "set", "ve0", "master", "br9")
		m.must("ip", "link", "add", "vrrp0", "address", "00:00:5e:00:01:07", "type", "veth", "peer", "name", "vrrp1")
	}
	machines["broken"].write("/etc/linkaudit.conf", "nonsense\n", 0o644)
	l.unreachable("gone")
	l.alias("alias", "db1")
	// With pipelining Ansible writes the module to an ssh that may have ended already,
	// and then its message is about the pipe.
	l.write("/src/fleet/inventory.ini", "[web]\nweb1\nweb2\nweb3\n\n[other]\ndb1\nbroken\ngone ansible_pipelining=false\nalias\n", 0o644)
	run := func(flags ...string) result {
		return l.ansible("/src", append([]string{"ansible-playbook", "-i", "fleet/inventory.ini", fleetPlaybook}, flags...)...)
	}

	r := run().goesWell(t)
	text, rep := l.fleet(t)
	if rep.Summary.Hosts != 7 || rep.Summary.Audited != 5 {
		t.Errorf("%+v", rep.Summary)
	}
	if e := rep.Hosts["broken"].Error; !strings.HasPrefix(e, "linkaudit: /etc/linkaudit.conf:1: ") {
		t.Errorf("the broken host: %q", e)
	}
	if e := rep.Hosts["gone"].Error; !strings.Contains(e, "Connection refused") {
		t.Errorf("the host that is not there: %q", e)
	}
	var ids, addresses []string
	for _, f := range rep.Findings {
		switch {
		case f.Rule == "shared-machine-id":
			ids = append(ids, strings.Join(f.Hosts, " "))
		case strings.Contains(f.Message, "derived it from the machine ID"):
			// br0 of both clones.
			if !slices.Equal(f.Hosts, []string{"web1", "web2"}) {
				t.Errorf("%+v", f)
			}
		default:
			addresses = append(addresses, f.Address+" "+strings.Join(f.Hosts, " "))
		}
	}
	if !slices.Equal(ids, []string{"web1 web2"}) {
		t.Errorf("the hosts with the same machine ID are %q", ids)
	}
	// The alias is the same machine as db1 and named once.
	if len(addresses) != 1 || !strings.HasPrefix(addresses[0], shared+" ") || !strings.HasSuffix(addresses[0], " web3") {
		t.Errorf("the shared addresses are %q", addresses)
	}
	if !slices.ContainsFunc(rep.Rules, func(r struct {
		Rule  string
		Hosts []string
	}) bool {
		return r.Rule == "policy-overrides-ports" && slices.Contains(r.Hosts, "web1") && slices.Contains(r.Hosts, "db1")
	}) {
		t.Errorf("%+v", rep.Rules)
	}
	for _, says := range []string{"# MAC addresses of the fleet", "7 hosts: 5 audited, 2 not.", "web1 and web2 have the same machine ID", shared + " is the address of ", "| broken | linkaudit: /etc/linkaudit.conf:1:"} {
		if !strings.Contains(text, says) {
			t.Errorf("the Markdown does not say %q:\n%s", says, text)
		}
	}
	if len(lines(r.stdout, "web1 and web2 have the same machine ID")) == 0 {
		t.Errorf("%v", r)
	}
	for _, confidential := range []string{web.machineID, db.machineID} {
		if strings.Contains(text+l.read("/src/fleet/linkaudit-fleet.json")+r.stdout, confidential) {
			t.Error("a machine ID is in the report")
		}
	}

	if r := run().goesWell(t); r.recap(t, "web1", "changed") != "0" {
		t.Errorf("the same report again is a change: %v", r)
	}
	for level, status := range map[string]int{"error": 2, "never": 0} {
		if r := run("-e", "linkaudit_fleet_fail_on="+level, "--limit", "web"); r.status != status {
			t.Errorf("linkaudit_fleet_fail_on=%s: %v", level, r)
		}
	}
	// Two that are fine, in a directory of their own, and shared on purpose.
	if r := run("-e", fmt.Sprintf(`{"linkaudit_fleet_shared_on_purpose": [%q], "linkaudit_fleet_dir": "/src/elsewhere", "linkaudit_fleet_fail_on": "error"}`, shared),
		"--limit", "web3,db1"); r.status != 0 {
		t.Errorf("%v\n%s", r, l.read("/src/elsewhere/linkaudit-fleet.md"))
	}
}

// fleet is the report, as Markdown and as JSON that is valid against its schema.
func (l *lab) fleet(t *testing.T) (string, fleetReport) {
	t.Helper()
	raw := l.read("/src/fleet/linkaudit-fleet.json")
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	schema := jsonschema.NewCompiler().MustCompile(filepath.Join(tree, "contrib/ansible/docs/fleet.schema.json"))
	if err := schema.Validate(doc); err != nil {
		t.Errorf("not valid against the schema: %v\n%s", err, raw)
	}
	var rep fleetReport
	if err := json.Unmarshal([]byte(raw), &rep); err != nil {
		t.Fatal(err)
	}
	return l.read("/src/fleet/linkaudit-fleet.md"), rep
}
