package linkfiles

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// machineIDApp is the application ID for the hash of the machine ID that is saved.
// machine-id(5) asks programs not to expose the ID itself, and describes this keyed hash
// instead.
const machineIDApp = "linkaudit machine-id fingerprint v1"

// MachineID is the machine's ID or, in a saved snapshot, only a fingerprint of it. The
// fingerprint can be compared with a candidate, which is all that Host= needs, but does not
// reveal the ID.
type MachineID struct {
	id          Fact[[16]byte]
	fingerprint string
}

// KnownMachineID returns the MachineID with the given bytes.
func KnownMachineID(id [16]byte) MachineID {
	return MachineID{id: Known(id), fingerprint: fingerprintOf(id)}
}

// UnknownMachineID returns a MachineID that could not be read, and why.
func UnknownMachineID(reason *Statement) MachineID {
	return MachineID{id: Unknown[[16]byte](reason)}
}

// ParseMachineID reads the 32 hexadecimal digits of machine-id(5); like
// sd_id128_from_string(3) it also accepts the UUID form with dashes.
func ParseMachineID(s string) ([16]byte, error) {
	var id [16]byte
	plain := withoutDashes(s)
	if len(plain) != 32 || strings.ContainsRune(plain, '-') {
		return id, fmt.Errorf("a machine ID has 32 hexadecimal digits")
	}
	if _, err := hex.Decode(id[:], []byte(plain)); err != nil {
		return id, fmt.Errorf("a machine ID has 32 hexadecimal digits")
	}
	return id, nil
}

// withoutDashes removes the dashes of the UUID form; other texts stay as they are.
func withoutDashes(s string) string {
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		return s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	}
	return s
}

// ID returns the bytes, unknown with the reason if they could not be read or were left out of
// a snapshot.
func (m MachineID) ID() Fact[[16]byte] { return m.id }

// Is reports whether id is this machine's; ok is false if that is unknown.
func (m MachineID) Is(id [16]byte) (is, ok bool) {
	if m.fingerprint == "" {
		return false, false
	}
	return hmac.Equal([]byte(m.fingerprint), []byte(fingerprintOf(id))), true
}

// Confidential returns the MachineID without its bytes: what a snapshot has unless the machine
// ID was requested.
func (m MachineID) Confidential() MachineID {
	if m.id.IsKnown() {
		m.id = Unknown[[16]byte](Told("it was left out of the snapshot"))
	}
	return m
}

func fingerprintOf(id [16]byte) string {
	h := hmac.New(sha256.New, id[:])
	h.Write([]byte(machineIDApp))
	return hex.EncodeToString(h.Sum(nil))
}

// Fingerprint is a keyed hash of the ID. It can show that two hosts have the same ID without
// revealing it; "" if the ID could not be read.
func (m MachineID) Fingerprint() string { return m.fingerprint }

type machineIDJSON struct {
	ID          string `json:"id,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
	Unknown     string `json:"unknown,omitempty"`
}

// MarshalJSON writes the ID, if the value has it, and the fingerprint.
func (m MachineID) MarshalJSON() ([]byte, error) {
	j := machineIDJSON{Fingerprint: m.fingerprint}
	if id, ok := m.id.Get(); ok {
		j.ID = hex.EncodeToString(id[:])
	} else {
		j.Unknown = m.id.Reason().String()
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *MachineID) UnmarshalJSON(b []byte) error {
	var j machineIDJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	if j.ID != "" {
		id, err := ParseMachineID(j.ID)
		if err != nil {
			return err
		}
		*m = KnownMachineID(id)
		return nil
	}
	*m = MachineID{id: Unknown[[16]byte](reasonSaved(j.Unknown)), fingerprint: j.Fingerprint}
	return nil
}
