/**
 * Packs rows `[prompt | response a | response b]` into the inputs of one program run. Tokens of all rows lie one
 * after another without padding; a grid `[B, T]` says which row and place each belongs to. Both responses of a row
 * see the prompt and not each other, and positions restart after the prompt, so that a pair costs its prompt once.
 */
import { TARGET_MULTIPLE } from "../../engine/model/heads.ts";
import type { Model } from "../../engine/model/model.ts";
import type { Value } from "../../engine/runtime/protocol.ts";
import { floats, ints } from "../../engine/runtime/values.ts";

/** Token ids of a prompt (at least one, usually BOS first) and of the responses to it (each at least one). */
export type TokenRow = {
  readonly prompt: readonly number[];
  readonly responses: readonly (readonly number[])[];
};

/** What packing depends on beside the rows. */
export type PackOptions = {
  /**
   * Tokens of a sequence beyond which the model turns positions otherwise (`Decoder.longOver`). Where one response reaches
   * beyond and another does not, they cannot share their prompt's states: each gets a row of its own.
   */
  readonly longOver?: number | undefined;
  /** A reward model's padding: a sequence's score is read at its last token that is not this one. */
  readonly padId?: number | undefined;
};

/** How rows are packed for a model. */
export function packOptions({
  decoder,
  family,
  task,
  config,
}: Pick<Model, "decoder" | "family" | "task" | "config">): PackOptions {
  const said = config["pad_token_id"];
  const pad = said === undefined ? family.padToken : said;
  return {
    longOver: decoder.longOver,
    padId: task === "reward" && typeof pad === "number" ? pad : undefined,
  };
}

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
 * @throws Error (internal) for a row without prompt or response tokens
 */
export function packRows(given: readonly TokenRow[], { longOver, padId }: PackOptions = {}): PackedBatch {
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
      const end = response.findLastIndex((id) => id !== padId);
      ends!.push(end >= 0 ? at - response.length + end : start + lastReal(row.prompt, padId));
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

/** Place of the last token that is no padding, as `XForSequenceClassification` of transformers finds it; 0 where all is. */
const lastReal = (ids: readonly number[], padId: number | undefined): number =>
  Math.max(
    0,
    ids.findLastIndex((id) => id !== padId),
  );
