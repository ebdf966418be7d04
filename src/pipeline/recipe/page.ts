/** `docs/recipe.md`, made from the recipe's JSON Schema. */

import { type JsonSchema, recipeJsonSchema } from "./json-schema.ts";
import { isObject } from "./parts.ts";

type Row = { path: string; type: string; standard: string; doc: string };

/** The page: one table per section, one line per setting. */
export function recipePage(): string {
  const schema = recipeJsonSchema();
  const properties = schema.properties as Record<string, JsonSchema>;
  const top = Object.entries(properties).filter(([, part]) => !isSection(part));
  const sections = Object.entries(properties).filter(([, part]) => isSection(part));
  const required = new Set(["version", "name", "models", "data"]);
  return `# Recipes

Generated from \`src/pipeline/recipe/schema.ts\`; do not edit. Write it anew with \`npx vitest run src/pipeline/recipe/page.test.ts -u\`.

A recipe is one YAML file: \`weak-teacher run recipe.yaml\`. Unknown settings are errors, all of them are told at once with file, line and
column. \`extends:\` lays a recipe over a preset (\`demo\`, \`tao-li-2025\`, \`cwpo-2026\`) or another file; \`--set student.prefer.beta=0.05\` (a YAML
value) goes over both, and \`--set label.held_out=null\` takes a setting away. The file as it was resolved is kept in the run's folder. Editors complete recipes that begin with
\`# yaml-language-server: $schema=<path to>/recipes/recipe.schema.json\`.

${table(top.map(([name, part]) => rowOf(name, part, required.has(name))))}
${sections.map(([name, part]) => section(name, part, required.has(name))).join("\n")}`;
}

function section(name: string, part: JsonSchema, required: boolean): string {
  const doc = part.description ?? "";
  return `\n## ${name}\n\n${doc}${required ? " Required, unless a recipe that is extended has it." : ""}\n\n${table(rowsOf(name, part))}`;
}

const table = (rows: readonly Row[]) =>
  `| setting | value | default | meaning |\n| --- | --- | --- | --- |\n${rows
    .map(({ path, type, standard, doc }) => `| \`${path}\` | ${type} | ${standard} | ${doc} |\n`)
    .join("")}`;

/** The settings below a part, each with its whole path. */
function rowsOf(path: string, part: JsonSchema): Row[] {
  const rows: Row[] = [];
  for (const option of alternatives(part)) {
    const properties = option.properties as Record<string, JsonSchema> | undefined;
    const items = option.items;
    if (isObject(items)) rows.push(...rowsOf(`${path}[]`, items));
    const members = option.additionalProperties;
    if (isObject(members)) rows.push(...rowsOf(`${path}.<name>`, members));
    for (const [name, member] of Object.entries(properties ?? {})) {
      if (isSection(member)) rows.push({ ...rowOf(`${path}.${name}`, member, false), type: kindsOf(member) });
      else rows.push(rowOf(`${path}.${name}`, member, isRequired(option, name)));
      if (!SAID_ABOVE.has(`${path}.${name}`)) rows.push(...rowsOf(`${path}.${name}`, member));
    }
  }
  return mergeRows(rows);
}

/** Sections with the settings of one that the page has already. */
const SAID_ABOVE: ReadonlySet<string> = new Set(["teacher.teacher", "teacher.members[].teacher"]);

/** The same setting in several alternatives is one line. */
function mergeRows(rows: readonly Row[]): Row[] {
  const merged = new Map<string, Row>();
  for (const row of rows) {
    const before = merged.get(row.path);
    const type = before === undefined || before.type === row.type ? row.type : `${before.type}, ${row.type}`;
    merged.set(row.path, before === undefined ? row : { ...before, type });
  }
  return [...merged.values()];
}

function alternatives(part: JsonSchema): JsonSchema[] {
  const options = (part.anyOf ?? part.oneOf) as JsonSchema[] | undefined;
  return options === undefined ? [part] : options.flatMap(alternatives);
}

function isSection(part: JsonSchema): boolean {
  return alternatives(part).some(
    (option) =>
      isObject(option.properties) ||
      (isObject(option.additionalProperties) && isSection(option.additionalProperties as JsonSchema)) ||
      (isObject(option.items) && isSection(option.items as JsonSchema)),
  );
}

const isRequired = (option: JsonSchema, name: string) =>
  (option.required as string[] | undefined)?.includes(name) === true;

function rowOf(path: string, part: JsonSchema, required: boolean): Row {
  const standard = part.default;
  const shown =
    standard === undefined || isObject(standard)
      ? required
        ? "required"
        : ""
      : `\`${JSON.stringify(standard)}\``;
  return { path, type: kindsOf(part), standard: shown, doc: cell(String(part.description ?? "")) };
}

/** What may be written, in words. */
function kindsOf(part: JsonSchema): string {
  const kinds = alternatives(part).map((option) => {
    if (Array.isArray(option.enum)) return option.enum.map((value) => `\`${value}\``).join(", ");
    if (option.const !== undefined) return `\`${option.const}\``;
    if (isObject(option.properties)) return "settings";
    if (isObject(option.additionalProperties))
      return isSection(option.additionalProperties) ? "settings by name" : "values by name";
    if (option.type === "array") return "list";
    const names: Record<string, string> = {
      integer: "whole number",
      string: "text",
      boolean: "true or false",
      null: "null",
    };
    return `${names[String(option.type)] ?? String(option.type)}${boundsOf(option)}`;
  });
  return [...new Set(kinds)].join(" or ");
}

function boundsOf(part: JsonSchema): string {
  const bounds = [
    ["exclusiveMinimum", "> "],
    ["minimum", "≥ "],
    ["exclusiveMaximum", "< "],
    ["maximum", "≤ "],
  ].flatMap(([key, sign]) => (part[key!] === undefined ? [] : [`${sign}${part[key!]}`]));
  return bounds.length === 0 ? "" : ` ${bounds.join(", ")}`;
}

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
