/**
 * The first words of a report, by rule from its intervals: whether a student of weak labels matches one of human labels, or that this report
 * cannot tell; and, where no gold scorer was asked, what can be said without one.
 */
import { isMeasured } from "./charts/spec.ts";
import type { Arm, Difference, ReportData } from "./data.ts";
import { formatCount, formatInterval } from "./format.ts";
import { DEFAULT_LEVEL, marginInWords, readDifference, verdictOf } from "./headline.ts";

/** Sentences, the answer first; none for a report that asks nothing of the kind. */
export function answerSentences(data: ReportData): string[] {
  const { question, differences = [] } = data;
  if (question === undefined) return [];
  const asked = differences.find(
    (one) => one.a === question.weak && one.b === question.human && isMeasured(one.value),
  );
  if (asked !== undefined) return [answerOf(asked, data.intervals?.level ?? DEFAULT_LEVEL)];
  const cannot = "Whether weak labels match human labels this run cannot tell:";
  return differences.length > 0
    ? [`${cannot} it did not compare ${question.weak} with ${question.human}.`]
    : [`${cannot} no gold scorer judged the students' responses.`, ...withoutGold(data)];
}

/** Of two models it is said which is ahead here, of methods over seeds whether they match. */
function answerOf(difference: Difference, level: number): string {
  const { a, b, metric, value, format = "number", scope = "models", parity } = difference;
  const found = `${a} − ${b} in ${metric} is ${formatInterval(value, { format, signed: true })}`;
  if (scope === "methods") {
    const verdict = verdictOf(difference, level);
    if (verdict === "matches")
      return `Weak labels match human labels here, within ${marginInWords(parity!, format)}: ${found}.`;
    if (verdict === "cannot tell")
      return `Whether weak labels match human labels these runs cannot tell: ${found}.`;
    return `Weak labels do ${verdict} than human labels here: ${found}.`;
  }
  const reading = readDifference(difference, level);
  if (reading === "above" || reading === "below") {
    const isAhead = (reading === "above") === (difference.moreIsBetter ?? true);
    return `The student of weak labels is ${isAhead ? "ahead of" : "behind"} the one of human labels: ${found}. It is one run of each; whether the labels match, several seeds can tell (--seeds).`;
  }
  return `Whether weak labels match human labels this run cannot tell: ${found}${reading === "too few" ? `, on ${formatCount(value.n)} ${difference.unit}` : ""}, with one run of each.`;
}

/** Agreement, accuracy and length bias: what a run without gold measures. */
function withoutGold({ agreement = [], arms = [], lengthBias = [] }: ReportData): string[] {
  const percent = (value: Parameters<typeof formatInterval>[0]) =>
    formatInterval(value, { format: "percent" });
  const agreed = agreement.find(({ agreement: share }) => isMeasured(share));
  const accuracies = arms.flatMap(({ name, testAccuracy }: Arm) =>
    isMeasured(testAccuracy) ? [`${name} ${percent(testAccuracy)} (n = ${formatCount(testAccuracy.n)})`] : [],
  );
  const bias = lengthBias.find(({ longerPreferred }) => isMeasured(longerPreferred));
  const reference = bias?.longerPreferredByReference;
  return [
    ...(agreed === undefined
      ? []
      : [
          `Agreement: ${agreed.labeller} and ${agreed.against} label ${percent(agreed.agreement)} of ${formatCount(agreed.agreement.n)} pairs alike.`,
        ]),
    ...(accuracies.length === 0 ? [] : [`Test accuracy: ${accuracies.join(", ")}.`]),
    ...(bias === undefined
      ? []
      : [
          `Length bias: ${bias.labeller} prefers the longer response in ${percent(bias.longerPreferred)} of pairs${isMeasured(reference) ? `, ${bias.against ?? "the reference"} in ${percent(reference)}` : ""}.`,
        ]),
  ];
}
