#!/bin/sh
# Prints docs/walkthrough.md: the trouble with a bond's address, and its fix.
# Run it as root on a machine for tests: it creates and deletes bond0 and an override.
# It needs a network card that nothing else uses:
#
#     docs/walkthrough.sh eth0 >docs/walkthrough.md
set -eu
port=${1:?missing argument: a network card that nothing uses}
[ "$(id -u)" = 0 ] || { echo "walkthrough.sh: must run as root" >&2; exit 1; }
[ ! -e /sys/class/net/bond0 ] || { echo "walkthrough.sh: bond0 exists already" >&2; exit 1; }

say() { printf '%s\n\n' "$*"; }
# Waits until udev is done with bond0, a minute at most; settle alone may return too early.
handled() {
    tries=600
    udevadm settle
    while [ $((tries -= 1)) -ge 0 ] && [ -e /sys/class/net/bond0 ] && [ ! -e "/run/udev/data/n$(cat /sys/class/net/bond0/ifindex)" ]; do
        sleep 0.1
        udevadm settle
    done
}
run() {
    printf '```console\n'
    for command; do
        printf '# %s\n' "$command"
        sh -c "$command" 2>&1 || : # check exits 1 if it has findings
        case $command in ip*) handled ;; esac
    done
    printf '```\n\n'
}

say "# Walkthrough: one bond, from the trouble to the fix"
say "For administrators who want to see what happens before they touch a host. To play it on
a machine for tests, as root: \`docs/walkthrough.sh eth0 >docs/walkthrough.md\`"
say "- [The trouble](#the-trouble)
- [Why](#why)
- [The fix](#the-fix)
- [Undo](#undo)"
say "[walkthrough.sh](walkthrough.sh) wrote this page on Debian with systemd $(udevadm --version | cut -d' ' -f1) and $(uname -s) $(uname -r | cut -d. -f1,2).
The network card $port has the address $(cat "/sys/class/net/$port/address"). Random addresses differ
from run to run."
say "## The trouble"
say "You create a bond. Before a port joins, udev sets a derived address."
run "ip link set $port down" "ip link add bond0 type bond mode active-backup" "linkaudit check bond0"
say "A port joins and takes that address. Then it leaves and joins again, as in a network
restart. Now the bond takes the port's address."
run "ip link set $port master bond0" "ip -br link show bond0" \
    "ip link set $port nomaster" "ip link set $port down" "ip link set $port master bond0" "ip -br link show bond0"
say "One machine, two addresses."
say "## Why"
run "linkaudit explain bond0"
say "## The fix"
run "linkaudit fix --bond bond0"
say "Recreate the bond. Now it has the port's address, also after each network restart and
each reboot."
run "ip link del bond0" "ip link set $port down" "ip link add bond0 type bond mode active-backup" "ip link set $port master bond0" \
    "ip -br link show bond0" "ip link set $port nomaster" "ip link set $port down" "ip link set $port master bond0" "linkaudit check bond0"
say "## Undo"
run "linkaudit undo --bond bond0" "ip link del bond0" "linkaudit mac bond0"
