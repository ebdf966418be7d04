/** Where TRL and this project mean different things: each is run as both have it, so that the page says what it changes, in numbers. */
import { CASES, type Case, rowsThere, settings } from "./trl-jobs.ts";

/** One difference of definition. */
export type Difference = {
  /** What it is about, and how each reads it; for the page. */
  readonly about: string;
  readonly here: string;
  readonly there: string;
  readonly family: string;
  /** As our side trains it. */
  readonly ours: Case;
  /** As theirs does. */
  readonly theirs: Case;
  /** Their rows, where they are not those of `rowsThere`. */
  readonly rows?: readonly object[];
  /** Changes to the model's config, on both sides. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** The metric that shows it, surely or (`may`) as rounding falls. */
  readonly shows: string;
  readonly may?: true;
};

const { DPO, KTO, ORPO, SFT, IPO, cDPO } = CASES as Readonly<Record<string, Case>>;
const LLAMA = "llama 3, tied";
const same = (one: Case | undefined) => ({ family: LLAMA, ours: one!, theirs: one!, shows: "loss" });
function batch({ alone: _, ...one }: Case): Case {
  return one;
}

type Ids = Readonly<Record<string, number[]>>;

/** Every row with what ChatML prints after the end token: one token more. */
const withNewline = (rows: readonly object[]): object[] =>
  (rows as Ids[]).map((row) => ({
    ...row,
    chosen_ids: [...row["chosen_ids"]!, 5],
    rejected_ids: [...row["rejected_ids"]!, 5],
  }));

/** KTO's rows as TRL makes them: each prompt with the response of the row before it in the batch. */
function rotated(rows: readonly object[], size: number): object[] {
  return (rows as Ids[]).map((row, i, all) => {
    const start = i - (i % size);
    const before = all[i === start ? Math.min(start + size, all.length) - 1 : i - 1]!;
    return { ...row, KL_completion_ids: before["completion_ids"]! };
  });
}

/** The differences, in the page's order. */
export const DIFFERENCES: readonly Difference[] = [
  {
    ...same(DPO),
    about: "a padding token that is read as text",
    here: "its embedding gets its gradient, the true derivative",
    there:
      "none: transformers builds the embedding with `padding_idx`. The tables are made with it taken off",
    theirs: { ...DPO!, keepPadding: true },
    shows: "grad_norm",
  },
  {
    ...same(DPO),
    about: "what a template prints after the end token (ChatML: a newline)",
    here: "no part of the response",
    there: "part of it, in DPO, KTO and SFT",
    rows: withNewline(rowsThere(DPO!)),
  },
  {
    ...same(cDPO),
    about: "label smoothing of `sigmoid`",
    here: "cDPO, `loss: cdpo`",
    there: "`label_smoothing` is taken and not used: plain DPO. `aot` with one pair in a micro-batch is cDPO",
    theirs: { ...DPO!, args: { beta: 0.3, label_smoothing: 0.2 } },
  },
  {
    ...same(IPO),
    about: "IPO's log-ratios",
    here: "`ipo` is per token as in TRL; `ipo-summed` is the paper's equation, shown here",
    there: "per token only",
    ours: { ...IPO!, loss: { type: "ipo-summed", beta: 0.3 } },
  },
  {
    ...same(CASES["DPO with SFT"]),
    about: "the supervised term beside a preference loss",
    here: "the mean over pairs of each response's mean",
    there: "the mean over all chosen tokens of a micro-batch. The tables compare with one pair in each",
    theirs: batch(CASES["DPO with SFT"]!),
  },
  {
    ...same(ORPO),
    about: "ORPO's supervised term",
    here: "the response's tokens",
    there: "the prompt's as well. The table compares prompts of one token, of which nothing is predicted",
    ours: { ...ORPO!, shortPrompts: false },
    theirs: { ...ORPO!, shortPrompts: false },
  },
  {
    ...same(KTO),
    about: "KTO's mean",
    here: "over pairs: a pair counts its two responses",
    there: "over responses, so that the loss is half as large. The tables have both lambdas at 0.5 here",
    ours: { ...KTO!, loss: { type: "kto", beta: 0.3 } },
  },
  {
    ...same(KTO),
    about: "KTO's mismatched responses",
    here: "chosen responses of other prompts, drawn once",
    there:
      "the response of the row before in the micro-batch, which may be the same prompt's other one. The tables hand ours to TRL",
    rows: rotated(rowsThere(KTO!), 2 * settings.batchSize),
  },
  {
    ...same(KTO),
    about: "KTO's reference point under accumulation",
    here: "one for the whole batch",
    there: "one for each micro-batch, here 4 of 4 rows",
    theirs: {
      ...KTO!,
      args: { beta: 0.3, per_device_train_batch_size: 4, gradient_accumulation_steps: 4 },
    },
  },
  {
    ...same(SFT),
    about: "a model's own dropout in SFT (GPT-2, OPT: 0.1)",
    here: "not applied",
    there: "applied",
    family: "gpt2",
    config: { resid_pdrop: 0.1, embd_pdrop: 0.1, attn_pdrop: 0.1 },
  },
  {
    ...same(DPO),
    about:
      "dropout that is no module of its own (`attention_dropout` in Llama's kin; Seed-OSS has 0.1 where the config is silent)",
    here: "not applied",
    there: "applied in preference training too: `disable_dropout` reaches modules only",
    family: "seed_oss",
    config: { attention_dropout: 0.1, residual_dropout: 0.1 },
  },
  {
    ...same(DPO),
    about: "LongRoPE near its original length",
    here: "each sequence by its own length",
    there: "all of a batch by its longest",
    family: "phi3",
    config: { original_max_position_embeddings: 12 },
  },
  {
    ...same({ ...CASES["reward head"]!, metrics: ["margin", "mean_reward"] }),
    about: "the level of a reward head behind a norm with a bias (GPT-2)",
    here: "free: the loss sees differences of scores, so the bias moves by the rounding of a gradient of 0",
    there: "free likewise. The tables compare margins",
    family: "gpt2",
    shows: "mean_reward",
    may: true,
  },
];
