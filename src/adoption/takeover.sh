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

# On any failure MAAS's own runner does its work as always; the result says why, and fails nothing. A result that cannot be written would be a pass.
degraded() {
    echo "shakedown: $*. MAAS's own runner goes on." >&2
    [ -z "${RESULT_PATH:-}" ] || echo 'status: degraded' >"$RESULT_PATH" || exit 1
    exit 0
}

# Well before the time limit of this script, at which MAAS's runner would fail it.
download_seconds=${SHAKEDOWN_DOWNLOAD_SECONDS:-400}

@FETCH@
# No exec: however that ends, this script ends well.
"$program" takeover --state-dir "$state" --storage "$state/run" ${authorities:+--cacert "$authorities"} ||
    degraded "shakedown takeover ended with exit status $?"
