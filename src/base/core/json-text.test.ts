import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseJson, RepeatedMemberError } from "./json-text.ts";

describe("integers beyond 2^53", () => {
  test("come as their digits; those within stay numbers", () => {
    const text =
      '{"id": 9007199254740993, "least": [-9007199254740992,-9007199254740991], "most": 9007199254740991}';
    expect(parseJson(text)).toEqual({
      id: "9007199254740993",
      least: ["-9007199254740992", -9007199254740991],
      most: 9007199254740991,
    });
    expect(parseJson("90071992547409931")).toBe("90071992547409931");
  });

  test("with a fraction that says nothing too; exponents and long fractions are ordinary numbers", () => {
    expect(parseJson("[9007199254740993.0, 1e300, 0.1234567890123456, 3.0]")).toEqual([
      "9007199254740993.0",
      1e300,
      0.1234567890123456,
      3,
    ]);
  });

  test("are rounded where the reader asks for it", () => {
    expect(parseJson("[9007199254740993]", { longNumbers: "round" })).toEqual([2 ** 53]);
  });

  test("digits inside texts are left alone, with escaped quotes around them", () => {
    const value = { a: 'x ", 12345678901234567890 \\', b: "\\", c: ": 9007199254740993", d: 1 };
    expect(parseJson(JSON.stringify(value))).toEqual(value);
  });
});

describe("names that come twice", () => {
  test.each([
    ['{"a":1,"a":2}', "a"],
    ['{"a":{"b":1},"c":[{"d":1,"e":2,"d":3}]}', "d"],
    ['{"a" \n : 1, "\\u0061": 2}', "a"],
    ['{"\\"":1,"\\"":2}', '"'],
    ['{"__proto__":1,"__proto__":2}', "__proto__"],
  ])("are refused: %s", (text, member) => {
    expect(() => parseJson(text)).toThrow(RepeatedMemberError);
    expect(() => parseJson(text)).toThrow(`names ${JSON.stringify(member)} twice`);
  });

  test("the same name in two objects, and texts that look like names, are fine", () => {
    const value = { a: { a: 1 }, b: [{ a: 1 }, { a: 2 }], c: '"a": 1, "a": 2', d: [":", '":'], "x\\": 1 };
    expect(parseJson(JSON.stringify(value))).toEqual(value);
  });
});

test("what is not JSON is an error as ever, and depth is no danger", () => {
  expect(() => parseJson('{"a":1,}')).toThrow(SyntaxError);
  const deep = `${"[".repeat(100_000)}9007199254740993${"]".repeat(100_000)}`;
  expect(() => parseJson(deep)).not.toThrow();
});

test("any value comes back as JSON.parse gives it when its numbers are safe", () => {
  const safe = fc.jsonValue().map((value) => JSON.stringify(value));
  const long = /-?\d{16,}/;
  fc.assert(
    fc.property(
      safe.filter((text) => !long.test(text)),
      fc.nat(4),
      (text, indent) => {
        const spaced = JSON.stringify(JSON.parse(text), null, indent);
        expect(parseJson(spaced)).toEqual(JSON.parse(spaced));
      },
    ),
  );
});

test("any large integer keeps every digit, wherever it stands", () => {
  fc.assert(
    fc.property(fc.bigInt(), fc.string(), (n, text) => {
      const parsed = parseJson(`{"n":[${n}],${JSON.stringify(text)}:{"m": ${n} }}`) as Record<string, never>;
      const found = (parsed.n as unknown[] | undefined)?.[0];
      expect(String(found ?? n)).toBe(String(n));
    }),
  );
});
