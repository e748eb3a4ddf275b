#!/usr/bin/env python3
"""Prints what PyYAML makes of result files: `yaml-oracle.py COUNT SEED` generated ones, or those whose hexadecimal bytes stand one a line on
standard input (COUNT `-`).

Each line is an object: `hex` the bytes; `answer` what a region does with the file (`accepted`, `refused`, or `poison` where the request fails
with 500); `status` that it decides, `document` what was read, with PyYAML's types, `why` for people. The rules of the region are facts of its
recorded answers: null is absent, `status` is one of five words, `link_connected` a boolean and for scripts with an interface only, `results` a
mapping of text to scalars or lists of scalars.
"""

import json
import random
import struct
import sys

try:
    import yaml
except ImportError:
    sys.exit(77)

STATUSES = [None, "passed", "failed", "degraded", "timedout", "skipped"]
# 401 lists inside of each other were read, 501 were not: what this program's own stack allows does not matter.
sys.setrecursionlimit(1000 + 130)


class Refused(Exception):
    pass


def typed(value, above=()):
    """A value with its type, since 1, 1.0 and true are equal here; RecursionError for what holds itself."""
    if id(value) in above:
        raise RecursionError
    if value is None:
        return ["null"]
    if isinstance(value, bool):
        return ["bool", value]
    if isinstance(value, int):
        sys.set_int_max_str_digits(0)
        text = str(value)
        sys.set_int_max_str_digits(4300)
        return ["int", text]
    if isinstance(value, float):
        return ["float", "nan" if value != value else struct.pack(">d", value).hex()]
    if isinstance(value, str):
        return ["str", value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")]
    if isinstance(value, list):
        return ["list", [typed(item, (*above, id(value))) for item in value]]
    if isinstance(value, dict):
        return ["dict", [[typed(key), typed(item, (*above, id(value)))] for key, item in value.items()]]
    return [type(value).__name__]


def is_scalar(value):
    return isinstance(value, (str, float, int, bool))


def read(document, has_interface):
    if document is None:
        return None, {}
    if not isinstance(document, dict):
        raise Refused("YAML must be a dictionary.")
    status = document.get("status")
    if status not in STATUSES:
        raise Refused("status")
    link = document.get("link_connected")
    if link is not None and (not has_interface or not isinstance(link, bool)):
        raise Refused("link_connected")
    results = document.get("results")
    if results is None:
        return status, {}
    if not isinstance(results, dict):
        raise Refused("results must be a dictionary.")
    for key, value in results.items():
        if not isinstance(key, str):
            raise Refused("key")
        if not all(map(is_scalar, value)) if isinstance(value, list) else not is_scalar(value):
            raise Refused("value")
    return status, results


def judge(data):
    line = {"hex": data.hex()}
    try:
        document = yaml.safe_load(data)
    except yaml.YAMLError as error:
        return line | {"answer": "refused", "why": str(error)[:300]}
    except Exception as error:  # whatever it is, the region answers 500
        return line | {"answer": "poison", "why": repr(error)[:300]}
    try:
        line["document"] = typed(document)
    except RecursionError:
        pass
    try:
        return line | {"answer": "accepted", "status": read(document, False)[0]}
    except Refused as error:
        return line | {"answer": "refused", "why": str(error)}


WORDS = """~ null Null NULL nUll yes Yes YES yEs no No on On off OFF true True TRUE false y n Y N t 0 1 -1 +1 -0 00 007 010 0o10 089 08 0755 0x1F 0x
0X1f -0x1 +0x_1 0x_ 0b101 0b 0b_ 0b12 -0b1 1_000 1__0 _1 1_ 12:30 12:30:45 1:60 1:59 0:30 01:30 -1:30 1:2:3:4 52:54:00:12:34:56 190:20:30.15
1:30.5 1:30. -1:30.5 1:60.5 1. .5 -.5 +.5 ._5 . .. 1.5 -1.5 +1.5 1_0.5_0 1.0e+3 1.0e-3 1e3 1e+3 1.5e3 1.e+3 1.0E+3 1.0e+ .5e+3 1.0e+999
1.2.3 12E45 1234E567 .inf .Inf .INF .iNF -.inf +.INF inf .nan .NaN .NAN .nAn -.nan nan = << <<< == 2024-05-01 2024-5-1 2024-02-30 0000-01-01
2024-13-01 2024-05-01T10:20:30Z 2024-05-01t10:20:30.5 2024-5-1T1:20:30 2024-05-01T10:20:30+02:00 2024-05-01T10:20:30-2 2024-05-01T25:00:00
2024-05-01T10:60:00 2024-05-01T10:20:30+99:99 2024-05-01T10:20:30+24 2024-05-01T10:20:30+2: 9999-12-31T23:59:59-23:00 24-05-01 2024-05-011
18446744073709551615 18446744073709551616 123456789012345678901234567890 -9223372036854775809 it's a#b a:b a::b :a ::a -a -- --- ... a- ?a ?
?? a? - : , # & * ! % @ ` | > " ' [ ] { } \\ / // http://x/y a,b a, x] x} {} [] C:\\x !x &x *x %x @x `x '' "" ä 💥 null: a=b =a ---a ...a a\u00a0b \ufeff""".split() + [
    "2024-05-01 10:20:30", "2024-05-01 10:20", "2024-05-01  1:20:30 +1", "2024-05-01 10:20:30 Z", "2024-05-01 10:20:30.123 -05:30", "a b", "a  b",
    "a #b", "a# b", "a : b", "a: b", "a - b", "x, y", "'a' b", '"a" b', "a 'b'", "1 2", "- a", "? a", "a\tb", "\ta", "a\t", "a\x85b",
    "a\u2028b", "a\u2029b", "a\x7fb", "a\x9bb", "a\x0bb", "a\x0cb", "a\rb", "a\ufeffb", "a\ufffeb", "", " ", "!", "! 12", "! x", "!\t"]
TAGS = ["!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!!binary", "!!seq", "!!map", "!!set", "!!omap", "!!pairs", "!", "!x",
        "!!x", "!!merge", "!!value", "!<tag:yaml.org,2002:str>", "!<!x>", "!e!x", "!!python/tuple", "!!st%72", "!!%zz", "!<", "!!", "!!int ! x"]
QUOTED = ["a", "it''s", "fail\\x65d", "\\u00fc", "\\ud83d\\udca5", "\\ud83d", "\\q", "\\/", "a\\\n  b", "a\n  b", "a\n\n  b", "a \n b ", " a ", "a\tb",
          "\\t", "\\\t", "\\e[31m", "\\0", "\\N", "\\_", "\\L\\P", "\\U0001F4A5", "\\UFFFFFFFF", "\\x4", "\\uD83D\\u0041", "a\n---\nb", "a\n...\nb",
          "a\n--- b", "a\x85b", "a\u2028b", "a\u2028\n b", "a\x7f", "a: b", "#", "\\\\", "'", '"', "a\\ b", "\\x00", "a\\\n\n b"]
KEYS = ["a", "b", "c", "results", "status", "y", "yes", "1", "null", "~", "a b", '"a"', "'b'", "<<", "=", '"<<"', "? a\n", "2024-05-01", "12:30", "",
        "[a]", "{a: 1}", "*x", "&x a", "!!str 1", "!!binary YQ==", "a#", "-a", "k" * 1020, '"' + "k" * 1030 + '"', "a\tb", "0.1", "1.0", "a:", ":a", "?a"]


def takes(*forms):
    try:
        for form in forms:
            yaml.safe_load(form)
    except Exception:
        return False
    return True


# Those with which a document can still be read.
NICE = {
    id(WORDS): [word for word in WORDS if takes(f"a: {word}\n", f"[{word}]")],
    id(QUOTED): [word for word in QUOTED if takes(f'"{word}"\n', f"a: '{word}'")],
    id(TAGS): ["!!str", "!", "!<tag:yaml.org,2002:str>", "!!st%72"],
    id(KEYS): ["a", "b", "c", "d", "e", "y", "a b", '"a"', "'b'", '"<<"', "k" * 1020, "a#", "-a", "!!str 1"],
}


class Generator:
    """Text that is nearly YAML: grammatical for the most part, with nasty pieces and small damages; how many is each document's own."""

    def __init__(self, rng):
        self.rng = rng
        self.nasty = 0.0

    def maybe(self, chance):
        return self.rng.random() < chance

    def of(self, pieces):
        return self.rng.choice(pieces if self.maybe(self.nasty) else NICE[id(pieces)])

    def one(self, usual, *odd):
        return self.rng.choice(odd) if self.maybe(self.nasty) else usual

    def scalar(self, indent):
        pick = self.rng.random()
        if pick < 0.62:
            return self.of(WORDS)
        if pick < 0.72:
            return f'"{self.of(QUOTED)}"'
        if pick < 0.78:
            return f"'{self.of(QUOTED)}'"
        if pick < 0.86:
            return self.block_scalar(indent)
        if pick < 0.93:
            return self.of(WORDS) + "\n" + " " * (indent + self.one(2, 0, 1, 4)) + self.of(WORDS)
        return f"{self.of(TAGS)} {self.of(WORDS)}"

    def block_scalar(self, indent):
        head = self.rng.choice("|>") + self.rng.choice(["", "-", "+", "1"]) + self.one("", "2", "4", "-2", "2+", "0", "+-", " # x", " x", "9")
        lines = []
        for _ in range(self.rng.randint(0, 5)):
            blanks = " " * (indent + self.one(2, 1, 3, 4, 0))
            lines.append(self.rng.choice(["", blanks, blanks + "x", blanks + " y", blanks + "# z", blanks + "a: b", blanks + "\tt", "\t", blanks + "- q"]))
        return head + self.rng.choice(["\n", "\n", "\r\n"]) + "\n".join(lines)

    def flow(self, depth):
        if depth > 2 or self.maybe(0.45):
            word = self.of(WORDS) if self.maybe(0.7) else f'"{self.of(QUOTED)}"'
            return (self.of(TAGS) + " " if self.maybe(0.06) else "") + word
        parts = []
        is_map = self.maybe(0.5)
        for _ in range(self.rng.randint(0, 4)):
            if self.maybe(0.75 if is_map else 0.15):
                gap = self.one(": ", ":", " : ", ":\n  ", " :", " ")
                parts.append(self.one("", "", "? ") + self.of(KEYS) + gap + self.flow(depth + 1))
            else:
                parts.append(self.flow(depth + 1))
        joint = self.one(", ", ",", " ,", ",\n  ", ", # c\n  ", ",, ", ",\t", ",#c\n ")
        end = self.one("", ",", " ", "\n", ",,")
        return ("{%s%s}" if is_map else "[%s%s]") % (joint.join(parts), end)

    def properties(self):
        pick = self.rng.random()
        if pick < 0.85:
            return ""
        anchor = "&" + self.one(str(self.rng.randrange(10**6)), "x", "y", "z", "x", "a-b", "ä", "")
        tag = self.of(TAGS)
        return self.one(anchor, anchor, tag, f"{anchor} {tag}", f"{tag} {anchor}", f"{anchor}\n") + self.one(" ", "", "  ")

    def node(self, indent, depth):
        """What stands after `key:` or `-`, with its gap."""
        gap = self.one(" ", "  ", "\t", " \t", "", " # c\n" + " " * (indent + 2), "\n" + " " * (indent + 2))
        pick = self.rng.random()
        if pick < 0.5 or depth > 3:
            return gap + self.properties() + self.scalar(indent) + "\n"
        if pick < 0.57 and self.maybe(0.2 + self.nasty):
            return gap + "*" + self.rng.choice(["x", "y", "z", "a-b", "w"]) + self.rng.choice(["", "", " ", " # c"]) + "\n"
        if pick < 0.75:
            return gap + self.properties() + self.flow(depth) + self.one("", " ", " # c", "# c", " x", "\t") + "\n"
        line = " " + self.properties() if self.maybe(0.15) else ""
        return line + "\n" + self.block(indent + self.one(2, 1, 4, 0), depth + 1)

    def block(self, indent, depth):
        pad = " " * indent
        text = ""
        is_map = self.maybe(0.7)
        for _ in range(self.rng.randint(1, 4)):
            lead = " " * max(0, indent + self.rng.choice([-1, 1, 2])) if self.maybe(0.05 * self.nasty) else pad
            if self.maybe(0.15 * self.nasty):
                text += self.rng.choice(["", pad, "\t", pad + "# c", "#", "---", "...", "--- x", "%YAML 1.1", "# \t\x85"]) + "\n"
            if is_map:
                text += f"{lead}{self.of(KEYS)}{self.one(':', ' :', '', ':  ')}{self.node(indent, depth)}"
            elif self.maybe(0.25):
                text += f"{lead}- {self.block(indent + 2, depth + 1).lstrip(' ')}"
            else:
                text += f"{lead}-{self.node(indent, depth)}"
        return text

    def document(self):
        self.nasty = self.rng.choice([0.0, 0.03, 0.03, 0.1, 0.4])
        head = self.one("", "---\n", "--- ", "%YAML 1.1\n---\n", "%YAML 1.2\n---\n", "%TAG !e! tag:yaml.org,2002:\n---\n",
                                "%X y\n---\n", "%YAML 2.0\n---\n", "# c\n", "\ufeff", "\n", "  ", "...\n", "---\n---\n", "%TAG ! !!\n---\n")
        pick = self.rng.random()
        status = self.one("status: failed\n", "status: passed\n", "", "status: failed # x\n", '"status": "failed"\n', "status:\n",
                                                          "status: passed\nstatus: failed\n", "Status: failed\n", "status:\tfailed\n", "? status\n: failed\n")
        if pick < 0.12:
            body = self.block(0, 0)
        elif pick < 0.2:
            body = self.flow(0) + "\n"
        elif pick < 0.3:
            body = '{"status": "failed", "results": ' + self.flow(0) + "}"
        elif pick < 0.65:
            entries = "".join(f"  {self.one('k', *KEYS[:10])}{n}: {self.properties()}{self.scalar(2)}\n" for n in range(self.rng.randint(1, 4)))
            body = status + "results:\n" + entries
        else:
            body = status + "results:" + self.node(0, 0) + (self.block(0, 1) if self.maybe(0.3) else "")
        tail = self.one("", "...\n", "---\n", "...\nx", "...\n# c\n", "x: *x\n", "<<: *x\n", "b: {<<: [*x, *y]}\n", "b: &m {q: 1}\nc: {<<: *m, r: 2}\n", "status: passed\n")
        return head + body + tail

    def bytes(self):
        text = self.document()
        if self.maybe(self.nasty) and text:
            place = self.rng.randrange(len(text))
            damage = self.rng.choice(list(" \t\n\r:-?,[]{}#&*!|>'\"%@`\\=~0.\x85\u2028\x00\x07\x7f\ufeffä") + ["", "", ": ", "- ", "\n  ", "\n---\n", "''"])
            text = text[:place] + damage + text[place + self.rng.choice([0, 1]):]
        if self.maybe(0.02):
            text = text.replace("\n", "\r\n")
        coding = self.rng.choice(["utf-8"] * 60 + ["utf-16", "utf-16-be", "latin-1"])
        mark = b"\xfe\xff" if coding == "utf-16-be" and self.maybe(0.7) else b""
        return mark + text.encode(coding, "replace")


def main():
    count, seed = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "1"
    if count == "-":
        cases = (bytes.fromhex(line) for line in sys.stdin)
    else:
        generator = Generator(random.Random(int(seed)))
        cases = (generator.bytes() for _ in range(int(count)))
    for data in cases:
        print(json.dumps(judge(data)))


main()
