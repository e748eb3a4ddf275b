state=$(cat "/sys/class/net/$interface/operstate") || finish failed 0
speed=$(cat "/sys/class/net/$interface/speed" 2>/dev/null)
echo "$interface is $state, at ${speed:-unknown} Mbit/s"
# MAAS shows the link of the interface by this.
[ "$state" = down ] && link=false || link=true
echo "link_connected: $link" >>"$RESULT_PATH"
finish passed "${speed:--1}"
