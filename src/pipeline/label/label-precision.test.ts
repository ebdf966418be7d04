import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeFewBitsPool } from "../../../test/helpers/few-bits-pool.ts";
import { createLog } from "../../base/core/log.ts";
import { labelPoolFile } from "./label-pool.ts";

let folder: string;
let model: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-label-precision-"));
  model = await writeFewBitsPool(folder);
});
afterAll(() => rm(folder, { recursive: true }));

/** Labels the pool; what it logged, and how it ended. */
async function label(out: string, more: object, teacher: object = { kind: "likelihood", model }) {
  const said: string[] = [];
  const log = createLog({ write: (text: string) => said.push(text), isTTY: false } as never, {
    quiet: false,
  });
  const call = {
    pool: join(folder, "pool.jsonl"),
    teacher,
    set: [],
    seed: 1,
    code: "1.0.0",
    threads: 1,
    log,
  };
  const outcome = await labelPoolFile({
    ...{ ...call, out: join(folder, out), read: { onBadRow: "fail" as const } },
    ...more,
  } as Parameters<typeof labelPoolFile>[0]);
  return { ...outcome, said: said.join("") };
}
const labelsOf = (out: string) => readFile(join(folder, out, "labels.jsonl"), "utf8");

test("a pool is labelled in 8 bits once it was compared, and says so; other rules score and compare nothing again", async () => {
  const first = await label("int8", { precision: "int8" });
  expect(first.said).toContain("int8: 120 pairs are scored in float32 first");
  expect(first.facts!.teacher.precision).toMatchObject({ precision: "int8", pairs: 120 });
  expect(first.facts!.teacher.precision!.largestDifference).toBeGreaterThan(0);
  const again = await label("int8", { precision: "int8", set: ["select.kind=top", "select.percent=50"] });
  expect(again.said).not.toContain("float32 first");
  expect(again.facts!.teacher.precision).toEqual(first.facts!.teacher.precision);

  const plain = await label("float32", {});
  expect(plain.facts!.teacher).not.toHaveProperty("precision");
  expect(await labelsOf("float32")).not.toBe(await labelsOf("int8"));
});

test("a cached labelling is judged by what is allowed now", async () => {
  // In 4 bits random weights turn some of 120 labels.
  const loose = await label("int4", { precision: "int4", maxTurned: 1 });
  expect(loose.facts!.teacher.precision!.turned).toBeGreaterThan(0);
  await expect(label("int4", { precision: "int4", maxTurned: 0 })).rejects.toThrow(
    /precision int4: of 120 labels \d+ turn .* Nothing was labelled/,
  );
  await expect(label("fresh", { precision: "int4", maxTurned: 0 })).rejects.toThrow("Nothing was labelled");
  await expect(labelsOf("fresh")).rejects.toThrow("ENOENT");
});

test("a precision without models, and a limit in float32, are refused", async () => {
  await expect(label("x", { precision: "int8" }, { kind: "longer" })).rejects.toThrow(
    "--precision int8: has no effect on a teacher of kind longer, which holds no model here.",
  );
  await expect(label("x", { maxTurned: 0.1 })).rejects.toThrow("--max-turned: has no effect in float32.");
});
