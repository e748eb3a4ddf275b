#!/bin/sh
# --- Start MAAS 1.0 script metadata ---
# name: disk-look
# title: A look at a disk
# description: Reads the beginning of a disk.
# script_type: testing
# hardware_type: storage
# parallel: instance
# timeout: 00:05:00
# destructive: false
# tags: [storage, mine]
# for_hardware: [pci:8086:1234]
# packages: {apt: [fio]}
# parameters:
#   storage:
#     type: storage
#     argument_format: --disk={path}
#   depth:
#     type: choice
#     choices: [low, high]
#     default: low
#     required: false
#   limit:
#     type: runtime
#     min: 10
#     max: 60
#     default: '30'
# results:
#   megabytes:
#     title: Megabytes
#     description: MiB that were read.
# --- End MAAS 1.0 script metadata ---
set -u

for argument in "$@"; do
    case $argument in
        --disk=*) disk=${argument#*=} ;;
    esac
done
dd if="$disk" of=/dev/null bs=1M count=4 || exit 1
cat >"$RESULT_PATH" <<END
status: passed
results:
  megabytes: 4
END
exit 0
