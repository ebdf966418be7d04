import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { rowKind } from "./row-file.ts";

type Row = { readonly id: string; readonly side: "a" | "b"; readonly score: number };
const ROWS = rowKind<Row>({
  what: "score",
  schema: z.strictObject({ id: z.string(), side: z.enum(["a", "b"]), score: z.number().max(1) }),
  fix: "Score again.",
  unique: ({ id }) => id,
});

let file: string;
beforeAll(async () => {
  file = join(await mkdtemp(join(tmpdir(), "wt-rows-")), "rows.jsonl");
});
afterAll(() => rm(join(file, ".."), { recursive: true }));

const row = (id: string): Row => ({ id, side: "a", score: 0.5 });
const lines = (...rows: readonly object[]) => rows.map((one) => `${JSON.stringify(one)}\n`).join("");

test("rows come back as they were, all at once or one by one; no file is no rows where one may be missing", async () => {
  await ROWS.write(file, [row("1"), row("2")]);
  expect(await ROWS.read(file)).toEqual([row("1"), row("2")]);
  expect(await ROWS.readIfThere(`${file}.not`)).toEqual([]);
  for await (const one of ROWS.stream(file)) {
    expect(one).toEqual(row("1"));
    break;
  }
  await expect(ROWS.read(`${file}.not`)).rejects.toThrow("rows.jsonl.not");
});

test.each([
  ["a member of another kind", { score: "9" }, '"score" is wrong, expected a number, got "9"'],
  ["a value out of bounds", { score: 2 }, '"score" is wrong, expected at most 1, got 2'],
  ["a word that is none", { side: "c" }, '"side" is wrong, expected one of a, b, got "c"'],
  ["a member that is missing", { id: undefined }, '"id" is missing'],
  ["a member that no row has", { sidee: 1 }, '"sidee" is unknown, expected id, side, score'],
  ["two at once", { id: 1, score: null }, '"id" is wrong, expected text, got 1. "score" is wrong'],
])(
  "%s is refused with file, line, member, what was expected, what is there and what to do",
  async (_, change, said) => {
    await writeFile(file, lines(row("1"), row("2"), { ...row("3"), ...change }));
    const refusal = await ROWS.read(file).catch((error: Error) => error.message);
    expect(refusal).toContain(`${file}:3: is no score: ${said}`);
    expect(refusal).toMatch(/Score again\.$/);
  },
);

test("an id that stands twice, and a line that is no row at all", async () => {
  await writeFile(file, lines(row("1"), row("2"), row("1")));
  await expect(ROWS.read(file)).rejects.toThrow('rows.jsonl:3: id "1" is there twice, first in line 1.');
  expect(() => ROWS.parse("[1]", "f", 4)).toThrow(
    "f:4: is no score, expected an object, got [1]. Score again.",
  );
  expect(() => ROWS.parse("{", "f", 4)).toThrow("f:4: is not valid JSON");
});

test("what is said of a damaged line is short, however long or many its members' names are", async () => {
  const many = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`member${i}`, i]));
  for (const change of [{ ["x".repeat(60_000)]: 1 }, many]) {
    await writeFile(file, lines({ ...row("1"), ...change }));
    const refusal: unknown = await ROWS.read(file).catch((error: Error) => error.message);
    expect(refusal).toContain("is unknown, expected id, side, score");
    expect(String(refusal).length).toBeLessThan(600);
  }
});
