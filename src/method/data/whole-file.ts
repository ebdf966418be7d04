/**
 * What only a whole file tells of a row.
 *
 * - A prompt repeated at the begin of its responses. One response may quote its prompt; where on one side (chosen, say) at least half of
 *   all texts begin with their whole prompt, the file was made so, and the prompt is taken off that side wherever it stands there.
 *   Below half it is left, and counted. A text begins with its prompt when all of it, but for white space at its two ends, comes first and a word ends there.
 * - Rows of text beside rows that are conversations, since only some have a `system` or `history`: they are told as messages, too.
 */
import type { ParsedPair } from "./adapters/adapter.ts";
import { asTurns } from "./adapters/context.ts";
import { contentId } from "./identify.ts";

const SIDES = ["first", "second"] as const;
type Side = (typeof SIDES)[number];

/** What was found over all rows, and what is done to each. */
export type WholeFile = {
  /** Sides from which a repeated prompt is taken off. */
  readonly takenOff: readonly Side[];
  /** Responses that begin with their prompt, and whether it was taken off. */
  readonly repeats: { readonly takenOff: number; readonly left: number };
  /** True when `finish` changes any pair. */
  readonly changes: boolean;
  finish(pair: ParsedPair): ParsedPair;
};

/** Looks at the pairs of a file one by one. */
export class FileWatcher {
  private texts = 0;
  private readonly begin = { first: 0, second: 0 };
  private turns = 0;
  private conversations = 0;
  private lists = 0;
  private readonly asWritten: boolean;

  /** @param asWritten - the file is our own: nothing in it is to be taken off */
  constructor(asWritten = false) {
    this.asWritten = asWritten;
  }

  add(pair: ParsedPair): void {
    this.count(pair, 1);
  }

  /** Takes back a pair that was added. */
  remove(pair: ParsedPair): void {
    this.count(pair, -1);
  }

  private count(pair: ParsedPair, one: 1 | -1): void {
    this.lists += one * (pair.tookOff ?? 0);
    if (typeof pair.prompt !== "string") this.conversations += one;
    else if (pair.promptIs === "turns") this.turns += one;
    if (this.asWritten || !hasTextPrompt(pair)) return;
    this.texts += one;
    for (const side of SIDES) if (afterPrompt(pair, side) !== undefined) this.begin[side] += one;
  }

  /** What is done to the pairs. */
  decide(): WholeFile {
    const takenOff = SIDES.filter((side) => this.begin[side] > 0 && 2 * this.begin[side] >= this.texts);
    const told = this.conversations > 0 && this.turns > 0;
    const count = (sides: readonly Side[]) => sides.reduce((sum, side) => sum + this.begin[side], 0);
    const off = count(takenOff);
    return {
      takenOff,
      repeats: { takenOff: off + this.lists, left: count(SIDES) - off },
      changes: takenOff.length > 0 || told,
      finish: (pair) => {
        const shorter = takenOff.reduce(withoutPrompt, pair);
        const finished = told ? asTurns(shorter) : shorter;
        // An id is of the row as it stands in the file.
        return finished === pair || pair.id !== undefined
          ? finished
          : { ...finished, contentId: contentId(pair) };
      },
    };
  }
}

const hasTextPrompt = ({ prompt, promptIs }: ParsedPair): boolean =>
  typeof prompt === "string" && promptIs !== "guessed" && prompt.trim() !== "";

function withoutPrompt(pair: ParsedPair, side: Side): ParsedPair {
  const rest = hasTextPrompt(pair) ? afterPrompt(pair, side) : undefined;
  return rest === undefined ? pair : { ...pair, [side]: rest };
}

/** What a response says after its prompt; undefined when it does not begin with it. */
function afterPrompt(pair: ParsedPair, side: Side): string | undefined {
  const { prompt, [side]: response } = pair;
  if (typeof prompt !== "string" || typeof response !== "string") return undefined;
  if (response.startsWith(prompt) && /\s$/.test(prompt)) return response.slice(prompt.length);
  const core = prompt.trim();
  const start = response.length - response.trimStart().length;
  if (!response.startsWith(core, start)) return undefined;
  const rest = response.slice(start + core.length);
  return /[\p{L}\p{M}\p{N}]$/u.test(core) && !/^(\s|$)/.test(rest) ? undefined : rest;
}
