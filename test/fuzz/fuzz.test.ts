/** A short run of every target; `npm run fuzz` is the long one. The same seed gives the same inputs. */
import { expect, test } from "vitest";
import { createRng } from "../../src/base/core/rng.ts";
import { fuzz } from "./harness.ts";
import { mutate } from "./mutate.ts";
import { TARGETS } from "./targets.ts";

const RUNS = 150;

test.for(TARGETS.map((target) => [target.name, target] as const))("%s", async ([, target]) => {
  const report = await fuzz(target, { runs: RUNS, seed: 20 });
  expect(report.bugs).toEqual([]);
  expect(report.accepted + report.rejected).toBe(RUNS);
  // Damage that is never noticed tests nothing; that sound files are accepted, `fuzz` makes sure of.
  expect(report.rejected).toBeGreaterThan(5);
});

test("a reader that lets an inner error through is found", async () => {
  const report = await fuzz(
    {
      name: "careless",
      damage: "json",
      seeds: async () => [Buffer.from('{"a":{"b":[1,2]}}')],
      read: async (input) => JSON.parse(input.toString()).a.b.length,
    },
    { runs: 100, seed: 1 },
  );
  expect(report.bugs.length).toBeGreaterThan(0);
});

test("damage is the same for the same seed, and is damage", () => {
  const sound = Buffer.from('{"a": 1, "b": [true, "x"]}\n'.repeat(20));
  const damaged = (seed: number) => mutate(sound, "json-lines", createRng(seed));
  const seeds = Array.from({ length: 50 }, (_, i) => i);
  for (const seed of seeds) expect(damaged(seed)).toEqual(damaged(seed));
  expect(seeds.filter((seed) => !damaged(seed).equals(sound)).length).toBeGreaterThan(40);
});
