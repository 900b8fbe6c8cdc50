package host

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"linkaudit/internal/fact"
	"linkaudit/linkfiles"
)

var hostileNames = []string{
	"br\xff", "br\xfe", "br\xc3", "br\ufffd", "\x80\x81", "\xed\xa0\x80", "br\xf4\x8f\xb9\xbf", // a lone U+10FE7F
	"br\U0010fe80", "br\U0010feff", "br\xf4\x8f\xba", "\U0010fe80\xff\U0010fefe", "ü\xffü", "10-\xff\n\x1b[2J.link", "",
}

func TestATextThatIsNotUTF8ComesBack(t *testing.T) {
	seen := map[string]string{}
	for _, s := range hostileNames {
		saved := toUTF8(s)
		if !utf8.ValidString(saved) || fromUTF8(saved) != s {
			t.Errorf("%q: saved as %q, read as %q", s, saved, fromUTF8(saved))
		}
		if other, ok := seen[saved]; ok {
			t.Errorf("%q and %q are both saved as %q", s, other, saved)
		}
		seen[saved] = s
	}
	if got := toUTF8("br\xff"); got != "br\U0010feff" { // as docs/schema says
		t.Errorf("got %q", got)
	}
	if s := "ordinary ü"; toUTF8(s) != s {
		t.Errorf("%q is changed", s)
	}
}

func FuzzATextThatIsNotUTF8ComesBack(f *testing.F) {
	for _, s := range hostileNames {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if saved := toUTF8(s); !utf8.ValidString(saved) || fromUTF8(saved) != s {
			t.Errorf("%q: saved as %q, read as %q", s, saved, fromUTF8(saved))
		}
	})
}

// fill puts s into every string that v has, and makes one element of each list.
func fill(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), s)
			}
		}
	case reflect.Slice:
		// A Dir holds Dirs: an end is needed.
		if v.Type() == reflect.TypeFor[[]linkfiles.Dir]() && s == "" {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		if v.Type() == reflect.TypeFor[[]linkfiles.Dir]() {
			v.Index(0).Set(reflect.ValueOf(linkfiles.Dir{Path: s, Resolved: s, Entries: []linkfiles.Entry{{Name: s, Symlink: s, Resolved: s}}}))
			return
		}
		fill(v.Index(0), s)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), s)
	}
}

func TestASnapshotWithAnyTextComesBackAsItWas(t *testing.T) {
	// A fact that was never touched is saved with the reason that it gives.
	reasons := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".reason" }, cmp.Transformer("said", func(s string) string {
		return strings.TrimPrefix(s, "not collected")
	}))
	for _, text := range hostileNames {
		t.Run(fmt.Sprintf("%q", text), func(t *testing.T) {
			s := &Snapshot{}
			fill(reflect.ValueOf(s).Elem(), text)
			s.Schema = SnapshotSchema
			s.NamingScheme = fact.Known(NamingScheme{Name: text, Source: text})
			s.System.MachineID = linkfiles.UnknownMachineID(linkfiles.Told("none"))
			s.System.Hostname = fact.Known(text)
			s.System.Credentials = fact.Known([]string{text})
			s.System.Firmware = fact.Known(linkfiles.Firmware{Compatible: []string{text}, SMBIOS: map[string]string{text: text}})
			s.System.BootID = fact.Unknown[string](fact.Told(text + "."))
			d := &s.Devices[0]
			d.UdevDB = fact.Known(map[string]string{text: text})
			d.UEvent = fact.Absent[map[string]string]()
			d.PersistentMAC = fact.Known(PersistentMAC{Name: text})
			d.DevType = fact.Unknown[string](fact.Told(text + "."))
			before, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := Save(&b, s, true); err != nil {
				t.Fatal(err)
			}
			if after, _ := json.Marshal(s); !bytes.Equal(before, after) {
				t.Error("saving changed the snapshot")
			}
			saved := b.String()
			back, err := Load(&b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s, back, cmp.Exporter(func(reflect.Type) bool { return true }), reasons); diff != "" {
				t.Error(diff)
			}
			var again bytes.Buffer
			if err := Save(&again, back, true); err != nil || again.String() != saved {
				t.Errorf("saved again it is another file (%v)", err)
			}
		})
	}
}

// Another program may write the same document with \u escapes, as Python's json does.
func TestAByteComesBackFromAnEscape(t *testing.T) {
	for _, escape := range []string{`\udbff\udeff`, `\uDBFF\uDEFF`, "\U0010feff"} {
		t.Run(escape, func(t *testing.T) {
			s, err := Parse([]byte(`{"schema": "` + SnapshotSchema + `", "devices": [{"name": "br` + escape + `"}]}`))
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Devices[0].Name; got != "br\xff" {
				t.Errorf("%q", got)
			}
		})
	}
}
