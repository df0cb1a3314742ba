"""Random XYZ text: every typing rule of ASE's comment lines and columns, and some ways to break them."""

import json
import random
import struct

NUMBERS = (
    "5 -5 +5 0 -0 1.5 .5 5. 1e5 1E-3 nan -nan inf -inf Infinity -iNfinity 1_000 1__0 _1 1_ 1_0.5_0e1_0 "
    "9223372036854775807 9223372036854775808 -9223372036854775808 18446744073709551616 1e400 -0.0 0x10 1e e5 "
    "1.2.3 12345678901234567 9007199254740993 0.1224276419174991 -1.0611482828038676 0.00012345678901234567 "
    "-1.2345678901234567e-10 123456789012345678901234567890 ٥ ٥.٥ １２ 1d5 00012 1. - + ."
).split(" ")
WORDS = (
    "T F true false True False TRUE FALSE tRUE t foo bulk _JSON None null a uid Tt x,y , é “ \u200b \ufeff "
    "\x00 \x1f iron none"
).split(" ")
SPACES = [" ", "  ", "\t", ",", ", ", " ,", "\xa0", "\u2003", "\x1c", "\x0b"]
KEYS = (
    "a b c energy free_energy magmom dipole uid UID Lattice virial stress pbc Properties <R2> key-1 __proto__ "
    "constructor x 1 é T forces comment"
).split(" ")
JSON_ATOMS = (
    '1 0 -1 1.5 2.0 -0 -0.0 true false null NaN Infinity -Infinity "x" "5" "T" "" "a\\nb" "q\\"q" "\\u00e9" '
    "9223372036854775807 9223372036854775808 18446744073709551615 18446744073709551616 -9223372036854775809 "
    '1e5 1E400 01 .5 +1 nul "\\x" "\t"'
).split(" ")
TYPES = {
    "R": "1 -2.5 0.1224276419174991 1e-5 nan -inf 1_0.5 .5 5. -0.0 1.00000000 -12.34567890".split(" "),
    "I": "0 1 -7 +3 1_000 2147483647 -2147483648 ٣".split(" "),
    "L": "T F True False".split(" "),
    "S": "a Zr 5 T é x_1 1.5 :".split(" "),
}
BROKEN = "x 1.5.1 4000000000 1d3 -- 2.0 T".split(" ")


class Generator:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def choice(self, items):
        return self.random.choice(items)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def json(self, depth: int) -> str:
        kind = self.random.random()
        if depth == 0 or kind < 0.45:
            return self.choice(JSON_ATOMS if self.chance(0.4) else ["1", "2", "1.5", "2.0", "true", '"x"'])
        if kind < 0.85:
            item = self.json(depth - 1)
            same = self.chance(0.6)
            items = [item if same else self.json(depth - 1) for _ in range(self.random.randint(0, 4))]
            return "[" + self.choice([",", ", "]).join(items) + "]"
        keys = [self.choice(["k", "a", "__proto__", "z z", ""]) for _ in range(self.random.randint(0, 3))]
        return "{" + ", ".join(f"{json.dumps(key)}: {self.json(depth - 1)}" for key in keys) + "}"

    def numbers(self) -> str:
        pool = self.choice([NUMBERS, ["1", "-2", "3.5", "0.25", "7"], ["1", "-2", "30"]])
        separator = self.choice(SPACES) if self.chance(0.3) else " "
        return separator.join(self.choice(pool) for _ in range(self.choice([1, 2, 3, 6, 9, 9])))

    def value(self) -> str:
        kind = self.random.random()
        if kind < 0.3:
            return self.choice(NUMBERS)
        if kind < 0.42:
            return self.choice(WORDS)
        if kind < 0.6:
            return f'"{self.numbers()}"'
        if kind < 0.68:
            flags = self.choice(SPACES).join(self.choice("TF") for _ in range(self.random.randint(0, 4)))
            return self.choice(['"%s"', "'%s'", "{%s}", "[%s]"]) % flags
        if kind < 0.86:
            return '"_JSON ' + self.json(3).replace("\\", "\\\\").replace('"', '\\"') + '"'
        if kind < 0.93:
            frame = self.choice(['"%s"', "'%s'", "{%s}", "[%s]", '%s"', '"%s', "\\%s", "%s\\"])
            return frame % self.choice(WORDS + NUMBERS)
        return self.choice(["", '""', '"" ', "''", "{}", "[]", " ", '" "', '","', "=", "==", '"="', "\\"])

    def comment(self) -> str:
        entries = []
        for _ in range(self.random.randint(0, 5)):
            key = self.choice(KEYS) if self.chance(0.9) else f'"{self.choice(KEYS)}"'
            equals = self.choice(["="] * 12 + [" =", "= ", " = ", "==", "=\t"])
            entries.append(key if self.chance(0.1) else key + equals + self.value())
        text = self.choice([" "] * 8 + ["  ", "\t", "\xa0", ""]).join(entries)
        return self.mutated(text) if self.chance(0.15) else text

    def mutated(self, text: str) -> str:
        characters = list(text)
        for _ in range(self.random.randint(1, 3)):
            place = self.random.randrange(len(characters) + 1)
            if self.chance(0.5):
                del characters[place : place + 1]
            else:
                characters.insert(place, self.choice("\"'{}[]\\= ,\t=5T\x00"))
        return "".join(characters)

    def plain_comment(self) -> str:
        return self.choice(["C", "", "  ", "frame one", "two words\there", "é “x”", "5", "T", "a,b"])

    def frame(self, plain: bool, clean: bool) -> list[str]:
        n = self.random.randint(0, 4)
        columns = [("species", "S", 1), ("pos", "R", 3)]
        comment = self.plain_comment()
        if not plain:
            entries = [f"{self.choice('abcde')}={self.clean_value()}" if clean else self.comment()]
            if self.chance(0.3):
                entries.append(f"energy={self.choice(['-5', '-5.5', '1e3'])}")
            if self.chance(0.3):
                cell = " ".join(self.choice(["0", "1.5", "-2", "10.0"]) for _ in range(9))
                entries.insert(0, f'Lattice="{cell}"')
            if self.chance(0.2):
                entries.append('pbc="' + " ".join(self.choice("TF") for _ in range(3)) + '"')
            if self.chance(0.6):
                columns = self.columns()
                entries.append("Properties=" + ":".join(f"{a}:{b}:{c}" for a, b, c in columns))
            comment = " ".join(entries)
        lines = [self.choice([str(n)] * 9 + [f" {n} ", f"+{n}", f"0{n}", f"\t{n}"]), comment]
        for _ in range(n):
            lines.append(self.atom_line(columns, clean))
        if self.chance(0.04):
            lines += [f"VEC{i + 1} {i} 0.5 -1e1" for i in range(self.random.randint(1, 3))]
        return lines

    def clean_value(self) -> str:
        plain = ["1", "2", "1.5", "2.0", '"1 2"', '"1.5 2"', "T", "foo", '"a b"', "nan"]
        return self.choice([*plain, '"_JSON [[1, 2], [3, 4]]"'])

    def columns(self) -> list[tuple[str, str, int]]:
        columns = [self.choice([("species", "S", 1), ("species", "S", 1), ("Z", "I", 1)]), ("pos", "R", 3)]
        if self.chance(0.1):
            columns.reverse()
        names = "forces charge magmoms energies tags foo bar initial_charges move_mask momenta energy".split(" ")
        for name in self.random.sample(names, self.random.randint(0, 3)):
            kind, count = self.choice("RRRILS"), self.choice([1, 1, 2, 3])
            if name == "move_mask":
                kind, count = "L", self.choice([1, 3])
            elif name == "initial_charges":
                count = 1
            elif name in ("forces", "charge", "magmoms", "energies") and kind == "S":
                kind = "R"
            columns.append((name, kind, count))
        return columns

    def atom_line(self, columns: list[tuple[str, str, int]], clean: bool) -> str:
        words = []
        for name, kind, count in columns:
            for _ in range(count):
                if name == "species":
                    words.append(self.choice(["H", "C", "cl", "FE", "X", "uRU"[:2], "O"]))
                elif name == "Z":
                    words.append(self.choice(["1", "6", "0", "+8", "118"]))
                elif not clean and kind != "L" and self.chance(0.01):
                    words.append(self.choice(BROKEN))
                else:
                    words.append(self.choice(TYPES[kind]))
        if not clean and self.chance(0.01):
            words.pop()
        if self.chance(0.1):
            words.append("extra")
        separator = self.choice([" ", "   ", "\t"] * 25 + ["\xa0", "\x0b", "\u2003", "\x1c"])
        return self.choice(["", "", " "]) + separator.join(words) + self.choice(["", "", " "])

    def number_texts(self, count: int) -> list[str]:
        """Numbers as programs print them, and the cases that are hard to round."""
        texts = []
        for i in range(count):
            value = struct.unpack("<d", self.random.randbytes(8))[0]
            near = self.random.uniform(-100, 100)
            digits = "".join(self.choice("0123456789") for _ in range(self.random.randint(1, 24)))
            point = self.random.randint(0, len(digits))
            halfway = 2**53 + 2 * self.random.randrange(2**52) + 1
            texts.append(
                [
                    repr(value),
                    f"{near:.8f}",
                    repr(near),
                    f"{near:.17g}",
                    f"{near * 1e-6:.{self.random.randint(0, 20)}e}",
                    f"{digits[:point] or '0'}.{digits[point:]}",
                    f"{digits}e{self.random.randint(-330, 310)}",
                    f"{halfway}.{self.choice(['', '0', '5', '000000001'])}",
                    f"-{halfway}e{self.random.randint(-25, 5)}",
                    self.choice("nan -nan inf -Infinity 1_0.5 .5 5. -0 1e400 1e-400 ٥.٥".split(" ")),
                ][i % 10]
            )
        return texts

    def file(self) -> str:
        """Several frames; a third of the files have nothing that ASE refuses, or only plain comments."""
        plain, clean = self.chance(0.1), self.chance(0.6)
        lines = [line for _ in range(self.choice([1, 1, 2, 3])) for line in self.frame(plain, clean)]
        end = self.choice(["\n", "\n", "\r\n", "\r"])
        text = end.join(line.replace("\n", "").replace("\r", "") for line in lines)
        return text + self.choice([end, end, "", end + end, end + " " + end])
