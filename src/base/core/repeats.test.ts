import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { confirmRepeat, Fingerprints } from "./repeats.ts";

async function* each(texts: readonly string[]) {
  yield* texts;
}

/** As whoever reads texts once, and again when two fingerprints agree. */
async function findRepeat(texts: () => AsyncIterable<string>): Promise<string | undefined> {
  const seen = new Fingerprints();
  const suspects = new Set<string>();
  for await (const text of texts()) if (seen.add(text)) suspects.add(text);
  return suspects.size === 0 ? undefined : confirmRepeat(texts(), suspects);
}

describe("repeats", () => {
  test("are found exactly where a set finds them", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ maxLength: 2 }), { maxLength: 60 }), async (texts) => {
        const first = texts.find((text, i) => texts.indexOf(text) < i);
        expect(await findRepeat(() => each(texts))).toBe(first);
      }),
    );
  });

  test("among 200,000 texts alike but for a digit there is none, and the one put in is found", async () => {
    const texts = Array.from({ length: 200_000 }, (_, i) => `row-${i}`);
    expect(await findRepeat(() => each(texts))).toBeUndefined();
    expect(await findRepeat(() => each([...texts, "row-77"]))).toBe("row-77");
    const seen = new Fingerprints();
    expect(texts.filter((text) => seen.add(text))).toEqual([]);
    expect(texts.every((text) => seen.add(text))).toBe(true);
  });

  test("that are only suspected are none", async () => {
    expect(await confirmRepeat(each(["a", "b", "c"]), new Set(["a", "b"]))).toBeUndefined();
    expect(await confirmRepeat(each(["a", "b", "c", "b"]), new Set(["a", "b"]))).toBe("b");
  });
});
