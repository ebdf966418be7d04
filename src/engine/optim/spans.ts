/** Cuts parameters into spans, so that an update needs no intermediate array of a whole parameter. */

/** `length` numbers of one parameter from `offset` on. */
export type Span = { readonly name: string; readonly offset: number; readonly length: number };

/** Spans that cover every parameter once, none longer than `limit` numbers. */
export function spansOf(parameters: Readonly<Record<string, readonly number[]>>, limit: number): Span[] {
  return Object.entries(parameters).flatMap(([name, shape]) => {
    const size = shape.reduce((product, dim) => product * dim, 1);
    const count = Math.ceil(size / limit);
    return Array.from({ length: count }, (_, i) => {
      const offset = i * limit;
      return { name, offset, length: Math.min(limit, size - offset) };
    });
  });
}

/** Items in groups of at most `size`, in order. */
export function groupsOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}
