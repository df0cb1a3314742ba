import { float64, int64, ndarray, type Value } from "@stowage/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseComment } from "../src/comment.js";
import { CommentReader } from "../src/comment-reader.js";
import { TextProblem } from "../src/errors.js";
import { KeyTable } from "../src/key-table.js";
import { textBlock } from "../src/text-block.js";
import { freshSeed } from "./seed.js";

// Every expectation was read off ase 3.29; interop/ase-xyz.test.ts asks ASE itself, with random comments.

const ints = (...values: number[]): Value => ndarray(BigInt64Array.from(values, BigInt));
const floats = (...values: number[]): Value => ndarray(Float64Array.from(values));

const rules: [string, string, Record<string, Value>][] = [
  ["an integer is an int64", "a=5", { a: int64(5) }],
  ["signs and underscores are Python's", "a=+5 b=1_000 c=1__0", { a: int64(5), b: int64(1000), c: "1__0" }],
  ["digits of any script count", "a=٥ b=٥.٥", { a: int64(5), b: 5.5 }],
  ["a fraction is a float64", "a=.5 b=5. c=1e5 d=-1.5E-3", { a: 0.5, b: 5, c: 1e5, d: -1.5e-3 }],
  ["nan and inf are floats, in any case", "a=NaN b=-inf c=Infinity", { a: NaN, b: -Infinity, c: Infinity }],
  ["an integer beyond int64 is a float", "a=9223372036854775808", { a: 2 ** 63 }],
  ["the largest int64 is exact", "a=9223372036854775807", { a: int64(2n ** 63n - 1n) }],
  ["several integers are an array", 'a="1 2,3"', { a: ints(1, 2, 3) }],
  ["one fraction makes them floats", 'a="1 2.5"', { a: floats(1, 2.5) }],
  ["words beside numbers are text", 'a="1 x"', { a: "1 x" }],
  [
    "T, F and their spellings are logicals",
    "a=T b=false c=TRUE d=tRUE",
    { a: true, b: false, c: true, d: "tRUE" },
  ],
  ["several logicals are a list", 'a="T F"', { a: [true, false] }],
  ["a bare key is true", "a b=1", { a: true, b: int64(1) }],
  [
    "quotes and brackets delimit, and do not nest",
    "a='x y' b={1 2} c=[T F]",
    { a: "x y", b: ints(1, 2), c: [true, false] },
  ],
  ["delimiters may enclose a part", 'a="5"6', { a: int64(56) }],
  [
    "a backslash takes the next character",
    'a\\=b=x\\ y c="say \\"hi\\" \\\\"',
    { "a=b": "x y", c: 'say "hi" \\' },
  ],
  ["further = belong to the value", "a=b=c", { a: "b=c" }],
  ["white space around = does not matter", "a = 5", { a: int64(5) }],
  ["an empty value takes the next entry", 'a="" b=5 c=6', { a: "b=5", c: int64(6) }],
  ["an empty value at the end is an empty array", "a=", { a: ndarray(new BigInt64Array(0)) }],
  ["the last of equal keys counts, at the first place", "a=1 b=2 a=3", { a: int64(3), b: int64(2) }],
  ["uid stays text", "uid=007 UID=5", { uid: "007", UID: "5" }],
  [
    "virial is a matrix, listed by columns",
    'virial="1 2 3 4 5 6 7 8 9"',
    { virial: ndarray(BigInt64Array.from([1n, 4n, 7n, 2n, 5n, 8n, 3n, 6n, 9n]), [3, 3]) },
  ],
  [
    "_JSON numbers are arrays",
    'a="_JSON [[1, 2], [3, 4.5]]" b="_JSON 5"',
    { a: ndarray(Float64Array.of(1, 2, 3, 4.5), [2, 2]), b: int64(5) },
  ],
  ["_JSON logicals are arrays", 'a="_JSON [true]"', { a: ndarray(Uint8Array.of(1), [1], "bool") }],
  ["_JSON text and null are themselves", 'a="_JSON \\"5\\"" b="_JSON null"', { a: "5", b: null }],
  [
    "_JSON objects keep integers and floats apart",
    'a="_JSON \\{\\"x\\": 1, \\"y\\": 2.0, \\"z\\": [NaN]\\}"',
    { a: { x: 1, y: float64(2), z: [NaN] } },
  ],
  ["other scripts' white space separates too", "a=1\u00a0b=2", { a: int64(1), b: int64(2) }],
  [
    "__proto__ is a key like any other",
    "__proto__=5",
    JSON.parse('{"__proto__": 0}') as Record<string, Value>,
  ],
];

describe("a comment", () => {
  it.each(rules)("%s", (_, comment, expected) => {
    const wanted = comment.startsWith("__proto__") ? [["__proto__", int64(5)]] : Object.entries(expected);
    expect([...parseComment(comment)]).toEqual(wanted);
  });

  it.each([
    ["=5", '"=" without a key'],
    ["stress=5", "stress="],
    ['Lattice="1 2 3"', "Lattice="],
    ['a="_JSON [1"', "no comma or end of the list"],
    ['a="_JSON [[1], [2, 3]]"', "a list of unequal lists"],
    [`a="_JSON ${"[".repeat(300)}"`, "more than 200 levels"],
    [`a="_JSON ${"[".repeat(65)}${"]".repeat(65)}"`, "lists in lists"],
  ])("%s is refused", (comment, reason) => {
    expect(() => parseComment(comment)).toThrow(reason);
    expect(() => parseComment(comment)).toThrow(TextProblem);
  });
});

/** What goes to info and calc, read as files are read. */
function readBytes(comment: string): Map<string, Value> {
  const bytes = new TextEncoder().encode(`${comment}\n`);
  const reader = new CommentReader(new KeyTable());
  reader.read(textBlock(bytes), 0, bytes.length - 1);
  const { entries } = reader;
  return new Map(
    Array.from({ length: entries.count }, (_, i) => [
      entries.keys[i]!.name,
      entries.valueOf(i, bytes, false),
    ]),
  );
}

describe("the fast reader", () => {
  const piece = fc.constantFrom(
    ...'a b key= =5 =-0 =1.5e3 =12345678901234567890 ="-5,9007199254740993" ="9007199254740993,1.5" virial=F =text =\'x ="1 -0" ="1 -0.5" ="T F" =T =nan =" " ="_JSON {}" \\ , ; \t é \u00a0 iron=1 n=none'.split(
      " ",
    ),
    " ",
    "  ",
    "=",
    '"',
  );

  it("reads what the exact reader reads", () => {
    const seed = freshSeed("comments");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const comment = pieces.join("");
        let expected: Map<string, Value> | null = null;
        try {
          expected = parseComment(comment);
        } catch {
          expect(() => readBytes(comment)).toThrow(TextProblem);
          return;
        }
        expect([...readBytes(comment)]).toEqual([...expected]);
      }),
      { seed, numRuns: 5000 },
    );
  });

  it("keeps what ASE takes for results apart from info, and Voigt order", () => {
    const values = readBytes(
      'energy=-5 dipole="1 2 3" stress="1 2 3 4 5 6 7 8 9" polarization=T magmom="_JSON null"',
    );
    expect(values).toEqual(
      new Map<string, Value>([
        ["energy", int64(-5)],
        ["dipole", floats(1, 2, 3)],
        ["stress", floats(1, 5, 9, 8, 7, 4)],
        ["polarization", 1],
      ]),
    );
  });
});
