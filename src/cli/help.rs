//! What `--help` says below the options: examples, which `tests/documented` runs, and exit codes.

pub(super) const ALL: &str = "\
Begin with `shakedown demo`, or with `shakedown VERB --help`, which has examples.

Exit codes, which the help of some verbs tells more closely:
  0    all is well
  1    something was looked at or run and is not well: a script or a disk failed, `lint` found errors
  2    the command line is wrong
  3    it could not be done
  4    it was done, but the region did not take every message
  130  it was stopped (Ctrl-C, SIGTERM, SIGHUP)";

pub(super) const RUN: &str = "\
Examples:
  shakedown run                                  # in MAAS's ephemeral system
  shakedown run --config node.yaml               # with a cloud-init style file
  shakedown run --config node.yaml --exit-when-done --farewell 60
  shakedown run --url http://region:5240/MAAS    # the machine enlists

Exit codes:
  0    every script passed, was skipped or is degraded, and the region has every
       result; or there was nothing to run, or the region has this machine,
       which has no credentials, already
  1    a script failed, timed out or could not be run
  2    the command line is wrong
  3    the run could not be done: no region, wrong credentials, a refused archive
  4    every script ended well, but the region did not take every message
  130  the run was stopped (Ctrl-C, SIGTERM, SIGHUP)";

pub(super) const TAKEOVER: &str = "\
A script that `shakedown region install` gives a region starts it; nothing calls it by hand. MAAS's runner is halted once the agent has its
credentials, its journal and an answer of the region, and goes on if the agent cannot begin. Where Shakedown runs the scripts it does nothing.

Examples:
  shakedown takeover                                 # in a script under MAAS's runner

Exit codes:
  0  the agent did the work, or nothing was taken over and the result of the
     script says why (degraded)";

pub(super) const REGION: &str = "\
Examples:
  shakedown region install --url http://region:5240/MAAS --api-key-file key --dry-run
  shakedown region install --url http://region:5240/MAAS --api-key-file key --scripts all
  shakedown region status --url http://region:5240/MAAS --api-key-file key
  shakedown region remove --url http://region:5240/MAAS --api-key-file key

Exit codes:
  0  the region has what it should have
  1  a program that the region keeps is damaged or missing, or somebody changed
     a script (status); scripts that somebody changed stay (remove)
  2  the command line or a profile is wrong; nothing was uploaded
  3  it could not be done: no region, a wrong key, a script of that name that is
     somebody else's";

pub(super) const FETCH: &str = "\
Examples:
  shakedown region fetch --url http://region:5240/MAAS --api-key-file key --out hall
  shakedown compare hall --html hall.html

Asks for one machine after the other, waits after each request, and changes nothing.
A call that was interrupted goes on where it was. Brings the inventory of each machine,
and of its tests the statuses and the figures of scripts that declare results.

Exit codes:
  0  all were asked for; machines without an inventory are named
  2  the command line is wrong
  3  it could not be done: no region, a wrong key, a folder that cannot be written to";

pub(super) const DELIVER: &str = "\
Examples:
  shakedown deliver --give-up-after 60
  shakedown deliver --refused                        # once more what the region refused

Exit codes:
  0  the region has everything
  3  it could not be tried: no region, no credentials, no journal
  4  the region did not take every message; what it refused is named";

pub(super) const RUNS: &str = "\
Examples:
  shakedown runs";

pub(super) const BMC: &str = "\
Examples:
  shakedown bmc
  shakedown bmc --root machine.tar.xz                # of a machine in a snapshot";

pub(super) const DISK: &str = "\
Examples:
  shakedown disk list
  shakedown disk show sda";

pub(super) const TEST: &str = "\
Examples:
  shakedown test memory --level smoke --seconds 3    # as much memory as the seconds are enough for
  shakedown test cpu --level smoke --seconds 3 --format json
  shakedown test disk --level smoke --device sda     # samples; without --device, all disks at once
  shakedown test network --level smoke               # sends nothing; docs/tests.md shows --listen and --peer
  shakedown test pcie --level smoke
  shakedown test gpu
  shakedown test all --level smoke                   # all of these, one after the other

Exit codes:
  0    passed, degraded (works, but not as it should, see the findings), or skipped, as there is no such hardware
  1    failed: a wrong answer, or an error that was not corrected
  2    the command line is wrong
  3    the test could not be done: no rights, too little memory, it was killed
  130  stopped (Ctrl-C, SIGTERM, SIGHUP)";

pub(super) const GET_TOKEN: &str = "\
Examples:
  shakedown get-machine-token SYSTEM_ID --maas-url http://region:5240/MAAS --api-key-file key --force   # replaces those that are here";

pub(super) const REPORT_RESULTS: &str = "\
Examples:
  shakedown report-results";

pub(super) const RESULTS: &str = "\
Examples:
  shakedown results                                  # of the last run
  shakedown results --script maas-serial-ports --output combined";

pub(super) const STATUS: &str = "\
Examples:
  shakedown status
  shakedown status --wait 600 --format json          # when the run has ended
  shakedown status --format prometheus               # for node_exporter's textfile collector

Exit codes:
  0  nothing is wrong, or a run is under way
  1  the newest run failed or was interrupted, or a drive is in trouble
  3  there is no journal
  4  nothing failed, but a region lacks something";

pub(super) const EVENTS: &str = "\
Examples:
  shakedown events query --since 2h --format table
  shakedown events query level=AUDIT limit=20        # in the words of the MAAS command line
  shakedown events verify                            # was the audit log or a result touched?";

pub(super) const RESOURCES: &str = "\
Examples:
  shakedown resources
  shakedown resources --root machine.tar.xz          # of a machine in a snapshot";

pub(super) const INVENTORY: &str = "\
Examples:
  shakedown inventory
  shakedown inventory finding                        # what is worth a look
  shakedown inventory disk sda                       # all that is known of one device
  shakedown inventory --changed-since 7d
  shakedown inventory --format json --root machine.tar.xz";

pub(super) const DIFF: &str = "\
Examples:
  shakedown diff before.tar.xz after.tar.xz          # two machines, or one at two times
  shakedown diff --last                              # this one, since the region was told";

pub(super) const ACCEPT: &str = "\
Examples:
  shakedown accept --learn machine.tar.xz --name r760 > r760.toml   # from a good machine; edit it
  shakedown accept --check r760.toml
  shakedown accept --profile r760.toml --root machine.tar.xz
  shakedown accept --profile r760.toml --root machine.tar.xz --format json
  shakedown accept --profile r760.toml --root machine.tar.xz --format ocp

Exit codes:
  0  accepted, perhaps with notes
  1  rejected: the machine deviates
  2  the command line or the profile is wrong
  3  incomplete: something could not be read, or no one profile is for this
     machine; nothing is accepted";

pub(super) const COMPARE: &str = "\
Examples:
  shakedown compare before.tar.xz after.tar.xz machine.tar.xz --html batch.html

Facts are odd where three machines or more tell them and more than 60 % agree.
Figures are odd where six machines or more have them: on the bad side, beyond four
median deviations and a floor (3 % processor, 5 % memory and network, 8 % latency,
10 % disk). Fewer than six get no verdict, four or five a rank. Rates and times are
also held against the run before of the same machine (--before, or what `shakedown
region fetch` brought).

Exit codes:
  0  they were compared, whatever is odd: siblings alone fail no machine
  2  the command line is wrong
  3  a file cannot be read, or holds neither an inventory nor figures";

pub(super) const SYNC: &str = "\
Examples:
  shakedown sync --dry-run                           # what would be sent
  shakedown sync

Exit codes:
  0    the region knows what changed
  1    a script of the region failed
  2    the command line is wrong
  3    it could not be done: no region, wrong credentials, not a deployed machine
  4    the region did not take everything; the next one brings the rest
  130  it was stopped (Ctrl-C, SIGTERM, SIGHUP)";

pub(super) const REGISTER: &str = "\
Examples:
  shakedown register-machine --maas-url http://region:5240/MAAS --api-key-file key";

pub(super) const SNAPSHOT: &str = "\
Examples:
  shakedown snapshot machine.tar.xz
  shakedown inventory --root machine.tar.xz          # here or anywhere else";

pub(super) const WATCH: &str = "\
The Debian package has a service of systemd for it. It stays until it is stopped.

Examples:
  shakedown watch
  shakedown watch --interval 600";

pub(super) const SIGNAL: &str = "\
Examples:
  shakedown signal WORKING --config node.yaml";

pub(super) const DEMO: &str = "\
Examples:
  shakedown demo";

pub(super) const NEW: &str = "\
Examples:
  shakedown new test disk-look --hardware storage
  shakedown new test bmc-look --type commissioning
  shakedown lint disk-look";

pub(super) const SANDBOX: &str = "\
It prints one line of JSON – its address, the node's system id, a configuration file for `shakedown run --config`, an administrator's \
API key – and stays until it is stopped.

Examples:
  shakedown sandbox --scripts scripts/testing --this-machine
  shakedown sandbox --scripts scripts/commissioning --enlisting
  shakedown sandbox --scripts scripts/testing --fault post:503:3 --request-log requests.jsonl";

/// The same for a program of another name.
pub(super) fn without_examples(text: &str) -> String {
    let paragraphs = text.split("\n\n").filter(|paragraph| !paragraph.starts_with("Examples:"));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}
