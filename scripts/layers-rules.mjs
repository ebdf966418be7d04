/**
 * The house rules as pure functions over `{ path, text }`; `layers.mjs` reads the files and prints the problems.
 * Paths are relative to the project root with forward slashes: "src/core/rng.ts".
 * The source is split by a small scanner of our own (code, strings, comments): a rule must not be fooled by a
 * word inside a string, and needs no more than that of the language. Bare imports (packages) are not judged.
 */
import { posix } from "node:path";

/**
 * The storeys, ground first, each with its rooms in order: a file imports from its own room, from earlier rooms of
 * its storey and from storeys below. `aside` names storeys below that it does not know.
 */
export const STOREYS = [
  { name: "base", rooms: ["core", "settings", "files", "stats"] },
  { name: "engine", rooms: ["graph", "runtime", "optim", "text", "model", "checkpoint"] },
  { name: "report", rooms: [], aside: ["engine"] },
  {
    name: "method",
    rooms: ["data", "split", "objective", "train", "teacher", "labels", "evaluate", "parity"],
  },
  {
    name: "pipeline",
    rooms: ["stages", "recipe", "elsewhere", "job", "results", "label", "run", "study", "export"],
  },
  { name: "interfaces", rooms: ["serve", "studio", "library", "cli"] },
];

/**
 * Lines: above `explain` a file's header must give a reason, above `file` it fails; `room` bounds a room,
 * `storeys` each storey (decision 0006), all without tests.
 */
export const LIMITS = {
  explain: 300,
  file: 500,
  room: 6_000,
  storeys: {
    base: 8_200,
    engine: 15_250,
    report: 3_700,
    method: 25_000,
    pipeline: 30_150,
    interfaces: 14_500,
  },
};

/**
 * Exported names that two files still share: words that mean one thing in each of two rooms that no file imports both of, or that wait
 * for a better one. None may join them; one that is double no more comes off the list.
 */
export const DOUBLED = new Set([
  "Adapter",
  "Answer",
  "Answers",
  "Arm",
  "Artefact",
  "Cell",
  "Column",
  "Comparison",
  "HUMAN",
  "Interval",
  "LabelRules",
  "LeftOut",
  "LoadOptions",
  "Message",
  "PairLengths",
  "PairScore",
  "Reading",
  "ReliabilityBin",
  "Scale",
  "Task",
  "Text",
  "TokenValue",
  "Verdict",
  "Vote",
  "coverageCurve",
  "examples",
  "expand",
  "identityOf",
  "keyOf",
  "labelSections",
  "openMetrics",
  "parseJson",
  "readPrompts",
  "reportOf",
  "rewardBench",
  "saidIn",
  "scoreCandidates",
  "settingsOf",
  "show",
  "startOf",
  "sum",
  "teacherOf",
  "tokenizerJson",
  "turns",
  "verdictOf",
  "warmupOf",
]);

/** True for `x.test.ts`. */
export const isTest = (path) => path.endsWith(".test.ts");

/** Every problem of every rule, as lines of text, in the order of the files. */
export function checkAll(files) {
  const perFile = files.flatMap((file) => {
    const parts = scan(file.text);
    return [
      ...layerProblems(file.path, importsOf(file.path, file.text, parts)),
      ...lengthProblems(file.path, file.text, parts),
      ...bannedProblems(file.path, file.text, parts),
      ...(isTest(file.path) ? [] : docProblems(file.path, file.text, parts)),
    ];
  });
  return [...perFile, ...cycleProblems(files), ...doubledProblems(files), ...budgetProblems(files)];
}

/**
 * Splits a source: `code` is the text with comments and the insides of strings and regular expressions blanked
 * (same length, same line breaks), `comments` their spans.
 */
export function scan(text) {
  const code = text.split("");
  const comments = [];
  const blank = (from, to) => {
    for (let k = from; k < to; k++) if (code[k] !== "\n") code[k] = " ";
  };
  /** Depths of braces at which a `}` goes back into a template string. */
  const templates = [];
  let depth = 0;
  let at = 0;
  const quoted = (start, quote) => {
    let end = start + 1;
    while (end < text.length && text[end] !== quote && text[end] !== "\n") end += text[end] === "\\" ? 2 : 1;
    blank(start + 1, Math.min(end, text.length));
    return end + 1;
  };
  const template = (start) => {
    let end = start + 1;
    while (end < text.length && text[end] !== "`" && !text.startsWith("${", end))
      end += text[end] === "\\" ? 2 : 1;
    blank(start + 1, Math.min(end, text.length));
    if (text[end] !== "$") return end + 1;
    templates.push(depth++);
    return end + 2;
  };
  while (at < text.length) {
    const char = text[at];
    if (text.startsWith("//", at) || text.startsWith("/*", at)) {
      const close = text[at + 1] === "/" ? text.indexOf("\n", at) : text.indexOf("*/", at) + 2;
      const end = close < at + 2 ? text.length : close;
      comments.push({ start: at, end });
      blank(at, end);
      at = end;
    } else if (char === '"' || char === "'") at = quoted(at, char);
    else if (char === "`") at = template(at);
    else if (char === "/" && startsRegex(code, at)) {
      const end = regexEnd(text, at);
      blank(at + 1, end - 1);
      at = end;
    } else if (char === "}" && templates.at(-1) === depth - 1) {
      depth = templates.pop();
      at = template(at);
    } else {
      if (char === "{") depth++;
      else if (char === "}") depth--;
      at++;
    }
  }
  return { code: code.join(""), comments };
}

/** A slash divides after a value (name, number, closing bracket, string) and opens a regular expression elsewhere. */
function startsRegex(code, at) {
  const before = code
    .slice(Math.max(0, at - 200), at)
    .join("")
    .trimEnd();
  if (/\b(?:return|typeof|case|in|of|do|else|void|delete|await|yield)$/.test(before)) return true;
  return !/[\w$)\]}"'`!]$/.test(before) || /[=(,&|?:[{;\s]!$/.test(before);
}

function regexEnd(text, start) {
  let inClass = false;
  for (let end = start + 1; end < text.length && text[end] !== "\n"; end++) {
    if (text[end] === "\\") end++;
    else if (text[end] === "[") inClass = true;
    else if (text[end] === "]") inClass = false;
    else if (text[end] === "/" && !inClass) return end + 1;
  }
  return start + 1;
}

/** Relative imports of a file, static, dynamic, re-exports and types alike: `[{ target, line }]`, target as a path. */
export function importsOf(path, text, parts = scan(text)) {
  const found = [];
  for (const match of parts.code.matchAll(/\b(?:from\s*|import\s*\(?\s*)(["'])( *)\1/g)) {
    const end = match.index + match[0].length - 1;
    const specifier = text.slice(end - match[2].length, end);
    if (specifier.startsWith("."))
      found.push({ target: posix.join(posix.dirname(path), specifier), line: lineAt(text, match.index) });
  }
  return found;
}

/** Where a file stands: `{ storey, room }` as positions in STOREYS, or why it stands nowhere. A storey without rooms is one room. */
function placeOf(path) {
  const [root, name, ...rest] = path.split("/");
  const storey = STOREYS.findIndex((each) => each.name === name);
  if (root !== "src" || storey < 0 || rest.length === 0)
    return {
      problem: `folder ${name} is not a storey, expected one of ${STOREYS.map((each) => each.name).join(", ")}`,
    };
  const { rooms } = STOREYS[storey];
  if (rooms.length === 0) return { storey, room: 0 };
  const room = rest.length > 1 ? rooms.indexOf(rest[0]) : -1;
  return room < 0
    ? { problem: `${rest[0]} is not a room of ${name}, expected one of ${rooms.join(", ")}` }
    : { storey, room };
}

/** Rule a. Files beside the storeys (`index.ts`) may import anything; a test also from outside src (helpers, assets) and from every room of its storey. */
export function layerProblems(path, imports) {
  if (path.split("/").length === 2) return [];
  const here = placeOf(path);
  if (here.problem) return [`${path}:1: ${here.problem}`];
  return imports.flatMap(({ target, line }) => {
    if (!target.startsWith("src/"))
      return isTest(path) ? [] : [`${path}:${line}: imports ${target}, which is outside src`];
    if (isTest(target)) return [`${path}:${line}: imports the test ${target}`];
    return mayKnow(here, placeOf(target), isTest(path))
      ? []
      : [
          `${path}:${line}: imports ${target}, expected only its own room, earlier rooms of its storey and storeys below`,
        ];
  });
}

function mayKnow(here, there, test) {
  if (there.problem) return false;
  if (here.storey === there.storey) return test || there.room <= here.room;
  return there.storey < here.storey && !STOREYS[here.storey].aside?.includes(STOREYS[there.storey].name);
}

/** Rule b: each group of files that import one another in a circle, once, as a path through it. */
export function cycleProblems(files) {
  const known = new Set(files.map((file) => file.path));
  const edges = new Map(
    files.map((file) => [
      file.path,
      [...new Set(importsOf(file.path, file.text).map((found) => found.target))].filter((to) =>
        known.has(to),
      ),
    ]),
  );
  const state = new Map();
  const problems = [];
  const visit = (path, trail) => {
    state.set(path, "open");
    for (const to of edges.get(path)) {
      if (state.get(to) === "open") {
        const circle = [...trail.slice(trail.indexOf(to)), to];
        problems.push(`${to}:1: import cycle ${circle.join(" -> ")}`);
      } else if (!state.has(to)) visit(to, [...trail, to]);
    }
    state.set(path, "done");
  };
  for (const { path } of files) if (!state.has(path)) visit(path, [path]);
  return problems;
}

/** Rule c. The header is the comment the file begins with. */
export function lengthProblems(path, text, parts = scan(text)) {
  const lines = countLines(text);
  if (lines > LIMITS.file) return [`${path}:1: ${lines} lines, expected at most ${LIMITS.file}`];
  const first = parts.comments[0];
  const header = first && text.slice(0, first.start).trim() === "" ? text.slice(first.start, first.end) : "";
  return lines > LIMITS.explain && !/Length:\s*(?:\*\s)?\s*[^\s*]/.test(header)
    ? [
        `${path}:1: ${lines} lines, expected at most ${LIMITS.explain} or a reason after "Length:" in the header`,
      ]
    : [];
}

/** Rule d: `any` as a type, and comments that silence a checker. */
export function bannedProblems(path, text, parts = scan(text)) {
  const hits = [...parts.code.matchAll(/(?::|\bas|<)\s*any\b/g)].map((match) => ({
    at: match.index,
    what: match[0].replace(/\s+/g, " "),
  }));
  for (const { start, end } of parts.comments)
    for (const match of text
      .slice(start, end)
      .matchAll(/@ts-ignore|@ts-expect-error|@ts-nocheck|biome-ignore/g))
      hits.push({ at: start + match.index, what: match[0] });
  return hits.map(({ at, what }) => `${path}:${lineAt(text, at)}: \`${what}\` is not allowed`);
}

const DECLARATION =
  /^export\s+(?:default\s+)?(?:declare\s+)?(?:async\s+|abstract\s+)?(function\s*\*?|class|interface|type|const|let)\s+([\w$]+)/gm;

/** Files by the names that they export; tests aside. */
function exportedNames(files) {
  const places = new Map();
  for (const { path, text } of files.filter((file) => !isTest(file.path)))
    for (const [, , name] of scan(text).code.matchAll(DECLARATION))
      places.set(name, (places.get(name) ?? new Set()).add(path));
  return places;
}

/** Names of the list that no two files of the whole source share any more. */
export function doubledNoMore(files, allowed = DOUBLED) {
  const places = exportedNames(files);
  return [...allowed]
    .filter((name) => (places.get(name)?.size ?? 0) < 2)
    .map((name) => `scripts/layers-rules.mjs:1: ${name} is double no more, expected off the list DOUBLED`);
}

/** Rule g: one exported name, one file; tests aside. @param allowed - names that are double today */
export function doubledProblems(files, allowed = DOUBLED) {
  return [...exportedNames(files)].flatMap(([name, paths]) =>
    paths.size > 1 && !allowed.has(name)
      ? [`${[...paths][1]}:1: exports ${name}, as ${[...paths][0]} does; expected each name once`]
      : [],
  );
}

/** Rule f. A later overload of a function needs no block of its own. */
export function docProblems(path, text, parts = scan(text)) {
  const seen = new Set();
  return [...parts.code.matchAll(DECLARATION)].flatMap((match) => {
    const name = `${match[1]} ${match[2]}`;
    const overload = match[1].startsWith("function") && seen.has(name);
    seen.add(name);
    const above = parts.comments.findLast((comment) => comment.end <= match.index);
    const documented =
      above !== undefined &&
      text.startsWith("/**", above.start) &&
      /^[ \t]*\r?\n?$/.test(text.slice(above.end, match.index));
    return documented || overload
      ? []
      : [`${path}:${lineAt(text, match.index)}: export ${name} has no JSDoc directly above`];
  });
}

/** Lines of files without tests, by the storey and by the room ("method/teacher") they stand in. */
export function linesPerPlace(files) {
  const lines = new Map();
  for (const { path, text } of files.filter((file) => !isTest(file.path))) {
    const [, storey, room] = path.split("/");
    const rooms = STOREYS.find((each) => each.name === storey)?.rooms ?? [];
    for (const place of rooms.includes(room) ? [storey, `${storey}/${room}`] : [storey])
      lines.set(place, (lines.get(place) ?? 0) + countLines(text));
  }
  return lines;
}

/** Rule e. */
export function budgetProblems(files) {
  const limitOf = (place) => (place.includes("/") ? LIMITS.room : (LIMITS.storeys[place] ?? LIMITS.file));
  return [...linesPerPlace(files)].flatMap(([place, lines]) =>
    lines > limitOf(place)
      ? [`src/${place}: ${lines} lines without tests, expected at most ${limitOf(place)}`]
      : [],
  );
}

function countLines(text) {
  return text === "" ? 0 : text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
}

function lineAt(text, index) {
  return text.slice(0, index).split("\n").length;
}
