/**
 * Packs rows `[prompt | response a | response b]` into the inputs of one program run. Tokens of all rows lie one
 * after another without padding; a grid `[B, T]` says which row and place each belongs to. Both responses of a row
 * see the prompt and not each other, and positions restart after the prompt, so that a pair costs its prompt once.
 */
import { TARGET_MULTIPLE } from "../model/heads.ts";
import type { Value } from "../runtime/protocol.ts";
import { floats, ints } from "../runtime/values.ts";

/** Token ids of a prompt (at least one, usually BOS first) and of the responses to it (each at least one). */
export type TokenRow = {
  readonly prompt: readonly number[];
  readonly responses: readonly (readonly number[])[];
};

/** The inputs of one run and what its outputs mean. */
export type PackedBatch = {
  readonly feeds: Readonly<Record<PackedInputName, Value>>;
  /** Responses in the batch: row by row, in each row's order. */
  readonly sequences: number;
  /** Real tokens, each prompt counted once. */
  readonly tokens: number;
  /** Predicted (response) tokens without padding. */
  readonly targets: number;
};

/** Names of the inputs that a packed batch feeds. */
export type PackedInputName =
  | "ids"
  | "positions"
  | "slots"
  | "places"
  | "segments"
  | "rows"
  | "targets"
  | "owners"
  | "weights"
  | "lengths"
  | "ends";

/** Tokens of a row, its prompt counted once. */
export function rowLength(row: TokenRow): number {
  return row.responses.reduce((total, response) => total + response.length, row.prompt.length);
}

/**
 * Packs rows in order.
 * @param longOver - tokens of a sequence beyond which the model turns positions otherwise (`Decoder.longOver`). Where one
 *   response reaches beyond and another does not, they cannot share their prompt's states: each gets a row of its own.
 * @throws Error (internal) for a row without prompt or response tokens
 */
export function packRows(given: readonly TokenRow[], longOver?: number): PackedBatch {
  const rows = longOver === undefined ? given : given.flatMap((row) => apartWhereLong(row, longOver));
  const lengths = rows.map(rowLength);
  const [tokens, width, height] = [lengths.reduce((a, b) => a + b, 0), Math.max(...lengths), rows.length];
  const ids = new Int32Array(tokens);
  const positions = new Int32Array(tokens);
  const places = new Int32Array(tokens);
  const slots = new Int32Array(height * width);
  const segments = new Int32Array(height * width).fill(-1);
  const [predictors, targets, owners, ends]: number[][] = [[], [], [], []];
  let at = 0;
  rows.forEach((row, b) => {
    const start = at;
    const put = (id: number, position: number, segment: number) => {
      const place = b * width + (at - start);
      ids[at] = id;
      positions[at] = position;
      places[at] = place;
      slots[place] = at;
      segments[place] = segment;
      at++;
    };
    if (row.prompt.length === 0 || row.responses.some((response) => response.length === 0))
      throw new Error(`internal: row ${b} has an empty prompt or response`);
    for (const [position, id] of row.prompt.entries()) put(id, position, 0);
    const lastOfPrompt = at - 1;
    row.responses.forEach((response, r) => {
      response.forEach((id, i) => {
        predictors!.push(i === 0 ? lastOfPrompt : at - 1);
        targets!.push(id);
        owners!.push(ends!.length);
        put(id, row.prompt.length + i, r + 1);
      });
      ends!.push(at - 1);
    });
  });
  const padding = Array.from({ length: -targets!.length & (TARGET_MULTIPLE - 1) }, () => 0);
  return {
    feeds: {
      ids: ints(ids),
      positions: ints(positions),
      slots: ints(slots, [height, width]),
      places: ints(places),
      segments: ints(segments, [height, width]),
      rows: ints([...predictors!, ...padding]),
      targets: ints([...targets!, ...padding]),
      owners: ints([...owners!, ...padding]),
      weights: floats([...targets!.map(() => 1), ...padding]),
      lengths: floats(rows.flatMap((row) => row.responses.map((response) => response.length))),
      ends: ints(ends!),
    },
    sequences: ends!.length,
    tokens,
    targets: targets!.length,
  };
}

/** The row, or one for each response where some reach beyond `longOver` tokens and some do not. */
function apartWhereLong(row: TokenRow, longOver: number): TokenRow[] {
  const { prompt, responses } = row;
  const long = responses.filter(({ length }) => prompt.length + length > longOver).length;
  if (long === 0 || long === responses.length) return [row];
  return responses.map((response) => ({ prompt, responses: [response] }));
}
