/**
 * Python's `strip`, `lstrip` and `rstrip` with the characters to take off, as `content.lstrip('\\n')` in Qwen3's template. The interpreter
 * knows them without an argument only and would take off all white space, so that an answer's first space vanished from the tokens.
 */
import { Template } from "@huggingface/jinja";
import { eachNode, type TemplateNode } from "./template-bounds.ts";

const METHODS = ["strip", "lstrip", "rstrip"];
const nameOf = (method: string) => `python_${method}_`;

/** Makes calls with an argument calls of ours, in place; rendering then needs `stripFunctions()` among the values. */
export function useOwnStrip(template: Template): void {
  eachNode(template, (node) => {
    const { callee, args } = node as { callee?: TemplateNode; args?: unknown };
    if (node.type !== "CallExpression" || callee?.type !== "MemberExpression" || callee.computed === true)
      return;
    const method = (callee.property as TemplateNode).value;
    if (!Array.isArray(args) || args.length === 0 || !METHODS.includes(String(method))) return;
    node.args = [callee.object, ...args];
    node.callee = identifier(nameOf(String(method)));
  });
}

/** A node that names a value. */
function identifier(name: string): TemplateNode {
  const [expression] = new Template(`{{ ${name} }}`).parsed.body as unknown as TemplateNode[];
  return expression!;
}

/** The functions that stand in for the methods. */
export function stripFunctions(): Record<string, unknown> {
  const made = (begin: boolean, end: boolean) => (text: unknown, characters: unknown) => {
    if (typeof text !== "string") throw new Error("strip() of something that is no text");
    if (characters === null || characters === undefined)
      return begin ? (end ? text.trim() : text.trimStart()) : text.trimEnd();
    if (typeof characters !== "string") throw new Error("strip() expects the characters as text");
    const [units, off] = [[...text], new Set(characters)];
    let [from, to] = [0, units.length];
    while (begin && from < to && off.has(units[from]!)) from++;
    while (end && to > from && off.has(units[to - 1]!)) to--;
    return units.slice(from, to).join("");
  };
  return {
    [nameOf("strip")]: made(true, true),
    [nameOf("lstrip")]: made(true, false),
    [nameOf("rstrip")]: made(false, true),
  };
}
