/** What a served model can give, and which settings act on which. */

/** What a served model gives: log-probabilities of given tokens, or one reward for a text. */
export const SERVED_GIVES = ["log-probabilities", "rewards"] as const;

/** What acts on log-probabilities alone. */
const OF_LOGPS = ["referenceName", "beta", "server"] as const;

/** Problems of settings that have no effect on rewards, in the caller's names. */
export function rewardSettingProblems(
  given: Readonly<Record<string, unknown>>,
  named: Readonly<Record<(typeof OF_LOGPS)[number] | "gives", string>>,
): string[] {
  return OF_LOGPS.filter((name) => given[name] !== undefined).map(
    (name) => `${named[name]}: has no effect with ${named.gives} rewards. Leave it out.`,
  );
}
