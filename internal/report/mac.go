package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"

	"linkaudit/internal/fact"
)

// MACSchema is the value of "schema" in what MACs writes as JSON.
const MACSchema = "linkaudit.mac/1"

// MACMachine is a machine whose addresses are listed. Its machine-id is
// confidential (machine-id(5)) and has no place here.
type MACMachine struct {
	// Label tells it from the others: the path of a file, "id1".
	Label string
	// HashesInterfaceName: see policy.HashesInterfaceName.
	HashesInterfaceName fact.Fact[bool]
}

// MACs writes addresses as they come, with nothing kept and nothing allocated
// for each of them.
type MACs struct {
	w        *bufio.Writer
	json     bool
	networkd bool
	machines []MACMachine
	labels   [][]byte // escaped for the form
	some     bool
}

// NewMACs begins a list for the machines. Text has networkd's addresses instead
// of udev's where networkd is set; JSON has both.
func NewMACs(w io.Writer, asJSON, networkd bool, machines []MACMachine) *MACs {
	m := &MACs{w: bufio.NewWriterSize(w, 64<<10), json: asJSON, networkd: networkd, machines: machines}
	for _, machine := range machines {
		if asJSON {
			m.labels = append(m.labels, appendJSON(nil, machine.Label))
		} else {
			m.labels = append(m.labels, []byte(Escape(machine.Label)))
		}
	}
	if !asJSON {
		return m
	}
	m.w.WriteString("{\n  \"schema\": \"" + MACSchema + "\",\n  \"machines\": [")
	for i, machine := range machines {
		if i > 0 {
			m.w.WriteByte(',')
		}
		hashes := "null"
		if h, ok := machine.HashesInterfaceName.Get(); ok {
			hashes = map[bool]string{true: "true", false: "false"}[h]
		}
		m.w.WriteString("\n    {\"machine\": ")
		m.w.Write(m.labels[i])
		m.w.WriteString(", \"hashes_interface_name\": " + hashes + "}")
	}
	m.w.WriteString("\n  ],\n  \"addresses\": [")
	return m
}

// Add writes the addresses that udev and networkd make of a name on the machine
// of that index. An error of writing is kept until Flush or Close.
func (m *MACs) Add(name []byte, machine int, persistent, networkd []byte) {
	if m.json {
		m.addJSON(name, machine, persistent, networkd)
		return
	}
	if printable(string(name)) {
		m.w.Write(name)
	} else {
		m.w.WriteString(Escape(string(name)))
	}
	m.w.WriteByte(' ')
	if m.networkd {
		m.w.Write(networkd)
	} else {
		m.w.Write(persistent)
	}
	if len(m.machines) > 1 {
		m.w.WriteByte(' ')
		m.w.Write(m.labels[machine])
	}
	m.w.WriteByte('\n')
}

func (m *MACs) addJSON(name []byte, machine int, persistent, networkd []byte) {
	if m.some {
		m.w.WriteByte(',')
	}
	m.some = true
	m.w.WriteString("\n    {\"name\": ")
	if plainJSON(string(name)) {
		m.w.WriteByte('"')
		m.w.Write(name)
		m.w.WriteByte('"')
	} else {
		m.w.Write(appendJSON(nil, string(name)))
	}
	m.w.WriteString(`, "machine": `)
	m.w.Write(m.labels[machine])
	m.w.WriteString(`, "persistent_mac": "`)
	m.w.Write(persistent)
	m.w.WriteString(`", "networkd_mac": "`)
	m.w.Write(networkd)
	m.w.WriteString(`"}`)
}

// Flush writes out what was added.
func (m *MACs) Flush() error { return m.w.Flush() }

// Close ends the list. Without it JSON is left incomplete, so that a list which
// could not be finished is not taken for a whole one.
func (m *MACs) Close() error {
	if m.json {
		if m.some {
			m.w.WriteString("\n  ")
		}
		m.w.WriteString("]\n}\n")
	}
	return m.w.Flush()
}

// plainJSON reports whether s is a JSON string as it stands.
func plainJSON(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// appendJSON writes a string as writeJSON does.
func appendJSON(dst []byte, s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err) // a string can always be written
	}
	return append(dst, escapeJSON(bytes.TrimSuffix(b.Bytes(), []byte("\n")))...)
}
