#!/bin/sh
# What /sys tells of bonds and bridges, as an administrator would ask it: name,
# kind, address, who gave it, master, and the ports with their addresses. All of
# them, or those whose directories are named. The shell does nearly all itself:
# with cat(1) and ls(1) it takes many times as long.
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
