/**
 * Which losses the other trainers have, under which names. Facts of mid-2026: TRL 1.x, LLaMA-Factory 0.9, axolotl 0.1x, OpenRLHF 0.9.
 * TRL's sigmoid takes `label_smoothing` without using it, so cDPO is refused there rather than trained as plain DPO.
 */
import { ConfigError } from "../../base/core/errors.ts";
import { LOSS_TYPES, type LossType, type ResolvedLossSpec } from "../../method/objective/loss-spec.ts";
import { EXPORT_TOOLS, type ExportTool } from "./request.ts";

/** Options of a tool's preference loss, by name in its config. */
export type LossOptions = Readonly<Record<string, unknown>>;

type Writer = (loss: ResolvedLossSpec) => LossOptions;
type Table = Partial<Record<LossType, Writer>>;

/** The member of a loss that a table's writer is called for. */
const get = (loss: ResolvedLossSpec, name: string): unknown =>
  (loss as Readonly<Record<string, unknown>>)[name];
const beta = (loss: ResolvedLossSpec) => get(loss, "beta");

const trl =
  (type: string, more: Writer = () => ({})): Writer =>
  (loss) => {
    const sft = get(loss, "sftCoefficient") as number;
    return {
      beta: beta(loss),
      loss_type: sft > 0 ? [type, "sft"] : [type],
      ...(sft > 0 ? { loss_weights: [1, sft] } : {}),
      ...more(loss),
    };
  };

const llamaFactory =
  (type: string, more: Writer = () => ({})): Writer =>
  (loss) => {
    const sft = (get(loss, "sftCoefficient") ?? 0) as number;
    return {
      pref_beta: type === "orpo" ? get(loss, "lambda") : beta(loss),
      pref_loss: type,
      ...(sft > 0 ? { pref_ftx: sft } : {}),
      ...more(loss),
    };
  };

const axolotl =
  (rl: string, more: Writer): Writer =>
  (loss) => ({ rl, ...more(loss) });
const axolotlBeta: Writer = (loss) => {
  const sft = get(loss, "sftCoefficient") as number;
  return { rl_beta: beta(loss), ...(sft > 0 ? { rpo_alpha: sft } : {}) };
};

const openrlhf =
  (more: Writer): Writer =>
  (loss) => {
    const sft = get(loss, "sftCoefficient") as number;
    return {
      "model.beta": beta(loss),
      ...(sft > 0 ? { "model.nll_loss_coef": sft } : {}),
      ...more(loss),
    };
  };

const TABLES: Readonly<Record<ExportTool, Table>> = {
  trl: {
    sigmoid: trl("sigmoid"),
    rdpo: trl("robust", (loss) => ({ label_smoothing: get(loss, "flip") })),
    ipo: trl("ipo"),
    hinge: trl("hinge"),
    "apo-zero": trl("apo_zero"),
  },
  "llama-factory": {
    sigmoid: llamaFactory("sigmoid"),
    cdpo: llamaFactory("sigmoid", (loss) => ({ dpo_label_smoothing: get(loss, "flip") })),
    ipo: llamaFactory("ipo"),
    hinge: llamaFactory("hinge"),
    orpo: llamaFactory("orpo"),
    simpo: llamaFactory("simpo", (loss) => ({ simpo_gamma: get(loss, "gamma") })),
  },
  axolotl: {
    sigmoid: axolotl("dpo", axolotlBeta),
    ipo: axolotl("ipo", axolotlBeta),
    orpo: axolotl("orpo", (loss) => ({ orpo_alpha: get(loss, "lambda") })),
    // Left alone it is CPO's own 1, a supervised term of that weight.
    simpo: axolotl("simpo", (loss) => ({
      ...{ rl_beta: beta(loss), simpo_gamma: get(loss, "gamma"), cpo_alpha: 0 },
    })),
  },
  openrlhf: {
    sigmoid: openrlhf(() => ({})),
    cdpo: openrlhf((loss) => ({ "model.label_smoothing": get(loss, "flip") })),
    "ipo-summed": openrlhf(() => ({ "model.ipo_enable": true })),
  },
};

/** The losses a tool has, in the order of the documentation. */
export function lossesOf(tool: ExportTool): LossType[] {
  return LOSS_TYPES.filter((type) => TABLES[tool][type] !== undefined);
}

/**
 * A loss in a tool's words.
 * @throws ConfigError when the tool lacks it, with the losses it has and the tools that have this one
 */
export function lossOptions(tool: ExportTool, loss: ResolvedLossSpec): LossOptions {
  const writer = TABLES[tool][loss.type];
  const sft = (get(loss, "sftCoefficient") ?? 0) as number;
  if (writer !== undefined && !(tool === "axolotl" && loss.type === "simpo" && sft > 0)) return writer(loss);
  if (writer !== undefined)
    throw new ConfigError(
      `--to axolotl: simpo has no supervised term there, got sft_coefficient ${sft}. Set it to 0, or use --to llama-factory.`,
    );
  const others = EXPORT_TOOLS.filter((other) => TABLES[other][loss.type] !== undefined);
  throw new ConfigError(
    `--to ${tool}: has no loss "${loss.type}"${WHY[tool]?.[loss.type] ?? ""}. It has ${lossesOf(tool).join(", ")}; ` +
      (others.length > 0
        ? `"${loss.type}" can go to ${others.map((other) => `--to ${other}`).join(" or ")}.`
        : `no tool here has "${loss.type}": train it with weak-teacher prefer, or choose another with --set student.prefer.loss=…`),
  );
}

const EXPERIMENTAL = " behind a command (it is in trl.experimental)";
const WHY: Partial<Record<ExportTool, Partial<Record<LossType, string>>>> = {
  trl: {
    cdpo: " (its sigmoid takes label_smoothing and does not use it)",
    "ipo-summed": " (its ipo is per token: loss ipo)",
    simpo: EXPERIMENTAL,
    orpo: EXPERIMENTAL,
    kto: " for pairs (its KTO learns from single responses)",
  },
  axolotl: { cdpo: " (it hands label_smoothing to TRL, which does not use it)" },
  "llama-factory": { kto: " for pairs (its KTO learns from single responses)" },
  openrlhf: { ipo: " per token (its IPO sums over tokens: loss ipo-summed)" },
};
