package remedies

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

const (
	finds = `{"devices": [{"name": "br0", "findings": [{"rule": "r", "help": "linkaudit fix --bridge br0 does it.", "remedy": {"command": "linkaudit fix --bridge br0", "host": ""}}]}], "findings": []}`
	none  = `{"devices": [{"name": "br0", "findings": []}], "findings": []}`
)

// A test of remedies must not accept these.
func TestTry(t *testing.T) {
	works := func(string) (string, error) { return "done", nil }
	for name, c := range map[string]struct {
		reports []string
		run     func(string) (string, error)
		ran     int
		fails   string
	}{
		"it helps":         {[]string{finds, none}, works, 1, ""},
		"nothing is found": {[]string{none}, works, 0, ""},
		"it does not help": {[]string{finds, finds}, works, 1, "does not help against r of br0"},
		"it fails":         {[]string{finds}, func(string) (string, error) { return "no", errors.New("exit status 2") }, 0, "exit status 2"},
		"another command":  {[]string{strings.Replace(finds, "does it", "", 1), none}, works, 1, ""},
		"it is not what is printed": {[]string{strings.Replace(finds, "linkaudit fix --bridge br0 does", "linkaudit fix does", 1)}, works, 0,
			"is not in"},
		"it is for another host": {[]string{strings.Replace(finds, `"host": ""`, `"host": "h"`, 1)}, works, 0, "is for h"},
		"no report":              {[]string{""}, works, 0, "JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			left := slices.Clone(c.reports)
			ran, err := Try(func() ([]byte, error) {
				r := left[0]
				left = left[1:]
				return []byte(r), nil
			}, 10, c.run)
			if ran != c.ran || (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%d, %v", ran, err)
			}
		})
	}
}
