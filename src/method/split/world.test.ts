import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../base/core/errors.ts";
import { type PromptCandidates, preferenceWorld } from "./world.ts";

const settings = { people: { tau: 1 }, seed: 7, labelled: 0.25, test: 0.25 };

/** Prompts with one pair each, whose first candidate has `gap` more gold. */
function prompts(count: number, gap: number): PromptCandidates[] {
  return Array.from({ length: count }, (_, i) => ({
    prompt: `prompt ${i}`,
    candidates: [
      { text: `first ${i}`, gold: gap },
      { text: `second ${i}`, gold: 0 },
    ],
  }));
}

const parts = (world: ReturnType<typeof preferenceWorld>) => [world.labelled, world.pool, world.test];

describe("preferenceWorld", () => {
  it("draws people by Bradley and Terry: a gap of one tau is preferred with probability σ(1) = 0.731", () => {
    const world = preferenceWorld(prompts(4000, 2), { ...settings, people: { tau: 2 } });
    const labels = parts(world).flatMap(({ humanLabels }) => humanLabels);
    const share = labels.filter(({ preferred }) => preferred === "a").length / labels.length;
    // Standard error sqrt(0.731 * 0.269 / 4000) = 0.007.
    expect(Math.abs(share - 0.7311)).toBeLessThan(0.021);
    expect(world.people).toMatchObject({ tau: 2, pairs: 4000, drawn: share });
    expect(world.people.expected).toBeCloseTo(0.7311, 4);
  });

  it("solves for the people who agree with gold on a stated share, and says with which tau", () => {
    const mixed = [...prompts(3000, 0.5), ...prompts(3000, -3)].map((one, i) => ({
      ...one,
      prompt: `prompt ${i}`,
    }));
    const world = preferenceWorld(mixed, { ...settings, people: { goldAgreement: 0.71 } });
    const { tau, pairs, expected, drawn } = world.people;
    expect(pairs).toBe(6000);
    expect(expected).toBeCloseTo(0.71, 12);
    // Standard error at most sqrt(0.71 * 0.29 / 6000) = 0.006.
    expect(Math.abs(drawn! - 0.71)).toBeLessThan(0.018);
    // The same world as with that tau written out.
    expect(preferenceWorld(mixed, { ...settings, people: { tau } })).toEqual(world);
  });

  it("gives people who see gold perfectly when tau is tiny, whichever side it is on", () => {
    const world = preferenceWorld(prompts(40, -1), { ...settings, people: { tau: 1e-3 } });
    expect(world.people.drawn).toBe(1);
    for (const { rows, gold } of parts(world)) {
      expect(rows.every(({ chosen }) => String(chosen).startsWith("second"))).toBe(true);
      expect(gold.every(({ goldA, goldB }) => goldA === -1 && goldB === 0)).toBe(true);
    }
  });

  it("splits by prompt into parts of the stated shares that together are everything", () => {
    const world = preferenceWorld(
      prompts(40, 1).map(({ prompt, candidates }) => ({ prompt, candidates: [...candidates, ...more] })),
      settings,
    );
    expect(parts(world).map(({ pairs }) => pairs.length)).toEqual([20, 40, 20]);
    const promptsOf = parts(world).map(({ pairs }) => [...new Set(pairs.map(({ prompt }) => prompt))]);
    // 10 + 20 + 10 prompts, none of them twice: no prompt is in two parts.
    expect(promptsOf.map((list) => list.length)).toEqual([10, 20, 10]);
    expect(new Set(promptsOf.flat()).size).toBe(40);
    for (const { pairs, humanLabels, gold } of parts(world)) {
      expect(humanLabels.map(({ id }) => id)).toEqual(pairs.map(({ id }) => id));
      expect(gold.map(({ id }) => id)).toEqual(pairs.map(({ id }) => id));
    }
  });

  it("keeps a judgement when other prompts come and go", () => {
    const few = preferenceWorld(prompts(10, 0), { ...settings, labelled: 0, test: 0 });
    const many = preferenceWorld(prompts(30, 0), { ...settings, labelled: 0, test: 0 });
    expect(many.pool.humanLabels.slice(0, 10)).toEqual(few.pool.humanLabels);
    const other = preferenceWorld(prompts(30, 0), { ...settings, seed: 8, labelled: 0, test: 0 });
    expect(other.pool.humanLabels).not.toEqual(many.pool.humanLabels);
  });

  it("drops pairs that say the same or nothing, and counts them", () => {
    const pair = (prompt: string, a: string, b: string) => ({
      prompt,
      candidates: [
        { text: a, gold: 1 },
        { text: b, gold: 0 },
      ],
    });
    const world = preferenceWorld([pair("x", " so", "so "), pair("y", " ", "so"), pair("z", "a", "b")], {
      ...settings,
      labelled: 0,
      test: 0,
    });
    expect(world.dropped).toEqual({ identical: 1, empty: 1 });
    expect(world.pool.pairs).toHaveLength(1);
  });

  it("shows the pool nothing but prompt and candidates", () => {
    const { pool } = preferenceWorld(prompts(20, 1), settings);
    for (const pair of pool.pairs) expect(Object.keys(pair)).toEqual(["id", "prompt", "a", "b"]);
  });

  it("refuses settings that mean nothing and prompts that would leak", () => {
    expect(() => preferenceWorld(prompts(2, 1), { ...settings, people: { tau: 0 } })).toThrow(ConfigError);
    expect(() => preferenceWorld(prompts(2, 1), { ...settings, labelled: 0.8, test: 0.3 })).toThrow(
      /at most 1/,
    );
    expect(() => preferenceWorld([...prompts(2, 1), ...prompts(1, 1)], settings)).toThrow(/comes twice/);
  });

  it("never loses or doubles a pair, whatever the shares", () => {
    fc.assert(
      fc.property(
        fc.nat(30),
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        (count, labelled, test) => {
          const world = preferenceWorld(prompts(count, 1), { ...settings, labelled, test });
          const ids = parts(world).flatMap(({ pairs }) => pairs.map(({ id }) => id));
          expect(new Set(ids).size).toBe(count);
          expect(ids).toHaveLength(count);
        },
      ),
    );
  });
});

const more = [
  { text: "third", gold: 0.5 },
  { text: "fourth", gold: 0.25 },
];
