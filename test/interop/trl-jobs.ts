/** The same training for both sides: tiny models of every family, rows of ids, and each loss in our words and in TRL's. */
import { createRng } from "../../src/base/core/rng.ts";
import { writeModelFolder } from "../../src/engine/checkpoint/write-model.ts";
import { describeModel } from "../../src/engine/model/families/index.ts";
import { parameterShapes } from "../../src/engine/model/model.ts";
import type { TokenRow } from "../../src/method/data/packing.ts";
import type { LossSpecInput } from "../../src/method/objective/loss-spec.ts";
import { createOrder } from "../../src/method/train/order.ts";
import { mismatchedRows } from "../../src/method/train/preference-data.ts";
import { type TrainSettings, trainSettings } from "../../src/method/train/settings.ts";
import { randomIds, TINY_CONFIGS } from "../helpers/tiny-decoders.ts";

/** A loss as this project and as TRL train it. */
export type Case = {
  readonly stage: "sft" | "prefer" | "reward";
  /** Our words for the table, and the loss of a preference stage. */
  readonly here: string;
  readonly loss?: LossSpecInput;
  /** TRL's words for the table, its trainer in trl_steps.py and what its config says. */
  readonly there: string;
  readonly trainer: "sft" | "dpo" | "weighted" | "kto" | "cpo" | "orpo" | "reward";
  readonly args?: Readonly<Record<string, unknown>>;
  /** One pair in a micro-batch there, because what it averages over all pairs of a micro-batch is another number. */
  readonly alone?: true;
  /** Prompts of one token. */
  readonly shortPrompts?: boolean;
  /** Names of metrics that both write and mean alike, beside loss, gradient norm and learning rate. */
  readonly metrics: readonly string[];
  /** Left as transformers has it: the embedding of the padding token gets no gradient. */
  readonly keepPadding?: true;
};

const REWARDS = ["rewards/chosen", "rewards/rejected", "rewards/margins"];
const PAIRS = [...REWARDS, "logps/chosen", "logps/rejected"];
const dpo = { stage: "prefer", trainer: "dpo", metrics: PAIRS } as const;
const cpo = { stage: "prefer", trainer: "cpo" } as const;

/** Every loss that both have. */
export const CASES: Readonly<Record<string, Case>> = {
  SFT: {
    ...{ stage: "sft", here: "SFT", there: "SFTTrainer", trainer: "sft", metrics: [] },
    args: { completion_only_loss: true },
  },
  DPO: {
    ...dpo,
    here: "`sigmoid`",
    loss: { type: "sigmoid", beta: 0.3 },
    there: "DPO `sigmoid`",
    args: { beta: 0.3 },
  },
  "weighted DPO": {
    ...{ ...dpo, here: "`sigmoid`, weighted", trainer: "weighted", metrics: [] },
    loss: { type: "sigmoid", beta: 0.3, weighted: true },
    there: "the trainer that `export` writes",
    args: { beta: 0.3, precompute_ref_log_probs: true },
  },
  cDPO: {
    ...{ ...dpo, here: "`cdpo`, flip 0.2", loss: { type: "cdpo", beta: 0.3, flip: 0.2 } },
    there: "DPO `aot` of one pair",
    args: { beta: 0.3, loss_type: ["aot"], label_smoothing: 0.2 },
    alone: true,
  },
  rDPO: {
    ...{
      ...dpo,
      here: "`rdpo`, flip 0.2",
      loss: { type: "rdpo", beta: 0.3, flip: 0.2 },
      there: "DPO `robust`",
    },
    args: { beta: 0.3, loss_type: ["robust"], label_smoothing: 0.2 },
  },
  IPO: {
    ...{ ...dpo, here: "`ipo`", loss: { type: "ipo", beta: 0.3 }, there: "DPO `ipo`" },
    args: { beta: 0.3, loss_type: ["ipo"] },
  },
  hinge: {
    ...{ ...dpo, here: "`hinge`", loss: { type: "hinge", beta: 0.3 }, there: "DPO `hinge`" },
    args: { beta: 0.3, loss_type: ["hinge"] },
  },
  "APO-zero": {
    ...{ ...dpo, here: "`apo-zero`", loss: { type: "apo-zero", beta: 0.3 }, there: "DPO `apo_zero`" },
    args: { beta: 0.3, loss_type: ["apo_zero"] },
  },
  "DPO with SFT": {
    ...{ ...dpo, here: "`sigmoid`, sft_coefficient 0.5", there: "DPO `sigmoid` and `sft`" },
    loss: { type: "sigmoid", beta: 0.3, sftCoefficient: 0.5 },
    args: { beta: 0.3, loss_type: ["sigmoid", "sft"], loss_weights: [1, 0.5] },
    alone: true,
  },
  KTO: {
    ...{ ...dpo, here: "`kto`, both lambdas 0.5", there: "KTO, our mismatched rows", trainer: "kto" },
    loss: { type: "kto", beta: 0.3, lambdaDesirable: 0.5, lambdaUndesirable: 0.5 },
    args: { beta: 0.3 },
  },
  SimPO: {
    ...{
      ...cpo,
      here: "`simpo`",
      loss: { type: "simpo", beta: 2, gamma: 0.5 },
      there: "CPO `simpo`",
      metrics: REWARDS,
    },
    args: { beta: 2, loss_type: "simpo", simpo_gamma: 0.5, cpo_alpha: 0 },
  },
  SLiC: {
    ...{
      ...cpo,
      here: "`slic`",
      loss: { type: "slic", delta: 1 },
      there: "CPO `hinge`, beta 1",
      metrics: PAIRS,
    },
    args: { beta: 1, loss_type: "hinge", cpo_alpha: 0 },
  },
  ORPO: {
    ...{
      stage: "prefer",
      trainer: "orpo",
      here: "`orpo`",
      there: "ORPO, prompts of one token",
      metrics: REWARDS,
    },
    loss: { type: "orpo", lambda: 0.1 },
    args: { beta: 0.1 },
    alone: true,
    shortPrompts: true,
  },
  "reward head": {
    ...{ stage: "reward", trainer: "reward", here: "reward head", there: "RewardTrainer" },
    // A final norm's bias moves all scores alike and the loss not at all, so their level is rounding.
    metrics: ["margin"],
  },
};

/** Families by the names of `TINY_CONFIGS`. */
export const FAMILIES: readonly string[] = Object.keys(TINY_CONFIGS);

/** These get every loss, the others SFT and DPO. */
export const EVERY_LOSS: readonly string[] = ["llama 3, tied", "gpt2"];

/** What is trained: 24 pairs in batches of 8, 24 updates under warm-up, decay and clipping, in float32. */
export const PAIR_COUNT = 24;
export const settings: TrainSettings = trainSettings({
  ...{ batchSize: 8, epochs: 8, learningRate: 1e-3, schedule: "linear", warmupSteps: 4 },
  ...{ weightDecay: 0.1, maxGradNorm: 1, seed: 7 },
});

/** Ids from 0 on, of which 0 pads: it is text like any other in prompts and responses, but never ends one. */
function idsOf(seed: string, length: number): number[] {
  return [...randomIds(seed, length - 1), 3 + (randomIds(`${seed}, last`, 1)[0]! % 90)];
}

/** The pairs, chosen response first. */
export function pairsOf({ shortPrompts }: Pick<Case, "shortPrompts">): TokenRow[] {
  return Array.from({ length: PAIR_COUNT }, (_, i) => ({
    prompt: idsOf(`p${i}`, shortPrompts ? 1 : 2 + (i % 7)),
    responses: [idsOf(`c${i}`, 2 + (i % 5)), idsOf(`r${i}`, 2 + ((3 * i) % 8))],
  }));
}

/** A weight of each pair. */
export const weights: readonly number[] = Array.from({ length: PAIR_COUNT }, (_, i) => 0.25 + 0.25 * (i % 5));

/** KTO's rows of mismatched responses. */
export const mismatchedOf = (rows: readonly TokenRow[]): TokenRow[] => mismatchedRows(rows, settings.seed);

/** The rows of all steps, one after another, in a trainer's own columns. */
export function rowsThere(one: Case): object[] {
  const pairs = pairsOf(one);
  const order = createOrder(pairs, settings);
  const indices = Array.from({ length: order.steps }, (_, step) => order.batch(step + 1)).flat();
  const mismatched = one.trainer === "kto" ? mismatchedOf(pairs) : [];
  return indices.flatMap((i): object[] => {
    const [prompt_ids, [chosen_ids, rejected_ids]] = [
      pairs[i]!.prompt,
      pairs[i]!.responses as [number[], number[]],
    ];
    const whole = (ids: readonly number[]) => [...prompt_ids, ...ids];
    if (one.trainer === "sft")
      return [
        {
          input_ids: whole(chosen_ids),
          completion_mask: [...prompt_ids.map(() => 0), ...chosen_ids.map(() => 1)],
        },
      ];
    if (one.trainer === "reward")
      return [{ chosen_ids: whole(chosen_ids), rejected_ids: whole(rejected_ids) }];
    if (one.trainer !== "kto")
      return [
        {
          prompt_ids,
          chosen_ids,
          rejected_ids,
          ...(one.trainer === "weighted" ? { weight: weights[i] } : {}),
        },
      ];
    const shared = { prompt_ids, KL_completion_ids: mismatched[i]!.responses[0] };
    return [
      { ...shared, completion_ids: chosen_ids, label: true },
      { ...shared, completion_ids: rejected_ids, label: false },
    ];
  });
}

/** The trainer's arguments. */
export function argsThere({ trainer, args, alone }: Case): object {
  const { batchSize, learningRate, schedule, warmupSteps, weightDecay, maxGradNorm } = settings;
  const rows = trainer === "kto" ? 2 * batchSize : batchSize;
  return {
    ...{ per_device_train_batch_size: alone ? 1 : rows, gradient_accumulation_steps: alone ? rows : 1 },
    ...{ learning_rate: learningRate, lr_scheduler_type: schedule, warmup_steps: warmupSteps },
    ...{ weight_decay: weightDecay, max_grad_norm: maxGradNorm, max_length: null },
    ...args,
  };
}

/** Dropout is off on both sides, also where a config's default is 0.1; Phi-3's factors fit transformers' own check of them, and no row is long. */
const CHANGES: Readonly<Record<string, object>> = {
  gpt2: { resid_pdrop: 0, embd_pdrop: 0, attn_pdrop: 0 },
  opt: { dropout: 0, attention_dropout: 0 },
  seed_oss: { attention_dropout: 0, residual_dropout: 0 },
  phi3: {
    ...{ head_dim: 4, original_max_position_embeddings: 32 },
    rope_scaling: { type: "longrope", short_factor: [1.5], long_factor: [5] },
  },
};

/** Writes a model of random weights. @param change - keys of its config that are others */
export async function writeFamily(
  folder: string,
  family: string,
  reward: boolean,
  change = {},
): Promise<void> {
  const tiny = TINY_CONFIGS[family]!;
  const ids = { pad_token_id: 0, bos_token_id: 1, eos_token_id: 2 };
  const plain = { ...tiny, ...ids, ...CHANGES[tiny["model_type"] as string], ...change };
  const { family: known, decoder } = describeModel(plain);
  const config = {
    ...plain,
    architectures: [reward ? known.rewardModel : known.languageModel],
    ...(reward ? { num_labels: 1 } : {}),
  };
  const rng = createRng(11);
  const tensors = [...parameterShapes(decoder, reward ? "reward" : "language-model")].map(([name, shape]) => {
    const draw = rng.fork(name);
    const centre = /(norm|ln_\w+|layernorm)\.weight$/.test(name) ? 1 : 0;
    const size = shape.reduce((a, b) => a * b, 1);
    return { name, shape, data: Float32Array.from({ length: size }, () => centre + 0.2 * draw.normal()) };
  });
  await writeModelFolder(folder, { config, tensors });
}
