package report

import (
	"bufio"
	"io"
	"strconv"

	"linkaudit/internal/fact"
)

// macPiece is the size in bytes of the pieces in which a list is written. It is small
// because a terminal or pipe needs the first lines soon.
const macPiece = 64 << 10

// macSchema is the value of "schema" in the JSON of a MACList.
const macSchema = "linkaudit.mac/1"

// MACMachine is a machine in a list of addresses. It has no machine ID, because that is
// confidential (machine-id(5)).
type MACMachine struct {
	// Label identifies the machine: the path of a file, or for instance "id1".
	Label string
	// HashesInterfaceName: see policy.HashesInterfaceName.
	HashesInterfaceName fact.Fact[bool]
}

// MACSource says which addresses a list for people has. JSON has both.
type MACSource int

// The programs that derive the addresses.
const (
	ByUdev MACSource = iota
	ByNetworkd
)

// MACList writes addresses as they are added. It stores none and allocates nothing for
// each.
type MACList interface {
	// Shows reports whether the list has the addresses of that source.
	Shows(MACSource) bool
	// Add writes the addresses that udev and networkd derive for a name on a machine,
	// given by its index. A write error is kept until Flush or Close.
	Add(name []byte, machine int, persistent, networkd []byte)
	// Flush writes out what was added.
	Flush() error
	// Close ends the list. Without it the JSON stays incomplete, so an unfinished list
	// cannot be mistaken for a complete one.
	Close() error
}

// macText is a list for people, with a line for each name and machine.
type macText struct {
	*bufio.Writer
	source MACSource
	labels []string // nil if there is only one machine
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

// macJSON is a list in the form of docs/schema/mac.schema.json. Its fixed parts are
// written here, because encoding/json would allocate a million times for a million
// names. encoding/json encodes labels and names, unless they need no encoding.
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

// plainJSON reports whether s needs no encoding as a JSON string.
func plainJSON(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// encodedString encodes a string as writeJSON does.
func encodedString(v string) []byte {
	s := newJSONStream(io.Discard, onOneLine)
	s.value(v) // writing a string cannot fail
	return s.text.Bytes()
}
