/** The key-value cache of a running generation: arrays in the store that grow, shrink and are thrown away. */
import type { Bindings, Executable, Runtime } from "../runtime/runtime.ts";
import { ints } from "../runtime/values.ts";
import { type CacheShape, cacheNames } from "./cached-attention.ts";

/** Room grows by this many positions at a time, so that short texts stay cheap and long ones are not moved often. */
const SPAN_STEP = 64;

/** A sequence to keep: where it lies and how many positions it has filled. */
export type Resident = { readonly slot: number; readonly length: number };

let opened = 0;

/** Room for `slots` sequences of `span` positions each. Close it, or its arrays stay in the store. */
export class KvCache {
  slots = 0;
  span = 0;
  readonly #runtime: Runtime;
  readonly #shape: CacheShape;
  readonly #move: Executable;
  readonly #prefix = `generation-${opened++}`;
  #layout = 0;

  constructor(runtime: Runtime, shape: CacheShape, move: Executable) {
    this.#runtime = runtime;
    this.#shape = shape;
    this.#move = move;
  }

  /** Row of head 0 of a position in a slot. */
  row(slot: number, position: number): number {
    return slot * this.#shape.kvHeads * this.span + position;
  }

  /** Binds every array as both input and output. */
  bindings(): Required<Pick<Bindings, "inputs" | "outputs">> {
    const keys = Object.fromEntries(cacheNames(this.#shape).map((name) => [name, this.#key(name)]));
    return { inputs: keys, outputs: keys };
  }

  /** True when the room for `positions` is not as wide as it must be, or much wider. */
  fits(slots: number, positions: number): boolean {
    return slots === this.slots && spanFor(positions) === this.span;
  }

  /** Lays the cache out anew: resident i moves to slot i, everything else is forgotten. */
  async resize(slots: number, positions: number, residents: readonly Resident[]): Promise<void> {
    const old = { layout: this.#layout, span: this.span };
    const span = spanFor(positions);
    const { kvHeads, headDim } = this.#shape;
    const names = cacheNames(this.#shape);
    const had = this.slots > 0;
    this.#layout++;
    this.slots = slots;
    this.span = span;
    const shape = [slots * kvHeads * span, headDim];
    await this.#runtime.store.zeros(Object.fromEntries(names.map((name) => [this.#key(name), shape])));
    if (!had) return;
    const [from, to]: [number[], number[]] = [[], []];
    residents.forEach(({ slot, length }, target) => {
      for (let head = 0; head < kvHeads; head++)
        for (let position = 0; position < length; position++) {
          from.push((slot * kvHeads + head) * old.span + position);
          to.push((target * kvHeads + head) * span + position);
        }
    });
    for (const name of names) {
      if (from.length > 0) {
        const key = this.#key(name);
        const inputs = { old: this.#key(name, old.layout), new: key };
        await this.#move.run({ from: ints(from), to: ints(to) }, { inputs, outputs: { new: key } });
      }
      await this.#runtime.store.delete([this.#key(name, old.layout)]);
    }
  }

  /** Frees the arrays. */
  async close(): Promise<void> {
    await this.#runtime.store.delete(cacheNames(this.#shape).map((name) => this.#key(name)));
  }

  #key(name: string, layout = this.#layout): string {
    return `${this.#prefix}/${layout}/${name}`;
  }
}

/** Room given to `positions` positions. */
const spanFor = (positions: number): number => SPAN_STEP * Math.ceil(positions / SPAN_STEP);
