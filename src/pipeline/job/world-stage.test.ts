/** A made-up world as stages: who shares the candidates, and what the report says of simulated people. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { silentLog } from "../../base/core/log.ts";
import { readPool } from "../../method/data/pool.ts";
import type { CandidatePair, Text } from "../../method/data/rows.ts";
import type { PromptCandidates } from "../../method/split/world.ts";
import type { ChoiceSettings } from "../../method/teacher/choice.ts";
import { readScores } from "../../method/teacher/scores-folder.ts";
import type { PairScore } from "../../method/teacher/teacher.ts";
import type { WorldData } from "../recipe/job-settings.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Pipeline } from "../stages/pipeline.ts";
import { type Artefact, artefactAt, type Stage } from "../stages/stage.ts";
import { poolFolder, readFacts, readHidden } from "./data-files.ts";
import { heldOutPairs } from "./labelled-split.ts";
import { simulatedTables } from "./report-people.ts";
import { type ScoredPairs, scoresStage } from "./scores-stage.ts";
import { worldStage } from "./world-stage.ts";

const WORLD: WorldData = {
  kind: "world",
  prompts: "demo",
  promptLimit: 40,
  pairsPerPrompt: 1,
  sampling: { maxNewTokens: 4, temperature: 1, seed: 1 },
  gold: { type: "sentiment" },
  people: { tau: 0.25 },
  labelled: 0.25,
  test: 0.25,
};

/** A pipeline that notes what it is asked for, and runs only the stages that are named, with these candidates in place of sampled ones. */
async function asked(
  data: WorldData,
  use: (stages: readonly Stage[], data: Artefact, deps: JobDeps) => Promise<void>,
  candidates: readonly PromptCandidates[] = [],
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "wt-world-"));
  const stages: Stage[] = [];
  const stage = async (one: Stage) => {
    stages.push(one);
    const at = join(folder, one.name);
    const path = (...parts: string[]) => join(at, ...parts);
    await mkdir(path("pool"), { recursive: true });
    await mkdir(path("hidden"), { recursive: true });
    if (one.name === "candidates")
      await writeFile(path("candidates.jsonl"), candidates.map((row) => `${JSON.stringify(row)}\n`).join(""));
    else if (candidates.length > 0) {
      const work = { folder: at, resumed: false, scratch: path("s"), log: path("log"), path };
      await one.share?.(work);
      await one.run(work);
    }
    return artefactAt(one.name, at, one.name);
  };
  const pipeline: Pipeline = { mode: "run", folder, stage, steps: () => [] };
  const runtime = () => {
    throw new Error("nothing is computed");
  };
  try {
    const deps = { pipeline, log: silentLog, runtime };
    await use(stages, await worldStage(deps, data, 7, { folder: "model", source: "model" }), deps);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const keyOf = ({ name, version, config, inputs }: Stage) =>
  JSON.stringify({ name, version, config, inputs: Object.keys(inputs) });

test("worlds of other people and other parts are made of the same candidates, other gold or sampling is not", async () => {
  const keys: string[][] = [];
  const variants: Partial<WorldData>[] = [
    {},
    { people: { goldAgreement: 0.71 } },
    { labelled: 0.5 },
    { gold: { type: "sentiment", name: "mood" } },
    { sampling: { ...WORLD.sampling, temperature: 0.5 } },
  ];
  for (const variant of variants)
    await asked({ ...WORLD, ...variant }, async (stages) => {
      keys.push(stages.map(keyOf));
    });
  const [base, people, parts, gold, sampling] = keys;
  expect(base!.map((key) => JSON.parse(key).name)).toEqual(["candidates", "world"]);
  for (const same of [people, parts]) {
    expect(same![0]).toBe(base![0]);
    expect(same![1]).not.toBe(base![1]);
  }
  for (const other of [gold, sampling]) expect(other![0]).not.toBe(base![0]);
});

test("people's temperature is solved for, and stands in the facts and in the report", async () => {
  // Every pair has a gap of 1: σ(1 / tau) = 0.75 at tau = 1 / ln 3.
  const candidates = Array.from({ length: 40 }, (_, i) => ({
    prompt: `prompt ${i}`,
    candidates: [
      { text: " a", gold: i % 2 },
      { text: " b", gold: (i + 1) % 2 },
    ],
  }));
  await asked(
    { ...WORLD, people: { goldAgreement: 0.75 } },
    async (_, data) => {
      const { simulated } = await readFacts(data);
      expect(simulated).toMatchObject({ pairs: 40, expected: expect.closeTo(0.75, 12) });
      expect(simulated!.tau).toBeCloseTo(1 / Math.log(3), 12);
      expect((await readHidden(data)).length).toBe(20);
      expect(simulatedTables(simulated)[0]!.rows).toEqual([
        [simulated!.tau, 40, simulated!.expected, simulated!.drawn],
      ]);
      expect(simulatedTables(undefined)).toEqual([]);
    },
    candidates,
  );
});

test("controls are told of the pairs at hand: gold of their gold, noisy people of what people said", async () => {
  const candidates = Array.from({ length: 40 }, (_, i) => ({
    prompt: `prompt ${i}`,
    candidates: [
      { text: " a", gold: i },
      { text: " b", gold: i + (i % 2 === 0 ? 1 : -1) },
    ],
  }));
  const goldOf = ({ prompt }: CandidatePair, text: Text) =>
    candidates.find((one) => one.prompt === prompt)!.candidates.find((one) => one.text === text)!.gold;
  const rule = { seed: 7, label: { heldOut: 1, folds: 0 } };
  await asked(
    { ...WORLD, people: { goldAgreement: 0.75 } },
    async (_, data, deps) => {
      const scoresOf = async (name: string, teacher: ChoiceSettings, pairs: ScoredPairs) => {
        const config = { teacher, name, limits: { maxLength: 8, maxPromptLength: 4 }, pairs };
        const scored = await scoresStage(deps, { name, config, inputs: { data }, how: {} });
        const scores: PairScore[] = [];
        for await (const score of readScores(scored.path("scores"))) scores.push(score);
        return scores;
      };
      const heldOut = await heldOutPairs(data, rule);
      const pool = { pairs: await readPool(poolFolder(data)), human: await readHidden(data) };
      expect(heldOut.pairs.length).toBe(10);
      for (const [of, { pairs, human }] of [
        [{ of: "pool" }, pool],
        [{ of: "held-out", ...rule }, heldOut],
      ] as const) {
        const gold = await scoresOf(`gold-${of.of}`, { kind: "gold" }, of);
        expect(gold.map(({ id, scoreA, scoreB }) => [id, scoreA, scoreB])).toEqual(
          pairs.map((pair) => [pair.id, goldOf(pair, pair.a), goldOf(pair, pair.b)]),
        );
        const noise = { kind: "flip", rate: 0 } as const;
        const said = await scoresOf(`people-${of.of}`, { kind: "noisy-human", noise, seed: 7 }, of);
        expect(
          said.map(({ id, scoreA, scoreB }) => ({ id, preferred: scoreA > scoreB ? "a" : "b" })),
        ).toEqual(human.map(({ id, preferred }) => ({ id, preferred })));
      }
    },
    candidates,
  );
});
