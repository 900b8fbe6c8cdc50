package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"linkaudit/docs"
	"linkaudit/internal/host"
	"linkaudit/internal/report"
)

// nullSaidBy names, for each field of check's JSON that can be null, the rules that can say
// why: one of them must. The schema names them too.
var nullSaidBy = map[string][]string{
	"host.hostname":          {"hostname-unknown"},
	"host.systemd_version":   {"release-unknown"},
	"host.naming_scheme":     {"naming-scheme-unknown"},
	"host.udevd":             {"udevd-unknown"},
	"link_file":              {"unknown-match"},
	"mac_address_policy":     {"unknown-match"},
	"live":                   {"device-missing"},
	"live.addr_assign_type":  {"address-origin-unknown"},
	"origin":                 {"address-origin-unknown", "device-missing"},
	"applied.link_file":      {"applied-file-unknown", "device-missing"},
	"declarations":           {"declarations-unknown"},
	"persistent_mac":         {"persistent-address-unknown", "device-missing"},
	"predicted.boot":         {"prediction-unknown", "persistent-address-unknown", "address-origin-unknown", "unknown-match", "manager-sets-address", "address-changes-on-boot", "address-changes-on-restart", "ports-order-decides", "creator-races-udev", "device-missing"},
	"predicted.recreate":     {"prediction-unknown", "persistent-address-unknown", "address-origin-unknown", "unknown-match", "manager-sets-address", "address-changes-on-boot", "address-changes-on-restart", "ports-order-decides", "creator-races-udev", "device-missing"},
	"predicted.ports_rejoin": {"prediction-unknown", "persistent-address-unknown", "address-origin-unknown", "unknown-match", "address-changes-on-boot", "address-changes-on-restart", "ports-order-decides", "device-missing"},

	"predicted.guest_starts_or_stops": {"prediction-unknown", "persistent-address-unknown", "address-origin-unknown", "unknown-match", "bridge-follows-guests", "device-missing"},
	"predicted.udev_add_event":        {"add-event-unknown", "persistent-address-unknown", "address-origin-unknown", "manager-sets-address", "unknown-match", "device-missing"},
}

// silentNulls need no reason: see their descriptions in the schema.
var silentNulls = []string{"policy_source", "manager"}

func TestEveryNullOfTheJSONIsExplainedByAFinding(t *testing.T) {
	examples, err := docs.Examples(exampleHost)
	if err != nil {
		t.Fatal(err)
	}
	type run struct {
		snap *host.Snapshot
		sel  selection
	}
	runs := map[string]run{}
	for _, e := range examples {
		runs[e.Rule] = run{e.Snapshot, selection{all: true}}
		runs[e.Rule+" by name"] = run{e.Snapshot, selection{names: []string{"bond0", "bond7"}, kinds: []string{"bond"}}}
	}
	nothing := func(offline bool) *host.Snapshot {
		s, err := host.Load(bytes.NewReader(exampleHost))
		if err != nil {
			t.Fatal(err)
		}
		empty := &host.Snapshot{Offline: offline, Systemd: s.Systemd, Files: s.Files}
		for _, d := range s.Devices {
			empty.Devices = append(empty.Devices, host.Device{Index: d.Index, Name: d.Name, Kind: d.Kind, ARPHRD: 1})
		}
		return empty
	}
	runs["nothing is known"] = run{nothing(false), selection{all: true}}
	runs["nothing is known of a device to come"] = run{nothing(false), selection{names: []string{"x0"}, kinds: []string{"wireguard"}}}
	runs["an image with nothing known"] = run{nothing(true), selection{}}

	seen := map[string]bool{}
	for name, r := range runs {
		var b bytes.Buffer
		err := auditAndShow(&b, r.snap, nil, r.sel, nil, output{format: report.FormatNamed("json")})
		if err != nil && !errors.Is(err, errFindings) {
			t.Fatalf("%s: %v", name, err)
		}
		var got struct {
			Host     map[string]any
			Devices  []map[string]any
			Findings []struct{ Rule string }
		}
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		explained := func(where, field string, findings []any) {
			seen[field] = true
			if slices.Contains(silentNulls, field) {
				return
			}
			for _, f := range findings {
				if slices.Contains(nullSaidBy[field], f.(map[string]any)["rule"].(string)) {
					return
				}
			}
			t.Errorf("%s: %s: %s is null and none of %v says why", name, where, field, nullSaidBy[field])
		}
		var ofHost []any
		for _, f := range got.Findings {
			ofHost = append(ofHost, map[string]any{"rule": f.Rule})
		}
		for _, field := range nulls("host.", got.Host) {
			explained("host", field, ofHost)
		}
		for _, d := range got.Devices {
			for _, field := range nulls("", d) {
				explained(fmt.Sprint(d["name"]), field, d["findings"].([]any))
			}
		}
	}
	for field := range nullSaidBy {
		// Without a release there is no audit and no JSON.
		if !seen[field] && field != "host.systemd_version" {
			t.Errorf("no example has a null %s", field)
		}
	}
}

// nulls returns the dotted names of null fields.
func nulls(prefix string, object map[string]any) []string {
	var out []string
	for k, v := range object {
		switch v := v.(type) {
		case nil:
			out = append(out, prefix+k)
		case map[string]any:
			out = append(out, nulls(prefix+k+".", v)...)
		}
	}
	return out
}
