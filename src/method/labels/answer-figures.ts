/** What a person's own answers say of how they answer. Told, and never used to turn anybody down. */
import type { Interval } from "../../base/stats/check.ts";
import { clusteredShare } from "../../base/stats/clustered-share.ts";
import type { AnswersStanding } from "./answer-events.ts";

/** Shares with intervals by prompt; null where nothing was counted. */
export type AnswerFigures = {
  /** Of pairs that came again, those answered the same. */
  readonly selfAgreement: Interval | null;
  /** Of answers for one side, those for the left one: near a half, since which response stands left is drawn. */
  readonly left: Interval | null;
};

/** @param promptOf - names the prompt of a pair: pairs of one prompt are not independent */
export function answerFigures(
  { answers, repeats, history }: AnswersStanding,
  promptOf: (id: string) => string,
): AnswerFigures {
  const again = [...repeats.values()].filter(({ id, answer }) => {
    const first = answers.get(id)?.answer;
    return answer !== "skip" && first !== undefined && first !== "skip";
  });
  const sided = history.filter(({ answer }) => answer === "a" || answer === "b");
  return {
    selfAgreement: clusteredShare(
      again.map(({ id, answer }) => answers.get(id)!.answer === answer),
      again.map(({ id }) => promptOf(id)),
    ),
    left: clusteredShare(
      sided.map(({ answer, order }) => order.startsWith(answer)),
      sided.map(({ id }) => promptOf(id)),
    ),
  };
}
