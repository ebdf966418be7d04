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
import { type ArmRecord, evaluateArm } from "../../method/evaluate/arm.ts";
import { goldSourceDigest, openGoldScorer } from "../../method/evaluate/gold.ts";
import { evalSchema } from "../recipe/sections.ts";
import { type JobDeps, stageDeps } from "../stages/deps.ts";
import type { Artefact, WorkFolder } from "../stages/stage.ts";

/** The records of a generation, one response a line, in its folder. */
export const RESPONSES_FILE = "responses.jsonl";
const FACTS = "facts.json";
const PARTS = "parts";

const { nBootstrap: _, judges: __, ownBaselines: ___, ...sampling } = evalSchema.shape;

/** How responses are sampled and scored: the part of a recipe's eval section that acts on a generation by itself. */
export const generateSchema = z.strictObject(sampling);

/** One generation. */
export type GenerateRequest = {
  readonly model: { readonly folder: string; readonly digest: string };
  readonly prompts: readonly string[];
  readonly settings: z.output<typeof generateSchema>;
  readonly seed: number;
};

/** What a generation counted; `gold` are means over all responses. */
export type GenerateFacts = {
  readonly prompts: number;
  readonly responses: number;
  readonly gold: Readonly<Record<string, number>>;
};

/** Responses of a shard: enough to keep the model busy, few enough to lose. */
const SHARD_RESPONSES = 256;

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
  const gold = await Promise.all(settings.gold.map(goldSourceDigest));
  const shards = cutPrompts(prompts, settings.perPrompt).map((part) => ({
    digest: digestOf({ version: 2, model: model.digest, settings, seed, gold, part }),
    prompts: part,
  }));
  return deps.pipeline.stage({
    name: "generate",
    version: 2,
    config: { settings, seed },
    inputs: {
      model: model.digest,
      prompts: digestOf(prompts),
      ...Object.fromEntries(gold.map((digest, i) => [`gold${i}`, digest])),
    },
    share: (work) => sampleShards(deps, work, request, shards),
    run: async (work) => {
      await clearShardWork(work.path(PARTS));
      const digests = shards.map(({ digest }) => digest);
      const facts = await joinShards(work, digests);
      await writeJsonAtomic(work.path(FACTS), { ...facts, prompts: prompts.length } satisfies GenerateFacts);
    },
  });
}

type PromptShard = { readonly digest: string; readonly prompts: readonly string[] };

function cutPrompts(prompts: readonly string[], perPrompt: number): (readonly string[])[] {
  const size = Math.max(1, Math.floor(SHARD_RESPONSES / perPrompt));
  return Array.from({ length: Math.ceil(prompts.length / size) }, (_, i) =>
    prompts.slice(i * size, (i + 1) * size),
  );
}

async function sampleShards(
  deps: JobDeps,
  work: WorkFolder,
  { model: { folder }, settings, seed, prompts }: GenerateRequest,
  shards: readonly PromptShard[],
): Promise<void> {
  const { gold, ...generation } = settings;
  const folderOfShards = work.path(PARTS);
  await writeJsonAtomic(join(folderOfShards, "manifest.json"), {
    format: "weak-teacher/generation/1",
    shards: shards.map(({ digest, prompts: part }) => ({ digest, prompts: part.length })),
  });
  const { runtime } = stageDeps(deps);
  const model = await loadModel(runtime, folder);
  const tokenizer = await loadTokenizer(folder);
  const scorers = await Promise.all(gold.map((spec) => openGoldScorer({ runtime }, spec)));
  const progress = deps.log.progress("generate", prompts.length, "prompts");
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
          const how = { model, tokenizer, generation: { ...generation, seed }, gold: scorers };
          const records = await evaluateArm(
            { runtime, signal: deps.signal },
            { ...how, prompts: shard.prompts },
          );
          return sealLines(records.map((record) => JSON.stringify(record)));
        }),
      settled: (index) => {
        done += shards[index]!.prompts.length;
        progress.update(done);
      },
      signal: deps.signal,
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
      const lines = await readSealed(shardPath(work.path(PARTS), digest));
      await file.write(lines.map((line) => `${line}\n`).join(""));
      responses += lines.length;
      for (const line of lines)
        for (const [name, score] of Object.entries((JSON.parse(line) as ArmRecord).gold))
          sums.set(name, (sums.get(name) ?? 0) + score);
    }
    await file.commit();
  } finally {
    await file.discard();
  }
  return { responses, gold: Object.fromEntries([...sums].map(([name, sum]) => [name, sum / responses])) };
}
