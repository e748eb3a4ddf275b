seconds=$(cut -d . -f 1 /proc/uptime)
echo "$(uname -r) has been running for $seconds s"
[ "$seconds" -ge 0 ] || finish failed 0
finish passed "$seconds"
