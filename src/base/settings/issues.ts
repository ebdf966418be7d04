/** Turns what zod found into sentences: where, what was expected, what was given, what was meant. */
import type { z } from "zod";
import { show } from "../core/errors.ts";
import { didYouMean } from "../core/suggest.ts";
import { diskName, diskWords, type Path } from "./names.ts";
import { isObject } from "./parts.ts";

/** One thing that is wrong; the path has the names of the file. */
export type SettingIssue = { readonly path: Path; readonly problem: string };

/** What members are called in the file, and what stands for the names of the code in a sentence. */
export type IssueNames = { readonly name: (key: string) => string; readonly words: (text: string) => string };

const SETTINGS: IssueNames = { name: diskName, words: diskWords };

/** A zod issue in words. `value` is what was checked, names as inside. @param names - default those of settings */
export function issueOf(issue: z.core.$ZodIssue, value: unknown, names = SETTINGS): SettingIssue[] {
  const path = issue.path.map((key) => (typeof key === "string" ? names.name(key) : Number(key)));
  const got = at(value, issue.path);
  const said = got === undefined ? "nothing" : show(got, 100);
  switch (issue.code) {
    case "unrecognized_keys":
      // The losses explain in words of their own why an option cannot stand with a type.
      return issue.keys.map((key, i) => ({
        path: [...path, key],
        problem: names.words(issue.message.split("\n")[i] ?? issue.message),
      }));
    case "invalid_type":
      return [
        {
          path,
          problem: got === undefined ? "is missing." : `expected ${article(issue.expected)}, got ${said}.`,
        },
      ];
    case "invalid_value":
      return [
        {
          path,
          problem: `expected ${list(issue.values)}, got ${said}${hint(got, issue.values)}.`.replace(
            "?.",
            "?",
          ),
        },
      ];
    case "too_small":
    case "too_big":
      return [{ path, problem: `expected ${boundOf(issue)}, got ${said}.` }];
    case "invalid_union": {
      const meant = meantOption(issue);
      if (meant !== undefined)
        return meant.flatMap((one) => issueOf({ ...one, path: [...issue.path, ...one.path] }, value, names));
      return [{ path, problem: unionProblem(issue, got, said, names) }];
    }
    case "invalid_format":
      return [{ path, problem: `${issue.message.replace(/\.$/, "")}, got ${said}.` }];
    default:
      return [{ path, problem: names.words(issue.message) }];
  }
}

/** The problems of the only alternative that has the value's shape, where there is one. */
function meantOption({ errors = [] }: z.core.$ZodIssueInvalidUnion): z.core.$ZodIssue[] | undefined {
  const fitting = errors.filter(
    (issues) => !issues.some(({ code, path }) => code === "invalid_type" && path.length === 0),
  );
  return fitting.length === 1 ? fitting[0] : undefined;
}

function unionProblem(issue: z.core.$ZodIssue, got: unknown, said: string, names: IssueNames): string {
  const { options } = issue as { options?: readonly unknown[] };
  if (options === undefined) return names.words(issue.message);
  return `expected ${list(options)}, got ${said}${hint(got, options)}.`.replace("?.", "?");
}

function boundOf(issue: z.core.$ZodIssue): string {
  const { minimum, maximum, inclusive, origin } = issue as {
    minimum?: number;
    maximum?: number;
    inclusive?: boolean;
    origin: string;
  };
  const bound = minimum ?? maximum;
  const side = minimum === undefined ? (inclusive ? "at most" : "below") : inclusive ? "at least" : "above";
  const unit = origin === "array" ? " entries" : origin === "string" ? " characters" : "";
  return `${side} ${bound}${unit}`;
}

const article = (type: string) =>
  ({ object: "settings", int: "a whole number", array: "a list", string: "text", boolean: "true or false" })[
    type
  ] ?? `a ${type}`;

const list = (values: readonly unknown[]) =>
  values.length === 1 ? JSON.stringify(values[0]) : `one of ${values.map(String).join(", ")}`;

const hint = (got: unknown, values: readonly unknown[]) =>
  typeof got === "string" ? didYouMean(got, values.map(String)) : "";

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let here = value;
  for (const key of path) {
    here = isObject(here) || Array.isArray(here) ? (here as Record<PropertyKey, unknown>)[key] : undefined;
  }
  return here;
}
