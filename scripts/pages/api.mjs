/**
 * Pages of the public surface, one for each subpath of `exports`: every exported name with its documentation and its type, out of the
 * sources. `npm run pages` writes them; a test wants them fresh.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { scan } from "../layers-rules.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The subpaths with their entries: `{ name: "weak-teacher/engine", entry: "engine" }`. */
export function subpaths() {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return Object.entries(exports)
    .filter(([, target]) => typeof target === "object")
    .map(([path, { types }]) => ({
      name: path.replace(/^\./, "weak-teacher"),
      entry: types.replace(/^\.\/dist\/|\.d\.ts$/g, ""),
    }));
}

/** What an entry's text re-exports, in order: `{ name, local, from }`; `name: "*"` is everything of a file. */
export function reexports(text) {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "");
  return [...code.matchAll(/export\s+(type\s+)?(\*|\{[^}]*\})\s+from\s+"([^"]+)"/g)].flatMap(
    ([, , what, from]) =>
      what === "*"
        ? [{ name: "*", local: "*", from }]
        : what
            .slice(1, -1)
            .split(",")
            .map((part) => part.trim().replace(/^type\s+/, ""))
            .filter((part) => part !== "")
            .map((part) => {
              const [local, name = local] = part.split(/\s+as\s+/);
              return { name, local, from };
            }),
  );
}

const DECLARED = /^export (?:async )?(?:abstract )?(function|const|type|interface|class) (\w+)/gm;

/** Every exported declaration of a source: kind, name, documentation and type. */
function declarations(file) {
  const text = readFileSync(file, "utf8");
  const { code } = scan(text);
  return [...code.matchAll(DECLARED)].map(({ 1: kind, 2: name, index }) => ({
    kind,
    name,
    doc: docBefore(text, index),
    type: withSchema(
      text
        .slice(index, ENDS[kind](code, index))
        .trimEnd()
        .replace(/^export (async )?/, ""),
      text,
      code,
    ),
  }));
}

/** A type that is what a schema gives, with the schema, which names its members. */
function withSchema(type, text, code) {
  const name = /^type \w+ = (?:Readonly<)?z\.output<typeof (\w+)>/.exec(type)?.[1];
  const at = name === undefined ? -1 : code.search(new RegExp(`^(export )?const ${name}\\b`, "m"));
  if (at < 0) return type;
  const schema = text.slice(at, outside(code, at, (here) => code[here] === ";") + 1);
  return `${type}\n\n${schema.replace(/^export /, "")}`;
}

/** The comment that ends where a declaration begins. */
function docBefore(text, index) {
  const before = text.slice(0, index).trimEnd();
  if (!before.endsWith("*/")) return "";
  return before
    .slice(before.lastIndexOf("/**") + 3, -2)
    .replaceAll(/^\s*\* ?/gm, "")
    .trim();
}

/** Where something stands outside of all brackets, from a place on; arrows are no brackets. */
function outside(code, from, found) {
  let depth = 0;
  for (let at = from; at < code.length; at++) {
    if (depth === 0 && found(at)) return at;
    if ("({[<".includes(code[at])) depth++;
    if (")}]".includes(code[at]) || (code[at] === ">" && code[at - 1] !== "=")) depth--;
  }
  return code.length;
}

const closing = (code, open) => outside(code, open + 1, (at) => ")}]".includes(code[at])) + 1;

/** Where the type of a function ends: before its body. */
function headEnd(code, from) {
  const parameters = outside(code, from, (at) => code[at] === "(");
  const after = closing(code, parameters);
  const typed = /^\s*:\s*/.exec(code.slice(after))?.[0].length ?? 0;
  const type = after + typed;
  const begin = typed > 0 && code[type] === "{" ? closing(code, type) : type;
  return outside(code, begin, (at) => code[at] === "{" || code.startsWith("=>", at));
}

/** Where the part of a declaration ends that callers need, by its kind. */
const ENDS = {
  function: headEnd,
  const: (code, from) => {
    const value = outside(code, from, (at) => code[at] === "=" && code[at + 1] !== ">");
    return /^=\s*(async\s*)?[(<]/.test(code.slice(value)) ? headEnd(code, value) : value;
  },
  type: (code, from) => outside(code, from, (at) => code[at] === ";") + 1,
  interface: (code, from) =>
    closing(
      code,
      outside(code, from, (at) => code[at] === "{"),
    ),
  class: (code, from) => outside(code, from, (at) => code[at] === "{"),
};

/** The declarations behind a name, wherever it is declared. */
function find(file, local) {
  const own = declarations(file).filter(({ name }) => local === "*" || name === local);
  if (own.length > 0) return own;
  const text = readFileSync(file, "utf8");
  const [there] = reexports(text.replaceAll(/\bimport (type )?\{/g, "export {")).filter(
    ({ name }) => name === local,
  );
  if (there === undefined) throw new Error(`${file}: "${local}" is not declared where it is exported from`);
  return find(beside(file, there.from), there.local);
}

const beside = (file, from) => resolve(dirname(file), from);

/** All that an entry exports, by name; overloads are several. */
export function surfaceOf(entry) {
  const file = join(root, "src", `${entry}.ts`);
  return reexports(readFileSync(file, "utf8")).flatMap(({ name, local, from }) =>
    find(beside(file, from), local).map((found) => (name === "*" ? found : called(found, name))),
  );
}

/** A declaration under its public name. */
const called = (found, name) => ({
  ...found,
  name,
  type: found.type.replace(new RegExp(`^(\\w+) ${found.name}\\b`), `$1 ${name}`),
});

/** Documentation in Markdown: tags as a list. */
function words(doc) {
  const [text, ...tags] = doc.split(/^@/m);
  const lines = tags.map((tag) => {
    const [kind, ...rest] = tag.trim().split(/\s+/);
    const said = rest.join(" ");
    if (kind === "param") return `- ${said.replace(/^(\S+)\s*-?\s*/, "`$1`: ")}`;
    return `- ${kind}: ${said}`;
  });
  // One line may hold several tags.
  const inline = text.replaceAll(/ @(throws|returns) /g, "\n\n- $1: ");
  return [inline.trim(), lines.join("\n")].filter((part) => part !== "").join("\n\n");
}

const IS_TYPE = new Set(["type", "interface"]);
const section = ({ name, doc, type }) => `### ${name}\n\n${words(doc)}\n\n\`\`\`ts\n${type}\n\`\`\`\n`;
const byName = (a, b) => a.name.localeCompare(b.name, "en");

/** The comment that a file begins with. */
function headerOf(file) {
  const text = readFileSync(file, "utf8");
  return docBefore(text, text.indexOf("*/") + 2);
}

/** The page of a subpath. */
export function apiPage({ name, entry }) {
  const all = surfaceOf(entry);
  const header = headerOf(join(root, "src", `${entry}.ts`));
  const values = all.filter(({ kind }) => !IS_TYPE.has(kind)).sort(byName);
  const types = all.filter(({ kind }) => IS_TYPE.has(kind)).sort(byName);
  const part = (title, list) => (list.length === 0 ? "" : `## ${title}\n\n${list.map(section).join("\n")}\n`);
  return `# ${name}\n\nGenerated from \`src/${entry}.ts\`; do not edit. Write it anew with \`npm run pages\`.\n\n${header}\n\n${part("Functions and values", values)}${part("Types", types)}`
    .trimEnd()
    .concat("\n");
}

/** The page that names the others. */
export function indexPage() {
  const rows = subpaths().map(({ name, entry }) => {
    const values = surfaceOf(entry).filter(({ kind }) => !IS_TYPE.has(kind));
    const names = [...new Set(values.map((value) => value.name))].sort();
    return `| [\`${name}\`](${entry}.md) | ${names.join(", ")} |`;
  });
  return `# Programs

Generated by \`scripts/pages/api.mjs\`; do not edit. Write it anew with \`npm run pages\`.

What a command does, one call does. What is not on these pages is not public: it may change with any version. Three programs, run by tests against the built package:
[score two responses](../examples/score.mts), [train a teacher and label a pool](../examples/label.mts), [serve](../examples/serve.mts).

| import from | functions and values |
| --- | --- |
${rows.join("\n")}
`;
}

/** Every page by its path in docs/api. */
export const pages = () => [
  { path: "README.md", text: indexPage() },
  ...subpaths().map((subpath) => ({ path: `${subpath.entry}.md`, text: apiPage(subpath) })),
];

if (argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(join(root, "docs/api"), { recursive: true });
  for (const { path, text } of pages()) writeFileSync(join(root, "docs/api", path), text);
}
