/**
 * Data that is made: candidates sampled from a model and scored by gold (a stage of its own, so that worlds of other people share it), then
 * simulated people who judge them, and the parts.
 */
import { ConfigError, DataError } from "../../base/core/errors.ts";
import { readJson } from "../../base/core/files.ts";
import { loadModel } from "../../engine/checkpoint/load-model.ts";
import { releaseModel } from "../../engine/model/model.ts";
import { loadTokenizer } from "../../engine/text/tokenizer.ts";
import { shortNames } from "../../method/data/source.ts";
import { goldName } from "../../method/evaluate/gold.ts";
import { type SamplingSettings, sampleCandidates, scoreCandidates } from "../../method/evaluate/simulate.ts";
import { CANDIDATES, preferenceWorld, type WorldPart } from "../../method/split/world.ts";
import type { WorldData } from "../recipe/job-settings.ts";
import { type Digested, defineStage, digested, type Ref, type Running } from "../stages/define.ts";
import { type JobDeps, stageDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { jsonlFile } from "../stages/stage-file.ts";
import { type GoldRow, writeData } from "./data-files.ts";
import { factsOf } from "./data-stage.ts";
import { type GoldSettings, goldParts, openGold } from "./gold-stage.ts";
import { differentPrompts } from "./leaks.ts";
import type { ModelFolderRef } from "./model-stages.ts";

/** Prompts that come with the package. */
const DEMO_PROMPTS = new URL("../../../assets/demo/prompts.json", import.meta.url);

const CANDIDATES_FILE = jsonlFile("candidates.jsonl", CANDIDATES);

type Sampling = Running<
  { readonly sampling: SamplingSettings; readonly gold: GoldSettings },
  { readonly base: Ref; readonly prompts: Digested<readonly string[]>; readonly gold: readonly Ref[] }
>;

const sampling = defineStage({
  version: 1,
  async run({ work, config, inputs, tools }: Sampling) {
    const { runtime } = stageDeps(tools);
    const tokenizer = await loadTokenizer(inputs.base.folder);
    const model = await loadModel(runtime, inputs.base.folder, { id: "world" });
    const gold = await openGold(tools, config.gold, inputs.gold);
    try {
      const { value: prompts } = inputs.prompts;
      const texts = await sampleCandidates(stageDeps(tools), model, tokenizer, prompts, config.sampling);
      await CANDIDATES_FILE.write(work, await scoreCandidates(gold[0]!, texts));
    } finally {
      await Promise.all(gold.map((scorer) => scorer.close()));
      await releaseModel(runtime, model);
    }
  },
});

type Judging = Running<
  Pick<WorldData, "people" | "labelled" | "test"> & {
    readonly seed: number;
    /** What the report calls the prompts, and the gold. */
    readonly source: string;
    readonly gold: string;
  },
  { readonly candidates: Artefact }
>;

const judging = defineStage({
  version: 3,
  async run({ work, config, inputs }: Judging) {
    const { source, gold, ...settings } = config;
    const world = preferenceWorld(await CANDIDATES_FILE.read(inputs.candidates), settings);
    const parts = { labelled: world.labelled.rows, pool: world.pool.rows, test: world.test.rows };
    const quality = factsOf(source, `world, gold ${gold}`, Object.values(parts).flat(), parts, [
      { kind: "pairs left out: identical candidates", count: world.dropped.identical },
      { kind: "pairs left out: an empty candidate", count: world.dropped.empty },
    ]);
    await writeData(work, {
      labelled: world.labelled.rows,
      pool: world.pool.pairs,
      humanLabels: world.pool.humanLabels,
      gold: world.pool.gold,
      labelledGold: goldRows(world.labelled),
      test: world.test.rows,
      prompts: differentPrompts(world.test.pairs),
      quality: { ...quality, simulated: world.people },
    });
  },
});

/** Makes a world: candidates sampled from `base`, gold scores, simulated people. */
export async function worldStage(
  deps: JobDeps,
  data: WorldData,
  seed: number,
  base: ModelFolderRef,
): Promise<Artefact> {
  const { people, labelled, test, prompts } = data;
  const source = shortNames([prompts]).get(prompts)!;
  const gold = await goldParts([data.gold]);
  const candidates = await sampling(deps, {
    name: "candidates",
    config: { sampling: { ...data.sampling, perPrompt: 2 * data.pairsPerPrompt }, gold: gold.config },
    inputs: { base, prompts: digested(await readPromptList(data)), gold: gold.inputs },
  });
  return judging(deps, {
    name: "world",
    config: { people, labelled, test, seed, source, gold: goldName(data.gold) },
    inputs: { candidates },
  });
}

/** The prompts of a world. @throws DataError when the file is no list of texts; ConfigError when one comes twice */
export async function readPromptList({
  prompts,
  promptLimit,
}: Pick<WorldData, "prompts" | "promptLimit">): Promise<string[]> {
  const file = prompts === "demo" ? DEMO_PROMPTS.pathname : prompts;
  const list = await readJson(file);
  if (!Array.isArray(list) || list.length === 0 || !list.every((prompt) => typeof prompt === "string"))
    throw new DataError(file, 0, "expected a JSON list of prompts (strings), got something else.");
  if (new Set(list).size !== list.length) throw new ConfigError(`${file}: a prompt comes twice. Remove one.`);
  return list.slice(0, promptLimit);
}

function goldRows({ humanLabels, gold }: WorldPart): GoldRow[] {
  const said = new Map(humanLabels.map(({ id, preferred }) => [id, preferred]));
  return gold.map(({ id, goldA, goldB }) =>
    said.get(id) === "a"
      ? { id, goldChosen: goldA, goldRejected: goldB }
      : { id, goldChosen: goldB, goldRejected: goldA },
  );
}
