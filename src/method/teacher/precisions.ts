/** Precisions by name; a module of its own, since help names them. */

/** What a scoring model's weights are held in; the last is the default. */
export const PRECISIONS = ["int8", "int4", "float32"] as const;

/** One of `PRECISIONS`. */
export type Precision = (typeof PRECISIONS)[number];

/** Bits of a weight; undefined for float32. */
export const BITS = { int8: 8, int4: 4, float32: undefined } as const;

/** Share of the labels that fewer bits may turn round, where nobody says otherwise. */
export const MOST_TURNED = 0.005;

/** Pairs that are scored in both precisions, where there are so many. */
export const CANARY_PAIRS = 200;
