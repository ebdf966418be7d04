/**
 * The implicit reward of a preference-trained model (papers.md 1.2, Tao & Li Eq. 5):
 *
 *   r(x, y) = β (log π(y | x) - log π_ref(y | x)), summed over the tokens of y
 *
 * Per-token means and length corrections are computed from the stored scores and lengths (`score-form.ts`).
 */
import { CheckpointError, ConfigError } from "../../base/core/errors.ts";
import { releaseModel } from "../../engine/model/model.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { idsDifference } from "../../engine/text/same-ids.ts";
import { openScorer } from "../objective/score.ts";
import { encodePairs, scoreCandidates } from "./encode.ts";
import { implicitRewards } from "./logratio.ts";
import { type Teacher, type TeacherManifest, teacherDigest } from "./teacher.ts";
import {
  loadTeacherModel,
  type ModelTeacherOptions,
  modelFacts,
  type TeacherModel,
} from "./teacher-model.ts";

/** Digests that a teacher was saved with; opening it with anything else is an error. */
export type ExpectedDigests = Partial<
  Pick<TeacherManifest, "policy" | "reference" | "tokenizer" | "template">
>;

/** How to open an implicit-reward teacher. */
export type ImplicitRewardOptions = ModelTeacherOptions & {
  /** Model folders: the policy and what it was trained from. */
  readonly model: string;
  readonly reference: string;
  /** Above 0. It scales scores and so probabilities and weights, never which side is preferred. */
  readonly beta: number;
  readonly expected?: ExpectedDigests;
  /** Take a policy that equals its reference, under which every pair is a tie (for tests and checks). */
  readonly allowEqual?: boolean;
};

/** An implicit-reward teacher; its models stay open for `explain.ts`. */
export interface ImplicitRewardTeacher extends Teacher {
  readonly policy: TeacherModel;
  readonly reference: TeacherModel;
  readonly beta: number;
  readonly runtime: Runtime;
}

/**
 * Opens an implicit-reward teacher. Scores are nats times β; `parts` hold both models' log-probabilities.
 *
 * @throws CheckpointError when policy and reference tokenise differently, or a digest is not the expected one
 * @throws ConfigError when β is not above 0 or policy and reference are the same model
 */
export async function openImplicitReward(
  runtime: Runtime,
  options: ImplicitRewardOptions,
): Promise<ImplicitRewardTeacher> {
  const { beta, limits } = options;
  if (!(beta > 0 && Number.isFinite(beta)))
    throw new ConfigError(`implicit reward: beta is out of range, expected above 0, got ${beta}.`);
  const { policy, reference } = await loadBoth(runtime, options);
  const manifest: TeacherManifest = {
    ...modelFacts("implicit-reward", policy, limits),
    reference: reference.digest,
    beta,
  };
  const { tokens } = options;
  const ofPolicy = await openScorer(runtime, policy.model, { tokens });
  const ofReference = await openScorer(runtime, reference.model, { tokens });
  return {
    name: options.name ?? `implicit-reward-${teacherDigest(manifest).slice(0, 12)}`,
    manifest,
    policy,
    reference,
    beta,
    runtime,
    async scorePairs(pairs, signal) {
      const encoded = encodePairs(policy.tokenizer, pairs, limits);
      signal?.throwIfAborted();
      // Side by side: when one has no micro-batch left for some lane, the other has.
      const [trained, base] = await Promise.all(
        [ofPolicy, ofReference].map((scorer) => scoreCandidates(scorer, encoded, ({ logps }) => logps)),
      );
      const ids = pairs.map(({ id }) => id);
      return implicitRewards(ids, encoded, { policy: trained!, reference: base!, beta });
    },
    async close() {
      await Promise.all([ofPolicy.close(), ofReference.close()]);
      await releaseModel(runtime, policy.model);
      await releaseModel(runtime, reference.model);
    },
  };
}

/** Both models, checked; none stays in the store when they do not fit. */
async function loadBoth(runtime: Runtime, options: ImplicitRewardOptions) {
  const { limits, precision } = options;
  const task = "language-model";
  const policy = await loadTeacherModel(runtime, options.model, { role: "policy", task, limits, precision });
  let reference: TeacherModel | undefined;
  try {
    reference = await loadTeacherModel(runtime, options.reference, {
      role: "reference",
      task,
      limits,
      precision,
    });
    await checkReference(options, policy, reference);
    checkExpected(options, policy, reference);
    return { policy, reference };
  } catch (error) {
    await releaseModel(runtime, policy.model);
    if (reference !== undefined) await releaseModel(runtime, reference.model);
    throw error;
  }
}

/**
 * Checks that one model can be the reference of another.
 * @throws CheckpointError when they tokenise differently; ConfigError when they are the same model and `allowEqual` is not set
 */
export async function checkReference(
  options: Pick<ImplicitRewardOptions, "model" | "reference" | "allowEqual">,
  policy: TeacherModel,
  reference: TeacherModel,
): Promise<void> {
  const template = ({ tokenizer }: TeacherModel) => tokenizer.chatTemplate?.digest ?? "none";
  const differs = (a: string, b: string) =>
    new CheckpointError(
      options.reference,
      `is no reference of ${options.model}: its chat template differs, expected ${short(a)}, got ${short(b)}. ` +
        "Take the model that preference training started from.",
    );
  // One that was trained elsewhere may say the same in other bytes.
  const other =
    policy.tokenizer.digest === reference.tokenizer.digest
      ? undefined
      : await idsDifference(options.reference, options.model);
  if (other !== undefined)
    throw new CheckpointError(
      options.reference,
      `is no reference of ${options.model}: its tokenizer gives other ids, ${other}. Take the model that preference training started from.`,
    );
  if (template(policy) !== template(reference)) throw differs(template(policy), template(reference));
  if (policy.digest === reference.digest && options.allowEqual !== true)
    throw new ConfigError(
      `implicit reward: policy ${options.model} and reference ${options.reference} are the same model ` +
        `(${short(policy.digest)}), so every pair would be a tie. Give the model before preference training as the reference.`,
    );
}

function checkExpected(options: ImplicitRewardOptions, policy: TeacherModel, reference: TeacherModel): void {
  const found = { ...modelFacts("implicit-reward", policy, options.limits), reference: reference.digest };
  for (const what of ["policy", "reference", "tokenizer", "template"] as const) {
    const [expected, got] = [options.expected?.[what], found[what]];
    if (expected === undefined || expected === got) continue;
    throw new CheckpointError(
      what === "reference" ? options.reference : options.model,
      `is not the ${what} that the teacher was saved with, expected ${short(expected)}, got ${short(got)}. ` +
        "Use the folders that the teacher was trained with, or train it again.",
    );
  }
}

const short = (digest: string | null | undefined) => digest?.slice(0, 16) ?? "none";
