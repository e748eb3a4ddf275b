#!/bin/sh
# --- Start MAAS 1.0 script metadata ---
# name: @NAME@
# title: @NAME@
# description: Say here in one sentence what it looks at.
# # It runs @WHEN@.
# script_type: @TYPE@
# hardware_type: @HARDWARE@
# # What it may run beside: disabled (nothing), instance (itself, for another device), any.
# parallel: @PARALLEL@
# # When this time is over, everything that it started is stopped and the result is "Timed out".
# timeout: 00:10:00
# # True if it destroys data: then nobody can run it on a machine in use.
# destructive: false
# # Scripts with the tag noauto run only if somebody chooses them.
# tags: [@HARDWARE@, noauto]
# # Software that it needs: packages: {apt: [fio]}
# @PARAMETERS@
# # Each key of the result file, with its title for the table in MAAS.
# results:
#   value:
#     title: @TITLE@
# --- End MAAS 1.0 script metadata ---
set -u

# The result file decides the status: passed, failed, degraded or skipped. Without one, exit 0 is passed and the rest is failed.
# The answer of a script that is killed in mid-run is failed in any case.
finish() { # STATUS VALUE
    printf '%s\n' "status: $1" results: "  value: $2" >>"$RESULT_PATH"
    [ "$1" != failed ]
    exit
}

@ARGUMENTS@
# Everything that is printed is kept and shown in MAAS; what goes to stderr as well.
@CHECK@
