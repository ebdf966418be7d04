import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type LoadOptions, readCandidates } from "./load.ts";
import type { LoadReport } from "./load-report.ts";
import type { CandidatePair } from "./rows.ts";
import { openCandidates } from "./stream-candidates.ts";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stream-"));
  file = join(folder, "pairs.jsonl");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

type Read = { pairs: CandidatePair[]; report: LoadReport } | { error: string };
const outcome = (read: Promise<{ pairs: readonly CandidatePair[]; report: LoadReport }>): Promise<Read> =>
  read.then(
    ({ pairs, report }) => ({ pairs: pairs.map(withoutGroup), report }),
    (error: Error) => ({ error: error.message }),
  );
const withoutGroup = ({ meta, ...pair }: CandidatePair): CandidatePair => {
  const { group: _, ...rest } = meta ?? {};
  return Object.keys(rest).length === 0 ? pair : { ...pair, meta: rest };
};

async function streamed(options: LoadOptions) {
  const { pairs, report } = await openCandidates(file, { ...options, seed: 3 });
  const lists: CandidatePair[][] = [[], []];
  for (const list of lists) for await (const pair of pairs()) list.push(pair);
  expect(lists[1]).toEqual(lists[0]);
  return { pairs: lists[0]!, report };
}

const same = async (options: LoadOptions = {}) =>
  expect(await outcome(streamed(options))).toEqual(
    await outcome(readCandidates(file, { ...options, seed: 3 })),
  );
const write = (rows: readonly object[]) =>
  writeFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));

/** Few texts and ids, so that contents and ids come twice; some rows are bad. */
const text = fc.constantFrom("x", "y", "");
const row = fc.oneof(
  fc.record({ prompt: text, chosen: text, rejected: text }),
  fc.record({ id: fc.constantFrom("1", "2", "3", "4"), prompt: text, chosen: text, rejected: text }),
  fc.constant({ id: "5", prompt: "no responses" }),
);

describe("openCandidates", () => {
  test("reads what readCandidates reads, says the same of it and refuses the same, whatever comes twice", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 24 }),
        fc.constantFrom("fail" as const, "skip" as const),
        async (rows, onBadRow) => {
          await write(rows);
          await same({ onBadRow });
        },
      ),
      { numRuns: 150 },
    );
  });

  test("does so for pools, groups, subsets and limits", async () => {
    await write([
      { id: "a", prompt: "p", response_a: "1", response_b: "2" },
      { prompt: "p", response_a: "1", response_b: "2" },
      { prompt: "p", response_a: "2", response_b: "1" },
    ]);
    await same();
    await write(
      Array.from({ length: 40 }, (_, i) => ({
        prompt: `p${i % 7}`,
        chosen: `c${i}`,
        rejected: "r",
        subset: "s",
      })),
    );
    await same();
    await same({ limit: 11 });
    await writeFile(file, "");
    await same();
  });
});
