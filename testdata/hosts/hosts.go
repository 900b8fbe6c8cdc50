// Package hosts holds snapshots of whole hosts: the example that linkaudit
// brings along, and input for tests.
package hosts

import _ "embed"

// Debian11 is a host with systemd 247 and a bond whose address udev made from
// the machine-id: the state right after boot.
//
//go:embed debian11.json
var Debian11 []byte
