/** Anthropic's HH-RLHF: two transcripts `\n\nHuman: … \n\nAssistant: …` (Bai et al. 2022, https://arxiv.org/abs/2204.05862). */
import type { RowFlag } from "../rows.ts";
import { type Adapter, RowProblem } from "./adapter.ts";
import { hasColumns, idAt, textAt } from "./columns.ts";
import { sharedLength } from "./common-prefix.ts";

const ASSISTANT = "\n\nAssistant:";
const NEXT_TURN = /\n\n(?:Human|Assistant):/;

/**
 * Splits at the last `\n\nAssistant:` that both transcripts share: the prompt ends with it, the responses begin with
 * the space after it. A response that goes on with another turn (5 of the 2,312 pairs of harmless-base's test split) is flagged `extra-turn`.
 */
export const hhRlhf: Adapter = {
  name: "hh-rlhf",
  shape: "chosen, rejected transcripts (\\n\\nHuman: … \\n\\nAssistant: …)",
  matches: ({ value }) =>
    hasColumns(value, "chosen", "rejected") &&
    !hasColumns(value, "prompt") &&
    [value.chosen, value.rejected].every(isTranscript)
      ? "columns chosen, rejected holding transcripts with \\n\\nHuman: and \\n\\nAssistant: (HH-RLHF)"
      : undefined,
  uses: () => ({ chosen: "prompt and preferred response", rejected: "prompt and other response", id: "id" }),
  parse: (value) => {
    const chosen = textAt(value, "chosen");
    const rejected = textAt(value, "rejected");
    const shared = chosen.slice(0, sharedLength(chosen, rejected));
    const at = shared.lastIndexOf(ASSISTANT);
    if (at < 0)
      throw new RowProblem(
        "chosen, rejected",
        `share no "\\n\\nAssistant:"`,
        "Correct the transcripts, or leave the row out.",
      );
    const cut = at + ASSISTANT.length;
    const [first, second] = [chosen.slice(cut), rejected.slice(cut)];
    const flags: RowFlag[] = [first, second].some((response) => NEXT_TURN.test(response))
      ? ["extra-turn"]
      : [];
    return {
      ...idAt(value),
      prompt: chosen.slice(0, cut),
      first,
      second,
      preferred: "first",
      meta: { flags },
    };
  },
};

function isTranscript(value: unknown): boolean {
  return typeof value === "string" && /^\s*Human:/.test(value) && value.includes(ASSISTANT);
}
