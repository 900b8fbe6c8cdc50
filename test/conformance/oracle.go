package conformance

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"linkaudit/test/tool"
)

// An Oracle asks the udevadm of one release. Only one goroutine at a time may use it.
type Oracle struct {
	Release int
	// Version is what udevadm --version says: "252" or "252 (252.39-1~deb12u2)".
	Version string
	// Devices are those of its network namespace; Lacking names the kinds that this
	// kernel could not create.
	Devices []Device
	Lacking []string

	// Raw, if set, gets everything that udevadm prints.
	Raw io.Writer

	agent *tool.Held
	enc   *gob.Encoder
	dec   *gob.Decoder
	// limit is how long one answer may take.
	limit time.Duration
}

// agentReady is the line that an agent prints before its replies.
const agentReady = "ready"

// answerLimit is how long an agent may take for one request on a quiet machine. It is
// longer than the sum of the limits in the agent.
const answerLimit = 10 * time.Minute

// StartOracle starts an agent in the root, which is not changed. It needs root, and the
// program must call RunAgentIfAsked first.
func StartOracle(root string) (*Oracle, error) {
	library, err := serveLibrary()
	if err != nil {
		return nil, err
	}
	return startAgent(root, nil, library)
}

// startAgent starts an agent with additions to its environment and with open files.
func startAgent(root string, env []string, files ...*os.File) (*Oracle, error) {
	cmd := exec.Command("/proc/self/exe")
	// Nothing of our own environment: udevd and ip(8) would read some of it.
	cmd.Env = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", agentVariable + "=" + root, tool.SlownessOfThis()}, env...)
	cmd.ExtraFiles = files
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
	}
	agent, err := tool.Hold(cmd, agentReady)
	if err != nil {
		return nil, fmt.Errorf("start an agent for %s in new namespaces (this needs root's rights): %w", root, err)
	}
	o := &Oracle{agent: agent, enc: gob.NewEncoder(agent.In), dec: gob.NewDecoder(agent.Out), limit: tool.Patience(answerLimit)}
	var rep reply
	if err := o.bounded(func() error { return o.dec.Decode(&rep) }); err != nil {
		return nil, errors.Join(fmt.Errorf("the agent for %s did not come up: %w", root, err), o.Close())
	}
	o.Version, o.Devices, o.Lacking = rep.Setup.Version, rep.Setup.Devices, rep.Setup.Lacking
	number := regexp.MustCompile(`^\d+`).FindString(o.Version)
	if o.Release, err = strconv.Atoi(number); err != nil {
		return nil, errors.Join(fmt.Errorf("udevadm --version of %s: %q", root, o.Version), o.Close())
	}
	return o, nil
}

// Close ends the agent and with it the namespaces.
func (o *Oracle) Close() error { return o.agent.End() }

// bounded does one exchange with the agent, and kills the agent if that takes too long.
func (o *Oracle) bounded(exchange func() error) error {
	late := time.AfterFunc(o.limit, func() { o.agent.Cmd.Process.Kill() })
	err := exchange()
	if inTime := late.Stop(); err != nil && !inTime {
		return fmt.Errorf("no answer within %v, so the agent was killed (%w)", o.limit, err)
	}
	return err
}

// Root is a path to the tree of the last case from outside the namespaces.
func (o *Oracle) Root() string {
	return fmt.Sprintf("/proc/%d/root", o.agent.PID())
}

// Ask lays out the case and returns udevd's verdict for each of its devices. The
// devices of a case that was recorded elsewhere are looked up by name and must be equal
// in everything that matters.
func (o *Oracle) Ask(c *Case) ([]Verdict, error) {
	req, err := o.request(c)
	if err != nil {
		return nil, err
	}
	for _, d := range c.Devices {
		req.Devices = append(req.Devices, d.Name)
	}
	return o.verdicts(req, c.Tree.Paths())
}

// LayOut lays out the case without asking. With bare, empty search directories do not
// exist.
func (o *Oracle) LayOut(c *Case, bare bool) error {
	req, err := o.request(c)
	if err != nil {
		return err
	}
	req.Bare = bare
	_, err = o.verdicts(req, nil)
	return err
}

// AskAgain returns udevd's verdicts on the last case, with all changes to its files
// since; more are the added paths.
func (o *Oracle) AskAgain(c *Case, devices []Device, more ...string) ([]Verdict, error) {
	req := request{AsIs: true, Env: c.Machine.Env()}
	for _, d := range devices {
		req.Devices = append(req.Devices, d.Name)
	}
	return o.verdicts(req, append(c.Tree.Paths(), more...))
}

// request is the request that lays out the case.
func (o *Oracle) request(c *Case) (request, error) {
	req := request{Env: c.Machine.Env(), Host: c.Machine.Hostname}
	req.Tree = append(req.Tree, c.Machine.Nodes()...)
	for _, d := range c.Devices {
		i := slices.IndexFunc(o.Devices, func(have Device) bool { return have.Name == d.Name })
		if i < 0 {
			return req, fmt.Errorf("no device %s in the namespace", d.Name)
		}
		d.Index = o.Devices[i].Index
		req.Tree = append(req.Tree, d.databaseNode())
	}
	req.Tree = append(req.Tree, c.Tree...)
	return req, nil
}

// ask makes the agent answer a request.
func (o *Oracle) ask(req request) (rep reply, err error) {
	err = o.bounded(func() error {
		if err := o.enc.Encode(req); err != nil {
			return fmt.Errorf("ask the agent: %w", err)
		}
		if err := o.dec.Decode(&rep); err != nil {
			return fmt.Errorf("hear the agent: %w", err)
		}
		return nil
	})
	if err != nil {
		return rep, err
	}
	if rep.Err != "" {
		return rep, fmt.Errorf("the agent: %s", rep.Err)
	}
	return rep, nil
}

// verdicts makes the agent answer a request; paths are those that udevadm may complain
// about.
func (o *Oracle) verdicts(req request, paths []string) ([]Verdict, error) {
	rep, err := o.ask(req)
	if err != nil {
		return nil, err
	}
	verdicts := make([]Verdict, len(rep.Output))
	for i, out := range rep.Output {
		if o.Raw != nil {
			fmt.Fprintf(o.Raw, "udevadm %d %s:\n%s%s\n", o.Release, req.Devices[i], out.Stderr, out.Stdout)
		}
		verdicts[i] = readVerdict(out, paths)
	}
	return verdicts, nil
}

var (
	logLine  = regexp.MustCompile(`(?m)^<(\d+)>`)
	fileLine = regexp.MustCompile(`^(/.*?\.(?:link|conf)):(\d+): `)
	fromLine = regexp.MustCompile(`section (?:from|specified at) line (\d+)`) // of an incomplete or a conflicting [SR-IOV]
	applied  = regexp.MustCompile(`: Config file (/.*) is applied( to device based on potentially unpredictable interface name\.)?$`)
	// What link_generate_new_hw_addr() of 252 says in debug output; its test-builtin
	// gets that far, those of the other releases do not.
	addressKept = regexp.MustCompile(`: (Using static MAC address|MAC address on the device already .*|Using .* MAC address)\.?$`)
)

// readVerdict reads the output of one udevadm.
func readVerdict(out output, paths []string) Verdict {
	v := Verdict{Failure: out.Failure}
	for line := range strings.Lines(string(out.Stdout)) {
		line = strings.TrimSuffix(line, "\n")
		if d, ok := strings.CutPrefix(line, "ID_NET_LINK_FILE_DROPINS="); ok {
			if d != "" {
				v.DropIns = unescape(strings.Split(d, ":"))
			}
		}
	}
	log := string(out.Stderr)
	starts := logLine.FindAllStringSubmatchIndex(log, -1)
	for i, at := range starts {
		end := len(log)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		priority, _ := strconv.Atoi(log[at[2]:at[3]])
		message := strings.TrimSuffix(log[at[1]:end], "\n")
		// Not ID_NET_LINK_FILE: 262 drops it if the name is not UTF-8.
		if m := applied.FindStringSubmatch(message); m != nil {
			v.File, v.Unpredictable = m[1], m[2] != ""
			continue
		}
		if m := addressKept.FindStringSubmatch(message); m != nil {
			v.Address = m[1]
		}
		level := "warning"
		switch priority & 7 { // without the facility
		case 0, 1, 2, 3:
			level = "error"
		case 5, 6, 7:
			continue
		}
		if m := fileLine.FindStringSubmatch(message); m != nil {
			n, _ := strconv.Atoi(m[2])
			v.Complaints = append(v.Complaints, Complaint{level, m[1], n})
			continue
		}
		if p := mentioned(message, paths); p != "" {
			n := 0
			if m := fromLine.FindStringSubmatch(message); m != nil {
				n, _ = strconv.Atoi(m[1])
			}
			v.Complaints = append(v.Complaints, Complaint{level, p, n})
		}
	}
	v.normalise()
	return v
}

var escaped = regexp.MustCompile(`\\x[0-9a-f]{2}`)

// unescape decodes the \xNN that udevd writes in the list of drop-ins for a colon and
// for bytes that are not printable ASCII (xescape_full() in systemd's escape.c).
func unescape(paths []string) []string {
	for i, p := range paths {
		paths[i] = escaped.ReplaceAllStringFunc(p, func(e string) string {
			n, _ := strconv.ParseUint(e[2:], 16, 8)
			return string([]byte{byte(n)})
		})
	}
	return paths
}

// mentioned returns the longest of the paths that the message names.
func mentioned(message string, paths []string) string {
	best := ""
	for _, p := range paths {
		if len(p) > len(best) && strings.Contains(message, p) {
			best = p
		}
	}
	return best
}
