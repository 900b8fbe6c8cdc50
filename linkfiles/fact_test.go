package linkfiles

import (
	"encoding/json"
	"testing"
)

func TestAFactIsTheSameAfterJSON(t *testing.T) {
	for text, fact := range map[string]Fact[string]{
		`{"value":"x"}`:                   Known("x"),
		`{"value":""}`:                    Known(""),
		`null`:                            Absent[string](),
		`{"unknown":"no rights"}`:         Unknown[string](Told("no rights")),
		`{"unknown":"not collected"}`:     {},
		`{"value":"a \u003c b \u0026 c"}`: Known("a < b & c"),
	} {
		t.Run(text, func(t *testing.T) {
			out, err := json.Marshal(fact)
			if err != nil || string(out) != text {
				t.Fatalf("%s, %v", out, err)
			}
			var back Fact[string]
			if err := json.Unmarshal(out, &back); err != nil {
				t.Fatal(err)
			}
			if back.String() != fact.String() {
				t.Errorf("%v became %v", fact, back)
			}
		})
	}
	var f Fact[string]
	if json.Unmarshal([]byte("{}"), &f) == nil {
		t.Error("{} is a fact")
	}
}
