package audit

import (
	"linkaudit/internal/fact"
	"linkaudit/internal/host"
	"linkaudit/internal/netconf"
	"linkaudit/linkfiles"
	"linkaudit/policy"
)

// The audit of a device has stages. Each stage has a type with its results, which embeds
// the type of the stage before. The functions of a stage are methods of its type, so they
// cannot use results of later stages.
//
//	subject     the device, and what was collected about it
//	decided     the .link file that applies, and the policy
//	attributed  who set the live address, and which program will
//	forecast    the address in initramfs images and after the next add event
//	analysis    the address after each event; rules use this type
//
// A stage is not changed after the next one has begun.

// subject is a device under audit.
type subject struct {
	*hostAudit
	Name, Kind string
	// Device is nil if it does not exist.
	Device       *host.Device
	Persistent   fact.Fact[host.PersistentMAC]
	Applied      fact.Fact[string]
	Declarations fact.Fact[[]netconf.Declaration]
	// expected is the policy that the site expects, "" for none. expectedAt is where
	// the site says so.
	expected   string
	expectedAt linkfiles.Pos
	// onNew caches the last result of udevOnNew.
	onNew *udevOnNew
}

type decided struct {
	subject
	effective
}

// effective is what the .link files set.
type effective struct {
	decision linkfiles.Decision
	// file is the effective .link file, nil if none applies or that is unknown.
	file         *linkfiles.File
	Policy       fact.Fact[string]
	PolicySource linkfiles.Pos
}

// causes are the policy settings as causes of findings.
var causes = map[string]*linkfiles.Statement{
	"persistent": say("policy-setting", "policy", "persistent"),
	"random":     say("policy-setting", "policy", "random"),
	"none":       say("policy-setting", "policy", "none"),
}

// cause is the setting at PolicySource, nil if no file sets a policy.
func (e *effective) cause() *linkfiles.Statement {
	if e.PolicySource.File == "" {
		return nil
	}
	return causes[e.Policy.Or("")]
}

// attributed knows who set the address, and the program that will, nil for none.
type attributed struct {
	decided
	Provenance
	Manager *Manager
}

// forecast has what predictions are based on.
type forecast struct {
	attributed
	InImages []InImage
	AfterAdd fact.Fact[linkfiles.MAC]
}

// analysis is everything known about a device. Rules turn it into findings.
type analysis struct {
	forecast
	Predicted []Prediction
	Steps     []Step
	Wins      *linkfiles.Statement
}

// analyse runs the stages for a device.
func (a *hostAudit) analyse(s *analysis, who asked) {
	*s = analysis{}
	s.subject = a.subjectOf(who)
	s.effective = s.subject.filesAsk()
	s.Provenance = s.decided.provenance()
	s.Manager = s.decided.manager()
	s.InImages = s.subject.judgeInImages()
	s.AfterAdd = s.attributed.addressAfterAdd()
	s.Predicted = s.forecast.predict()
	s.Steps, s.Wins = s.attributed.stepsOfCreation()
}

// result is the part of the analysis that reports show.
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
		s.Persistent = futurePersistent(a.snap, a.tree.Release, s.Name, s.Kind)
	}
	s.Declarations = a.declarationsFor(s.Name, s.Kind, s.Device != nil)
	if a.opt.Site != nil {
		s.expected, _, s.expectedAt = a.opt.Site.Expect(s.Name, s.Kind)
	}
	return s
}

// filesAsk decides which file applies and what it sets.
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
