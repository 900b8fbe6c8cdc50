# Copyright: the linkaudit authors
# SPDX-License-Identifier: Apache-2.0
"""Filters that combine the audits of many hosts into one report."""

import re
import unicodedata

from ansible.errors import AnsibleFilterError

SCHEMA = "linkaudit.fleet/1"

SEVERITIES = ("error", "warning", "info")

ARPHRD_ETHER = 1

ADDRESS = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")

# Virtual routers share these between hosts on purpose: RFC 9568, section 7.3.
VRRP = ("00:00:5e:00:01:", "00:00:5e:00:02:")


def fleet_report(results, shared_on_purpose=()):
    """Report on all hosts. results has the name of each host with its result.

    A result is that of the module linkaudit_facts with identity=true, or None if it did
    not run on the host. shared_on_purpose are addresses that may be on many hosts.
    """
    if not isinstance(results, dict):
        raise AnsibleFilterError("fleet_report takes a dict of results by host name, not %s" % type(results).__name__)
    purpose = {_address(a) for a in shared_on_purpose}
    hosts = {name: _host(results[name]) for name in sorted(results)}
    identities = _machines({
        name: results[name]["ansible_facts"]["linkaudit_identity"]
        for name, host in hosts.items() if host["audited"]})
    across = _shared_machine_ids(identities) + _shared_addresses(identities, purpose)
    counts = dict.fromkeys(SEVERITIES, 0)
    for finding in across + [f for host in hosts.values() for f in host["findings"]]:
        counts[finding["severity"]] += 1
    audited = sum(host["audited"] for host in hosts.values())
    return {
        "schema": SCHEMA,
        "hosts": hosts,
        "findings": across,
        "rules": _rules(hosts),
        "summary": {
            "hosts": len(hosts),
            "audited": audited,
            "not_audited": len(hosts) - audited,
            "errors": counts["error"],
            "warnings": counts["warning"],
            "infos": counts["info"],
        },
    }


def _host(result):
    """One host in the report: its findings, or why it was not audited."""
    facts = (result or {}).get("ansible_facts", {})
    if "linkaudit" not in facts or "linkaudit_identity" not in facts:
        why = str((result or {}).get("msg") or "the audit did not run on this host")
        return {"audited": False, "error": why.strip(), "systemd_version": None, "devices": 0, "findings": []}
    audit = facts["linkaudit"]
    findings = [dict(f, device="") for f in audit["findings"]]
    for device in audit["devices"]:
        findings += [dict(f, device=device["name"]) for f in device["findings"]]
    return {
        "audited": True,
        "error": "",
        "systemd_version": audit["host"]["systemd_version"],
        "devices": audit["summary"]["devices"],
        "findings": findings,
    }


def _machines(identities):
    """Identities of machines: one for a machine that has several names.

    Two names are one machine if boot, fingerprint, devices and their indexes are the
    same. Containers on one kernel have devices of their own.
    """
    machines = {}
    for name, identity in identities.items():
        key = name
        if identity["boot_id"]:
            key = (identity["boot_id"], identity["fingerprint"], tuple(sorted(
                (d["index"], d["name"], d["mac"]) for d in identity["devices"])))
        machines.setdefault(key, (name, identity))
    return dict(machines.values())


def _shared_machine_ids(identities):
    by_fingerprint = {}
    for name, identity in identities.items():
        if identity["fingerprint"]:
            by_fingerprint.setdefault(identity["fingerprint"], []).append(name)
    return [
        _finding(
            "shared-machine-id", names,
            "%s have the same machine ID" % _and(names),
            "on all but one of them remove /etc/machine-id and /var/lib/dbus/machine-id, "
            "run systemd-machine-id-setup and reboot; in an image, empty the first and "
            "remove the second")
        for _fingerprint, names in sorted(by_fingerprint.items(), key=lambda item: item[1]) if len(names) > 1]


def _shared_addresses(identities, purpose):
    """Addresses on more than one host.

    The same address on several devices of one host is normal: a bond or bridge and its
    ports, a VLAN and its lower device.
    """
    by_address = {}
    for name, identity in identities.items():
        for device in identity["devices"]:
            for address in _own_addresses(device):
                by_address.setdefault(address, []).append((name, device))
    out = []
    for address in sorted(by_address):
        uses = by_address[address]
        names = sorted({name for name, _device in uses})
        if len(names) < 2 or address in purpose or address.startswith(VRRP):
            continue
        fingerprints = {identities[name]["fingerprint"] for name in names}
        made = len(fingerprints) == 1 and "" not in fingerprints and all(d["persistent_mac"] == address for _n, d in uses)
        finding = _finding(
            "shared-address", names,
            "%s is the address of %s%s" % (
                address,
                _and(["%s on %s" % (d["name"], name) for name, d in uses]),
                ": udev derived it from the machine ID that they share" if made else ""),
            "give each host its own machine ID" if made else
            "set another address on all but one of them; or, if intended, add the address to "
            "linkaudit_fleet_shared_on_purpose")
        finding["address"] = address
        finding["uses"] = [{"host": name, "device": d["name"], "kind": d["kind"]} for name, d in uses]
        out.append(finding)
    return out


def _own_addresses(device):
    """The Ethernet addresses that frames of the device have or may have."""
    if device["arphrd"] != ARPHRD_ETHER:
        return set()
    addresses = {device["mac"].lower(), device["permanent_mac"].lower()}
    return {a for a in addresses if ADDRESS.fullmatch(a) and a != "00:00:00:00:00:00"}


def _finding(rule, hosts, message, advice):
    return {
        "rule": rule, "severity": "error", "message": message, "help": advice,
        "hosts": hosts, "address": "", "uses": [],
    }


def _rules(hosts):
    """The hosts on which each rule has findings, the most severe first."""
    rules = {}
    for name, host in hosts.items():
        for f in host["findings"]:
            rules.setdefault((SEVERITIES.index(f["severity"]), f["rule"]), set()).add(name)
    return [
        {"rule": rule, "severity": SEVERITIES[severity], "hosts": sorted(names)}
        for (severity, rule), names in sorted(rules.items())]


def _address(text):
    address = str(text).strip().lower()
    if not ADDRESS.fullmatch(address):
        raise AnsibleFilterError("shared_on_purpose: %r is not a MAC address such as 02:00:00:00:00:01" % (text,))
    return address


def _and(words):
    return words[0] if len(words) == 1 else "%s and %s" % (", ".join(words[:-1]), words[-1])


def fleet_markdown(report, severity="warning"):
    """The report as Markdown, without findings on one host below severity."""
    if severity not in SEVERITIES:
        raise AnsibleFilterError("fleet_markdown: severity must be one of %s, not %r" % (_and(SEVERITIES), severity))
    shown = SEVERITIES[:SEVERITIES.index(severity) + 1]
    s = report["summary"]
    lines = [
        "# MAC addresses of the fleet",
        "",
        "%s: %d audited, %d not. %s, %s, %s." % (
            _count(s["hosts"], "host"), s["audited"], s["not_audited"],
            _count(s["errors"], "error"), _count(s["warnings"], "warning"), _count(s["infos"], "info")),
    ]
    failed = [(name, host) for name, host in report["hosts"].items() if not host["audited"]]
    if failed:
        lines += _table("Not audited", ("host", "why"), [(name, host["error"]) for name, host in failed])
    if report["findings"]:
        lines += _table("Found across hosts", ("severity", "what", "what to do"), [
            (f["severity"], "%s [%s]" % (f["message"], f["rule"]), f["help"]) for f in report["findings"]])
    rules = [r for r in report["rules"] if r["severity"] in shown]
    if rules:
        lines += _table("Found by rule", ("severity", "rule", "hosts"), [
            (r["severity"], r["rule"], "%d: %s" % (len(r["hosts"]), ", ".join(r["hosts"]))) for r in rules])
    found = [
        (name, f["severity"], f["device"], "%s [%s]" % (f["message"], f["rule"]), f["help"])
        for name, host in report["hosts"].items() for f in host["findings"] if f["severity"] in shown]
    if found:
        lines += _table("Found on hosts", ("host", "severity", "device", "what", "what to do"), found)
    return "\n".join(lines) + "\n"


def _table(title, head, rows):
    lines = ["", "## " + title, "", "| %s |" % " | ".join(head), "|" + " --- |" * len(head)]
    return lines + ["| %s |" % " | ".join(_text(cell) for cell in row) for row in rows]


def _count(n, what):
    return "%d %s%s" % (n, what, "" if n == 1 else "s")


def _text(text):
    """Text from a host, escaped for a cell of a table."""
    out = []
    for c in " ".join(text.split()):
        if c in "\\`*[]<>|&~":
            out.append("\\" + c)
        elif unicodedata.category(c)[0] == "C" or unicodedata.category(c) in ("Zl", "Zp"):
            out.append("\\\\x%02x" % ord(c) if ord(c) < 0x100 else "\\\\u%04x" % ord(c))
        else:
            out.append(c)
    return "".join(out)


class FilterModule:
    """The filters of this file."""

    def filters(self):
        return {"fleet_report": fleet_report, "fleet_markdown": fleet_markdown}
