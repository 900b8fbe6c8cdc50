package change

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
)

// messageID marks linkaudit's changes in the journal:
// journalctl MESSAGE_ID=...
const messageID = "c7e1f1f5b8d94f8b9d0a3b6a52e4c8d1"

// recordTimeout is for one entry of the journal: a journald that does not read blocks the
// sender.
const recordTimeout = 5 * time.Second

// entry is one change in the journal: action, target and file, and the content before and
// after: the hash of a text, or an address.
type entry struct{ action, target, file, before, after string }

// record writes one change to the journal, if there is one. A lost entry must not undo or
// delay the change.
func (r *Result) record(e entry) {
	if r.unrecorded || !journal.Enabled() {
		return
	}
	sent := make(chan error, 1)
	go func() { // which cannot be interrupted, and ends with the process
		sent <- journal.Send(message(e.action, e.target, e.file), journal.PriNotice, map[string]string{
			"MESSAGE_ID":        messageID,
			"SYSLOG_IDENTIFIER": "linkaudit",
			"LINKAUDIT_ACTION":  strings.TrimSuffix(e.action, ", removed"),
			"LINKAUDIT_DEVICE":  e.target,
			"LINKAUDIT_PATH":    e.file,
			"LINKAUDIT_BEFORE":  e.before,
			"LINKAUDIT_AFTER":   e.after,
			"LINKAUDIT_USER":    who(),
		})
	}()
	var err error
	select {
	case err = <-sent:
	case <-time.After(recordTimeout):
		err = fmt.Errorf("systemd-journald did not accept it within %v", recordTimeout)
	}
	if err != nil {
		r.unrecorded = true
		r.Remaining = append(r.Remaining, fmt.Sprintf("the change is not in the journal: %v", err))
	}
}

func message(action, target, file string) string {
	if file == "" {
		return action + " for " + target
	}
	return action + " for " + target + ": " + file
}

// hash is "" for a file that does not exist.
func hash(content []byte) string {
	if content == nil {
		return ""
	}
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// who is the user who logged in, not the root that they became: the kernel's login UID,
// else what sudo(8) says, else the user of the process.
func who() string {
	if b, err := os.ReadFile("/proc/self/loginuid"); err == nil {
		uid := strings.TrimSpace(string(b))
		if n, err := strconv.ParseUint(uid, 10, 32); err == nil && uint32(n) != ^uint32(0) {
			return userName(uid)
		}
	}
	// Otherwise the environment could put any text into the journal.
	if uid := os.Getenv("SUDO_UID"); uid != "" {
		if _, err := strconv.ParseUint(uid, 10, 32); err == nil {
			return userName(uid)
		}
	}
	return userName(strconv.Itoa(os.Getuid()))
}

func userName(uid string) string {
	if u, err := user.LookupId(uid); err == nil {
		return u.Username
	}
	return uid
}
