package life

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// What a suite prints can be read again.
func TestSequenceAsText(t *testing.T) {
	want := Sequence{Kind: "bond", Policy: "MACAddress", Ops: []Op{
		{Do: Create, Mode: "active-backup", FailOver: "follow", Addr: "p0"},
		{Do: Join, Port: "p1"},
		{Do: SetPortMAC, Port: "p1", Addr: "02:00:00:00:00:01"},
		{Do: Udev},
	}}
	got, err := ParseSequence(want.String())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: %+v", err, got)
	}
	for _, bad := range []string{"bond", "bond under none\n join p0 colour=blue"} {
		t.Run(fmt.Sprintf("%q", bad), func(t *testing.T) {
			if _, err := ParseSequence(bad); err == nil {
				t.Error("it is taken")
			}
		})
	}
}

// The model predicts how each race ends.
func TestRacesInTheModel(t *testing.T) {
	r := &Runner{Release: 257}
	for _, race := range Races {
		t.Run(strings.ReplaceAll(race.Create, "\n", ""), func(t *testing.T) {
			s, err := ParseSequence(race.Create)
			if err != nil {
				t.Fatal(err)
			}
			ends := r.Outcomes(s)
			if (race.UdevFirst == race.JoinFirst) != (ends[UdevFirst] == ends[JoinFirst]) {
				t.Errorf("%v", ends)
			}
		})
	}
}
