/** A model folder opened for labelling, with the digests that a manifest names. */

import { ConfigError } from "../../base/core/errors.ts";
import { loadModel } from "../../engine/checkpoint/load-model.ts";
import { openModelFolder } from "../../engine/checkpoint/model-folder.ts";
import type { Task } from "../../engine/model/families/index.ts";
import { type Model, releaseModel } from "../../engine/model/model.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { positionsProblem, type TokenLimits } from "../../engine/text/pair.ts";
import { loadTokenizer, type Tokenizer } from "../../engine/text/tokenizer.ts";
import { BITS, type Precision } from "./precisions.ts";
import type { TeacherManifest } from "./teacher.ts";

/** A loaded model, its tokenizer, and what identifies both. */
export type TeacherModel = {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  /** SHA-256 of config and weights. */
  readonly digest: string;
  readonly precision?: Precision | undefined;
};

/** What all teachers with a model take. */
export type ModelTeacherOptions = {
  /** For people and for `label_source`; default: the kind and the first 12 digits of the manifest's digest. */
  readonly name?: string | undefined;
  readonly limits: TokenLimits;
  /** What the models' weights are held in, default float32. */
  readonly precision?: Precision | undefined;
  /** Most tokens in one run; as `ScorerOptions.tokens`. */
  readonly tokens?: number;
};

/** SHA-256 of the config and weights of a model folder. @throws CheckpointError when it is no model folder */
export async function modelDigest(path: string): Promise<string> {
  const folder = await openModelFolder(path);
  try {
    return await folder.digest();
  } finally {
    await folder.close();
  }
}

/**
 * Loads a model to score with.
 * @param role - "policy", "reference" …, for messages and to keep it apart in the store
 * @throws CheckpointError when the folder is wrong; ConfigError when its head is of another kind, or it has too few positions for
 *   `limits`
 */
export async function loadTeacherModel(
  runtime: Runtime,
  path: string,
  expected: {
    readonly role: string;
    readonly task: Task;
    readonly limits: TokenLimits;
    readonly precision?: Precision | undefined;
  },
): Promise<TeacherModel> {
  const bits = bitsFor(runtime, expected.precision);
  const [digest, tokenizer] = await Promise.all([modelDigest(path), loadTokenizer(path)]);
  const model = await loadModel(runtime, path, { id: `teacher/${opened++}/${expected.role}`, bits });
  const problem = problemOf(model, expected);
  if (problem !== undefined) {
    await releaseModel(runtime, model);
    throw new ConfigError(`${path}: ${problem}`);
  }
  return { model, tokenizer, digest, precision: expected.precision };
}

/** Bits of a model's weights. @throws ConfigError for few bits on another device than the CPU, where they were not tried */
export function bitsFor({ device }: Pick<Runtime, "device">, precision: Precision = "float32") {
  const bits = BITS[precision];
  if (bits !== undefined && device !== "cpu")
    throw new ConfigError(
      `precision ${precision}: is computed on the CPU alone, expected device cpu, got ${device}. Leave one of the two out.`,
    );
  return bits;
}

/** Version of the code of each kind that scores with a model, raised whenever its scores change; the same for `label` and `serve`. */
const CODE = { "implicit-reward": "1", likelihood: "1", "reward-head": "2", "judge-local": "1" } as const;

/** What a manifest says of a model that scores. */
export function modelFacts(
  kind: keyof typeof CODE,
  { digest, tokenizer, precision = "float32" }: TeacherModel,
  limits: TokenLimits,
) {
  return {
    kind,
    code: CODE[kind],
    lengthUnit: "tokens",
    policy: digest,
    tokenizer: tokenizer.digest,
    template: tokenizer.chatTemplate?.digest ?? null,
    limits,
    ...(precision === "float32" ? {} : { settings: { precision } }),
  } satisfies Partial<TeacherManifest>;
}

/** Two teachers may share a reference; each has its own copy, so that closing one leaves the other whole. */
let opened = 0;

function problemOf(
  { task, decoder }: Model,
  expected: { readonly role: string; readonly task: Task; readonly limits: TokenLimits },
): string | undefined {
  const { maxPositions } = decoder.config;
  const short = positionsProblem(maxPositions, expected.limits);
  if (task !== expected.task)
    return `is the wrong kind of model for a ${expected.role}, expected a ${KINDS[expected.task]}, got a ${KINDS[task]}.`;
  if (short !== undefined) return short;
  return undefined;
}

const KINDS: Readonly<Record<Task, string>> = {
  "language-model": "language model",
  reward: "reward model (a scalar head)",
};
