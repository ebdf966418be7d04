/** A file of settings as it is written: its values, and where in the file each stands. */
import { isMap, isNode, isScalar, LineCounter, type ParsedNode, parseDocument } from "yaml";
import { ConfigError, messageOf } from "../core/errors.ts";
import type { Path } from "./names.ts";

/** A parsed file. */
export type SettingsDocument = {
  readonly file: string;
  readonly value: unknown;
  /**
   * `file:line:column` of the deepest part of a path that is written here; `found` is how many parts that is. `whole`: what is written there
   * is no map, so that nothing of a file below shows through.
   */
  locate(path: Path): { readonly place: string; readonly found: number; readonly whole: boolean };
};

/** Parses the text of a file of settings. @throws ConfigError with every fault of the YAML */
export function parseDocumentText(text: string, file: string): SettingsDocument {
  refuseDepth(text, file);
  const lines = new LineCounter();
  const document = parsed(text, lines, file);
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (document.errors.length > 0)
    throw new ConfigError(
      readable(
        document.errors
          .slice(0, MAX_YAML_ERRORS)
          .map(
            ({ pos, message }) => `${place(pos[0])}: ${message.split(" at line ")[0]!.replace(/\.?$/, ".")}`,
          ),
      ),
    );
  return {
    file,
    value: plainValue(document, file),
    locate: (path) => {
      const { offset, found, node } = walk(document.contents, path);
      return { place: place(offset), found, whole: found > 0 && node !== null && !isMap(node) };
    },
  };
}

/** Issues in a length that is read: the first so many, each cut. */
export function readable(issues: readonly string[]): string[] {
  const shown = issues.slice(0, 50).map((issue) => (issue.length > 600 ? `${issue.slice(0, 599)}…` : issue));
  return issues.length > 50 ? [...shown, `… and ${issues.length - 50} more.`] : shown;
}

/** One slip makes many errors of what follows it; the first ones tell where it is. */
const MAX_YAML_ERRORS = 5;

/** No recipe is nested as deeply. */
const MAX_DEPTH = 32;
/** Brackets open at one time, with those inside texts. */
const MAX_OPEN = 128;

const tooDeep = (file: string) =>
  new ConfigError(`${file}: is nested more than ${MAX_DEPTH} levels deep. Is this a recipe?`);

/**
 * Brackets and dashes are counted before the file is parsed, for a parser's time grows with the square of the depth. Those inside texts count
 * too: where a text ends is what a damaged file leaves open.
 */
function refuseDepth(text: string, file: string): void {
  if (/(?:[-?:][ \t]+){33}/.test(text)) throw tooDeep(file);
  let depth = 0;
  for (const [sign] of text.matchAll(/[[{\]}]/g)) {
    depth = sign === "[" || sign === "{" ? depth + 1 : Math.max(0, depth - 1);
    if (depth > MAX_OPEN) throw tooDeep(file);
  }
}

function parsed(text: string, lineCounter: LineCounter, file: string) {
  try {
    return parseDocument(text, { lineCounter, uniqueKeys: true });
  } catch (error) {
    throw error instanceof RangeError ? tooDeep(file) : error;
  }
}

function plainValue(document: ReturnType<typeof parseDocument>, file: string): unknown {
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    if (error instanceof RangeError) throw tooDeep(file);
    throw new ConfigError(`${file}: ${messageOf(error)}.`, { cause: error });
  }
  // An alias may name what it stands in.
  if (isDeeper(value, MAX_DEPTH)) throw tooDeep(file);
  return value;
}

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return depth === 0 || Object.values(value).some((member) => isDeeper(member, depth - 1));
}

/** Offset of the key (or the item) that a path leads to, or of the last part of it that is there. */
function walk(contents: ParsedNode | null, path: Path): { offset: number; found: number; node: unknown } {
  let node: unknown = contents;
  let offset = isNode(contents) ? (contents.range?.[0] ?? 0) : 0;
  let found = 0;
  for (const key of path) {
    const next = step(node, key);
    if (next === undefined) break;
    offset = next.offset;
    node = next.node;
    found++;
  }
  return { offset, found, node };
}

function step(node: unknown, key: string | number): { node: unknown; offset: number } | undefined {
  if (isMap(node)) {
    const pair = node.items.find(({ key: name }) => isScalar(name) && String(name.value) === String(key));
    const start = pair && isScalar(pair.key) ? pair.key.range?.[0] : undefined;
    return pair === undefined ? undefined : { node: pair.value, offset: start ?? 0 };
  }
  const items = (node as { items?: unknown[] } | null)?.items;
  const item = typeof key === "number" ? items?.[key] : undefined;
  return isNode(item) ? { node: item, offset: item.range?.[0] ?? 0 } : undefined;
}
