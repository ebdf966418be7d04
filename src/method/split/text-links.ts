/**
 * Finds which rows go on from, or quote, each other's prompt and response. Three tables of rolling hashes are made of all responses, then
 * every prompt is looked up in them; see `dialogues.ts` for what counts as a link.
 */

import type { Text } from "../data/rows.ts";
import { ENDS, type Said, STARTS, saidIn } from "./said.ts";
import { RunHashes, RunTable } from "./text-hashes.ts";

/** Letters from which on a run of words is taken to come from one place. */
export const IDENTIFYING = 48;

/** A row's texts; `unit` is equal where rows are known to belong together, as by one prompt. */
export type TextRow = { readonly prompt: Text; readonly responses: readonly Text[]; readonly unit: number };

/** A link between two rows; `response` is the one of row `from` that the prompt of row `to` goes on with or quotes, undefined where only whole texts meet. */
export type TextLink = { readonly from: number; readonly to: number; readonly response?: number };

/** Told of each link as it is found; one may be told more than once. */
export type OnLink = (link: TextLink) => void;

/** Reads all rows twice. */
export function linkTexts(count: number, rowAt: (index: number) => TextRow, onLink: OnLink): void {
  const tables = new LinkTables(count, onLink);
  const hashes = new RunHashes();
  for (let row = 0; row < count; row++) eachWhole(rowAt(row), hashes, (whole) => tables.add(row, whole));
  for (let row = 0; row < count; row++) {
    const { prompt, responses } = rowAt(row);
    const said = saidIn(prompt);
    hashes.read(said.letters);
    tables.lookUpPrompt(row, said, hashes);
    eachWhole({ prompt, responses, unit: 0 }, hashes, (whole) => tables.lookUpWhole(row, whole));
  }
}

/** A prompt with one response. */
type Whole = {
  readonly unit: number;
  readonly response: number;
  readonly prompt: Said;
  readonly answer: Said;
  /** Hashes of the prompt's letters and the response's after them. */
  readonly hashes: RunHashes;
};

/** Nothing is said by a response without letters: the whole would be its prompt. */
function eachWhole(
  { prompt, responses, unit }: TextRow,
  hashes: RunHashes,
  use: (whole: Whole) => void,
): void {
  const said = saidIn(prompt);
  hashes.read(said.letters);
  responses.forEach((response, i) => {
    const answer = saidIn(response);
    if (answer.letters === "") return;
    hashes.read(said.letters + answer.letters, said.letters.length);
    use({ unit, response: i, prompt: said, answer, hashes });
  });
}

/** A run that responses of several units have tells nothing of where it comes from. */
const COMMON = -1;

class LinkTables {
  /** Whole texts from their first letter, and from their first user's turn. */
  readonly #wholes: RunTable;
  readonly #turns: RunTable;
  /** Runs that identify their response, and by their first letters the lengths of such runs. */
  readonly #runs: RunTable;
  readonly #lengths: RunTable;
  readonly #lists: number[][] = [];
  /** Row and response of each entry of a table, and its unit. */
  readonly #rows: number[] = [];
  readonly #responses: number[] = [];
  readonly #units: number[] = [];
  readonly #onLink: OnLink;
  #anyIntroduced = false;

  constructor(count: number, onLink: OnLink) {
    const table = () => new RunTable(2 * count);
    [this.#wholes, this.#turns, this.#runs, this.#lengths] = [table(), table(), table(), table()];
    this.#onLink = onLink;
  }

  add(row: number, { unit, response, prompt, answer, hashes }: Whole): void {
    const entry = this.#rows.push(row) - 1;
    this.#responses.push(response);
    this.#units.push(unit);
    const [boundary, end] = [prompt.letters.length, hashes.length];
    this.#anyIntroduced ||= prompt.begin > 0;
    // Without a prompt a short response comes from anywhere.
    if (boundary > 0 || end >= IDENTIFYING) {
      const key = hashes.of(0, end);
      const same = this.#wholes.get(key);
      if (same === undefined) this.#wholes.set(key, entry);
      else this.#onLink({ from: this.#rows[same]!, to: row });
    }
    if (prompt.begin < boundary) this.#addOnce(this.#turns, hashes.of(prompt.begin, end), entry);
    const start = identifyingStart(prompt, answer);
    if (start === undefined) return;
    this.#addOnce(this.#runs, hashes.of(start, end), entry);
    const first = hashes.of(start, start + IDENTIFYING);
    const list = this.#lengths.get(first);
    if (list === undefined) this.#lengths.set(first, this.#lists.push([end - start]) - 1);
    else if (!this.#lists[list]!.includes(end - start)) this.#lists[list]!.push(end - start);
  }

  #addOnce(table: RunTable, key: number, entry: number): void {
    const other = table.get(key);
    if (other === undefined) table.set(key, entry);
    else if (other !== COMMON && this.#units[other] !== this.#units[entry]) table.set(key, COMMON);
  }

  /** Places where the prompt goes on from a whole text, or holds an identifying run. */
  lookUpPrompt(row: number, { letters, marks, begin }: Said, hashes: RunHashes): void {
    for (let at = 0; at <= letters.length; at++) {
      if ((marks[at]! & ENDS) !== 0) {
        this.#link(row, this.#wholes.get(hashes.of(0, at)), true);
        if (this.#anyIntroduced && at > begin) this.#link(row, this.#turns.get(hashes.of(begin, at)), true);
      }
      if ((marks[at]! & STARTS) === 0 || at + IDENTIFYING > letters.length) continue;
      const list = this.#lengths.get(hashes.of(at, at + IDENTIFYING));
      if (list === undefined) continue;
      for (const length of this.#lists[list]!)
        if (at + length <= letters.length && (marks[at + length]! & ENDS) !== 0)
          this.#link(row, this.#runs.get(hashes.of(at, at + length)), true);
    }
  }

  /** Places within the response where the row's text is another's whole: the same text, cut elsewhere. */
  lookUpWhole(row: number, { prompt, answer, hashes }: Whole): void {
    const boundary = prompt.letters.length;
    for (let at = 1; at <= answer.letters.length; at++)
      if ((answer.marks[at]! & ENDS) !== 0)
        this.#link(row, this.#wholes.get(hashes.of(0, boundary + at)), false);
  }

  #link(to: number, entry: number | undefined, inPrompt: boolean): void {
    if (entry === undefined || entry === COMMON) return;
    const from = this.#rows[entry]!;
    if (from === to) return;
    this.#onLink(inPrompt ? { from, to, response: this.#responses[entry]! } : { from, to });
  }
}

/** Where the run begins that identifies a response: at the response, or as many words of the prompt before it as it takes. */
function identifyingStart(prompt: Said, answer: Said): number | undefined {
  const boundary = prompt.letters.length;
  if (answer.letters.length >= IDENTIFYING) return boundary;
  let start = boundary + answer.letters.length - IDENTIFYING;
  while (start >= 0 && (prompt.marks[start]! & STARTS) === 0) start--;
  return start < 0 ? undefined : start;
}
