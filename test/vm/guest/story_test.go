//go:build vm

package guest

import (
	"encoding/base64"
	"fmt"
	"os/exec"
	"testing"
)

// TestStory plays docs/story.sh and hands over what it wrote.
func TestStory(t *testing.T) {
	free(t)
	out, err := exec.Command("sh", "/usr/lib/linkaudit-story", "eth0").Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	fmt.Printf("GUEST-FILE /story.md %s\n", base64.StdEncoding.EncodeToString(out))
}
