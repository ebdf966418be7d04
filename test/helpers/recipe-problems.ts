/** A recipe with nothing but what must be there, and what is said of recipes that are wrong. */
import { ConfigError } from "../../src/base/core/errors.ts";
import { parseDocumentText } from "../../src/base/settings/document.ts";
import { resolveRecipe } from "../../src/pipeline/recipe/parse.ts";

/** The least recipe. */
export const LEAST = `version: 1
name: tiny
models: { weak: small, student: big }
data:
  source: pairs.jsonl
  split: { labelled: 0.3, unlabelled: 0.5, test: 0.2 }
`;

/** Reads a recipe's text as the file r.yaml, with `--set`. */
export const read = (text: string, ...set: string[]) =>
  resolveRecipe([parseDocumentText(text, "r.yaml")], set);

/** What is said of it; nothing when it is sound. */
export function problems(text: string, ...set: string[]): readonly string[] {
  try {
    read(text, ...set);
  } catch (error) {
    if (error instanceof ConfigError) return error.issues;
    throw error;
  }
  return [];
}
