import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLog } from "../../base/core/log.ts";
import { HELD_OUT_FILE } from "../../method/labels/held-out-file.ts";
import { labelPoolFile } from "./label-pool.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-label-pool-"));
});
afterAll(() => rm(folder, { recursive: true }));

const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

test("labelled pairs that cannot calibrate are refused before anything is scored", async () => {
  const pool = join(folder, "pool.jsonl");
  const texts = (i: number) => ({ prompt: `p${i}`, chosen: ` good ${i}`, rejected: ` bad ${i}` });
  await writeFile(pool, lines(Array.from({ length: 12 }, (_, i) => texts(i))));
  const heldOut = join(folder, HELD_OUT_FILE);
  await writeFile(heldOut, lines([{ id: "a", margin: 0.5, preferred: "a" }]));
  // Its content decides, not its name.
  const renamed = join(folder, "renamed.jsonl");
  await writeFile(renamed, lines([{ id: "a", margin: 0.5, preferred: "a", unit: "p" }]));
  const few = join(folder, "few.jsonl");
  await writeFile(few, lines([texts(20), texts(21)]));
  const other = join(folder, "other.jsonl");
  await writeFile(other, lines([{ question: "p", answer: "a" }]));
  const said: string[] = [];
  const log = createLog({ write: (text: string) => said.push(text), isTTY: false } as never, {
    quiet: false,
  });
  const label = (calibrate: string) =>
    labelPoolFile({
      ...{
        pool,
        calibrate,
        teacher: { kind: "random", seed: 1 } as const,
        set: [],
        seed: 1,
        code: "1.0.0",
        log,
      },
      ...{ out: join(folder, "labels"), read: { onBadRow: "fail" as const } },
    });
  await expect(label(renamed)).rejects.toThrow("renamed.jsonl: holds margins of pairs by another teacher");
  await expect(label(heldOut)).rejects.toThrow(
    /held-out\.jsonl: holds margins of pairs by another teacher and not their texts.*labelled\.jsonl/,
  );
  await expect(label(few)).rejects.toThrow(
    "few.jsonl: expected at least 10 pairs that people decided, got 2",
  );
  await expect(label(other)).rejects.toThrow("fit no known shape");
  expect(said.join("")).not.toContain("stage label");
  expect((await readdir(folder)).filter((name) => name.startsWith("labels"))).toEqual([]);
});
