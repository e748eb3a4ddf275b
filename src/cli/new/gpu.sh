cards=$(find /sys/class/drm -maxdepth 1 -name 'card*' ! -name '*-*' 2>/dev/null | wc -l)
echo "$cards graphics cards have a driver"
[ "$cards" -gt 0 ] || finish skipped 0
finish passed "$cards"
