/** Names that a file may store a parameter under. */
import type { Family } from "../model/family.ts";

/** The head has this name in transformers 5, whatever an older class calls it; files keep the old name. */
export const HEADS = ["lm_head.weight", "embed_out.weight"];

/**
 * Names a parameter may be stored under, the likeliest first: with the family's prefix, without, as part of a multimodal
 * checkpoint, or by the head's other name.
 */
export function storedNames(name: string, { prefix, container }: Family): string[] {
  const inTrunk = name.startsWith(prefix);
  const bare = inTrunk ? name.slice(prefix.length) : name;
  const around = (container?.prefixes ?? []).map(({ trunk, head }) => `${inTrunk ? trunk : head}${bare}`);
  const others = HEADS.includes(name) ? HEADS.filter((head) => head !== name) : [];
  return [name, inTrunk ? bare : `${prefix}${name}`, ...around, ...others];
}
