/**
 * What a checkpoint holds: trainable parameters, optimiser moments, `trainer_state.json` in Hugging Face's shape, and checksums of them.
 * The order of rows and dropout are functions of seed and step, so the step is all of the cursor.
 */
import { join } from "node:path";
import { z } from "zod";
import { contentsProblem, readContents } from "../../base/core/contents.ts";
import { CheckpointError } from "../../base/core/errors.ts";
import { readJson, writeJsonAtomic } from "../../base/core/files.ts";
import { openSafetensors, writeSafetensors } from "../../engine/checkpoint/safetensors.ts";
import { formatShape, sameShape } from "../../engine/graph/dims.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { type MetricsLine, metricsLinesSchema } from "./metrics.ts";
import { NOTHING_VALIDATED, type Validated } from "./validation.ts";

/** Arrays of the store that a checkpoint carries: name in its file → store key and sizes. */
export type SavedArrays = ReadonlyMap<string, { readonly key: string; readonly shape: readonly number[] }>;

/** How far a run is. */
export type TrainerState = {
  /** Optimiser steps done. */
  readonly step: number;
  readonly epoch: number;
  /** Tokens trained on so far, each prompt counted once. */
  readonly tokens: number;
  /** All lines of `metrics.jsonl` up to the step. */
  readonly lines: readonly MetricsLine[];
  /** What validation has seen up to the step. */
  readonly validated: Validated;
};

/** What names a run: its checkpoints continue only a run of the same digest. */
export type RunIdentity = { readonly digest: string; readonly seed: number; readonly steps: number };

const STATE = "trainer_state.json";
const WEIGHTS = "parameters.safetensors";
const MOMENTS = "optimizer.safetensors";
const CHECKSUMS = "checksums.json";

/** A long run's history has its place, but no file is believed without bound. */
const MAX_STATE_BYTES = 2 ** 30;

const stateSchema = z.looseObject({
  global_step: z.number().int().nonnegative(),
  epoch: z.number().nonnegative(),
  log_history: metricsLinesSchema,
  num_input_tokens_seen: z.number().nonnegative(),
  weak_teacher: z.object({
    digest: z.string(),
    seed: z.number(),
    validated: z
      .object({
        best: z.object({ step: z.number(), value: z.number() }).optional(),
        waited: z.number(),
      })
      .default(NOTHING_VALIDATED),
  }),
});

const fileSchema = z.strictObject({ bytes: z.number(), sha256: z.string() });

/** Checksums of exactly these files of a folder, as they are kept beside them. */
export const checksumsOf = (names: readonly string[]) =>
  z.strictObject(Object.fromEntries(names.map((name) => [name, fileSchema])));
const checksumsSchema = checksumsOf([STATE, WEIGHTS, MOMENTS]);

/** Fills a checkpoint folder. @throws CheckpointError when a parameter or moment is not finite */
export async function writeState(
  folder: string,
  runtime: Runtime,
  { parameters, moments }: { readonly parameters: SavedArrays; readonly moments: SavedArrays },
  state: TrainerState,
  identity: RunIdentity,
): Promise<void> {
  await writeArrays(join(folder, WEIGHTS), runtime, parameters);
  await writeArrays(join(folder, MOMENTS), runtime, moments);
  await writeJsonAtomic(join(folder, STATE), {
    global_step: state.step,
    epoch: state.epoch,
    max_steps: identity.steps,
    num_input_tokens_seen: state.tokens,
    is_world_process_zero: true,
    // transformers calls the step of a line "step"; ours stays beside it.
    log_history: state.lines.map((line) => ({ ...line, step: line.global_step })),
    // transformers' words for what `validated` holds.
    best_metric: state.validated.best?.value ?? null,
    best_global_step: state.validated.best?.step ?? null,
    weak_teacher: { digest: identity.digest, seed: identity.seed, validated: state.validated },
  });
  await writeJsonAtomic(join(folder, CHECKSUMS), await readContents(folder));
}

/** The step of the best validation that a checkpoint knows; undefined where there is none. Its bytes are looked at before. */
export async function bestStepOf(folder: string): Promise<number | undefined> {
  return stateSchema.safeParse(await readJson(join(folder, STATE), MAX_STATE_BYTES)).data?.weak_teacher
    .validated.best?.step;
}

/** What is wrong with a checkpoint's files; undefined when every byte is as it was written. */
export async function checkpointProblem(folder: string): Promise<string | undefined> {
  const checksums = checksumsSchema.safeParse(await readJson(join(folder, CHECKSUMS)).catch(() => undefined));
  if (!checksums.success) return `${CHECKSUMS} cannot be read`;
  return (await contentsProblem(folder, checksums.data))?.text;
}

/**
 * Reads `trainer_state.json`.
 * @throws CheckpointError when it is broken, or was made by a run of another digest
 */
export async function readState(folder: string, identity: RunIdentity): Promise<TrainerState> {
  const path = join(folder, STATE);
  const result = stateSchema.safeParse(await readJson(path, MAX_STATE_BYTES));
  if (!result.success)
    throw new CheckpointError(
      path,
      `is no trainer state: ${result.error.issues[0]!.message}. Start over with --fresh.`,
    );
  const {
    global_step: step,
    epoch,
    log_history: lines,
    num_input_tokens_seen: tokens,
    weak_teacher,
  } = result.data;
  if (weak_teacher.digest !== identity.digest)
    throw new CheckpointError(
      folder,
      `was made with other settings, rows or starting weights, expected run ${identity.digest.slice(0, 12)}, ` +
        `got ${weak_teacher.digest.slice(0, 12)}. Undo the change to go on, or start over with --fresh.`,
    );
  const { validated } = weak_teacher;
  return { step, epoch, tokens, validated, lines: lines.map(({ step: _, ...line }) => line as MetricsLine) };
}

/** Puts a checkpoint's arrays back into the store, bit for bit. @throws CheckpointError when one is missing or differs in shape */
export async function restoreArrays(
  folder: string,
  runtime: Runtime,
  { parameters, moments }: { readonly parameters: SavedArrays; readonly moments: SavedArrays },
): Promise<void> {
  await restoreFile(join(folder, WEIGHTS), runtime, parameters);
  await restoreFile(join(folder, MOMENTS), runtime, moments);
}

/** Puts the arrays of one file into the store. @throws as `restoreArrays` */
export async function restoreFile(path: string, runtime: Runtime, arrays: SavedArrays): Promise<void> {
  const file = await openSafetensors(path);
  try {
    for (const [name, { key, shape }] of arrays) {
      const stored = file.info(name).shape;
      if (!sameShape(stored, shape))
        throw new CheckpointError(
          path,
          `"${name}" is ${formatShape(stored)}, expected ${formatShape(shape)}.`,
        );
      await runtime.store.set(key, shape, await file.read(name));
    }
  } finally {
    await file.close();
  }
}

/** Writes arrays of the store to a safetensors file, one after the other, every byte once. @throws CheckpointError when a number is not finite */
export async function writeArrays(path: string, runtime: Runtime, arrays: SavedArrays): Promise<void> {
  const layout = [...arrays].map(([name, { shape }]) => ({ name, shape }));
  await writeSafetensors(path, arraysOf(runtime, arrays), "float32", layout);
}

async function* arraysOf(runtime: Runtime, arrays: SavedArrays) {
  for (const [name, { key, shape }] of arrays) yield { name, shape, data: await runtime.store.get(key) };
}
