import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { toCandidates } from "./candidates.ts";
import { HUMAN_LABELS, HUMAN_LABELS_FILE, joinHumanLabels } from "./human-labels.ts";
import { readPool, writePoolFile } from "./pool.ts";
import type { PreferenceRow } from "./rows.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weak-teacher-pool-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const rows: PreferenceRow[] = Array.from({ length: 200 }, (_, i) => ({
  id: `r${i}`,
  prompt: `p${i}`,
  chosen: `good ${i}`,
  rejected: `bad ${i}`,
}));
const tie: PreferenceRow = {
  id: "t",
  prompt: "p",
  chosen: "x",
  rejected: "y",
  meta: { flags: ["tie"], group: "g", subset: "s", scoreChosen: 3, scoreRejected: 3 },
};

test("whatever the seed and the order of the files, the join gives the preferred text back", () => {
  fc.assert(
    fc.property(fc.integer(), fc.shuffledSubarray(rows, { minLength: 1 }), (seed, shuffled) => {
      const { pairs, humanLabels } = toCandidates(shuffled, seed);
      const joined = joinHumanLabels([...pairs].reverse(), humanLabels);
      expect(joined).toEqual({ rows: shuffled, ties: [] });
    }),
    { numRuns: 30 },
  );
});

test("exchanging a and b together with the label changes nothing either", () => {
  const { pairs, humanLabels } = toCandidates(rows, 5);
  const swapped = pairs.map((pair) => ({ ...pair, a: pair.b, b: pair.a }));
  const labels = humanLabels.map(({ id, preferred }) => ({
    id,
    preferred: preferred === "a" ? ("b" as const) : ("a" as const),
  }));
  expect(joinHumanLabels(swapped, labels).rows).toEqual(rows);
});

test("the order is even and depends on seed and id alone", () => {
  const first = toCandidates(rows, 1);
  const a = first.humanLabels.filter((label) => label.preferred === "a").length;
  // 200 fair draws: mean 100, standard deviation 7.07; four of them on either side
  expect(Math.abs(a - 100)).toBeLessThan(29);
  expect(toCandidates(rows.slice(50, 60), 1).pairs).toEqual(first.pairs.slice(50, 60));
  expect(toCandidates(rows, 2).humanLabels).not.toEqual(first.humanLabels);
});

test("a tie stays a tie, and nothing that tells a preference goes with the pair", () => {
  const { pairs, humanLabels } = toCandidates([tie], 1);
  expect(humanLabels).toEqual([{ id: "t", preferred: "tie" }]);
  expect(pairs[0]?.meta).toEqual({ group: "g", subset: "s" });
  expect(joinHumanLabels(pairs, humanLabels)).toMatchObject({
    rows: [],
    ties: [{ id: "t", meta: { flags: ["tie"] } }],
  });
});

test("pool and human labels go into folders apart and come back the same", async () => {
  const candidates = toCandidates([...rows, tie], 1);
  const folders = { pool: join(folder, "pool"), humanLabels: join(folder, "human") };
  const poolFile = await writePoolFile(folders.pool, candidates.pairs);
  await HUMAN_LABELS.write(join(folders.humanLabels, HUMAN_LABELS_FILE), candidates.humanLabels);
  expect(await readPool(folders.pool)).toEqual(candidates.pairs);
  expect(await HUMAN_LABELS.read(join(folders.humanLabels, HUMAN_LABELS_FILE))).toEqual(
    candidates.humanLabels,
  );
  expect(await readFile(poolFile, "utf8")).not.toMatch(/preferred|chosen|score/);
});

test("a pool with a column that might tell is refused, and so are labels of another pool", async () => {
  const line = { id: "a", prompt: "p", response_a: "x", response_b: "y" };
  await writeFile(
    join(folder, "pool.jsonl"),
    `${JSON.stringify(line)}\n${JSON.stringify({ ...line, id: "b", preferred: "a" })}\n${JSON.stringify(line)}\n`,
  );
  await expect(readPool(folder)).rejects.toThrow(
    /pool\.jsonl:2: "preferred" is no column of a pool[\s\S]*pool\.jsonl:3: "id" "a" comes twice/,
  );
  expect(() => joinHumanLabels([], [{ id: "z", preferred: "a" }])).toThrow(/"z" is not in the pool/);
});

test("the pool's reader does not reach the human labels", async () => {
  const source = await readFile(new URL("./pool.ts", import.meta.url), "utf8");
  expect(source).not.toMatch(/from ".*(human-labels|candidates|load)\.ts"/);
});
