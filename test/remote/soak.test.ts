/** The load test in short: 16 clients for 5 seconds, every score equal to the local one, what is too much refused. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { randomOf, soak } from "../../scripts/soak-load.mjs";
import { loadModel } from "../../src/engine/checkpoint/load-model.ts";
import { openRuntime, type Runtime } from "../../src/engine/runtime/runtime.ts";
import { loadTokenizer } from "../../src/engine/text/tokenizer.ts";
import { openScorer } from "../../src/method/objective/score.ts";
import { openImplicitReward } from "../../src/method/teacher/implicit-reward.ts";
import { type TinyFolders, tinyServer, writeTinyFolders } from "../helpers/tiny-server.ts";

let runtime: Runtime;
let folders: TinyFolders;
beforeAll(async () => {
  runtime = openRuntime({ threads: 1 });
  folders = await writeTinyFolders(runtime);
});
afterAll(async () => {
  await runtime.close();
  await folders.remove();
});

test("under load no score is wrong, and what is too much is refused", async () => {
  const pairLimits = { maxLength: 96, maxPromptLength: 48 };
  const { base, reference } = folders;
  const server = await tinyServer(runtime, {
    model: base,
    reference,
    pairLimits,
    limits: { maxRequests: 20, maxBodyBytes: 50_000 },
  });
  const random = randomOf(1);
  const word = () => "abcdefghij".slice(0, 1 + Math.floor(10 * random()));
  const pairs = Array.from({ length: 40 }, (_, i) => {
    return { id: `p${i}`, prompt: `${word()} ${word()}`, a: ` ${word()}`, b: ` ${word()}${word()}` };
  });
  const teacher = await openImplicitReward(runtime, {
    model: base,
    reference,
    beta: 0.1,
    limits: pairLimits,
  });
  const scores = await teacher.scorePairs(pairs);
  const tokenizer = await loadTokenizer(base);
  const model = await loadModel(runtime, base, { id: "local" });
  const scorer = await openScorer(runtime, model, { perToken: true });
  const texts = pairs.map(({ prompt }) => [256, ...tokenizer.encode(prompt)]);
  const rows = texts.map((ids) => ({ prompt: ids.slice(0, 1), responses: [ids.slice(1)] }));
  const logps = (await scorer.score(rows)).map((score) => [...score.perToken![0]!]);
  const result = await soak({
    url: server.url,
    model: "base",
    seconds: 5,
    clients: 16,
    pairs: pairs.map((pair, i) => ({ pair, scoreA: scores[i]!.scoreA, scoreB: scores[i]!.scoreB })),
    prompts: texts.map((ids, i) => ({ ids, logps: logps[i]! })),
    maxBody: 51_000,
    tooLong: 2000,
    crowd: 24,
    rss: async () => process.memoryUsage.rss(),
  });
  await server.close();
  expect(result.wrong).toEqual([]);
  expect(result.scores).toBeGreaterThan(100);
  expect(result.largestDifference).toBeLessThan(1e-4);
  expect(result.refused.unexpected).toEqual([]);
  expect(Math.min(result.refused[413], result.refused[400], result.refused[429])).toBeGreaterThan(0);
  const written = await scorer.score(
    result.texts.map(({ prompt, written: ids }) => ({ prompt, responses: [ids] })),
  );
  expect(written.length).toBeGreaterThan(0);
  result.texts.forEach((text, i) => {
    text.logps.forEach((logp, t) => {
      expect(logp).toBeCloseTo(written[i]!.perToken![0]![t]!, 4);
    });
  });
});
