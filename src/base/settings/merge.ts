/** Lays one recipe over another, as both are written. */

import { DATA_FORMS } from "../../pipeline/recipe/sections.ts";
import { isObject } from "./parts.ts";

/** Keys that tell alternatives apart; another value means another alternative, and nothing of the first is kept. */
const TELLING = ["kind", "type", "form"] as const;

/** `over` laid over `base`: objects key by key, everything else replaced. */
export function mergeRecipes(base: unknown, over: unknown): unknown {
  if (over === undefined) return base;
  if (!isObject(base) || !isObject(over)) return over;
  const other = TELLING.some((key) => key in over && key in base && over[key] !== base[key]);
  if (other) return over;
  const kept = withoutOtherForms(base, over);
  const merged: Record<string, unknown> = { ...kept };
  for (const [key, value] of Object.entries(over)) merged[key] = mergeRecipes(kept[key], value);
  return merged;
}

/** Data is given in one of several forms; giving it in another form drops what the base gave. */
function withoutOtherForms(
  base: Record<string, unknown>,
  over: Record<string, unknown>,
): Record<string, unknown> {
  const chosen = DATA_FORMS.filter((form) => form.some((key) => key in over));
  const given = DATA_FORMS.filter((form) => form.some((key) => key in base));
  if (chosen.length !== 1 || given.length !== 1 || chosen[0] === given[0]) return base;
  const dropped = new Set<string>(given[0]);
  return Object.fromEntries(Object.entries(base).filter(([key]) => !dropped.has(key)));
}
