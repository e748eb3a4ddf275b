"""The machine that all tests of a run share: booting takes longer than everything that they ask of it."""

import functools
import json

# Set by scripts/dev/vm-tests before the first test: the machine, and the program on this side of it.
machine = program = None


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
