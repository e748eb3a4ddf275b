"""The command lines that README and docs/ show, for tests that run them as they stand."""

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def lines(page, heading):
    """Those of the `sh` blocks below a heading, up to the next one, without their comments."""
    found, here, inside = [], None, False
    for line in (PROJECT / page).read_text().splitlines():
        if line.startswith("```"):
            inside = line == "```sh"
        elif not inside and line.startswith("#"):
            here = line.lstrip("#").strip()
        elif inside and here == heading:
            found.append(re.sub(r"(^|\s)#\s.*$", "", line).strip())
    found = [line for line in found if line]
    if not found:
        raise AssertionError(f"{page} shows no command below {heading!r}")
    return found
