/** Places in a plan. Pure. */
import type { Ranges } from "../protocol.ts";

/** Every place of some ranges, both ends within. */
export function placesOf(ranges: Ranges): Set<number> {
  const places = new Set<number>();
  for (const [from, to] of ranges) for (let place = from; place <= to; place++) places.add(place);
  return places;
}

/** The first place that needs an answer; undefined when none does. */
export function firstOpen(total: number, done: ReadonlySet<number>): number | undefined {
  for (let place = 0; place < total; place++) if (!done.has(place)) return place;
  return undefined;
}
