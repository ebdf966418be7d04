import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson, digestFile, digestOf, sha256 } from "./digest.ts";

// FIPS 180-4 example: SHA-256("abc").
const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

describe("digests", () => {
  test("text and bytes give the published SHA-256 of abc", () => {
    expect(sha256("abc")).toBe(ABC);
    expect(sha256(new Uint8Array([0x61, 0x62, 0x63]))).toBe(ABC);
  });

  test("bytes may be more than Node takes at once", () => {
    // `head -c 2147483648 /dev/zero | sha256sum`; pages that nobody wrote take no memory.
    expect(sha256(new Uint8Array(2 ** 31))).toBe(
      "a7c744c13cc101ed66c29f672f92455547889cc586ce6d44fe76ae824958ea51",
    );
  });

  test("a file's digest is that of its bytes, empty and larger than one read included", async () => {
    const folder = await mkdtemp(join(tmpdir(), "wt-digest-"));
    try {
      for (const size of [0, 3, 200_000]) {
        const bytes = new Uint8Array(size).map((_, i) => i * 31);
        await writeFile(join(folder, "x"), bytes);
        expect(await digestFile(join(folder, "x"))).toBe(createHash("sha256").update(bytes).digest("hex"));
      }
      await expect(digestFile(join(folder, "absent"))).rejects.toThrow("ENOENT");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("keys are sorted at every depth, lists keep their order, undefined members are left out", () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }, 3], a: undefined, A: null })).toBe(
      '{"A":null,"b":[{"c":2,"d":1},3]}',
    );
    expect(digestOf({ a: 1, b: 2 })).toBe(digestOf({ b: 2, a: 1 }));
    expect(digestOf([1, 2])).not.toBe(digestOf([2, 1]));
    expect(digestOf({ a: 1 })).toBe(digestOf({ a: 1, b: undefined }));
    expect(digestOf({ a: 1 })).not.toBe(digestOf({ a: "1" }));
  });

  test("canonical JSON reads back as the same value and ignores the order of keys", () => {
    const flip = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(flip)
        : value !== null && typeof value === "object"
          ? Object.fromEntries(
              Object.entries(value)
                .reverse()
                .map(([key, member]) => [key, flip(member)]),
            )
          : value;
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(flip(value))).toBe(text);
      }),
    );
  });

  test("a value that JSON cannot say is refused rather than digested as something else", () => {
    for (const value of [
      undefined,
      () => 1,
      new Map([["a", 1]]),
      { a: new Set([1]) },
      Number.NaN,
      [Infinity],
    ])
      expect(() => digestOf(value)).toThrow("internal: no canonical JSON");
    expect(() => digestOf(1n)).toThrow(TypeError);
  });
});
