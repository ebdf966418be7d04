/** Low-rank adapters on named projections. Hu et al. 2021, https://arxiv.org/abs/2106.09685. */
import { z } from "zod";
import { ConfigError } from "../../base/core/errors.ts";
import { count, positive } from "../../base/settings/parts.ts";

/** Adapters instead of full training, in PEFT's names. */
export const loraSchema = z.strictObject({
  r: count.default(8).describe("Inner size of the adapters."),
  alpha: positive.default(16).describe("The adapters' product is scaled by alpha / r."),
  dropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0.05)
    .describe("Share of the adapters' input zeroed while training."),
  targetModules: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe(
      "Projections that get adapters, by the last part of their names; default those usual for the model's family, such as q_proj and v_proj, or c_attn for GPT-2.",
    ),
});

/**
 * Options of an adapter, in PEFT's names: `r`, its inner size, at least 1; `alpha`, its product is scaled by alpha / r; `dropout`, the
 * share of its input zeroed while training, in [0, 1); `targetModules`, last parts of projection names, such as "q_proj", or whole
 * names; default those that are usual for the family.
 */
export type LoraOptions = Readonly<Omit<z.output<typeof loraSchema>, "targetModules">> & {
  readonly targetModules?: readonly string[] | undefined;
  /** What a recipe's stage keeps of a model with adapters: undefined or merged its weights, adapter what `openAdapted` reads. */
  readonly keep?: "merged" | "adapter" | undefined;
};

/** An adapter that knows which projections it sits on. */
export type LoraSpec = Pick<LoraOptions, "alpha" | "dropout"> & {
  readonly rank: number;
  readonly targets: readonly string[];
  readonly scale: number;
  /** Rank and scale on a projection (its name without ".weight"); undefined where it has no adapter. */
  on(projection: string): LoraPart | undefined;
  /** The very projections, where an adapter from a folder names them; else `targets` says which. */
  readonly parts?: ReadonlyMap<string, LoraPart>;
};

/** The adapter of one projection. */
export type LoraPart = { readonly rank: number; readonly scale: number };

/**
 * Checks options.
 * @param usual - targets where the options name none; `adapterSpec` gives the family's
 * @throws ConfigError when r, alpha or dropout is out of range or nothing is targeted
 */
export function loraSpec(options: LoraOptions, usual: readonly string[] = []): LoraSpec {
  const { r, alpha, dropout, targetModules: targets = usual } = options;
  const issues: string[] = [];
  if (!Number.isInteger(r) || r < 1) issues.push(`lora.r: expected a positive integer, got ${r}.`);
  if (!(alpha > 0)) issues.push(`lora.alpha: expected a number above 0, got ${alpha}.`);
  if (!(dropout >= 0 && dropout < 1))
    issues.push(`lora.dropout: expected a number in [0, 1), got ${dropout}.`);
  if (targets.length === 0) issues.push("lora.target_modules: expected at least one projection, got none.");
  if (issues.length > 0) throw new ConfigError(issues);
  const part = { rank: r, scale: alpha / r };
  return {
    ...{ rank: r, alpha, dropout, targets },
    scale: part.scale,
    on: (projection) => (targets.some((target) => isTarget(projection, target)) ? part : undefined),
  };
}

/** True when a target is a projection's name (without ".weight") or the end of it, in whole words. */
export const isTarget = (projection: string, target: string): boolean =>
  `.${projection}`.endsWith(`.${target}`);

/** True for the parameters of adapters. */
export const isAdapterParameter = (name: string): boolean => /\.lora_[AB]\.weight$/.test(name);
