/**
 * Sizes of tensors. A size is a number or a product of named symbols with a factor, written canonically
 * ("T", "B*T", "768*N"), so that equal sizes are equal strings and shape rules are plain comparisons.
 * Symbols get their values when a program runs, from the shapes of what is fed.
 */
import { ShapeError } from "../../base/core/errors.ts";

/** A number, or a canonical product such as "B", "B*T", "12*B*T". */
export type Dim = number | string;

/** Sizes of every axis; the rank is always known. */
export type Shape = readonly Dim[];

type Monomial = { factor: number; symbols: string[] };

function parse(dim: Dim): Monomial {
  if (typeof dim === "number") return { factor: dim, symbols: [] };
  const parts = dim.split("*");
  const factor = /^\d+$/.test(parts[0]!) ? Number(parts.shift()) : 1;
  return { factor, symbols: parts };
}

function format({ factor, symbols }: Monomial): Dim {
  if (symbols.length === 0 || factor === 0) return factor;
  const product = [...symbols].sort().join("*");
  return factor === 1 ? product : `${factor}*${product}`;
}

/** The product of sizes. */
export function dimProduct(dims: Shape): Dim {
  const parts = dims.map(parse);
  return format({
    factor: parts.reduce((product, part) => product * part.factor, 1),
    symbols: parts.flatMap((part) => part.symbols),
  });
}

/** `a / b` when it comes out even for every value of the symbols, else undefined. */
export function dimQuotient(a: Dim, b: Dim): Dim | undefined {
  const [top, bottom] = [parse(a), parse(b)];
  const symbols = [...top.symbols];
  for (const symbol of bottom.symbols) {
    const at = symbols.indexOf(symbol);
    if (at < 0) return undefined;
    symbols.splice(at, 1);
  }
  return bottom.factor !== 0 && top.factor % bottom.factor === 0
    ? format({ factor: top.factor / bottom.factor, symbols })
    : undefined;
}

/** The factor and symbols of a size, for turning it into arithmetic at run time. */
export function dimParts(dim: Dim): { factor: number; symbols: readonly string[] } {
  return parse(dim);
}

/** True when two shapes are the same for every value of their symbols. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

/** "[B, T, 768]" */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/**
 * The shape of an elementwise result (NumPy's rule).
 * @throws ShapeError when two sizes differ and neither is 1
 */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      throw new ShapeError(
        op,
        `cannot broadcast ${formatShape(a)} with ${formatShape(b)}, axis ${axis} differs.`,
      );
    return x === 1 ? y : x;
  });
}

/** A non-negative axis. @throws ShapeError when it is outside the rank */
export function resolveAxis(op: string, axis: number, shape: Shape): number {
  const resolved = axis < 0 ? axis + shape.length : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= shape.length)
    throw new ShapeError(
      op,
      `axis is ${axis}, expected one of ${shape.length} axes of ${formatShape(shape)}.`,
    );
  return resolved;
}

/** Values of the symbols, read off the actual sizes of one tensor. @throws ShapeError when they contradict */
export function bindSymbols(
  name: string,
  shape: Shape,
  actual: readonly number[],
  bound: Map<string, number>,
): void {
  const wrong = () => new ShapeError(name, `expected ${formatShape(shape)}, got ${formatShape(actual)}.`);
  if (shape.length !== actual.length) throw wrong();
  shape.forEach((dim, axis) => {
    const size = actual[axis]!;
    if (typeof dim === "number") {
      if (dim !== size) throw wrong();
      return;
    }
    const { symbols, factor } = parse(dim);
    const symbol = symbols[0]!;
    if (symbols.length !== 1 || size % factor !== 0) {
      // A product of symbols cannot name their values, it can only agree with them.
      const agrees =
        symbols.length > 1 && symbols.every((s) => bound.has(s)) && evaluateDim(dim, bound) === size;
      if (symbols.length === 1 || (symbols.every((s) => bound.has(s)) && !agrees)) throw wrong();
      return;
    }
    const value = size / factor;
    const known = bound.get(symbol);
    if (known !== undefined && known !== value) {
      throw new ShapeError(
        name,
        `${symbol} is ${value} here and ${known} in another input; they must agree.`,
      );
    }
    bound.set(symbol, value);
  });
}

/** The number a size stands for. @throws ShapeError when a symbol has no value */
export function evaluateDim(dim: Dim, bound: ReadonlyMap<string, number>): number {
  const { factor, symbols } = parse(dim);
  return symbols.reduce((product, symbol) => {
    const value = bound.get(symbol);
    if (value === undefined) throw new ShapeError("dims", `symbol ${symbol} of ${dim} has no value.`);
    return product * value;
  }, factor);
}
