/**
 * Generation by itself: prompts and a model in, sampled responses out. Prompts are cut into shards that any number of processes work on at
 * once; a shard is named by all that its responses depend on, and sampled alone, so that it comes out the same whoever makes it.
 */
import { join } from "node:path";
import { z } from "zod";
import { digestOf } from "../../base/core/digest.ts";
import { ConfigError } from "../../base/core/errors.ts";
import { openFileAtomic, writeJsonAtomic } from "../../base/core/files.ts";
import { readSealed, sealLines } from "../../base/core/shard-file.ts";
import { clearShardWork, shardPath, workShards } from "../../base/core/shard-work.ts";
import { loadModel } from "../../engine/checkpoint/load-model.ts";
import { loadTokenizer } from "../../engine/text/tokenizer.ts";
import { ARM_RECORDS, evaluateArm } from "../../method/evaluate/arm.ts";
import { refuseGreedy } from "../../method/evaluate/simulate.ts";
import { evalSchema } from "../recipe/sections.ts";
import { type Digested, defineStage, digested, type Ref, type Running } from "../stages/define.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact, WorkFolder } from "../stages/stage.ts";
import { jsonFile } from "../stages/stage-file.ts";
import { type GoldSettings, goldParts, openGold } from "./gold-stage.ts";
import { givenModel } from "./model-stages.ts";

/** The records of a generation, one response a line, in its folder. */
export const RESPONSES_FILE = "responses.jsonl";
const PARTS = "parts";

const { nBootstrap: _, judges: __, ownBaselines: ___, generate: ____, ...sampling } = evalSchema.shape;

/** How responses are sampled and scored: the part of a recipe's eval section that acts on a generation by itself. */
export const generateSchema = z.strictObject(sampling).superRefine(refuseGreedy);

/** One generation. */
export type GenerateRequest = {
  /** Folder of the model. */
  readonly model: string;
  readonly prompts: readonly string[];
  readonly settings: z.output<typeof generateSchema>;
  readonly seed: number;
};

/** What a generation counted; `gold` are means over all responses. */
export type GenerateFacts = z.output<typeof factsSchema>;
const factsSchema = z.object({
  prompts: z.number(),
  responses: z.number(),
  gold: z.record(z.string(), z.number()),
});

/** Responses of a shard: enough to keep the model busy, few enough to lose. */
const SHARD_RESPONSES = 256;

/** The facts of a generation. */
export const GENERATE_FACTS = jsonFile("facts.json", factsSchema);

type Sampling = Omit<GenerateRequest["settings"], "gold">;
type Generating = Running<
  { readonly sampling: Sampling; readonly gold: GoldSettings; readonly seed: number },
  { readonly model: Ref; readonly prompts: Digested<readonly string[]>; readonly gold: readonly Ref[] }
>;

const generation = defineStage({
  version: 3,
  share: sampleShards,
  async run({ work, config, inputs }: Generating) {
    await clearShardWork(work.path(PARTS));
    const digests = shardsOf({ config, inputs }).map(({ digest }) => digest);
    const facts = await joinShards(work, digests);
    await GENERATE_FACTS.write(work, { ...facts, prompts: inputs.prompts.value.length });
  },
});

/**
 * Samples responses to all prompts, scored by gold where that is asked for, and writes `responses.jsonl` and `facts.json`.
 * @throws ConfigError when a prompt comes twice; as `evaluateArm`
 */
export async function generateStage(deps: JobDeps, request: GenerateRequest): Promise<Artefact> {
  const { model, prompts, settings, seed } = request;
  if (new Set(prompts).size !== prompts.length) {
    const twice = prompts.find((prompt, i) => prompts.indexOf(prompt) !== i);
    throw new ConfigError(
      `generate: the prompt ${JSON.stringify(twice?.slice(0, 80))} comes twice, expected each once.`,
    );
  }
  const { gold: specs, ...sampling } = settings;
  const gold = await goldParts(specs);
  return generation(deps, {
    name: "generate",
    config: { sampling, gold: gold.config, seed },
    inputs: {
      model: await givenModel(model),
      prompts: digested(prompts),
      gold: gold.inputs,
    },
  });
}

type PromptShard = { readonly digest: string; readonly prompts: readonly string[] };

/** Parts of the prompts, each named by all that its responses depend on. */
function shardsOf({ config, inputs }: Pick<Generating, "config" | "inputs">): PromptShard[] {
  const [model, ...gold] = [inputs.model, ...inputs.gold].map(({ source }) => source);
  return cutPrompts(inputs.prompts.value, config.sampling.perPrompt).map((part) => ({
    digest: digestOf({ version: 3, ...config, model, scorers: gold, part }),
    prompts: part,
  }));
}

function cutPrompts(prompts: readonly string[], perPrompt: number): (readonly string[])[] {
  const size = Math.max(1, Math.floor(SHARD_RESPONSES / perPrompt));
  return Array.from({ length: Math.ceil(prompts.length / size) }, (_, i) =>
    prompts.slice(i * size, (i + 1) * size),
  );
}

async function sampleShards({ work, config, inputs, tools }: Generating): Promise<void> {
  const shards = shardsOf({ config, inputs });
  const folderOfShards = work.path(PARTS);
  await writeJsonAtomic(join(folderOfShards, "manifest.json"), {
    format: "weak-teacher/generation/1",
    shards: shards.map(({ digest, prompts: part }) => ({ digest, prompts: part.length })),
  });
  const runtime = tools.runtime();
  const { folder } = inputs.model;
  const model = await loadModel(runtime, folder);
  const tokenizer = await loadTokenizer(folder);
  const scorers = await openGold(tools, config.gold, inputs.gold);
  const progress = tools.log.progress("generate", inputs.prompts.value.length, "prompts");
  let done = 0;
  // Generation keeps one cache of keys and values: shards in hand take turns.
  let turn = Promise.resolve<unknown>(undefined);
  const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
    const mine = turn.then(task);
    turn = mine.catch(() => {});
    return mine;
  };
  try {
    await workShards({
      name: "generate",
      folder: folderOfShards,
      digests: shards.map(({ digest }) => digest),
      async *inputs() {
        yield* shards;
      },
      work: (shard) =>
        inTurn(async () => {
          const generation = { ...config.sampling, seed: config.seed };
          const { prompts } = shard;
          const arm = { model, tokenizer, generation, gold: scorers, prompts };
          const records = await evaluateArm({ runtime, signal: tools.signal }, arm);
          return sealLines(records.map((record) => JSON.stringify(record)));
        }),
      settled: (index) => {
        done += shards[index]!.prompts.length;
        progress.update(done);
      },
      signal: tools.signal,
      log: tools.log,
    });
  } finally {
    progress.end();
    await Promise.all(scorers.map((scorer) => scorer.close()));
  }
}

/** Puts the shards' records into one file, in the order of the prompts; a shard is in memory at a time. */
async function joinShards(
  work: WorkFolder,
  digests: readonly string[],
): Promise<Omit<GenerateFacts, "prompts">> {
  const file = await openFileAtomic(work.path(RESPONSES_FILE));
  const sums = new Map<string, number>();
  let responses = 0;
  try {
    for (const digest of digests) {
      const shard = shardPath(work.path(PARTS), digest);
      const lines = await readSealed(shard);
      await file.write(lines.map((line) => `${line}\n`).join(""));
      responses += lines.length;
      for (const [i, line] of lines.entries())
        for (const [name, score] of Object.entries(ARM_RECORDS.parse(line, shard, i + 1).gold))
          sums.set(name, (sums.get(name) ?? 0) + score);
    }
    await file.commit();
  } finally {
    await file.discard();
  }
  return { responses, gold: Object.fromEntries([...sums].map(([name, sum]) => [name, sum / responses])) };
}
