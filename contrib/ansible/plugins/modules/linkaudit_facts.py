#!/usr/bin/python
# Copyright: the linkaudit authors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
module: linkaudit_facts
short_description: Audit which .link file, MACAddressPolicy and MAC address devices have
version_added: 1.0.0
description:
  - Runs C(linkaudit check) and keeps the audit as the fact C(linkaudit).
  - What is found is no failure. Not to be able to audit is one.
  - It only reads, and needs no root. What it is not allowed to read is not known in the
    audit, and a finding of severity info says so.
options:
  device:
    description:
      - Audit these devices, and not all bonds, bridges and teams.
      - With one I(kind), a device need not exist yet.
    type: list
    elements: str
    default: []
  kind:
    description:
      - Audit the devices of these kinds.
    type: list
    elements: str
    default: []
  all:
    description:
      - Audit every device, whatever its kind.
    type: bool
    default: false
  severity:
    description:
      - The least severity of what the result C(findings) holds. The fact holds all findings.
    type: str
    choices: [info, warning, error]
    default: warning
  config:
    description:
      - Files on the managed host with more of the site's rules, which are read after
        C(/etc/linkaudit.conf).
    type: list
    elements: path
    default: []
  site_config:
    description:
      - Whether C(/etc/linkaudit.conf) and C(/etc/linkaudit.conf.d) apply.
    type: bool
    default: true
  identity:
    description:
      - Also keep the fact C(linkaudit_identity), by which hosts are compared.
    type: bool
    default: false
extends_documentation_fragment:
  - linkaudit.linkaudit.program
attributes:
  check_mode:
    description: Changes nothing, so that check mode makes no difference.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
  facts:
    description: Returns facts of the host.
    support: full
  platform:
    description: The systems that can be audited.
    platforms: linux
    support: full
seealso:
  - module: linkaudit.linkaudit.linkaudit
author:
  - The linkaudit authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Audit all bonds, bridges and teams
  linkaudit.linkaudit.linkaudit_facts:
  register: audit

- name: Show what was found
  ansible.builtin.debug:
    msg: "{{ audit.findings }}"

- name: Stop where a bond has not the policy that the site wants
  ansible.builtin.assert:
    that: ansible_facts.linkaudit.devices | selectattr('kind', 'eq', 'bond') |
      rejectattr('mac_address_policy', 'in', ['none', '']) | length == 0

- name: Which address will bond7 get, once it is there?
  linkaudit.linkaudit.linkaudit_facts:
    device: bond7
    kind: bond

- name: Audit an image that is mounted here
  linkaudit.linkaudit.linkaudit_facts:
    device: [bond0, bond1]
    kind: bond
    root: /mnt/image

- name: Keep what tells this host from others, too
  linkaudit.linkaudit.linkaudit_facts:
    identity: true
"""

RETURN = r"""
ansible_facts:
  description: Facts of the host.
  returned: success
  type: dict
  contains:
    linkaudit:
      description:
        - The audit, as C(linkaudit check --format json) prints it. C(null) is what is
          not known, and a finding says why.
      returned: success
      type: dict
      contains:
        schema:
          description: C(linkaudit.check/1).
          type: str
          returned: always
        host:
          description: Host name, release of systemd, naming scheme, and whether udevd runs.
          type: dict
          returned: always
        devices:
          description:
            - Of each device the .link file in force, the policy and where it is set, the
              address and who gave it, the addresses to come, and what was found.
          type: list
          elements: dict
          returned: always
        findings:
          description: What was found that concerns no device.
          type: list
          elements: dict
          returned: always
        summary:
          description: The numbers of devices, errors, warnings and infos.
          type: dict
          returned: always
          sample: {devices: 1, errors: 1, warnings: 2, infos: 2}
    linkaudit_identity:
      description: What tells this host from others.
      returned: I(identity=true)
      type: dict
      contains:
        fingerprint:
          description:
            - A keyed hash of the machine-id, which is confidential itself. It is the same
              on two hosts where the machine-id is. Empty where there is none or it is not
              known.
          type: str
          returned: always
        boot_id:
          description: The kernel's ID of this boot, empty where it is not known.
          type: str
          returned: always
        devices:
          description: Index, name, kind, ARP hardware type and addresses of every device.
          type: list
          elements: dict
          returned: always
          sample:
            - index: 2
              name: bond0
              kind: bond
              arphrd: 1
              mac: 42:e2:89:5b:6d:de
              permanent_mac: ""
              persistent_mac: 42:e2:89:5b:6d:de
findings:
  description: The findings of at least I(severity), of the host and of all devices.
  returned: success
  type: list
  elements: dict
  contains:
    device:
      description: The device, empty for the host itself.
      type: str
      returned: always
    rule:
      description: The name of the rule.
      type: str
      returned: always
      sample: policy-overrides-ports
    severity:
      description: C(info), C(warning) or C(error).
      type: str
      returned: always
    message:
      description: What was found.
      type: str
      returned: always
    file:
      description: The file that is the reason, empty where none is.
      type: str
      returned: always
    line:
      description: The line in it, 0 for the file as a whole.
      type: int
      returned: always
    help:
      description: What to do.
      type: str
      returned: always
msg:
  description: Why the audit could not be made, in the program's own words.
  returned: failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.linkaudit.linkaudit.plugins.module_utils.program import EXECUTABLE_OPTIONS, Program

SEVERITIES = ["info", "warning", "error"]


def main():
    module = AnsibleModule(
        argument_spec=dict(
            EXECUTABLE_OPTIONS,
            device={"type": "list", "elements": "str", "default": []},
            kind={"type": "list", "elements": "str", "default": []},
            all={"type": "bool", "default": False},
            severity={"type": "str", "choices": SEVERITIES, "default": "warning"},
            config={"type": "list", "elements": "path", "default": []},
            site_config={"type": "bool", "default": True},
            identity={"type": "bool", "default": False},
        ),
        supports_check_mode=True,
    )
    p = module.params
    options = ["--format=json"]
    options += ["--kind=" + kind for kind in p["kind"]]
    options += ["--config=" + path for path in p["config"]]
    options += [flag for flag, wanted in (("--all", p["all"]), ("--no-config", not p["site_config"])) if wanted]
    program = Program(module)
    audit = program.document("check", options, "linkaudit.check/1", p["device"])
    facts = {"linkaudit": audit}
    if p["identity"]:
        facts["linkaudit_identity"] = identity(program.document("snapshot", [], "linkaudit.snapshot/1"))
    module.exit_json(changed=False, ansible_facts=facts, findings=findings(audit, p["severity"]))


def findings(audit, least):
    """All findings of at least the severity, the host's own first."""
    enough = SEVERITIES[SEVERITIES.index(least):]
    owners = [("", audit["findings"])] + [(d["name"], d["findings"]) for d in audit["devices"]]
    return [dict(f, device=name) for name, found in owners for f in found if f["severity"] in enough]


def identity(snapshot):
    """What of a snapshot tells the host from others."""
    system = snapshot["system"]
    return {
        "fingerprint": system["machine_id"].get("fingerprint", ""),
        "boot_id": known(system.get("boot_id"), ""),
        "devices": [
            {
                "index": d["index"],
                "name": d["name"],
                "kind": d.get("kind", ""),
                "arphrd": d["arphrd"],
                "mac": d.get("mac", ""),
                "permanent_mac": d.get("permanent_mac", ""),
                "persistent_mac": known(d["persistent_mac"], {}).get("mac", ""),
            }
            for d in snapshot["devices"] or []
        ],
    }


def known(fact, otherwise):
    """The value of a fact of a snapshot, where there is one and it is known."""
    return fact["value"] if fact and "value" in fact else otherwise


if __name__ == "__main__":
    main()
