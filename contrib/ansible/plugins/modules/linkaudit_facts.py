#!/usr/bin/python
# Copyright: the linkaudit authors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
module: linkaudit_facts
short_description: Audit which .link file, MACAddressPolicy and MAC address devices have
version_added: 1.0.0
description:
  - Runs C(linkaudit check) and keeps the audit as the fact C(linkaudit).
  - Findings are not a failure. If the audit fails, so does the task.
  - It only reads and needs no root. What it may not read is unknown in the audit, and a
    finding of severity info says so.
options:
  device:
    description:
      - Audit these devices instead of all bonds, bridges and teams.
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
      - Audit devices of every kind.
    type: bool
    default: false
  severity:
    description:
      - The least severity of findings in the result C(findings). The fact has all findings.
    type: str
    choices: [info, warning, error]
    default: warning
  config:
    description:
      - More configuration files on the managed host. They are read after
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
      - Also keep the fact C(linkaudit_identity), which is for comparing hosts.
    type: bool
    default: false
extends_documentation_fragment:
  - linkaudit.linkaudit.program
attributes:
  check_mode:
    description: The module changes nothing, with or without check mode.
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

- name: Fail if a bond has another policy than none
  ansible.builtin.assert:
    that: ansible_facts.linkaudit.devices | selectattr('kind', 'eq', 'bond') |
      rejectattr('mac_address_policy', 'in', ['none', '']) | length == 0

- name: Predict the address of bond7 before it exists
  linkaudit.linkaudit.linkaudit_facts:
    device: bond7
    kind: bond

- name: Audit an image that is mounted here
  linkaudit.linkaudit.linkaudit_facts:
    device: [bond0, bond1]
    kind: bond
    root: /mnt/image

- name: Also keep what identifies this host
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
        - The audit as C(linkaudit check --format json) prints it. C(null) means unknown, and
          a finding says why.
      returned: success
      type: dict
      contains:
        schema:
          description: C(linkaudit.check/1).
          type: str
          returned: always
        host:
          description: Host name, release of systemd, naming scheme, and whether udev runs.
          type: dict
          returned: always
        devices:
          description:
            - For each device the effective .link file, the policy and where it is set, the
              address and who set it, the predictions, and the findings.
          type: list
          elements: dict
          returned: always
        findings:
          description: The findings that are not about a device.
          type: list
          elements: dict
          returned: always
        summary:
          description: The numbers of devices, errors, warnings and infos.
          type: dict
          returned: always
          sample: {devices: 1, errors: 1, warnings: 2, infos: 2}
    linkaudit_identity:
      description: What identifies this host.
      returned: I(identity=true)
      type: dict
      contains:
        fingerprint:
          description:
            - A keyed hash of the machine ID, because that is confidential. It is the same on
              hosts with the same machine ID. Empty if there is none or it is unknown.
          type: str
          returned: always
        boot_id:
          description: The kernel's ID of this boot; empty if it is unknown.
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
      description: The device; empty for the host itself.
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
      description: The file that is the cause; empty if there is none.
      type: str
      returned: always
    line:
      description: The line in it; 0 for the whole file.
      type: int
      returned: always
    help:
      description: What to do.
      type: str
      returned: always
msg:
  description: The program's error message.
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
    """All findings of at least the severity, those about the host first."""
    enough = SEVERITIES[SEVERITIES.index(least):]
    owners = [("", audit["findings"])] + [(d["name"], d["findings"]) for d in audit["devices"]]
    return [dict(f, device=name) for name, found in owners for f in found if f["severity"] in enough]


def identity(snapshot):
    """What identifies the host, from a snapshot."""
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
    """The value of a fact in a snapshot, or otherwise if it is absent or unknown."""
    return fact["value"] if fact and "value" in fact else otherwise


if __name__ == "__main__":
    main()
