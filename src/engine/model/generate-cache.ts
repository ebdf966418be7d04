/** The key-value cache of a running generation: arrays in the store that grow, shrink and are thrown away. */
import type { Value } from "../runtime/protocol.ts";
import type { Bindings, Executable, Runtime } from "../runtime/runtime.ts";
import { ints } from "../runtime/values.ts";
import { type CacheShape, cacheNames, NOTHING } from "./cached-attention.ts";

/** Room grows by this many slots at a time: little enough to waste little, enough not to move things often. */
const ROOM_STEP = 64;

type ArrayBindings = Required<Pick<Bindings, "inputs" | "outputs">>;

let opened = 0;

/**
 * Room for `room` slots of `columns` sequences, of which the first `used` hold something. A sequence's tokens lie in
 * its column in their order, in any slots. Close it, or its arrays stay in the store.
 */
export class KvCache {
  columns = 0;
  room = 0;
  used = 0;
  readonly #runtime: Runtime;
  readonly #shape: CacheShape;
  readonly #move: Executable;
  readonly #prefix = `generation-${opened++}`;
  #layout = 0;
  /** By column: position of each slot's token, or `NOTHING`. */
  #positions: Int32Array[] = [];

  constructor(runtime: Runtime, shape: CacheShape, move: Executable) {
    this.#runtime = runtime;
    this.#shape = shape;
    this.#move = move;
  }

  /** Gives a column to a new sequence of `length` tokens; their rows, one per token. */
  seat(column: number, length: number): number[] {
    this.#positions[column]!.fill(NOTHING);
    for (let i = 0; i < length; i++) this.#positions[column]![i] = i;
    this.used = Math.max(this.used, length);
    return Array.from({ length }, (_, slot) => this.#row(column, slot));
  }

  /** Whole arrays as inputs and outputs, for a prefill. */
  wholeBindings(): ArrayBindings {
    const keys = Object.fromEntries(cacheNames(this.#shape).map((name) => [name, this.#key(name)]));
    return { inputs: keys, outputs: keys };
  }

  /** Takes the next slot for one token of each column (`undefined`: none): the feed and bindings of that step. */
  advance(positions: readonly (number | undefined)[]): { slotPositions: Value; bindings: ArrayBindings } {
    const slot = this.used++;
    const data = new Int32Array(this.columns * this.used);
    positions.forEach((position, column) => {
      this.#positions[column]![slot] = position ?? NOTHING;
      data.set(this.#positions[column]!.subarray(0, this.used), column * this.used);
    });
    const length = this.columns * this.#shape.kvHeads * this.#shape.headDim;
    const bind = (offset: number, size: number) =>
      Object.fromEntries(
        cacheNames(this.#shape).map((name) => [name, { key: this.#key(name), offset, length: size }]),
      );
    return {
      slotPositions: ints(data, [this.columns, this.used]),
      bindings: { inputs: bind(0, this.used * length), outputs: bind(slot * length, length) },
    };
  }

  /**
   * Lays the cache out anew, with room for `slots` and some more: the sequence of old column `residents[i]` moves to
   * column i, packed from slot 0; `undefined` leaves a column empty.
   */
  async resize(residents: readonly (number | undefined)[], slots: number): Promise<void> {
    const old = { layout: this.#layout, columns: this.columns, positions: this.#positions };
    const { kvHeads, headDim } = this.#shape;
    const held = residents.map((column) =>
      column === undefined
        ? []
        : [...old.positions[column]!.entries()].filter(([, position]) => position !== NOTHING),
    );
    this.#layout++;
    this.columns = residents.length;
    this.used = Math.max(0, ...held.map(({ length }) => length));
    this.room = ROOM_STEP * Math.ceil((Math.max(slots, this.used) + ROOM_STEP / 4) / ROOM_STEP);
    this.#positions = held.map((tokens) => {
      const column = new Int32Array(this.room).fill(NOTHING);
      for (const [slot, [, position]] of tokens.entries()) column[slot] = position;
      return column;
    });
    const shape = [this.room * this.columns * kvHeads, headDim];
    const names = cacheNames(this.#shape);
    await this.#runtime.store.zeros(Object.fromEntries(names.map((name) => [this.#key(name), shape])));
    const [from, to]: [number[], number[]] = [[], []];
    held.forEach((tokens, column) => {
      for (const [slot, [oldSlot]] of tokens.entries())
        for (let head = 0; head < kvHeads; head++) {
          from.push((oldSlot * old.columns + residents[column]!) * kvHeads + head);
          to.push(this.#row(column, slot) + head);
        }
    });
    for (const name of names) {
      if (from.length > 0) {
        const inputs = { old: this.#key(name, old.layout), new: this.#key(name) };
        await this.#move.run(
          { from: ints(from), to: ints(to) },
          { inputs, outputs: { new: this.#key(name) } },
        );
      }
      await this.#runtime.store.delete([this.#key(name, old.layout)]);
    }
  }

  /** Frees the arrays. */
  async close(): Promise<void> {
    await this.#runtime.store.delete(cacheNames(this.#shape).map((name) => this.#key(name)));
  }

  /** Row of head 0. */
  #row(column: number, slot: number): number {
    return (slot * this.columns + column) * this.#shape.kvHeads;
  }

  #key(name: string, layout = this.#layout): string {
    return `${this.#prefix}/${layout}/${name}`;
  }
}
