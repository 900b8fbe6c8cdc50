package audit

import (
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// The audit of a device goes through stages. Each has a type that holds what it worked
// out and, embedded, what the stages before it did; its functions are methods of that
// type, so that none can look at what comes later.
//
//	subject      what is asked about, and what is known of it
//	inForce      the .link file that applies, and the policy
//	attributed   who gave the live address, and which program will
//	foretelling  what the images and the next add event make of the address
//	analysis     what each event makes of it; the rules look at this
//
// Nothing is changed in a stage once the next one has begun.

// subject is a device under audit.
type subject struct {
	*hostAudit
	Name, Kind string
	// Device is nil where it does not exist.
	Device       *host.Device
	Persistent   fact.Fact[host.PersistentMAC]
	Applied      fact.Fact[string]
	Declarations fact.Fact[[]netconf.Declaration]
	// expected is the policy the site expects, "" for none, and where it
	// says so.
	expected   string
	expectedAt linkfiles.Pos
	// onNew is what udevOnNew worked out last, kept for its next caller.
	onNew *udevOnNew
}

// inForce is a subject and the .link file that applies to it.
type inForce struct {
	subject
	effective
}

// effective is what the .link files ask for.
type effective struct {
	decision linkfiles.Decision
	// file is the effective link file, nil where none applies or none can
	// be told.
	file         *linkfiles.File
	Policy       fact.Fact[string]
	PolicySource linkfiles.Pos
}

// attributed knows who gave the address, and the program that gives it one, nil for none.
type attributed struct {
	inForce
	Provenance
	Manager *Manager
}

// foretelling has what the predictions rest on.
type foretelling struct {
	attributed
	InImages []InImage
	AfterAdd fact.Fact[linkfiles.MAC]
}

// analysis is all that is worked out about a device; rules make findings of it.
type analysis struct {
	foretelling
	Predicted []Prediction
	Steps     []Step
	Wins      *linkfiles.Statement
}

// analyse fills in the analysis of a device, one stage after the other.
func (a *hostAudit) analyse(s *analysis, who asked) {
	*s = analysis{}
	s.subject = a.subjectOf(who)
	s.effective = s.subject.filesAsk()
	s.Provenance = s.inForce.provenance()
	s.Manager = s.inForce.addressGiver()
	s.InImages = s.subject.lookIntoImages()
	s.AfterAdd = s.attributed.addressAfterAdd()
	s.Predicted = s.foretelling.predict()
	s.Steps, s.Wins = s.attributed.stepsOfCreation()
}

// result is what is told of the device.
func (s *analysis) result(findings []Finding) DeviceResult {
	return DeviceResult{
		Name: s.Name, Kind: s.Kind, Present: s.Device != nil, Device: s.Device,
		LinkFile: s.decision.File, Policy: s.Policy, PolicySource: s.PolicySource,
		Applied: s.Applied, Persistent: s.Persistent, Provenance: s.Provenance,
		AfterAdd: s.AfterAdd, Predicted: s.Predicted, InImages: s.InImages,
		Declarations: s.Declarations, Manager: s.Manager, Steps: s.Steps, Wins: s.Wins,
		Findings: findings, snap: s.snap,
	}
}

func (a *hostAudit) subjectOf(who asked) subject {
	s := subject{hostAudit: a, Name: who.target.Name, Kind: who.target.Kind, Device: who.device}
	if d := who.device; d != nil {
		s.Name, s.Kind = d.Name, d.Kind
		s.Applied, s.Persistent = a.applied(d), persistentByOwnID(a.snap, d)
	} else {
		s.Applied = fact.Absent[string]()
		s.Persistent = persistentToCome(a.snap, a.tree.Release, s.Name, s.Kind)
	}
	s.Declarations = a.declarationsFor(s.Name, s.Kind, s.Device != nil)
	if a.opt.Site != nil {
		s.expected, _, s.expectedAt = a.opt.Site.Expect(s.Name, s.Kind)
	}
	return s
}

// filesAsk works out which file applies, and what it asks for.
func (s *subject) filesAsk() (e effective) {
	if s.Device != nil {
		e.decision = s.decider.Decide(LinkDevice(s.Device))
	} else {
		e.decision = s.decider.Decide(futureDevice(s.Name, s.Kind, s.Declarations.Or(nil)))
	}
	e.file = e.decision.File.Or(nil)
	asks := policy.Of(&e.decision)
	e.Policy, e.PolicySource = asks.Policy, asks.Source
	return e
}
