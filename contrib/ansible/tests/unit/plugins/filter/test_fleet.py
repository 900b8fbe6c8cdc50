# Copyright: the linkaudit authors
# SPDX-License-Identifier: Apache-2.0

import pytest

from ansible.errors import AnsibleFilterError
from ansible_collections.linkaudit.linkaudit.plugins.filter.fleet import fleet_markdown, fleet_report


def device(name, mac, **more):
    d = {"index": 2, "name": name, "kind": "bridge", "arphrd": 1, "mac": mac, "permanent_mac": "", "persistent_mac": ""}
    d.update(more)
    return d


def finding(rule, severity, message="something"):
    return {"rule": rule, "severity": severity, "message": message, "file": "", "line": 0, "help": "fix it"}


def result(fingerprint, devices, findings=(), boot_id="", audited=()):
    """The result of linkaudit_facts for a host."""
    return {"ansible_facts": {
        "linkaudit": {
            "schema": "linkaudit.check/1",
            "host": {"hostname": "h", "systemd_version": "252", "naming_scheme": "v252", "udevd": "running"},
            "devices": [{"name": name, "findings": found} for name, found in audited],
            "findings": list(findings),
            "summary": {"devices": len(audited), "errors": 0, "warnings": 0, "infos": 0},
        },
        "linkaudit_identity": {"fingerprint": fingerprint, "boot_id": boot_id, "devices": devices},
    }}


def across(results, **options):
    return [(f["rule"], f["hosts"], f["address"]) for f in fleet_report(results, **options)["findings"]]


def test_hosts_without_anything_in_common_share_nothing():
    assert across({
        "a": result("f1", [device("br0", "02:00:00:00:00:01")]),
        "b": result("f2", [device("br0", "02:00:00:00:00:02")]),
    }) == []


def test_a_machine_id_on_three_hosts_is_one_finding():
    assert across({name: result("f1", []) for name in "cab"}) == [("shared-machine-id", ["a", "b", "c"], "")]


def test_unknown_machine_ids_are_not_the_same():
    assert across({"a": result("", []), "b": result("", [])}) == []


def test_a_shared_address_is_found_in_upper_and_lower_case():
    found = fleet_report({
        "a": result("f1", [device("br0", "02:00:00:00:00:AA")]),
        "b": result("f2", [device("bond0", "02:00:00:00:00:aa", kind="bond")]),
    })["findings"]
    assert [f["rule"] for f in found] == ["shared-address"]
    assert found[0]["message"] == "02:00:00:00:00:aa is the address of br0 on a and bond0 on b"
    assert found[0]["uses"] == [
        {"host": "a", "device": "br0", "kind": "bridge"}, {"host": "b", "device": "bond0", "kind": "bond"}]


def test_a_bond_and_its_ports_may_have_the_same_address():
    mac = "02:00:00:00:00:01"
    assert across({
        "a": result("f1", [device("bond0", mac, kind="bond"), device("eth0", mac, kind=""), device("vlan7", mac, kind="vlan")]),
        "b": result("f2", [device("bond0", "02:00:00:00:00:02", kind="bond")]),
    }) == []


def test_the_permanent_address_of_a_port_counts():
    assert across({
        "a": result("f1", [device("eth1", "02:00:00:00:00:01", permanent_mac="02:00:00:00:00:09")]),
        "b": result("f2", [device("br0", "02:00:00:00:00:09")]),
    }) == [("shared-address", ["a", "b"], "02:00:00:00:00:09")]


@pytest.mark.parametrize("shared", [
    device("lo", "00:00:00:00:00:00", arphrd=772),
    device("dummy0", "00:00:00:00:00:00"),
    device("tun0", ""),
    device("sit0", "02:00:00:00:00:01", arphrd=776),
    device("ib0", "80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:0d:9e:a1", arphrd=32),
    device("vrrp.51", "00:00:5e:00:01:33", kind="macvlan"),
    device("vrrp6.51", "00:00:5e:00:02:33", kind="macvlan"),
], ids=lambda d: d["name"])
def test_not_found_without_ethernet_frames_or_with_vrrp(shared):
    assert across({"a": result("f1", [shared]), "b": result("f2", [shared])}) == []


def test_addresses_shared_on_purpose_are_not_found():
    results = {name: result("f" + name, [device("br0", "02:00:00:00:00:01"), device("br1", "02:00:00:00:00:02")]) for name in "ab"}
    assert across(results, shared_on_purpose=["02:00:00:00:00:01"]) == [("shared-address", ["a", "b"], "02:00:00:00:00:02")]
    assert across(results, shared_on_purpose=["02:00:00:00:00:01", " 02:00:00:00:00:02 "]) == []


def test_an_address_derived_from_a_shared_machine_id_says_so():
    made = device("br0", "42:e2:89:5b:6d:de", persistent_mac="42:e2:89:5b:6d:de")
    messages = [f["message"] for f in fleet_report({"a": result("f1", [made]), "b": result("f1", [made])})["findings"]]
    assert messages == [
        "a and b have the same machine ID",
        "42:e2:89:5b:6d:de is the address of br0 on a and br0 on b: udev derived it from the machine ID that they share",
    ]


def test_one_machine_under_two_names_shares_nothing_with_itself():
    one = [device("br0", "02:00:00:00:00:01")]
    assert across({"a": result("f1", one, boot_id="boot"), "alias": result("f1", one, boot_id="boot")}) == []
    other = [device("br0", "02:00:00:00:00:01", index=7)]
    assert [rule for rule, _hosts, _address in across({
        "a": result("f1", one, boot_id="boot"), "container": result("f1", other, boot_id="boot"),
    })] == ["shared-machine-id", "shared-address"]
    assert [rule for rule, _hosts, _address in across({
        "a": result("f1", one, boot_id="boot1"), "clone": result("f1", one, boot_id="boot2"),
    })] == ["shared-machine-id", "shared-address"]


def test_hosts_that_were_not_audited_have_the_reason():
    report = fleet_report({
        "gone": {"unreachable": True, "msg": "Failed to connect to the host via ssh: \n"},
        "broken": {"failed": True, "msg": "linkaudit: /etc/linkaudit.conf:1: bad"},
        "never": None,
        "fine": result("f1", []),
    })
    assert {name: host["error"] for name, host in report["hosts"].items()} == {
        "broken": "linkaudit: /etc/linkaudit.conf:1: bad",
        "fine": "",
        "gone": "Failed to connect to the host via ssh:",
        "never": "the audit did not run on this host",
    }
    assert report["summary"]["hosts"] == 4 and report["summary"]["audited"] == 1 and report["summary"]["not_audited"] == 3


def test_findings_are_counted_and_grouped_by_rule():
    report = fleet_report({
        "a": result("f1", [], [finding("host-rule", "info")], audited=[("br0", [finding("r1", "error"), finding("r2", "warning")])]),
        "b": result("f2", [], audited=[("br0", [finding("r1", "error")]), ("br1", [finding("r1", "error")])]),
    })
    assert report["rules"] == [
        {"rule": "r1", "severity": "error", "hosts": ["a", "b"]},
        {"rule": "r2", "severity": "warning", "hosts": ["a"]},
        {"rule": "host-rule", "severity": "info", "hosts": ["a"]},
    ]
    assert report["summary"] == {"hosts": 2, "audited": 2, "not_audited": 0, "errors": 3, "warnings": 1, "infos": 1}
    assert [(f["device"], f["rule"]) for f in report["hosts"]["b"]["findings"]] == [("br0", "r1"), ("br1", "r1")]


def test_the_markdown_shows_what_is_severe_enough():
    report = fleet_report({
        "a": result("f1", [], [finding("quiet", "info")], audited=[("br0", [finding("loud", "warning")])]),
    })
    text = fleet_markdown(report)
    assert "[loud\\]" in text.replace("\\[", "[") and "quiet" not in text
    assert "quiet" in fleet_markdown(report, "info")
    assert "loud" not in fleet_markdown(report, severity="error")


def test_the_markdown_says_that_nothing_was_found():
    assert fleet_markdown(fleet_report({"a": result("f1", [])})) == (
        "# MAC addresses of the fleet\n\n1 host: 1 audited, 0 not. 0 errors, 0 warnings, 0 infos.\n")


def test_text_from_hosts_stays_text():
    hostile = "x | y\n# <script>`a` *b* \x1b[2J \u202e \\"
    text = fleet_markdown(fleet_report({"a": {"msg": hostile}}))
    assert "| a | x \\| y # \\<script\\>\\`a\\` \\*b\\* \\\\x1b\\[2J \\\\u202e \\\\ |" in text.splitlines()
    assert "\x1b" not in text and "\u202e" not in text


@pytest.mark.parametrize("call, message", [
    (lambda: fleet_report([]), "a dict of results by host name"),
    (lambda: fleet_report({}, shared_on_purpose=["br0"]), "'br0' is not a MAC address"),
    (lambda: fleet_markdown(fleet_report({}), severity="loud"), "not 'loud'"),
])
def test_wrong_arguments_say_what_is_wrong(call, message):
    with pytest.raises(AnsibleFilterError, match=message):
        call()
