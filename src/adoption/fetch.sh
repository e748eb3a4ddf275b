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

cat >"$authorities" <<'CERTIFICATES' || degraded "$state cannot be written"
@CERTIFICATES@
CERTIFICATES
[ -s "$authorities" ] || { rm -f "$authorities" && authorities=; }

# Seconds since the start of the system: the clock may be set meanwhile.
now() { cut -d . -f 1 /proc/uptime; }

# One address into the file, within the time that is left, and never much more than the file is large.
download() { # URL
    rm -f "$part"
    left=$((deadline - $(now)))
    [ "$left" -gt 0 ] || return 1
    [ "$left" -lt 120 ] || left=120
    (
        ulimit -f $((packed_size / 512 + 2))
        case $tool in
        python3) timeout "$left" python3 - "$1" "$part" "$authorities" <<'PYTHON' ;;
import shutil, sys, urllib.request
address, path, authorities = sys.argv[1:]
try:
    context = None
    if address.startswith("https:"):
        import ssl
        context = ssl.create_default_context()
        if authorities:
            context.load_verify_locations(authorities)
    with urllib.request.urlopen(address, timeout=30, context=context) as answer, open(path, "wb") as file:
        shutil.copyfileobj(answer, file)
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
PYTHON
        # These two take one file, which has to have the system's own, too.
        curl) curl --fail --silent --show-error --location --max-time "$left" ${bundle:+--cacert "$bundle"} --output "$part" "$1" ;;
        wget) timeout "$left" wget --quiet --timeout=30 --tries=1 ${bundle:+--ca-certificate="$bundle"} --output-document="$part" "$1" ;;
        esac
    )
}

unpack() {
    if command -v xz >/dev/null; then
        xz -dc <"$part"
    else
        python3 -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.stdin.buffer), sys.stdout.buffer)' <"$part"
    fi
}

fetch() {
    { : >"$part"; } 2>/dev/null || degraded "$place cannot be written"
    free=$(df -Pk "$place" | awk 'NR == 2 { print $4 }')
    need=$(((packed_size + size) / 1024 + 1024))
    [ "${free:-0}" -ge "$need" ] || { rm -f "$part" && degraded "$place has ${free:-no} KiB free, and the program needs $need"; }
    if python3 -c 'import ssl, urllib.request' 2>/dev/null; then
        tool=python3
    elif command -v curl >/dev/null; then
        tool=curl
    elif command -v wget >/dev/null; then
        tool=wget
    else
        rm -f "$part"
        degraded "there is neither python3 nor curl nor wget here to download the program with"
    fi
    bundle=
    if [ -n "$authorities" ]; then
        bundle=$state/takeover-all-ca.pem
        cat /etc/ssl/certs/ca-certificates.crt "$authorities" 2>/dev/null >"$bundle"
    fi
    # The address by which this machine has its scripts, which may be a rack's; then the region's own.
    base=${MAAS_BASE_URL:-@REGION@}
    addresses=${site:-"${base%%/MAAS*}$path @REGION@$path"}
    deadline=$(($(now) + $download_seconds))
    for try in 1 2 3; do
        for address in $addresses; do
            if download "$address" && is "$part" "$packed_size" "$packed_sum"; then
                return 0
            fi
            echo "shakedown: $address did not give the right file to $tool (attempt $try)" >&2
        done
        [ "$try" = 3 ] || [ "$(now)" -ge "$deadline" ] || sleep "${SHAKEDOWN_RETRY_WAIT:-5}"
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
