package report

import (
	"bufio"
	"io"
	"strconv"

	"linkaudit/internal/fact"
)

// macPiece is as much for a list of addresses, of which a terminal or a pipe wants the first
// lines soon.
const macPiece = 64 << 10

// macSchema is the value of "schema" in what MACList writes as JSON.
const macSchema = "linkaudit.mac/1"

// MACMachine is a machine whose addresses are listed. Its machine-id is
// confidential (machine-id(5)) and has no place here.
type MACMachine struct {
	// Label tells it from the others: the path of a file, "id1".
	Label string
	// HashesInterfaceName: see policy.HashesInterfaceName.
	HashesInterfaceName fact.Fact[bool]
}

// MACSource says which addresses a list for people has; JSON has both.
type MACSource int

// Who makes the addresses.
const (
	ByUdev MACSource = iota
	ByNetworkd
)

// MACList writes addresses as they come, with nothing kept and nothing allocated
// for each of them.
type MACList interface {
	// Shows says whether the list has the addresses of that source.
	Shows(MACSource) bool
	// Add writes the addresses that udev and networkd make of a name on the machine
	// of that index. An error of writing is kept until Flush or Close.
	Add(name []byte, machine int, persistent, networkd []byte)
	// Flush writes out what was added.
	Flush() error
	// Close ends the list. Without it JSON is left incomplete, so that a list which
	// could not be finished is not taken for a whole one.
	Close() error
}

// macText is a list for people: a line for each name and machine.
type macText struct {
	*bufio.Writer
	source MACSource
	labels []string // nil where there is one machine
}

func newMACText(w io.Writer, machines []MACMachine, source MACSource) MACList {
	m := &macText{Writer: bufio.NewWriterSize(w, macPiece), source: source}
	if len(machines) > 1 {
		for _, machine := range machines {
			m.labels = append(m.labels, Escape(machine.Label))
		}
	}
	return m
}

func (m *macText) Shows(source MACSource) bool { return source == m.source }

func (m *macText) Add(name []byte, machine int, persistent, networkd []byte) {
	if printable(string(name)) {
		m.Write(name)
	} else {
		m.WriteString(Escape(string(name)))
	}
	m.WriteByte(' ')
	if m.source == ByNetworkd {
		m.Write(networkd)
	} else {
		m.Write(persistent)
	}
	if m.labels != nil {
		m.WriteByte(' ')
		m.WriteString(m.labels[machine])
	}
	m.WriteByte('\n')
}

func (m *macText) Close() error { return m.Flush() }

// macJSON is a list in the form of docs/schema/mac.schema.json. What is fixed of it is
// written here and not by encoding/json: a million names would allocate a million times.
// Labels and names are encoded by it, but for those that are JSON as they stand.
type macJSON struct {
	*bufio.Writer
	labels [][]byte // encoded
	some   bool
}

func newMACJSON(w io.Writer, machines []MACMachine, _ MACSource) MACList {
	m := &macJSON{Writer: bufio.NewWriterSize(w, macPiece)}
	m.WriteString("{\n  \"schema\": \"" + macSchema + "\",\n  \"machines\": [")
	for i, machine := range machines {
		if i > 0 {
			m.WriteByte(',')
		}
		m.labels = append(m.labels, encodedString(machine.Label))
		hashes := "null"
		if h, ok := machine.HashesInterfaceName.Get(); ok {
			hashes = strconv.FormatBool(h)
		}
		m.WriteString("\n    {\"machine\": ")
		m.Write(m.labels[i])
		m.WriteString(", \"hashes_interface_name\": " + hashes + "}")
	}
	m.WriteString("\n  ],\n  \"addresses\": [")
	return m
}

func (m *macJSON) Shows(MACSource) bool { return true }

func (m *macJSON) Add(name []byte, machine int, persistent, networkd []byte) {
	if m.some {
		m.WriteByte(',')
	}
	m.some = true
	m.WriteString("\n    {\"name\": ")
	if plainJSON(string(name)) {
		m.WriteByte('"')
		m.Write(name)
		m.WriteByte('"')
	} else {
		m.Write(encodedString(string(name)))
	}
	m.WriteString(`, "machine": `)
	m.Write(m.labels[machine])
	m.WriteString(`, "persistent_mac": "`)
	m.Write(persistent)
	m.WriteString(`", "networkd_mac": "`)
	m.Write(networkd)
	m.WriteString(`"}`)
}

func (m *macJSON) Close() error {
	if m.some {
		m.WriteString("\n  ")
	}
	m.WriteString("]\n}\n")
	return m.Flush()
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

// encodedString is a string as writeJSON writes it.
func encodedString(v string) []byte {
	s := newJSONStream(io.Discard, onOneLine)
	s.value(v) // a string can always be written
	return s.text.Bytes()
}
