/** The data of a job: read and split by prompt, or made as a world of its own. */

import { loadModel } from "../../checkpoint/load-model.ts";
import { digestFile } from "../../core/digest.ts";
import { ConfigError, DataError, messageOf } from "../../core/errors.ts";
import { readJson } from "../../core/files.ts";
import { toCandidates } from "../../data/candidates.ts";
import { readPreferences } from "../../data/load.ts";
import { isHubSource } from "../../data/readers/hub.ts";
import { type PreferenceRow, plainText } from "../../data/rows.ts";
import { splitRows } from "../../data/split.ts";
import { dropDuplicates, findLeakage, validateRows } from "../../data/validate.ts";
import { preferenceWorld, type WorldPart } from "../../data/world.ts";
import { openGoldScorer } from "../../evaluate/gold.ts";
import { sampleCandidates, scoreCandidates } from "../../evaluate/simulate.ts";
import { releaseModel } from "../../model/model.ts";
import { loadTokenizer } from "../../text/tokenizer.ts";
import type { Artefact } from "../stage.ts";
import { type DataFacts, writeData } from "./data-files.ts";
import { type JobDeps, stageDeps } from "./deps.ts";
import type { ModelFolderRef } from "./model-stages.ts";
import type { DataSource, FilesData, WorldData } from "./settings.ts";

/** Prompts that come with the package. */
const DEMO_PROMPTS = new URL("../../../assets/demo/prompts.json", import.meta.url);

/** Reads, checks and splits files of preferences. No prompt is in two parts. */
export async function filesStage(
  { pipeline, log }: JobDeps,
  data: FilesData,
  seed: number,
): Promise<Artefact> {
  const sources = [data.main, ...(data.testSource ? [data.testSource] : [])];
  const digests = await Promise.all(sources.map(({ source }) => digestSource(source)));
  return pipeline.stage({
    name: "data",
    version: 1,
    config: { ...data, seed },
    inputs: Object.fromEntries(digests.map((digest, i) => [`source${i}`, digest])),
    run: async (work) => {
      const { rows, report } = await readPreferences(data.main.source, readOptions(data.main, log));
      const unique = dropDuplicates(rows);
      const test =
        data.testSource &&
        (await readPreferences(data.testSource.source, readOptions(data.testSource, log))).rows;
      const parts = { labelled: data.labelled, pool: data.pool, test: test ? 0 : data.test };
      const split = splitRows(unique.rows, { seed, parts });
      const labelled = split.parts.labelled;
      const held = test ?? split.parts.test;
      const leak = findLeakage(held, [...labelled, ...split.parts.pool]);
      // Test rows that share a prompt with training are left out, not trained around.
      const leaked = new Set([...leak.samePrompt.a, ...leak.nearPrompt.a]);
      const clean = held.filter((row) => !leaked.has(row.id));
      const candidates = toCandidates(split.parts.pool, seed);
      const prompts = [...new Set(clean.map((row) => plainText(row.prompt)))].slice(0, data.testPrompts);
      const quality = factsOf(
        data.main.source,
        report.format,
        rows,
        { labelled, pool: split.parts.pool, test: clean },
        [
          { kind: "exact duplicates removed", count: unique.removed.length },
          { kind: "human ties left out", count: report.ties },
          { kind: "bad rows skipped", count: report.bad.length },
          { kind: "test rows left out: prompt also in training", count: leaked.size },
        ],
      );
      await writeData(work, {
        labelled,
        pool: candidates.pairs,
        humanLabels: candidates.humanLabels,
        gold: [],
        test: clean,
        prompts,
        quality,
      });
    },
  });
}

async function digestSource(source: string): Promise<string> {
  if (isHubSource(source)) return source;
  return digestFile(source).catch((error) => {
    throw new DataError(
      source,
      0,
      `cannot be read: ${messageOf(error)}. Paths are relative to the folder the command runs in.`,
      {
        cause: error,
      },
    );
  });
}

function readOptions({ format, map, onBadRow, limit }: DataSource, log: JobDeps["log"]) {
  return {
    log,
    onBadRow,
    ...(format === undefined ? {} : { format }),
    ...(map === undefined ? {} : { map }),
    ...(limit === undefined ? {} : { limit }),
  };
}

/** Makes a world: candidates sampled from `base`, gold scores, simulated people. */
export async function worldStage(
  deps: JobDeps,
  data: WorldData,
  seed: number,
  base: ModelFolderRef,
): Promise<Artefact> {
  const prompts = await readPromptList(data);
  return deps.pipeline.stage({
    name: "world",
    version: 1,
    config: { ...data, prompts: undefined, seed },
    inputs: { base: base.source, prompts: JSON.stringify(prompts) },
    run: async (work) => {
      const { runtime } = stageDeps(deps);
      const tokenizer = await loadTokenizer(base.folder);
      const model = await loadModel(runtime, base.folder, { id: "world" });
      const gold = await openGoldScorer({ runtime }, data.gold);
      try {
        const sampling = { ...data.sampling, perPrompt: 2 * data.pairsPerPrompt };
        const candidates = await sampleCandidates(stageDeps(deps), model, tokenizer, prompts, sampling);
        const world = preferenceWorld(await scoreCandidates(gold, candidates), { ...data, seed });
        const rows = [world.labelled, world.pool, world.test].flatMap((part) => part.rows);
        const quality = factsOf(data.prompts, `world, gold ${gold.name}`, rows, rowsOf(world), [
          { kind: "pairs left out: identical candidates", count: world.dropped.identical },
          { kind: "pairs left out: an empty candidate", count: world.dropped.empty },
        ]);
        await writeData(work, {
          labelled: world.labelled.rows,
          pool: world.pool.pairs,
          humanLabels: world.pool.humanLabels,
          gold: world.pool.gold,
          test: world.test.rows,
          prompts: [...new Set(world.test.pairs.map((pair) => plainText(pair.prompt)))],
          quality,
        });
      } finally {
        await gold.close();
        await releaseModel(runtime, model);
      }
    },
  });
}

const rowsOf = (world: Record<"labelled" | "pool" | "test", WorldPart>) => ({
  labelled: world.labelled.rows,
  pool: world.pool.rows,
  test: world.test.rows,
});

/** The prompts of a world. @throws DataError when the file is no list of texts; ConfigError when one comes twice */
export async function readPromptList({ prompts, promptLimit }: WorldData): Promise<string[]> {
  const file = prompts === "demo" ? DEMO_PROMPTS.pathname : prompts;
  const list = await readJson(file);
  if (!Array.isArray(list) || list.length === 0 || !list.every((prompt) => typeof prompt === "string"))
    throw new DataError(file, 0, "expected a JSON list of prompts (strings), got something else.");
  if (new Set(list).size !== list.length) throw new ConfigError(`${file}: a prompt comes twice. Remove one.`);
  return list.slice(0, promptLimit);
}

function factsOf(
  source: string,
  format: string,
  all: readonly PreferenceRow[],
  parts: Readonly<Record<string, readonly PreferenceRow[]>>,
  findings: readonly { kind: string; count: number }[],
): DataFacts {
  const report = validateRows(all);
  const prompts = (rows: readonly PreferenceRow[]) => new Set(rows.map((row) => plainText(row.prompt))).size;
  return {
    source,
    format,
    rows: all.length,
    parts: Object.fromEntries(
      Object.entries(parts).map(([name, rows]) => [name, { rows: rows.length, prompts: prompts(rows) }]),
    ),
    findings: [
      { kind: "contradictory pairs", count: report.contradictions.length },
      { kind: "identical pairs", count: report.identicalPairs.length },
      { kind: "empty responses", count: report.emptyChosen.length + report.emptyRejected.length },
      ...findings,
    ],
  };
}
