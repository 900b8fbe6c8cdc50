package change

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// labelTimeout is for matchpathcon, which answers at once.
const labelTimeout = 10 * time.Second

// label gives the open file the SELinux context that the loaded policy has for the
// path (matchpathcon(8)), if SELinux is enabled. Without that program the file keeps
// the kernel's choice: its directory's type, unless the policy says otherwise.
func label(ctx context.Context, fd int, name string) error {
	if _, err := os.Stat("/sys/fs/selinux/enforce"); err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, labelTimeout)
	defer cancel()
	cmd := systemCommand(ctx, "matchpathcon", "-n", "-m", "file", name)
	if cmd == nil {
		return nil
	}
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("ask matchpathcon for the SELinux context: %w", err)
	}
	to := strings.TrimSpace(string(out))
	if to == "" || to == "<<none>>" {
		return nil
	}
	if err := unix.Fsetxattr(fd, "security.selinux", []byte(to+"\x00"), 0); err != nil {
		return fmt.Errorf("set the SELinux context %s: %w", to, err)
	}
	return nil
}
