/** `docs/recipe.md`, made from the recipe's JSON Schema. */

import { isObject } from "../../src/base/settings/parts.ts";
import { PRESETS } from "../../src/pipeline/recipe/presets.ts";
import { type JsonSchema, recipeJsonSchema } from "./recipe-schema.ts";

/** `kinds`: alternatives that have the setting, while they are gathered; then `doc` says them. */
type Row = { path: string; type: string; standard: string; doc: string; kinds: readonly string[] };

/** The page: one table per section, one line per setting. */
export function recipePage(): string {
  const schema = recipeJsonSchema();
  const properties = schema.properties as Record<string, JsonSchema>;
  const top = Object.entries(properties).filter(([, part]) => !isSection(part));
  const sections = Object.entries(properties).filter(([, part]) => isSection(part));
  const required = new Set(["version", "name", "models", "data"]);
  return `# Recipes

Generated from \`src/pipeline/recipe/schema.ts\`; do not edit. Write it anew with \`npx vitest run test/pages/recipe.test.ts -u\`.

A recipe is one YAML file: \`weak-teacher run recipe.yaml\`. Unknown settings are errors, all of them are told at once with file, line and
column. \`extends:\` lays a recipe over a preset (${PRESETS.map((name) => `\`${name}\``).join(", ")}) or another file; \`--set student.prefer.beta=0.05\` (a YAML
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

/** The settings below a part, each with its whole path and the kinds that it stands in. */
function rowsOf(path: string, part: JsonSchema): Row[] {
  const options = alternatives(part);
  const key = tellingKey(options);
  if (key === undefined)
    return withoutTwins(path, mergeRows(options.flatMap((option) => optionRows(path, option))));
  const kinds = options.flatMap((option) => kindOf(option, key) ?? []);
  const rows = options.flatMap((option) => {
    const kind = kindOf(option, key);
    return optionRows(path, option).map((row) => ({ ...row, kinds: kind === undefined ? [] : [kind] }));
  });
  const merged = mergeRows(rows);
  const isDirect = (row: Row) => !/[.[]/.test(row.path.slice(path.length + 1));
  const differs = ({ path: same, kinds: own }: Row) =>
    merged.some((other) => other.path === same && String(other.kinds) !== String(own));
  // What lies deeper has its kinds told by the section around it, unless it differs between them.
  return merged.map((row) =>
    isDirect(row) || differs(row) ? withKinds(row, key, kinds) : { ...row, kinds: [] },
  );
}

/** Where one or a list of them may be written, the list's settings are those of the one, and only further ones are told. */
function withoutTwins(path: string, rows: readonly Row[]): Row[] {
  const told = new Set(rows.map((row) => row.path));
  const twin = (row: Row) => row.path.replace(`${path}[].`, `${path}.`);
  return rows.filter((row) => twin(row) === row.path || !told.has(twin(row)));
}

/** The settings of one alternative. */
function optionRows(path: string, option: JsonSchema): Row[] {
  const rows: Row[] = [];
  const { items, additionalProperties: members } = option;
  if (isObject(items)) rows.push(...rowsOf(`${path}[]`, items));
  if (isObject(members)) rows.push(...rowsOf(`${path}.<name>`, members));
  for (const [name, member] of Object.entries(propertiesOf(option) ?? {})) {
    const at = `${path}.${name}`;
    if (isSection(member)) rows.push({ ...rowOf(at, member, false), type: kindsOf(member) });
    else rows.push(rowOf(at, member, isRequired(option, name)));
    if (!SAID_ABOVE.has(at)) rows.push(...rowsOf(at, member));
  }
  return rows;
}

/** Sections with the settings of one that the page has already. */
const SAID_ABOVE: ReadonlySet<string> = new Set([
  ...["teacher.teacher", "teacher.members[].teacher"],
  ...["teacher.first.teacher", "teacher.second.teacher"],
  ...["data.labelled", "data.unlabelled", "data.test"],
]);

const propertiesOf = (option: JsonSchema) => option.properties as Record<string, JsonSchema> | undefined;

/** The key whose value tells alternatives apart: one that each of them has, with a value of its own. */
function tellingKey(options: readonly JsonSchema[]): string | undefined {
  const objects = options.map(propertiesOf).filter((properties) => properties !== undefined);
  if (objects.length < 2) return undefined;
  return Object.keys(objects[0]!).find(
    (key) => new Set(objects.map((object) => object[key]?.const ?? "")).size === objects.length,
  );
}

const kindOf = (option: JsonSchema, key: string) => propertiesOf(option)?.[key]?.const as string | undefined;

/** A row that says which kinds it belongs to, unless it belongs to all of them or names them itself. */
function withKinds(row: Row, key: string, all: readonly string[]): Row {
  if (row.kinds.length === all.length || row.path.endsWith(`.${key}`)) return { ...row, kinds: [] };
  const others = all.filter((kind) => !row.kinds.includes(kind));
  const [word, named] = others.length < row.kinds.length / 2 ? ["Not", others] : ["Only", row.kinds];
  const list = named.map((kind) => `\`${kind}\``).join(", ");
  return { ...row, kinds: [], doc: `${word} with ${key} ${list}. ${row.doc}`.trim() };
}

/** The same setting in several alternatives is one line, where its default and its meaning are the same. */
function mergeRows(rows: readonly Row[]): Row[] {
  const merged = new Map<string, Row>();
  for (const row of rows) {
    const said = `${row.path}\n${row.standard}\n${row.doc}`;
    const before = merged.get(said);
    const type = before === undefined || before.type === row.type ? row.type : `${before.type}, ${row.type}`;
    merged.set(
      said,
      before === undefined ? row : { ...before, type, kinds: [...before.kinds, ...row.kinds] },
    );
  }
  return sortedByPath([...merged.values()]);
}

/** Lines of one setting follow each other, in the order of their first. */
function sortedByPath(rows: readonly Row[]): Row[] {
  const paths = [...new Set(rows.map(({ path }) => path))];
  return paths.flatMap((path) => rows.filter((row) => row.path === path));
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
  return { path, type: kindsOf(part), standard: shown, doc: cell(String(part.description ?? "")), kinds: [] };
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
