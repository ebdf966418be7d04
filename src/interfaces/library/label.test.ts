/** What `label` and `status --verify` do, one call does. */
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeFewBitsPool } from "../../../test/helpers/few-bits-pool.ts";
import { verifyFolder } from "../../pipeline/run/verify.ts";
import { label } from "./label.ts";

let folder: string;
let model: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-library-label-"));
  model = await writeFewBitsPool(folder);
});
afterAll(() => rm(folder, { recursive: true }));

const inFourBits = (out: string, maxTurned: number) =>
  label({
    ...{
      pool: join(folder, "pool.jsonl"),
      teacher: { kind: "likelihood", model } as const,
      out: join(folder, out),
    },
    ...{ precision: "int4", maxTurned, threads: 1 },
  });

test("a pool is labelled in few bits, with the share of labels that may turn", async () => {
  await expect(inFourBits("none", 0)).rejects.toThrow("Nothing was labelled");
  const { facts } = await inFourBits("labels", 1);
  expect(facts!.teacher.precision).toMatchObject({ precision: "int4", pairs: 120 });
});

test("a result whose files were changed is told by name", async () => {
  const labels = join(folder, "labels");
  expect(await verifyFolder(labels)).toEqual({ stages: 1, problems: [] });
  await appendFile(join(labels, "labels.jsonl"), "\n");
  const { stages, problems } = await verifyFolder(labels);
  expect(stages).toBe(0);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain("labels.jsonl");
});
