/** Pairs that are fetched before they are shown: the next one is on the screen when its key is pressed. */
import { signal } from "@preact/signals";
import { get } from "./api.ts";

/** Pairs that are fetched ahead, and how few may be left before more are. */
const AHEAD = 12;
const FEW = 6;

/** Where the person is: the place that is shown, and which need nothing any more. */
type Where = { readonly at: number; readonly total: number; readonly done: ReadonlySet<number> };

/** @param base - of the routes; `/pairs` below it gives pairs @param where - undefined while nothing is known */
export function createAhead<P extends { readonly place: number }>(
  base: string,
  where: () => Where | undefined,
) {
  const pairs = signal<ReadonlyMap<number, P>>(new Map());
  let fetching = false;

  async function fetchAhead(): Promise<void> {
    const here = where();
    if (here === undefined || fetching) return;
    const { at, total, done } = here;
    const missing: number[] = [];
    for (let k = at, seen = 0; k < total && seen < FEW; k++) {
      if (k !== at && done.has(k)) continue;
      seen++;
      if (!pairs.value.has(k)) missing.push(k);
    }
    if (missing.length === 0) return;
    fetching = true;
    try {
      const { pairs: got } = await get<{ pairs: P[] }>(`${base}/pairs?from=${missing[0]}&count=${AHEAD}`);
      // Those behind are let go: undo fetches them again.
      const near = [...pairs.value].filter(([k]) => k > at - AHEAD);
      pairs.value = new Map([...near, ...got.map((one) => [one.place, one] as const)]);
    } finally {
      fetching = false;
    }
    await fetchAhead();
  }

  return {
    pairs,
    fetchAhead,
    /** Puts a pair in the place of what was known of it. */
    change(next: P): void {
      pairs.value = new Map([...pairs.value, [next.place, next]]);
    },
  };
}
