#!/usr/bin/python
# Copyright: the linkaudit authors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
module: linkaudit
short_description: Set MACAddressPolicy=none for bonds, bridges and other devices
version_added: 1.0.0
description:
  - Runs C(linkaudit fix), which writes the smallest override that sets
    C(MACAddressPolicy=none) for a device or for every device of a kind. A bond or bridge
    then takes a port's address instead of one that udev derives from the machine ID.
  - With I(state=absent), runs C(linkaudit undo), which removes the override and the
    directories that were created for it.
  - All devices and kinds of one task are one change. In the end either all overrides are
    written and effective, or none.
  - The program must be on the managed host. The role C(linkaudit.linkaudit.linkaudit)
    installs it.
options:
  state:
    description:
      - C(present) sets C(MACAddressPolicy=none).
      - C(absent) removes only what C(present) wrote.
    type: str
    choices: [present, absent]
    default: present
  bond:
    description:
      - Names of bonds. They need not exist yet. A device of another kind is an error.
    type: list
    elements: str
    default: []
  bridge:
    description:
      - Names of bridges. They need not exist yet. A device of another kind is an error.
    type: list
    elements: str
    default: []
  device:
    description:
      - Names of devices of any kind. The program finds out the kind. If a device does not
        exist yet, use I(bond) or I(bridge).
    type: list
    elements: str
    default: []
  kind:
    description:
      - Kinds as ip-link(8) has them, such as C(bond), C(bridge) or C(team). The override is
        for every device of the kind.
    type: list
    elements: str
    default: []
  everything:
    description:
      - With I(state=absent), remove every override that linkaudit ever wrote.
    type: bool
    default: false
  apply:
    description:
      - Also set the addresses of existing devices. Otherwise they change when you recreate
        the device or reboot.
    type: bool
    default: false
  allow_disruption:
    description:
      - With I(apply=true), also set the address of a device that is up. Its neighbours
        send to the old address until they ask again, and DHCP may assign another lease.
      - This is the program's C(--yes). YAML would read that name as a boolean.
    type: bool
    default: false
  force:
    description:
      - Also write or remove an override that somebody edited.
    type: bool
    default: false
  reload:
    description:
      - Make udev reload its files. With C(false), udev does it by itself within a few
        seconds.
    type: bool
    default: true
extends_documentation_fragment:
  - linkaudit.linkaudit.program
attributes:
  check_mode:
    description: Predicts the change. This needs no root.
    support: full
  diff_mode:
    description: Shows what changes in which files.
    support: full
  platform:
    description: The systems that can be managed.
    platforms: linux
    support: full
seealso:
  - module: linkaudit.linkaudit.linkaudit_facts
author:
  - The linkaudit authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Bond0 and bond1 take the address of a port
  linkaudit.linkaudit.linkaudit:
    bond: [bond0, bond1]

- name: So does every bridge, also one that is created later
  linkaudit.linkaudit.linkaudit:
    kind: bridge

- name: Br0 takes the address of a port at once, even if it is up
  linkaudit.linkaudit.linkaudit:
    bridge: br0
    apply: true
    allow_disruption: true

- name: Prepare an image that is mounted here
  linkaudit.linkaudit.linkaudit:
    bond: bond0
    root: /mnt/image

- name: Undo what was written for bond1
  linkaudit.linkaudit.linkaudit:
    bond: bond1
    state: absent

- name: Undo all that linkaudit wrote
  linkaudit.linkaudit.linkaudit:
    everything: true
    state: absent
"""

RETURN = r"""
path:
  description: The override of the first target that has one; empty if none has.
  returned: success
  type: str
  sample: /etc/systemd/network/60-linkaudit-device-bond0.link
diff:
  description: What changed, or would change in check mode, as C(diff -u) shows it.
  returned: success
  type: dict
  contains:
    prepared:
      description: The text; empty if no file changes.
      type: str
      returned: always
targets:
  description: What was done for each device and kind. With I(state=absent), only those with a removed override.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: The kind of the device; empty if it is unknown.
      type: str
      returned: always
      sample: bond
    name:
      description: The name of the device; empty for every device of the kind.
      type: str
      returned: always
      sample: bond0
    changed:
      description: Whether its override changed.
      type: bool
      returned: always
    path:
      description: The override; empty if none is needed.
      type: str
      returned: always
    why:
      description: Why it is needed or not.
      type: str
      returned: always
    notes:
      description: Further notes.
      type: list
      elements: str
      returned: always
addresses:
  description: The addresses that I(apply=true) set, or would set in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    device:
      description: The device.
      type: str
      returned: always
    mac:
      description: Its new address.
      type: str
      returned: always
    port:
      description: The port that has this address.
      type: str
      returned: always
reloaded:
  description: Whether udev was told to reload its files.
  returned: success
  type: bool
verified:
  description: Whether the files, as they are now, make the new policy effective. C(false) in check mode.
  returned: success
  type: bool
remaining:
  description: What is left to do, one sentence each.
  returned: success
  type: list
  elements: str
  sample:
    - bond0 keeps 42:e2:89:5b:6d:de (addr_assign_type 3, set) until you recreate it or reboot
msg:
  description: The program's error message.
  returned: failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.linkaudit.linkaudit.plugins.module_utils.program import (
    EXECUTABLE_OPTIONS, Program, is_changed)

TARGETS = ("bond", "bridge", "device", "kind")


def main():
    names = {"type": "list", "elements": "str", "default": []}
    module = AnsibleModule(
        argument_spec=dict(
            EXECUTABLE_OPTIONS,
            state={"type": "str", "choices": ["present", "absent"], "default": "present"},
            bond=names, bridge=names, device=names, kind=names,
            everything={"type": "bool", "default": False},
            apply={"type": "bool", "default": False},
            allow_disruption={"type": "bool", "default": False},
            force={"type": "bool", "default": False},
            reload={"type": "bool", "default": True},
        ),
        supports_check_mode=True,
    )
    present = module.params["state"] == "present"
    command, schema = ("fix", "linkaudit.fix/1") if present else ("undo", "linkaudit.undo/1")
    contradictions(module, present)
    doc = Program(module).document(command, options(module), schema)
    module.exit_json(
        changed=is_changed(doc),
        diff={"prepared": doc["diff"]},
        **{key: doc[key] for key in ("path", "targets", "addresses", "reloaded", "verified", "remaining")})


def contradictions(module, present):
    """End with an error if options exclude each other.

    The program would say so with the names of its own options.
    """
    p = module.params
    named = any(p[target] for target in TARGETS)
    if p["everything"] and present:
        module.fail_json(msg="everything goes with state=absent")
    if p["everything"] and named:
        module.fail_json(msg="everything excludes %s" % ", ".join(TARGETS))
    if not named and not p["everything"]:
        module.fail_json(msg="name at least one of %s%s" % (", ".join(TARGETS), "" if present else ", or everything"))
    if p["apply"] and not present:
        module.fail_json(msg="apply goes with state=present")
    if p["allow_disruption"] and not p["apply"]:
        module.fail_json(msg="allow_disruption goes with apply")
    if p["apply"] and p["root"]:
        module.fail_json(msg="apply is for the running machine and excludes root")


def options(module):
    """The program's options for those of the module."""
    p = module.params
    args = ["--format=json"]
    for target in TARGETS:
        # A comma separates names unless it has a backslash.
        args += ["--%s=%s" % (target, name.replace(",", "\\,")) for name in p[target]]
    flags = [
        ("--everything", p["everything"]), ("--apply", p["apply"]), ("--yes", p["allow_disruption"]),
        ("--force", p["force"]), ("--no-reload", not p["reload"]), ("--dry-run", module.check_mode),
    ]
    return args + [flag for flag, wanted in flags if wanted]


if __name__ == "__main__":
    main()
