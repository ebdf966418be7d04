import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { writeTinyModernBert } from "../../../test/helpers/tiny-modernbert.ts";
import { createLog } from "../../base/core/log.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { goldSpecSchema, openGoldScorer } from "./gold.ts";
import { comparedFirst, comparedPairs, type GoldPrecision, type GoldReader } from "./gold-precision.ts";

let folder: string;
let runtime: Runtime;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gold-precision-"));
  runtime = openRuntime({ threads: 1 });
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true, force: true });
});

const item = (prompt: string, response: string) => ({ prompt, response });

describe("what is compared", () => {
  test("neighbours of one prompt, each response once; any neighbours where no prompt has two", () => {
    const [a, b, c] = [item("p", "1"), item("p", "2"), item("p", "3")];
    const [d, e] = [item("q", "4"), item("r", "5")];
    const sorted = (items: Parameters<typeof comparedPairs>[0]) =>
      comparedPairs(items)
        .map((pair) => pair.map(({ response }) => response).join(""))
        .sort();
    expect(sorted([a, b, c, d, e])).toEqual(["12"]);
    expect(sorted([a, d, b, e])).toEqual(["14", "25"]);
    expect(sorted([a])).toEqual([]);
  });

  test("of many a draw of 200 that no order decides", () => {
    const pairs = Array.from({ length: 300 }, (_, i) => [item(`p${i}`, "a"), item(`p${i}`, "b")]);
    const drawn = comparedPairs(pairs.flat());
    expect(drawn).toHaveLength(200);
    expect(comparedPairs(pairs.toReversed().flat())).toEqual(drawn);
  });
});

describe("a scorer in few bits", () => {
  /** Scores by response; counts how often it was asked. */
  const reader = (scores: Readonly<Record<string, number>>) => {
    const asked = { times: 0, closed: 0 };
    const made: GoldReader = {
      score: async (items) => {
        asked.times++;
        return items.map(({ response }) => scores[response as string]!);
      },
      close: async () => {
        asked.closed++;
      },
    };
    return { made, asked };
  };
  // Twenty pairs a > b; in few bits the first five are turned.
  const ids = Array.from({ length: 20 }, (_, i) => i);
  const items = ids.flatMap((i) => [item(`p${i}`, `a${i}`), item(`p${i}`, `b${i}`)]);
  const full = Object.fromEntries(ids.flatMap((i) => [[`a${i}`, 1] as const, [`b${i}`, 0] as const]));
  const turned = { ...full, ...Object.fromEntries([0, 1, 2, 3, 4].map((i) => [`b${i}`, 3])) };
  const open = (maxTurned: number, memory?: string) => {
    const said: string[] = [];
    const log = createLog({ write: (text: string) => said.push(text), isTTY: false } as never, {
      quiet: false,
    });
    const [few, wide] = [reader(turned), reader(full)];
    const precision: GoldPrecision = {
      ...{ where: "gold scorer g", few: { kind: "int8", maxTurned }, identity: "one", memory, log },
    };
    const scorer = comparedFirst(precision, few.made, async () => wide.made);
    return { score: () => scorer.score(items, () => {}), few: few.asked, wide: wide.asked, said };
  };

  test("is compared before its first scores and once, and gives those of few bits", async () => {
    const { score, few, wide, said } = open(0.25);
    expect(await score()).toEqual(items.map(({ response }) => turned[response]));
    await score();
    expect(wide).toEqual({ times: 1, closed: 1 });
    expect(few).toEqual({ times: 3, closed: 0 });
    // Margins of 1 became -2 in five of twenty: differences of 3 in a quarter.
    expect(said.join("")).toContain(
      "gold scorer g: int8: of 20 labels 5 turn beside float32's (25.0 %, of all labels below 45.6 % with 95 % confidence); margins differ by 0.75 on average and 3.0 at most, and half of float32's are below 1.0",
    );
  });

  test("is refused where more turn than asked, also when that was known before; a run compares once", async () => {
    const memory = await mkdtemp(join(folder, "memory-"));
    const strict = open(0.005, memory);
    // The lower 95 % bound of 5 of 20 is 10.4 %, its upper one 45.6 %.
    const refusal =
      /^gold scorer g: precision int8: of 20 labels 5 turn .* Expected at most 0\.5 % turned\. Nothing was scored\. Score in float32, or allow more \(max_turned\)\.$/;
    await expect(strict.score()).rejects.toThrow(refusal);
    expect(await readdir(memory)).toHaveLength(1);
    const again = open(0.005, memory);
    await expect(again.score()).rejects.toThrow(refusal);
    expect([again.wide.times, again.few.times]).toEqual([0, 0]);
    const loose = open(0.11, memory);
    expect(await loose.score()).toHaveLength(40);
    expect(loose.wide.times).toBe(0);
  });
});

const wide = { hidden_size: 64, intermediate_size: 64, vocab_size: 160 };
const words = (i: number) => `w${4 + ((7 * i) % 150)} w${4 + ((11 * i) % 150)} w${4 + ((5 * i + 3) % 150)}`;
const texts = Array.from({ length: 24 }, (_, i) => item(words(i >> 1), words(i + 40)));
const spread = (x: readonly number[]) => Math.max(...x) - Math.min(...x);

describe("reward models in few bits", () => {
  const scored = async (model: string, precision: unknown, memory?: string) => {
    const spec = goldSpecSchema.parse({ type: "reward-model", model, precision, tooLong: "truncate" });
    const gold = await openGoldScorer({ runtime, memory }, spec);
    const scores = await gold.score(texts);
    const again = await gold.score(texts.slice(0, 3));
    await gold.close();
    for (const [i, score] of again.entries()) expect(score).toBeCloseTo(scores[i]!, 4);
    return { scores, digest: gold.digest };
  };
  /** The largest difference, in the range of the first. */
  const apart = (full: readonly number[], few: readonly number[]) =>
    Math.max(...full.map((score, i) => Math.abs(score - few[i]!))) / spread(full);

  test.each([
    ["an encoder", (path: string) => writeTinyModernBert(path, wide, 0.1)],
    [
      "a decoder with a scalar head",
      (path: string) =>
        writeTinyModel(path, {
          family: "llama",
          seed: 4,
          hidden: 64,
          positions: 1024,
          vocab: 264,
          task: "reward",
        }),
    ],
  ] as const)(
    "%s scores near float32, is another scorer by its digest, and float32, said or not, is one",
    async (name, write) => {
      const model = join(folder, name.replaceAll(" ", "-"));
      await write(model);
      const plain = await scored(model, undefined);
      expect(await scored(model, "float32")).toEqual(plain);
      const eight = await scored(model, { kind: "int8", maxTurned: 1 });
      const four = await scored(model, { kind: "int4", maxTurned: 1 });
      expect(apart(plain.scores, eight.scores)).toBeLessThan(0.1);
      expect(apart(plain.scores, four.scores)).toBeLessThan(1);
      expect(apart(plain.scores, four.scores)).toBeGreaterThan(2 * apart(plain.scores, eight.scores));
      expect(new Set([plain, eight, four].map(({ digest }) => digest)).size).toBe(3);
    },
  );

  test("an encoder without a matrix that fits is refused by its path", async () => {
    const narrow = join(folder, "narrow");
    await writeTinyModernBert(narrow);
    await expect(scored(narrow, "int8")).rejects.toThrow(
      /narrow: cannot be held in 8 bits: none of its matrices has inputs in a multiple of 32/,
    );
  });
});
