import { inspect } from "node:util";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import { closed, isStowageError, quote, readOnly, StowageError } from "../src/index.js";

function sample(): StowageError<"ERR_INDEX_RANGE"> {
  return new StowageError("ERR_INDEX_RANGE", "Cannot read row 9 of a.atp: it has 3 rows", {
    index: 9,
    length: 3,
  });
}

describe("StowageError", () => {
  it("carries code, details, hint and cause beside its message", () => {
    const cause = new Error("disk");
    const error = new StowageError("ERR_READ_ONLY", "Cannot write", { path: "a" }, { hint: "use r+", cause });
    expect(error).toMatchObject({ code: "ERR_READ_ONLY", details: { path: "a" }, hint: "use r+", cause });
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe("StowageError");
    expect(String(error)).toBe("StowageError: Cannot write");
  });

  it("has no cause and no hint where none was given", () => {
    expect("cause" in sample()).toBe(false);
    expect(sample().hint).toBeUndefined();
  });

  it("shows its code in what a console prints", () => {
    expect(sample().stack).toMatch(
      /^StowageError \[ERR_INDEX_RANGE\]: Cannot read row 9 of a\.atp: it has 3 rows\n/,
    );
    expect(inspect(sample())).toMatch(/^StowageError \[ERR_INDEX_RANGE\]: Cannot read row 9/);
  });

  it("is recognised by code, and narrows to that code's details", () => {
    const error: unknown = sample();
    expect(isStowageError(error)).toBe(true);
    expect(isStowageError(error, "ERR_INDEX_RANGE")).toBe(true);
    expect(isStowageError(error, "ERR_CLOSED")).toBe(false);
    if (isStowageError(error, "ERR_INDEX_RANGE")) {
      expectTypeOf(error.details).toEqualTypeOf<{ index: number; length: number }>();
    }
  });

  it("is not recognised in anything else", () => {
    for (const other of [null, undefined, "ERR_CLOSED", new Error("x"), { code: "ERR_CLOSED" }]) {
      expect(isStowageError(other)).toBe(false);
    }
  });

  it("is recognised by a second copy of this package", async () => {
    vi.resetModules();
    const copy = await import("../src/errors.js");
    expect(copy.StowageError).not.toBe(StowageError);
    expect(copy.isStowageError(sample(), "ERR_INDEX_RANGE")).toBe(true);
    expect(sample()).not.toBeInstanceOf(copy.StowageError);
  });
});

describe("common errors", () => {
  it("name the path and what to do", () => {
    expect(readOnly("a.atp")).toMatchObject({
      code: "ERR_READ_ONLY",
      message: "Cannot write a.atp: it is open for reading",
      hint: 'open it with mode: "r+"',
      details: { path: "a.atp" },
    });
    expect(closed("a.atp")).toMatchObject({ code: "ERR_CLOSED", message: "Cannot use a.atp: it is closed" });
  });
});

describe("quote", () => {
  it("quotes strings and cuts what is long", () => {
    expect(quote("water")).toBe('"water"');
    expect(quote('say "hi"\n')).toBe('"say \\"hi\\"\\n"');
    expect(quote(5n)).toBe("5");
    expect(quote(null)).toBe("null");
    expect(quote("x".repeat(100), 10)).toBe('"xxxxxxxx…');
    expect(quote("x".repeat(100))).toHaveLength(60);
    expect(quote("x".repeat(58))).toBe(`"${"x".repeat(58)}"`);
  });
});
