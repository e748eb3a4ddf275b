"""The machine that all tests of a run share: booting takes longer than everything that they ask of it."""

import functools
import json

# Set by scripts/dev/vm-tests before the first test: the machine, and the program, which runs on the host as well.
machine = None
program = None

# Before a run of the agent: how long an emulated processor stood still says how busy the machine is that emulates it, and nothing of a test.
CLOCKS_ARE_NOT_ITS_OWN = (
    'SHAKEDOWN_RUNNER_MEANWHILE="count clocksource-unstable=note kernel-rcu-stall=note kernel-soft-lockup=note '
    'kernel-hard-lockup=note task-hung=note"'
)


@functools.lru_cache(maxsize=None)
def told(line):
    """What a line of bash prints in the machine, asked once."""
    return machine.output(line)


def json_of(line):
    """The same, of a program that prints JSON."""
    return json.loads(told(line))


def blocks(text):
    """Paragraphs of `Key: value` lines, as lspci and dmidecode print them."""
    paragraphs = (paragraph.splitlines() for paragraph in text.split("\n\n"))
    pairs = ([line.strip().partition(":") for line in lines] for lines in paragraphs)
    return [{key.strip(): value.strip() for key, _, value in lines} for lines in pairs if lines]
