#!/bin/sh
# --- Start MAAS 1.0 script metadata ---
# name: @NAME@
# title: Shakedown takes over
# description: Has Shakedown @VERSION@ run this machine's @WHEN@ in place of MAAS's own runner, which goes on where that cannot be.
# script_type: @TYPE@
# hardware_type: cpu
# parallel: disabled
# timeout: 00:10:00
# destructive: false
# may_reboot: false
# tags: [@TAGS@]
# --- End MAAS 1.0 script metadata ---
# Made by `shakedown region install`, which makes a new version of it, as `shakedown region remove` deletes it: changes are lost.
set -u

if [ -n "${SHAKEDOWN_BINARY:-}" ]; then
    echo "Shakedown runs this machine's scripts."
    exit 0
fi

# On any failure MAAS's own runner does its work as always; the result says why, and fails nothing.
degraded() {
    echo "shakedown: $*. MAAS's own runner goes on." >&2
    [ -z "${RESULT_PATH:-}" ] || echo 'status: degraded' >"$RESULT_PATH"
    exit 0
}

machine=$(uname -m)
case $machine in
@CASES@
*) degraded "there is no program for $machine in this region: shakedown region install --binary FILE puts one there" ;;
esac

place=${SHAKEDOWN_PLACE:-/usr/local/bin}
state=${SHAKEDOWN_STATE_DIR:-/var/lib/shakedown}
program=$place/shakedown
part=$place/.shakedown.part
authorities=$state/takeover-ca.pem
mkdir -p "$place" "$state" && chmod 700 "$state" || degraded "$place or $state cannot be made"

is() { # FILE SIZE SUM
    [ "$(wc -c <"$1")" -eq "$2" ] && [ "$(sha256sum <"$1" | cut -d ' ' -f 1)" = "$3" ]
}

cat >"$authorities" <<'CERTIFICATES'
@CERTIFICATES@
CERTIFICATES
[ -s "$authorities" ] || { rm -f "$authorities" && authorities=; }

# One address into the file, with what an ephemeral system has; never much more than the file is large.
download() { # URL
    rm -f "$part"
    if command -v python3 >/dev/null; then
        python3 - "$1" "$part" "$packed_size" "$authorities" <<'PYTHON'
import ssl, sys, urllib.request
address, path, size, authorities = sys.argv[1:]
context = ssl.create_default_context(cafile=authorities or None) if address.startswith("https:") else None
with urllib.request.urlopen(address, timeout=30, context=context) as answer, open(path, "wb") as file:
    left = int(size) + 1
    while left > 0:
        piece = answer.read(min(left, 65536))
        if not piece:
            break
        file.write(piece)
        left -= len(piece)
PYTHON
    elif command -v curl >/dev/null; then
        curl --fail --silent --show-error --location --max-time 300 --max-filesize $((packed_size + 1)) \
            ${authorities:+--cacert "$authorities"} --output "$part" "$1"
    else
        wget --quiet --timeout=30 --tries=1 ${authorities:+--ca-certificate="$authorities"} --output-document="$part" "$1"
    fi
}

unpack() {
    if command -v xz >/dev/null; then
        xz -dc <"$part"
    else
        python3 -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.stdin.buffer), sys.stdout.buffer)' <"$part"
    fi
}

fetch() {
    free=$(df -Pk "$place" | awk 'NR == 2 { print $4 }')
    need=$(((packed_size + size) / 1024 + 1024))
    [ "${free:-0}" -ge "$need" ] || degraded "$place has ${free:-no} KiB free, and the program needs $need"
    # The address by which this machine has its scripts, which may be a rack's; then the region's own.
    base=${MAAS_BASE_URL:-@REGION@}
    addresses="${site:-${base%%/MAAS*}$path @REGION@$path}"
    for try in 1 2 3; do
        for address in $addresses; do
            if download "$address" && is "$part" "$packed_size" "$packed_sum"; then
                return 0
            fi
            echo "shakedown: $address did not give the right file (attempt $try)" >&2
        done
        [ "$try" = 3 ] || sleep "${SHAKEDOWN_RETRY_WAIT:-5}"
    done
    rm -f "$part"
    degraded "no address gave the right file ($packed_size bytes, SHA-256 $packed_sum); with TLS, or where machines reach no region, \
shakedown region install --cacert FILE or --binary-url URL says how they get it"
}

if ! [ -x "$program" ] || ! is "$program" "$size" "$sum"; then
    fetch
    unpack >"$program.new" && is "$program.new" "$size" "$sum" || {
        rm -f "$part" "$program.new"
        degraded "the program cannot be unpacked here (no space, or neither xz nor python3), or is not the right one"
    }
    rm -f "$part"
    chmod 755 "$program.new" && mv "$program.new" "$program" || degraded "$program cannot be made"
fi
"$program" --version || degraded "$program does not run on this $machine"
# No exec: however that ends, this script ends well.
"$program" takeover --state-dir "$state" --storage "$state/run" ${authorities:+--cacert "$authorities"} ||
    degraded "shakedown takeover ended with exit status $?"
