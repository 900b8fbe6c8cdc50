#!/bin/sh
# Plays the story of a bond's address and writes it down as Markdown: what
# docs/story.md holds. It makes and deletes bond0 and an override for it, so run
# it as root on a machine that may be used for that, with a network card that
# nothing else uses:
#
#     docs/story.sh eth0 >docs/story.md
set -eu
port=${1:?the name of a network card that nothing uses}
[ "$(id -u)" = 0 ] || { echo "story.sh: this takes root" >&2; exit 1; }
[ ! -e /sys/class/net/bond0 ] || { echo "story.sh: there is a bond0 already" >&2; exit 1; }

say() { printf '%s\n\n' "$*"; }
# Until udevd has handled what happened to bond0, and a minute at most; settle alone may
# return too early.
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
        sh -c "$command" 2>&1 || : # check exits with 1 where it finds something
        case $command in ip*) handled ;; esac
    done
    printf '```\n\n'
}

say "# The story of a bond's address"
say "Made by [story.sh](story.sh), which anyone can run again: it was played on Debian with systemd $(udevadm --version | cut -d' ' -f1) and $(uname -s) $(uname -r | cut -d. -f1,2), whose network card $port has the address $(cat "/sys/class/net/$port/address"). Addresses that the kernel made up differ from run to run."
say "## The trouble"
say "A bond is created, and before any port has joined it udevd has given it an address of its own."
run "ip link set $port down" "ip link add bond0 type bond mode active-backup" "linkaudit check bond0"
say "A port joins, and has to take that address. When it leaves and joins again, which is what a restart of the network does, it is the other way round."
run "ip link set $port master bond0" "ip -br link show bond0" \
    "ip link set $port nomaster" "ip link set $port down" "ip link set $port master bond0" "ip -br link show bond0"
say "The same machine is known by two addresses. linkaudit says why, and what will happen next."
run "linkaudit explain bond0"
say "## The remedy"
run "linkaudit fix --bond bond0"
say "The bond is made anew. Now it has the port's address, however often that leaves and comes back, and after every boot."
run "ip link del bond0" "ip link set $port down" "ip link add bond0 type bond mode active-backup" "ip link set $port master bond0" \
    "ip -br link show bond0" "ip link set $port nomaster" "ip link set $port down" "ip link set $port master bond0" "linkaudit check bond0"
say "## And back"
run "linkaudit undo --bond bond0" "ip link del bond0" "linkaudit mac bond0"
