/** What a served model can give, and which settings act on which. */

/** What a served model gives: log-probabilities of given tokens, or one reward for a text. */
export const SERVED_GIVES = ["log-probabilities", "rewards"] as const;

/** What acts on log-probabilities alone. */
const OF_LOGPS = ["reference", "beta", "server"] as const;

/** Settings that are given and have no effect on rewards. */
export const withoutEffect = (given: Readonly<Record<string, unknown>>): readonly string[] =>
  OF_LOGPS.filter((name) => given[name] !== undefined);

/** Problems of settings that have no effect on rewards. @param named - a setting's name as the caller wrote it */
export const rewardSettingProblems = (
  given: Readonly<Record<string, unknown>>,
  named: (name: string) => string,
): string[] =>
  withoutEffect(given).map(
    (name) => `${named(name)}: has no effect with ${named("gives")} rewards. Leave it out.`,
  );
