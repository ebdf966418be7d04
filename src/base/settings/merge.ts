/** Lays settings over settings, as both are written. */
import { isObject } from "./parts.ts";

/** Keys that tell alternatives apart; another value means another alternative, and nothing of the first is kept. */
const TELLING = ["kind", "type", "form"] as const;

/** The ways to give one thing, each by its keys as in a file; settings take one. */
export type Forms = readonly (readonly string[])[];

/** Things that can be given in several ways, wherever they stand. */
export type AllForms = readonly Forms[];

/**
 * `over` laid over `base`: objects key by key, everything else replaced.
 * @param all - giving an object in another of a thing's forms drops what the base gave in the first
 */
export function mergeSettings(base: unknown, over: unknown, all: AllForms = []): unknown {
  if (over === undefined) return base;
  if (!isObject(base) || !isObject(over)) return over;
  const other = TELLING.some((key) => key in over && key in base && over[key] !== base[key]);
  if (other) return over;
  const kept = all.reduce((left, forms) => withoutOtherForms(left, over, forms), base);
  const own = (key: string) => (Object.hasOwn(kept, key) ? kept[key] : undefined);
  const laid = Object.entries(over).map(([key, value]) => [key, mergeSettings(own(key), value, all)]);
  // Not by assignment: that of "__proto__" would change what the object inherits.
  return Object.fromEntries([...Object.entries(kept), ...laid]);
}

function withoutOtherForms(
  base: Record<string, unknown>,
  over: Record<string, unknown>,
  forms: Forms,
): Record<string, unknown> {
  const chosen = forms.filter((form) => form.some((key) => key in over));
  const given = forms.filter((form) => form.some((key) => key in base));
  if (chosen.length !== 1 || given.length !== 1 || chosen[0] === given[0]) return base;
  const dropped = new Set<string>(given[0]);
  return Object.fromEntries(Object.entries(base).filter(([key]) => !dropped.has(key)));
}
