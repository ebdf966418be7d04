/** Low-rank adapters on named projections. Hu et al. 2021, https://arxiv.org/abs/2106.09685. */
import { ConfigError } from "../../base/core/errors.ts";

/** Options of an adapter, in PEFT's meaning. */
export type LoraOptions = {
  /** Inner size of the adapter, at least 1. */
  readonly rank: number;
  /** The adapter's product is scaled by alpha / rank. */
  readonly alpha: number;
  /** Share of the adapter's input zeroed while training, in [0, 1). */
  readonly dropout: number;
  /** Last parts of projection names, such as "q_proj", or whole names; default those that are usual for the family. */
  readonly targets?: readonly string[] | undefined;
};

/** An adapter that knows which projections it sits on. */
export type LoraSpec = LoraOptions & {
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
 * @throws ConfigError when rank, alpha or dropout is out of range or nothing is targeted
 */
export function loraSpec(options: LoraOptions, usual: readonly string[] = []): LoraSpec {
  const targets = options.targets ?? usual;
  const issues: string[] = [];
  if (!Number.isInteger(options.rank) || options.rank < 1)
    issues.push(`lora.rank: expected a positive integer, got ${options.rank}.`);
  if (!(options.alpha > 0)) issues.push(`lora.alpha: expected a number above 0, got ${options.alpha}.`);
  if (!(options.dropout >= 0 && options.dropout < 1))
    issues.push(`lora.dropout: expected a number in [0, 1), got ${options.dropout}.`);
  if (targets.length === 0) issues.push("lora.targets: expected at least one projection, got none.");
  if (issues.length > 0) throw new ConfigError(issues);
  const part = { rank: options.rank, scale: options.alpha / options.rank };
  return {
    ...options,
    targets,
    scale: part.scale,
    on: (projection) => (targets.some((target) => isTarget(projection, target)) ? part : undefined),
  };
}

/** True when a target is a projection's name (without ".weight") or the end of it, in whole words. */
export const isTarget = (projection: string, target: string): boolean =>
  `.${projection}`.endsWith(`.${target}`);

/** True for the parameters of adapters. */
export const isAdapterParameter = (name: string): boolean => /\.lora_[AB]\.weight$/.test(name);
