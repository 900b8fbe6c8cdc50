package linkfiles

import (
	"encoding/json"
	"os"
	"testing"
)

// fnmatchVector is one answer of the C library. Old is that of glibc 2.31 where
// it differs.
type fnmatchVector struct {
	Pattern []byte `json:"pattern"`
	Name    []byte `json:"name"`
	Fold    bool   `json:"fold,omitempty"`
	Match   bool   `json:"match"`
	Old     *bool  `json:"old,omitempty"`
}

func TestGlobAgreesWithTheCLibrary(t *testing.T) {
	b, err := os.ReadFile("../testdata/fnmatch.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []fnmatchVector
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 2000 {
		t.Fatalf("only %d vectors", len(vectors))
	}
	for _, v := range vectors {
		old := v.Match
		if v.Old != nil {
			old = *v.Old
		}
		if got := (glob{fold: v.Fold}).match(string(v.Pattern), string(v.Name)); got != v.Match {
			t.Errorf("match(%q, %q, fold %v) = %v, the library says %v", v.Pattern, v.Name, v.Fold, got, v.Match)
		}
		if got := (glob{fold: v.Fold, unclosedFails: true}).match(string(v.Pattern), string(v.Name)); got != old {
			t.Errorf("match(%q, %q, fold %v) as of glibc 2.31 = %v, the library says %v", v.Pattern, v.Name, v.Fold, got, old)
		}
	}
}
