import { afterAll, beforeAll, expect, test } from "vitest";
import { randomIds, tinyModel } from "../../../test/helpers/tiny-decoders.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import type { TokenRow } from "../data/packing.ts";
import { openTokenScorer } from "./alternatives.ts";
import { openScorer } from "./score.ts";

let runtime: Runtime;
beforeAll(() => {
  runtime = openRuntime({ threads: 1 });
});
afterAll(() => runtime.close());

const rows: TokenRow[] = [
  { prompt: randomIds(1, 3), responses: [randomIds(2, 7)] },
  { prompt: randomIds(3, 1), responses: [randomIds(4, 2), randomIds(5, 5)] },
];

test("logps are the scorer's, ranks and best tokens those of the whole distribution", async () => {
  const model = await tinyModel(runtime, "llama", { seed: 3 });
  const plain = await (await openScorer(runtime, model, { perToken: true })).score(rows);
  const found = await (await openTokenScorer(runtime, model, 3)).score(rows);
  // Every token of the vocabulary as the next one after the same context: the distribution by the scorer itself.
  const scorer = await openScorer(runtime, model);
  for (const [r, { prompt, responses }] of rows.entries())
    for (const [i, ids] of responses.entries())
      for (const [t, id] of ids.entries()) {
        const token = found[r]![i]![t]!;
        expect(token.id).toBe(id);
        expect(token.logp).toBeCloseTo(plain[r]!.perToken![i]![t]!, 5);
        if (t > 2) continue;
        const context = [...prompt, ...ids.slice(0, t)];
        const all = await scorer.score(
          Array.from({ length: 97 }, (_, next) => ({ prompt: context, responses: [[next]] })),
        );
        const logps = all.map((score) => score.logps[0]!);
        expect(token.rank).toBe(1 + logps.filter((logp) => logp > logps[id]! + 1e-6).length);
        const best = [...logps.keys()].sort((x, y) => logps[y]! - logps[x]!).slice(0, 3);
        expect(token.top.map((entry) => entry.id)).toEqual(best);
        for (const entry of token.top) expect(entry.logp).toBeCloseTo(logps[entry.id]!, 5);
      }
});

test("a token's score does not depend on its batch, and k = 0 gives ranks alone", async () => {
  const model = await tinyModel(runtime, "gpt2", { seed: 4 });
  const scorer = await openTokenScorer(runtime, model, 0);
  const together = await scorer.score(rows);
  for (const [i, row] of rows.entries()) {
    const [alone] = await scorer.score([row]);
    alone!.flat().forEach(({ logp, rank, top }, t) => {
      expect(logp).toBeCloseTo(together[i]!.flat()[t]!.logp, 5);
      expect(rank).toBe(together[i]!.flat()[t]!.rank);
      expect(top).toEqual([]);
    });
  }
});
