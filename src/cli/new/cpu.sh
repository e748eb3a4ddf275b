cpus=$(grep -c '^processor' /proc/cpuinfo)
echo "$cpus CPUs are online"
[ "$cpus" -gt 0 ] || finish failed 0
finish passed "$cpus"
