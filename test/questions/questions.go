// Package questions asks linkaudit about the devices of one host in every possible way.
// The answer about a device must not depend on the way.
package questions

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Host is a host with devices that do not change while it is asked about.
type Host struct {
	// Name is the host's name: commands in answers from a snapshot are for it.
	Name string
	// Run runs linkaudit on the host and returns its standard output. Load runs it on a
	// saved snapshot, with --from. An error means exit status 2.
	Run  func(args ...string) ([]byte, error)
	Load func(snapshot []byte, args ...string) ([]byte, error)
	// Random selects which devices are asked about together.
	Random *rand.Rand
}

// answer is the result of one question: the object of each device in the JSON of check.
type answer struct {
	question string
	devices  map[string]string
}

// Differences compares the answer to each question with that of "check --all", device
// by device: the whole object, with findings, origin and predictions. It also returns
// how many answers about a device it compared.
func (h Host) Differences() (differences []string, compared int, err error) {
	all, err := h.ask("live", h.Run, "check", "--all")
	if err != nil {
		return nil, 0, err
	}
	kinds := map[string]string{}
	for name, object := range all.devices {
		var d struct{ Kind string }
		if err := json.Unmarshal([]byte(object), &d); err != nil {
			return nil, 0, err
		}
		kinds[name] = d.Kind
	}
	snapshot, err := h.Run("snapshot")
	if err != nil {
		return nil, 0, err
	}
	shuffled, err := h.shuffle(snapshot)
	if err != nil {
		return nil, 0, err
	}
	from := func(snapshot []byte) func(...string) ([]byte, error) {
		return func(args ...string) ([]byte, error) { return h.Load(snapshot, args...) }
	}
	for _, way := range []struct {
		name string
		run  func(...string) ([]byte, error)
	}{{"live", h.Run}, {"from a snapshot", from(snapshot)}, {"from a snapshot in another order", from(shuffled)}} {
		for _, question := range h.questions(kinds) {
			got, err := h.ask(way.name, way.run, question...)
			if err != nil {
				return nil, 0, err
			}
			for name, object := range got.devices {
				compared++
				if want := all.devices[name]; object != want {
					differences = append(differences, fmt.Sprintf("%s, %s says about %s\n%s\nbut check --all says\n%s", way.name, got.question, name, object, want))
				}
			}
		}
	}
	slices.Sort(differences)
	return differences, compared, nil
}

// questions are all ways to ask about devices. Each device is asked about in several
// ways.
func (h Host) questions(kinds map[string]string) (all [][]string) {
	var names []string
	of := map[string]bool{}
	for name, kind := range kinds {
		names = append(names, name)
		if kind != "" {
			of[kind] = true
		}
	}
	slices.Sort(names)
	all = append(all, []string{"check"}, []string{"check", "--all"})
	for kind := range of {
		all = append(all, []string{"check", "--kind", kind})
	}
	for _, name := range names {
		all = append(all, []string{"check", name}, []string{"explain", name})
		if kinds[name] != "" {
			all = append(all, []string{"check", name, "--kind", kinds[name]})
		}
	}
	for range 4 {
		h.Random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		all = append(all, append([]string{"check"}, names[:1+h.Random.IntN(len(names))]...))
	}
	return all
}

func (h Host) ask(way string, run func(...string) ([]byte, error), question ...string) (answer, error) {
	a := answer{question: strings.Join(question, " "), devices: map[string]string{}}
	out, err := run(append(question, "--format", "json")...)
	if err != nil {
		return a, fmt.Errorf("%s, %s: %w", way, a.question, err)
	}
	out = bytes.ReplaceAll(out, []byte(" (on "+h.Name+")"), nil)
	out = bytes.ReplaceAll(out, []byte("sudo "), nil)
	out = bytes.ReplaceAll(out, []byte(`"host": "`+h.Name+`"`), []byte(`"host": ""`))
	var report struct {
		Device  json.RawMessage // of explain
		Devices []json.RawMessage
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return a, fmt.Errorf("%s, %s: %w", way, a.question, err)
	}
	if report.Device != nil {
		report.Devices = append(report.Devices, report.Device)
	}
	for _, raw := range report.Devices {
		var device map[string]any
		if err := json.Unmarshal(raw, &device); err != nil {
			return a, err
		}
		object, err := json.MarshalIndent(device, "", " ")
		if err != nil {
			return a, err
		}
		a.devices[fmt.Sprint(device["name"])] = string(object)
	}
	return a, nil
}

// shuffle changes the order of the devices in a snapshot.
func (h Host) shuffle(snapshot []byte) ([]byte, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(snapshot, &all); err != nil {
		return nil, err
	}
	var devices []json.RawMessage
	if err := json.Unmarshal(all["devices"], &devices); err != nil {
		return nil, err
	}
	h.Random.Shuffle(len(devices), func(i, j int) { devices[i], devices[j] = devices[j], devices[i] })
	raw, err := json.Marshal(devices)
	if err != nil {
		return nil, err
	}
	all["devices"] = raw
	return json.Marshal(all)
}
