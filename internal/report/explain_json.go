package report

import (
	"io"
	"strings"

	"linkaudit/internal/audit"
	"linkaudit/internal/host"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
)

type explainJSON struct {
	Schema     string              `json:"schema"`
	Host       hostJSON            `json:"host"`
	Device     deviceJSON          `json:"device"`
	Evidence   string              `json:"evidence"`
	Persistent *host.PersistentMAC `json:"persistent"`
	Files      []explainFileJSON   `json:"files"`
	NotRead    []notReadJSON       `json:"not_read"`
	Settings   []settingJSON       `json:"settings"`
	Fix        string              `json:"fix"`
	Findings   []findingJSON       `json:"findings"`
	Bond       *host.Bond          `json:"bond"`
	Ports      []explainPortsJSON  `json:"ports"`
	Steps      []stepJSON          `json:"steps"`
	Wins       string              `json:"wins"`
	// Initramfs is null if the images were not read.
	Initramfs []explainImageJSON `json:"initramfs"`
}

// stepJSON is something that happens while the device is created.
type stepJSON struct {
	Who  string `json:"who"`
	Does string `json:"does"`
	File string `json:"file"`
	Line int    `json:"line"`
}

type explainImageJSON struct {
	Path       string `json:"path"`
	Kernel     string `json:"kernel"`
	Maker      string `json:"maker"`
	Unreadable string `json:"unreadable"`
	// Applies: udev and its rule exist, so the other fields have an effect.
	Applies  bool           `json:"applies"`
	LinkFile *string        `json:"link_file"`
	Policy   *string        `json:"mac_address_policy"`
	Source   *linkfiles.Pos `json:"policy_source"`
	Differs  bool           `json:"differs"`
	Created  *bool          `json:"created"`
}

func explainImages(x *audit.Explanation) []explainImageJSON {
	images, known := x.Result.Snapshot.Initramfs.Get()
	if !known {
		return nil
	}
	out := make([]explainImageJSON, len(images))
	for i := range images {
		img := &images[i]
		j := explainImageJSON{Path: img.Path, Kernel: img.Kernel, Maker: string(img.Maker), Unreadable: img.Unreadable}
		for _, v := range x.Device.InImages {
			if v.Image != img {
				continue
			}
			j.Applies, j.Differs = true, v.Differs
			if v.Creates != audit.CreatesMaybe {
				created := v.Creates == audit.CreatesIt
				j.Created = &created
			}
			if v.LinkFile.IsUnknown() {
				continue
			}
			path, set := "", v.Policy
			if f := v.LinkFile.Or(nil); f != nil {
				path = f.Path
			}
			j.LinkFile, j.Policy = &path, &set
			if v.Source.File != "" {
				source := v.Source
				j.Source = &source
			}
		}
		out[i] = j
	}
	return out
}

type explainPortsJSON struct {
	Name         string        `json:"name"`
	MAC          linkfiles.MAC `json:"mac"`
	PermanentMAC linkfiles.MAC `json:"permanent_mac"`
}

type explainFileJSON struct {
	Path    string              `json:"path"`
	DropIns []string            `json:"dropins"`
	Fate    linkfiles.Fate      `json:"fate"`
	State   linkfiles.FileState `json:"state"`
	Reached bool                `json:"reached"`
	Reason  string              `json:"reason"`
	Key     string              `json:"key"`
	At      *linkfiles.Pos      `json:"at"`
}

type notReadJSON struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

type settingJSON struct {
	Section string                 `json:"section"`
	Key     string                 `json:"key"`
	Value   *string                `json:"value"`
	File    string                 `json:"file"`
	Line    int                    `json:"line"`
	State   linkfiles.SettingState `json:"state"`
	By      *linkfiles.Pos         `json:"by"`
}

// writeExplanationJSON writes the reasoning as docs/schema/explain.schema.json
// describes. The device is the same as in check's report.
func writeExplanationJSON(w io.Writer, x *audit.Explanation, _ Options) error {
	d := x.Device
	out := explainJSON{
		Schema: explainSchema, Host: newHostJSON(x.Result.Snapshot), Device: newDeviceJSON(d),
		Evidence: words.Of(x.Evidence), Fix: x.Fix.Shell(), Findings: findingsJSON(x.Result.Findings),
		Files: make([]explainFileJSON, 0, len(x.Files)), NotRead: []notReadJSON{}, Settings: []settingJSON{},
		Ports: []explainPortsJSON{}, Steps: []stepJSON{}, Wins: words.Of(d.Wins), Initramfs: explainImages(x),
	}
	for _, s := range d.Steps {
		out.Steps = append(out.Steps, stepJSON{words.Of(s.Who), words.Of(s.Does), s.Pos.File, s.Pos.Line})
	}
	if pm, ok := d.Persistent.Get(); ok {
		out.Persistent = &pm
	}
	if d.Device != nil {
		out.Bond = d.Device.Bond
		for _, p := range d.Device.Ports {
			out.Ports = append(out.Ports, explainPortsJSON{p.Name, p.MAC, p.PermanentMAC})
		}
	}
	for _, v := range x.Files {
		f := explainFileJSON{
			Path: v.File.Path, DropIns: append([]string{}, v.File.DropIns...), Fate: v.Fate, State: v.File.State,
			Reached: v.Reached, Reason: words.Of(v.Reason), Key: v.Key,
		}
		if v.Pos.File != "" {
			f.At = &v.Pos
		}
		out.Files = append(out.Files, f)
	}
	for _, n := range x.NotRead {
		out.NotRead = append(out.NotRead, notReadJSON{n.File, strings.TrimPrefix(n.Message, "not read: ")})
	}
	for _, l := range x.Settings {
		s := settingJSON{Section: l.Section, Key: l.Key, File: l.File, Line: l.Line, State: l.State}
		if !l.Secret() {
			s.Value = &l.Value
		}
		if l.By.File != "" {
			s.By = &l.By
		}
		out.Settings = append(out.Settings, s)
	}
	return writeJSON(w, out, indented)
}
