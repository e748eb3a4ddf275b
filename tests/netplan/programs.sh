#!/bin/sh
# Stands in for netplan, ip and systemctl in the tests of custom networking: a FAKE. It keeps a list of its calls, does to the files of
# the test's machine what the real one does to a network, and waits where a test wants to look, or to kill somebody.
#
# A line `# eth0 192.0.2.7` of a configuration gives the interface that address; one that does not exist is made.
machine=${MACHINE:?}
tree=$machine/tree
name=${0##*/}
echo "$name $*" >>"$machine/calls"
number=$(wc -l <"$machine/calls")
if [ "$(cat "$machine/hold" 2>/dev/null)" = "$number" ]; then
    echo $$ >"$machine/held.part" && mv "$machine/held.part" "$machine/held"
    while [ -e "$machine/hold" ]; do sleep 0.02; done
fi
net=$tree/sys/class/net
case "$name $*" in
"systemctl is-active "*)
    cat "$machine/networkd"
    ;;
"systemctl restart "*)
    echo active >"$machine/networkd"
    ;;
"ip link set dev "*" down")
    rm -f "$machine/addresses/$4"
    [ ! -d "$net/$4" ] || { echo down >"$net/$4/operstate"; echo 0x1002 >"$net/$4/flags"; }
    ;;
"ip link set dev "*" up")
    echo 0x1003 >"$net/$4/flags"
    ;;
"ip link delete dev sit0")
    echo "a fake RTNETLINK answers: Operation not supported" >&2
    exit 2
    ;;
"ip link delete dev "*)
    rm -r "${net:?}/${4:?}"
    ;;
"netplan generate --root-dir "*)
    ! grep -qs BROKEN "$3"/etc/netplan/*.yaml || { echo "a fake netplan: Error in network definition" >&2; exit 1; }
    ;;
"netplan apply")
    ! grep -qs UNAPPLICABLE "$tree"/etc/netplan/*.yaml || { echo "a fake netplan: cannot apply that" >&2; exit 78; }
    cat "$tree"/etc/netplan/*.yaml | while read -r mark link address; do
        [ "$mark" = "#" ] || continue
        if [ ! -d "$net/$link" ]; then mkdir "$net/$link" && echo 02:00:00:00:00:09 >"$net/$link/address"; fi
        echo up >"$net/$link/operstate"
        echo 0x1003 >"$net/$link/flags"
        echo "$address" >"$machine/addresses/$link"
    done
    ;;
*)
    echo "a fake $name"
    ;;
esac
