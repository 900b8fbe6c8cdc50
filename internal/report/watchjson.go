package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/trace"
	"linkaudit/internal/watch"
	"linkaudit/internal/words"
	"linkaudit/linkfiles"
	"linkaudit/policy/life"
)

// watchSchema is the value of "schema" in each line of WriteEvent.
const watchSchema = "linkaudit.watch/1"

type watchJSON struct {
	Schema  string          `json:"schema"`
	Time    time.Time       `json:"time"`
	Event   string          `json:"event"`
	Device  string          `json:"device"`
	Index   int             `json:"index"`
	Kind    string          `json:"kind"`
	Before  *watchStateJSON `json:"before"`
	After   *watchStateJSON `json:"after"`
	By      *watchByJSON    `json:"by"`
	Finding *findingJSON    `json:"finding"`
	Call    *watchCallJSON  `json:"call"`
	Text    string          `json:"text"`
	Late    bool            `json:"late"`
}

type watchStateJSON struct {
	Name             string        `json:"name"`
	MAC              linkfiles.MAC `json:"mac"`
	AddrAssignType   *string       `json:"addr_assign_type"`
	Master           string        `json:"master"`
	LinkFile         *string       `json:"link_file"`
	MACAddressPolicy *string       `json:"mac_address_policy"`
	AppliedLinkFile  *string       `json:"applied_link_file"`
}

type watchByJSON struct {
	How    string         `json:"how"`
	Origin string         `json:"origin"`
	Port   string         `json:"origin_port"`
	Reason string         `json:"reason"`
	Call   *watchCallJSON `json:"call"`
}

type watchCallJSON struct {
	Function string             `json:"function"`
	Process  watchProcessJSON   `json:"process"`
	Parents  []watchProcessJSON `json:"parents"`
	Unit     string             `json:"unit"`
	Cgroup   string             `json:"cgroup"`
	Before   string             `json:"before"`
	After    string             `json:"after"`
	Returned *int               `json:"returned"`
	Stack    []string           `json:"stack"`
}

type watchProcessJSON struct {
	PID  int    `json:"pid"`
	TID  int    `json:"tid"`
	Name string `json:"name"`
}

// WriteEvent writes an event of a watch as one line, in the form of
// docs/schema/watch.schema.json.
func WriteEvent(w io.Writer, e *watch.Event) error {
	j := watchJSON{
		Schema: watchSchema, Time: e.Time.UTC(), Event: e.Kind, Device: e.Device, Index: e.Index, Kind: e.DeviceKind,
		Before: newWatchState(e.Before), After: newWatchState(e.After),
		Call: newWatchCall(e.Call), Text: e.Text, Late: e.Late,
	}
	if e.Finding != nil {
		j.Finding = new(newFindingJSON(*e.Finding))
	}
	if by := e.By; by != nil {
		j.By = &watchByJSON{by.How, by.Origin, by.Port, words.Of(by.Reason), newWatchCall(by.Call)}
	}
	return writeJSON(w, j, onOneLine)
}

func newWatchState(s *watch.State) *watchStateJSON {
	if s == nil {
		return nil
	}
	j := &watchStateJSON{
		Name: s.Name, MAC: s.MAC, Master: s.Master,
		LinkFile: textOrNull(s.LinkFile), MACAddressPolicy: textOrNull(s.Policy), AppliedLinkFile: textOrNull(s.Applied),
	}
	if t, ok := s.AddrAssignType.Get(); ok {
		j.AddrAssignType = new(t.String())
	}
	return j
}

func newWatchCall(c *trace.Call) *watchCallJSON {
	if c == nil {
		return nil
	}
	j := &watchCallJSON{
		Function: c.Function, Process: watchProcessJSON(c.Process), Parents: []watchProcessJSON{}, Unit: c.Unit, Cgroup: c.Cgroup,
		Before: c.Before.String(), After: c.After.String(), Returned: c.Returned, Stack: append([]string{}, c.Stack...),
	}
	for _, p := range c.Parents {
		j.Parents = append(j.Parents, watchProcessJSON(p))
	}
	return j
}

// recorded is the inverse of textOrNull.
func recorded(s *string) fact.Fact[string] {
	if s == nil {
		return fact.Unknown[string](fact.Told("not recorded"))
	}
	return fact.Text(*s)
}

func (j *watchStateJSON) state() (*watch.State, error) {
	if j == nil {
		return nil, nil
	}
	s := &watch.State{
		Name: j.Name, MAC: j.MAC, Master: j.Master, AddrAssignType: fact.Unknown[host.AddrAssignType](fact.Told("not recorded")),
		LinkFile: recorded(j.LinkFile), Policy: recorded(j.MACAddressPolicy), Applied: recorded(j.AppliedLinkFile),
	}
	if j.AddrAssignType != nil {
		t, err := life.ParseAssignType(*j.AddrAssignType)
		if err != nil {
			return nil, err
		}
		s.AddrAssignType = fact.Known(t)
	}
	return s, nil
}

func (j *watchCallJSON) call() (*trace.Call, error) {
	if j == nil {
		return nil, nil
	}
	c := &trace.Call{Function: j.Function, Process: trace.Process(j.Process), Unit: j.Unit, Cgroup: j.Cgroup, Returned: j.Returned, Stack: j.Stack}
	for _, p := range j.Parents {
		c.Parents = append(c.Parents, trace.Process(p))
	}
	var err error
	if c.Before, err = recordedMAC(j.Before); err == nil {
		c.After, err = recordedMAC(j.After)
	}
	return c, err
}

func recordedMAC(s string) (net.HardwareAddr, error) {
	if s == "" {
		return nil, nil
	}
	return net.ParseMAC(s)
}

// ParseEvent reads one line that WriteEvent wrote.
func ParseEvent(line []byte) (*watch.Event, error) {
	var j watchJSON
	if err := json.Unmarshal(line, &j); err != nil {
		return nil, fmt.Errorf("not an event of linkaudit watch: %w", err)
	}
	if j.Schema != watchSchema {
		return nil, fmt.Errorf("not an event of linkaudit watch: its schema is %q, not %q", j.Schema, watchSchema)
	}
	e := &watch.Event{Time: j.Time, Kind: j.Event, Device: j.Device, Index: j.Index, DeviceKind: j.Kind, Finding: j.Finding.finding(), Text: j.Text, Late: j.Late}
	var errs [5]error
	e.Before, errs[0] = j.Before.state()
	e.After, errs[1] = j.After.state()
	e.Call, errs[2] = j.Call.call()
	if j.By != nil {
		e.By = &watch.By{How: j.By.How, Origin: j.By.Origin, Port: j.By.Port}
		if j.By.Reason != "" {
			e.By.Reason = fact.Told(j.By.Reason)
		}
		e.By.Call, errs[3] = j.By.Call.call()
	}
	errs[4] = e.Complete()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("not an event of linkaudit watch: %w", err)
	}
	return e, nil
}
