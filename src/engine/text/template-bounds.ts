/**
 * A chat template comes with a checkpoint and is a program: loops in loops, and `range`, could run for ever or fill the memory. Its
 * syntax tree is changed so that every turn of a loop and every call of a macro is counted, and `range` is ours.
 */
import { Template } from "@huggingface/jinja";

/** Turns of all loops together; a conversation of a thousand messages takes a few thousand. */
const MAX_TURNS = 200_000;

const TICK = "loop_tick_";
const RANGE = "bounded_range_";

/** A node of a template's syntax tree. */
export type TemplateNode = { type?: unknown; value?: unknown; body?: unknown; [member: string]: unknown };

/** Changes a parsed template in place; rendering it then needs `loopLimits()` among the values. */
export function boundLoops(template: Template): void {
  eachNode(template, change);
}

/** Visits every node of a parsed template once; a visit may change the node. */
export function eachNode(template: Template, visit: (node: TemplateNode) => void): void {
  const stack: unknown[] = [template.parsed];
  const seen = new Set<unknown>();
  while (stack.length > 0) {
    const node = stack.pop();
    if (typeof node !== "object" || node === null || seen.has(node)) continue;
    seen.add(node);
    if (node instanceof Map) {
      for (const entry of node) stack.push(...entry);
      continue;
    }
    stack.push(...Object.values(node));
    visit(node as TemplateNode);
  }
}

function change(node: TemplateNode): void {
  if (node.type === "Identifier" && node.value === "range") node.value = RANGE;
  const repeats = node.type === "For" || node.type === "Macro";
  if (repeats && Array.isArray(node.body)) node.body.unshift(new Template(`{{ ${TICK}() }}`).parsed.body[0]);
}

/** The functions that count; a new count for each rendering. */
export function loopLimits(): Record<string, unknown> {
  let turns = 0;
  const count = (more: number) => {
    turns += more;
    if (!(turns <= MAX_TURNS)) throw new Error(`its loops take more than ${MAX_TURNS} turns`);
  };
  return {
    [TICK]: () => {
      count(1);
      return null;
    },
    [RANGE]: (...limits: number[]) => {
      const [start, stop, step = 1] =
        limits.length === 1 ? [0, limits[0]!] : (limits as [number, number, number?]);
      const length = Math.max(0, Math.ceil((stop - start) / step));
      count(length);
      return Array.from({ length }, (_, i) => start + i * step);
    },
  };
}
