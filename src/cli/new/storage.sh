name=$(basename "$(readlink -f "$disk")")
sectors=$(cat "/sys/class/block/$name/size")
echo "$disk is $name with ${sectors:-no} sectors of 512 bytes"
[ "${sectors:-0}" -gt 0 ] || finish failed 0
finish passed $((sectors * 512))
