/** Flags that are short for `--set` of the rules by which scores become labels. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { ConfigError } from "../../base/core/errors.ts";
import { collect } from "./options.ts";

const WEIGHTS = ["uniform", "tanh", "sigmoid", "clip", "calibrated"] as const;

/** Rules, as flags. */
export type RuleOptions = {
  readonly set: readonly string[];
  readonly maxDisagreement?: number;
  readonly level?: number;
  readonly top?: number;
  readonly minConfidence?: number;
  readonly weight?: (typeof WEIGHTS)[number];
};

/** Adds the flags of a promise, which rests on pairs that the teacher was not calibrated on. */
export function withPromise(command: Command): Command {
  return command
    .option(
      "--max-disagreement <rate>",
      "keep the most labels of which people disagree with at most this share, promised from the labelled pairs of --calibrate",
      numberIn(0, 1),
    )
    .option("--level <share>", "confidence of that promise, default 0.95", numberIn(0, 1));
}

/** Adds `--set` of `settings` and what is short for it. */
export function withRules(command: Command, settings: string): Command {
  return command
    .option(
      "--top <percent>",
      "keep this percentage of the labels, the most confident ones",
      numberIn(0, 100),
    )
    .option("--min-confidence <p>", "keep labels at least so confident, 0.5 to 1", numberIn(0.5, 1))
    .addOption(
      new Option("--weight <form>", "how confidence becomes the pair's weight; tanh is CW-PO's").choices(
        WEIGHTS,
      ),
    )
    .option("--set <name=value>", `${settings}, as in a recipe's label section`, collect, []);
}

/**
 * Everything as texts of `--set`.
 * @throws ConfigError for flags that say different things of one setting, or have no effect
 */
export function ruleSettings(options: RuleOptions): string[] {
  const { set, maxDisagreement, level, top, minConfidence, weight } = options;
  const choices = [
    ["max-disagreement", maxDisagreement],
    ["top", top],
    ["min-confidence", minConfidence],
  ] as const;
  const chosen = choices.filter(([, value]) => value !== undefined).map(([name]) => `--${name}`);
  const sets = (name: string) => set.some((text) => new RegExp(`^\\s*${name}\\s*[.=]`).test(text));
  const issues = [
    ...(chosen.length > 1 ? [`${chosen.join(", ")}: choose among labels by one rule. Leave one.`] : []),
    ...(chosen.length > 0 && sets("select")
      ? [`${chosen.join(", ")}: --set select says the same. Leave one.`]
      : []),
    ...(weight !== undefined && sets("weight") ? ["--weight: --set weight says the same. Leave one."] : []),
    ...(level !== undefined && maxDisagreement === undefined
      ? ["--level: has no effect without --max-disagreement. Leave it out."]
      : []),
  ];
  if (issues.length > 0) throw new ConfigError(issues);
  return [
    ...set,
    ...(maxDisagreement === undefined
      ? []
      : ["select.kind=promise", `select.max_disagreement=${maxDisagreement}`]),
    ...(level === undefined ? [] : [`select.level=${level}`]),
    ...(top === undefined ? [] : ["select.kind=top", `select.percent=${top}`]),
    ...(minConfidence === undefined ? [] : ["select.kind=threshold", `select.confidence=${minConfidence}`]),
    ...(weight === undefined ? [] : [`weight.form=${weight}`]),
  ];
}

/** What to say of a percentage that reads like a share. */
export function ruleWarnings({ top }: RuleOptions): string[] {
  const percent = Number((100 * (top ?? 0)).toPrecision(6));
  return [
    ...(percent > 0 && percent < 100
      ? [`--top is in percent: ${top} keeps ${top} %, ${percent} keeps ${percent} %`]
      : []),
  ];
}

/** Parser of a number in [min, max]; ends that a setting refuses are refused with the setting. */
export function numberIn(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= min && value <= max))
      throw new InvalidArgumentError(`Expected a number from ${min} to ${max}.`);
    return value;
  };
}
