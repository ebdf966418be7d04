import { describe, expect, test } from "vitest";
import { createRng } from "../core/rng.ts";
import { wilson } from "./binomial.ts";
import { clusteredShare } from "./clustered-share.ts";

/** `hits` of each cluster's `size` items. */
function clusters(list: readonly (readonly [hits: number, size: number])[]) {
  const items = list.flatMap(([hits, size], c) =>
    Array.from({ length: size }, (_, i) => ({ hit: i < hits, name: `c${c}` })),
  );
  return clusteredShare(
    items.map(({ hit }) => hit),
    items.map(({ name }) => name),
  );
}

test("one item in each cluster: Wilson's interval", () => {
  expect(clusters(Array.from({ length: 30 }, (_, i) => [i < 12 ? 1 : 0, 1] as const))).toEqual(
    wilson(12, 30),
  );
});

test("four prompts of fifty alike pairs, two right: as wide as four coins allow", () => {
  const found = clusters([
    [50, 50],
    [50, 50],
    [0, 50],
    [0, 50],
  ])!;
  // Between clusters: 4/3 · 4 · 25² / 200² = 1/12, worth (1/4) / (1/12) = 3 items; t with 3 degrees is 3.1824, z 1.9600.
  const n = 3 * (1.959964 / 3.182446) ** 2;
  const z2 = 1.959964 ** 2;
  const half = (Math.sqrt(z2) / (1 + z2 / n)) * Math.sqrt(0.25 / n + z2 / (4 * n * n));
  expect(found).toMatchObject({ estimate: 0.5, n: 4 });
  expect(found.low).toBeCloseTo(0.5 - half, 5);
  expect(found.high).toBeCloseTo(0.5 + half, 5);
  expect(found.low).toBeLessThan(0.07);
});

test("all alike: each cluster counts once; one cluster says next to nothing; without items nothing", () => {
  expect(
    clusters([
      [9, 9],
      [3, 3],
      [5, 5],
    ]),
  ).toEqual({ ...wilson(3, 3)!, n: 3 });
  expect(clusters([[40, 80]])).toMatchObject({ estimate: 0.5, n: 1 });
  expect(clusters([[40, 80]])!.low).toBeLessThan(0.06);
  expect(clusteredShare([], [])).toBeNull();
});

test("more items of a cluster that are all like the others make the interval no narrower than independent items", () => {
  const same = clusters(Array.from({ length: 40 }, (_, i) => [i % 2 === 0 ? 3 : 2, 5] as const))!;
  const independent = wilson(100, 200)!;
  expect(same.high - same.low).toBeGreaterThanOrEqual(independent.high - independent.low);
});

describe("coverage at 95 %, by 2,000 draws of clusters with a share of their own", () => {
  // Half the clusters (p) are right throughout, or each item by itself: correlation 1, 0.5 and 0 within a cluster.
  test.each([
    [8, 6, 0.5, 1],
    [20, 5, 0.7, 0.5],
    [20, 5, 0.9, 0.5],
    [60, 4, 0.8, 0.3],
    [25, 10, 0.5, 0],
  ])("%i clusters of up to %i items, share %f, of which %f go together", (k, most, p, together) => {
    const rng = createRng(`cover ${k} ${p} ${together}`);
    let covered = 0;
    const draws = 2000;
    for (let draw = 0; draw < draws; draw++) {
      const found = clusters(
        Array.from({ length: k }, () => {
          const size = 1 + rng.int(most);
          const shared = rng.next() < p;
          const hits = Array.from({ length: size }, () =>
            rng.next() < together ? shared : rng.next() < p,
          ).filter(Boolean).length;
          return [hits, size] as const;
        }),
      )!;
      if (found.low <= p && p <= found.high) covered++;
    }
    // Monte-Carlo error of the rate: 0.005; the interval may err to the safe side.
    expect(covered / draws).toBeGreaterThan(0.935);
    expect(covered / draws).toBeLessThan(0.992);
  });
});
