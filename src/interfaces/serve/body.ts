/** Request bodies: bounded before they are kept, checked before they are used. */
import type { z } from "zod";
import { messageOf } from "../../base/core/errors.ts";
import { parseJson as parseJsonText, RepeatedMemberError } from "../../base/core/json-text.ts";
import { issueOf } from "../../base/settings/issues.ts";
import { isObject } from "../../base/settings/parts.ts";
import { Problem, wrongField } from "./problem.ts";

/** Nesting of the deepest body that is read; what the endpoints take is at most 5 deep. */
const MAX_DEPTH = 32;

/** @throws Problem 415 for a body that does not say it is JSON */
export function checkType(headers: Headers): void {
  const type = headers.get("content-type") ?? "nothing";
  // Browsers send other types to foreign servers without asking them first.
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw new Problem(415, `content-type: expected application/json, got ${type.slice(0, 60)}.`);
}

/** A body's bytes as a JSON object. @throws Problem 400 */
export function objectIn(bytes: Uint8Array): Record<string, unknown> {
  const value = parseJson(bytes);
  if (!isObject(value)) throw new Problem(400, `body: expected a JSON object, got ${kindOf(value)}.`);
  return value as Record<string, unknown>;
}

/** @throws Problem 400 for what is not UTF-8, not JSON or nested too deeply */
export function parseJson(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Problem(400, "body: is not UTF-8 text.");
  }
  if (depthOf(text) > MAX_DEPTH)
    throw new Problem(400, `body: is nested too deeply, expected at most ${MAX_DEPTH} levels.`);
  try {
    return parseJsonText(text, { longNumbers: "round" });
  } catch (error) {
    if (error instanceof RepeatedMemberError) throw new Problem(400, `body: ${error.message}.`);
    throw new Problem(400, `body: is not valid JSON: ${messageOf(error).slice(0, 200)}.`);
  }
}

/** Deepest nesting of brackets outside strings; more than `MAX_DEPTH` is not counted further. */
function depthOf(text: string): number {
  let [depth, deepest] = [0, 0];
  let quoted = false;
  for (let i = 0; i < text.length && deepest <= MAX_DEPTH; i++) {
    const char = text[i];
    if (char === '"') quoted = !quoted;
    else if (quoted) i += char === "\\" ? 1 : 0;
    else if (char === "[" || char === "{") deepest = Math.max(deepest, ++depth);
    else if (char === "]" || char === "}") depth--;
  }
  return deepest;
}

/** Fields of a body by a schema. @throws Problem 400 that tells all that is wrong and names the first field */
export function checked<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issues = result.error.issues.flatMap((issue) => issueOf(issue, body));
  // Names of unknown members are the client's own, and as long as it likes.
  const nameOf = (path: readonly (string | number)[]) => path.join(".").slice(0, 100) || "body";
  const told = issues.slice(0, 10).map(({ path, problem }) => `${nameOf(path)}: ${problem.slice(0, 300)}`);
  throw new Problem(400, told.join(" "), { param: nameOf(issues[0]!.path) });
}

/** A prompt as it was given, and the field that an error about it names. */
export type GivenPrompt = { readonly given: string | number[]; readonly field: string };

/** A list of strings or of token ids, or one of them, as a list. @throws Problem 400 that names the very element that is wrong */
export function promptsOf(value: unknown, field: string, most: number): GivenPrompt[] {
  // Token ids are told from a list of prompts by their first element, so that a bad one among them is an element, not a prompt.
  if (typeof value === "string" || (Array.isArray(value) && typeof value[0] === "number"))
    return [{ given: promptOf(value, field), field }];
  if (!Array.isArray(value))
    throw wrongField(
      field,
      `expected a string, a list of strings, token ids or a list of lists of token ids, got ${kindOf(value)}.`,
    );
  if (value.length === 0 || value.length > most)
    throw wrongField(field, `expected 1 to ${most} prompts, got ${value.length}.`);
  return value.map((prompt: unknown, i) => ({
    given: promptOf(prompt, `${field}.${i}`),
    field: `${field}.${i}`,
  }));
}

function promptOf(value: unknown, field: string): string | number[] {
  if (typeof value === "string") return value;
  if (!Array.isArray(value) || value.length === 0)
    throw wrongField(field, `expected a string or token ids (whole numbers from 0), got ${kindOf(value)}.`);
  return value.map((id: unknown, i) => {
    if (typeof id === "number" && Number.isSafeInteger(id) && id >= 0) return id;
    throw wrongField(`${field}.${i}`, `expected a token id (a whole number from 0), got ${kindOf(id)}.`);
  });
}

function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list of something else";
  return value === null ? "null" : JSON.stringify(value).slice(0, 60);
}
