/** A made-up world as stages: who shares the candidates, and what the report says of simulated people. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { silentLog } from "../../base/core/log.ts";
import type { PromptCandidates } from "../../method/split/world.ts";
import type { WorldData } from "../recipe/job-settings.ts";
import type { Pipeline } from "../stages/pipeline.ts";
import { type Artefact, artefactAt, type Stage } from "../stages/stage.ts";
import { readFacts, readHidden } from "./data-files.ts";
import { simulatedTables } from "./report-people.ts";
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
  use: (stages: readonly Stage[], data: Artefact) => Promise<void>,
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
    else if (candidates.length > 0)
      await one.run({ folder: at, resumed: false, scratch: path("s"), log: path("log"), path });
    return artefactAt(one.name, at, one.name);
  };
  const pipeline: Pipeline = { mode: "run", folder, stage, steps: () => [] };
  const runtime = () => {
    throw new Error("nothing is computed");
  };
  try {
    const deps = { pipeline, log: silentLog, runtime };
    await use(stages, await worldStage(deps, data, 7, { folder: "model", source: "model" }));
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
