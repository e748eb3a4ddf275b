# Made by `shakedown region install --preseed`. Has Shakedown @VERSION@ run what this ephemeral system was booted for, before cloud-init starts
# MAAS's own runner, which is started as always where Shakedown cannot be had or cannot begin. Here the program is fetched, early in the boot.
(
set -u
degraded() {
    echo "shakedown: $*. MAAS's own runner goes on." >&2
    exit 0
}
# The address by which this machine has its configuration, which may be a rack's.
MAAS_BASE_URL=$(cat "${SHAKEDOWN_CLOUD:-/etc/cloud/cloud.cfg.d}"/*cmdline*.cfg 2>/dev/null |
    sed -n 's/^.*metadata_url[^:]*: *//p' | head -n 1 | tr -d "\"', {}")
download_seconds=${SHAKEDOWN_DOWNLOAD_SECONDS:-120}

@FETCH@
units=${SHAKEDOWN_UNITS:-/run/systemd/system}
data=${SHAKEDOWN_USER_DATA:-/var/lib/cloud/instance/scripts}
# What the unit runs. An agent that was killed goes on with its run. If it has run anything, MAAS's runner must not run it again.
cat >"$state/preseed-run" <<END || degraded "$state cannot be written"
program='$program' state='$state' data='$data'
more='${authorities:+--cacert $authorities}'
END
cat >>"$state/preseed-run" <<'END' || degraded "$state cannot be written"
deaths=0
while :; do
    code=0
    "$program" run --state-dir "$state" $more "$state/run" || code=$?
    # 128 and more: a signal, of which 130 is the agent's own word for an end in good order.
    [ "$code" -gt 128 ] && [ "$code" -ne 130 ] || break
    deaths=$((deaths + 1))
    if [ "$deaths" -ge 20 ]; then
        "$program" signal --give-up-after 120 $more FAILED "Shakedown: the agent died $deaths times" || true
        break
    fi
    sleep 1
done
has_run() { "$program" results --state-dir "$state" 2>/dev/null | awk 'NR > 1 { rows++ } END { exit !rows }'; }
for script in "$data"/*; do
    [ -f "$script" ] && grep -q maas-run-remote-scripts "$script" && ! grep -q -e maas-wipe -e curtin "$script" && has_run || continue
    printf '#!/bin/sh\n# shakedown-run: it has run this in place of maas-run-remote-scripts (exit status %s)\n' "$code" >"$script"
done
exit "$code"
END
mkdir -p "$units" && cat >"$units/shakedown-preseed.service" <<END || degraded "$units cannot be written"
[Unit]
Description=Run the scripts of the MAAS region in place of its own runner
Wants=network-online.target
After=network-online.target cloud-config.service
Before=cloud-final.service

[Service]
Type=oneshot
ExecStart=/bin/sh $state/preseed-run
TimeoutStartSec=infinity
TimeoutStopSec=90
LimitNOFILE=65536
UMask=0077
END
systemctl daemon-reload && systemctl start --no-block shakedown-preseed.service || degraded "its unit cannot be started"
)
