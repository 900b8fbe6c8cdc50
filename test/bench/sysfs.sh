#!/bin/sh
# What an administrator can read from /sys about bonds and bridges: name, kind, address,
# who set it, master, and the ports with their addresses. For all of them, or for the
# directories named. The shell does nearly everything itself: with cat(1) and ls(1) this
# takes many times as long.
[ $# -gt 0 ] || set -- /sys/class/net/*
for dev; do
    if [ -d "$dev/bridge" ]; then
        kind=bridge
        set -- "$dev"/brif/*
    elif [ -d "$dev/bonding" ]; then
        kind=bond
        read -r ports <"$dev/bonding/slaves"
        # shellcheck disable=SC2086 # one word for each port
        set -- $ports
    else
        continue
    fi
    read -r address <"$dev/address"
    read -r type <"$dev/addr_assign_type"
    master=
    if [ -e "$dev/master" ]; then
        master=$(readlink "$dev/master")
        master=" master ${master##*/}"
    fi
    echo "${dev##*/} $kind $address addr_assign_type $type$master"
    for port; do
        port=${port##*/}
        [ "$port" = '*' ] && continue # no port
        read -r address <"/sys/class/net/$port/address"
        echo "  $port $address"
    done
done
