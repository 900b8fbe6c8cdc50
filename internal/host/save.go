package host

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

// maxSnapshotSize is the largest saved snapshot that Load reads, in bytes.
const maxSnapshotSize = 256 << 20

// Save writes the snapshot as indented JSON: the same snapshot gives the same bytes, and text
// that is not UTF-8 is kept (toUTF8). The machine ID is confidential (machine-id(5)). It is
// left out unless withMachineID is set, also where the kernel command line repeats it, and
// so are the serial numbers and the UUID of SMBIOS.
func Save(w io.Writer, s *Snapshot, withMachineID bool) error {
	out := *s
	out.Schema = SnapshotSchema
	if !withMachineID {
		out.System.MachineID = out.System.MachineID.Confidential()
		out.OtherMachineIDs = slices.Clone(out.OtherMachineIDs)
		for i := range out.OtherMachineIDs {
			out.OtherMachineIDs[i].ID = out.OtherMachineIDs[i].ID.Confidential()
		}
		out.System.KernelCommandLine = hideMachineID(out.System.KernelCommandLine)
		out.System.ProductUUID = withoutValue(out.System.ProductUUID)
		out.System.Firmware = withoutSerials(out.System.Firmware)
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	err := enc.Encode(mapText(out, toUTF8))
	if err == nil {
		_, err = w.Write(escapeControls(buf.Bytes()))
	}
	if err != nil {
		return fmt.Errorf("save snapshot: %w", err)
	}
	return nil
}

// escapeControls writes DEL and U+0080 to U+009F as \u escapes, which
// encoding/json leaves as they are: a snapshot goes to standard output, and a
// terminal takes U+009B for the start of a command (ECMA-48, CSI).
func escapeControls(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == 0x7f:
			out = append(out, `\u007f`...)
		case b[i] == 0xc2 && i+1 < len(b) && b[i+1] < 0xa0:
			i++
			out = fmt.Appendf(out, `\u%04x`, b[i])
		default:
			out = append(out, b[i])
		}
	}
	return out
}

func withoutValue(f fact.Fact[string]) fact.Fact[string] {
	if f.IsKnown() {
		return fact.Unknown[string](fact.Told("it was left out of the snapshot"))
	}
	return f
}

// withoutSerials leaves out what the kernel lets only root read: the serial
// numbers and the product UUID of SMBIOS.
func withoutSerials(f fact.Fact[linkfiles.Firmware]) fact.Fact[linkfiles.Firmware] {
	fw, ok := f.Get()
	if !ok {
		return f
	}
	kept := make(map[string]string, len(fw.SMBIOS))
	fw.Hidden = slices.Clone(fw.Hidden)
	for name, value := range fw.SMBIOS {
		if strings.HasSuffix(name, "_serial") || name == "product_uuid" {
			fw.Hidden = append(fw.Hidden, name)
			continue
		}
		kept[name] = value
	}
	slices.Sort(fw.Hidden)
	fw.SMBIOS = kept
	return fact.Known(fw)
}

// Load reads what Save wrote. It refuses another schema, unknown fields,
// anything after the document, and more than 256 MiB; the error
// is one line.
func Load(r io.Reader) (*Snapshot, error) {
	s, err := load(r, maxSnapshotSize)
	if err != nil {
		return nil, fmt.Errorf("load snapshot: %w", err)
	}
	return s, nil
}

var errTooLarge = errors.New("too large")

// limited fails, unlike io.LimitedReader, when there is more than n.
type limited struct {
	r io.Reader
	n int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.n -= int64(n); l.n < 0 {
		return 0, errTooLarge
	}
	return n, err
}

func load(r io.Reader, limit int64) (*Snapshot, error) {
	raw, err := io.ReadAll(&limited{r, limit})
	switch {
	case errors.Is(err, errTooLarge):
		return nil, fmt.Errorf("larger than %d MiB", limit>>20)
	case err != nil:
		return nil, err
	case len(bytes.TrimSpace(raw[:min(len(raw), 64)])) == 0:
		return nil, errors.New("the file is empty")
	}
	return Parse(raw)
}

// Parse reads one document that Save wrote. The error is one line.
func Parse(raw []byte) (*Snapshot, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	s := new(Snapshot)
	err := dec.Decode(s)
	if _, more := dec.Token(); err == nil && more != io.EOF {
		err = errors.New("there is text after the snapshot")
	}
	if err != nil || s.Schema != SnapshotSchema {
		return nil, notASnapshot(raw, err)
	}
	if mayHoldBytes(raw) {
		restored := mapText(*s, fromUTF8)
		s = &restored
	}
	s.fillPortKinds()
	return s, nil
}

// fillPortKinds is for snapshots of versions that had the kind of a port only in its own
// device.
func (s *Snapshot) fillPortKinds() {
	var kinds map[int]string
	for i := range s.Devices {
		for j := range s.Devices[i].Ports {
			p := &s.Devices[i].Ports[j]
			if p.Kind != "" {
				continue
			}
			if kinds == nil {
				kinds = make(map[int]string, len(s.Devices))
				for k := range s.Devices {
					kinds[s.Devices[k].Index] = s.Devices[k].Kind
				}
			}
			p.Kind = kinds[p.Index]
		}
	}
}

// notASnapshot says why raw could not be read. A later schema may have unknown fields; then
// the version is the better message.
func notASnapshot(raw []byte, why error) error {
	var head struct {
		Schema *string `json:"schema"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return jsonError(raw, err)
	}
	switch {
	case head.Schema == nil:
		return errors.New("it has no \"schema\"")
	case *head.Schema != SnapshotSchema:
		return fmt.Errorf("unknown schema %q (this linkaudit reads %q)", *head.Schema, SnapshotSchema)
	}
	return jsonError(raw, why)
}

// jsonError adds the line to an error of encoding/json, which counts bytes.
func jsonError(raw []byte, err error) error {
	var offset int64
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &typ):
		offset = typ.Offset
	default:
		return err
	}
	offset = min(offset, int64(len(raw)))
	line := 1 + strings.Count(string(raw[:offset]), "\n")
	return fmt.Errorf("line %d: %w", line, err)
}

// hideMachineID removes the value of systemd.machine_id=: a snapshot without the machine-id must not have it
// there either.
func hideMachineID(cmdline fact.Fact[string]) fact.Fact[string] {
	s, ok := cmdline.Get()
	if !ok || !machineIDArgument().MatchString(s) {
		return cmdline
	}
	return fact.Known(machineIDArgument().ReplaceAllString(s, "${1}${2}left-out"))
}
