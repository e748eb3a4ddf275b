kib=$(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo)
echo "the kernel has $kib KiB of memory"
[ "${kib:-0}" -gt 0 ] || finish failed 0
finish passed "$kib"
