//go:build vm

package guest

import (
	"errors"
	"os"
	"strings"
	"testing"

	"linkaudit/internal/trace"
)

// TestTraceZLockdown comes last, because lockdown of the kernel cannot be undone.
func TestTraceZLockdown(t *testing.T) {
	if err := os.WriteFile("/sys/kernel/security/lockdown", []byte("confidentiality"), 0); err != nil {
		t.Fatal(err)
	}
	_, err := trace.Open(trace.Options{})
	var missing *trace.Unavailable
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), "lockdown") || strings.Contains(err.Error(), "\n") {
		t.Errorf("under lockdown: %v", err)
	}
	t.Log(err)
}
