/**
 * Mutation tests: do the tests notice a flipped sign? Each named mutation of mutants-list.mjs is applied to a
 * temporary copy of the tree (the tree itself is never touched) and its tests are run there. A mutation whose
 * tests still pass is a survivor. The tests must pass unchanged first, or a failure would prove nothing.
 */
import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { mutants } from "./mutants-list.mjs";

const USAGE = `usage: node scripts/mutants.mjs [--list] [--only TEXT]

  --list       print the mutations and stop
  --only TEXT  only mutations whose name or file contains TEXT
  --help       print this

Add a mutation to scripts/mutants-list.mjs: { name, file, find, replace, tests: [paths] }.
Exit code: 0 all were noticed, 1 one survived or no longer applies, 2 wrong usage or the tests fail unchanged.`;

const LIMIT_MS = 180_000;
const NOT_COPIED = new Set(["node_modules", ".git", "dist", "runs", "coverage"]);
const root = fileURLToPath(new URL("..", import.meta.url));

process.exitCode = await main();

async function main() {
  const options = readOptions();
  if (options === undefined) return 2;
  if (options.help) return print(USAGE);
  const chosen = mutants.filter(({ name, file }) => `${name}\n${file}`.includes(options.only ?? ""));
  if (options.list) return print(chosen.map(({ name, file }) => `${file}  ${name}`).join("\n"));
  if (chosen.length === 0)
    return print(`mutants: no mutation matches "${options.only ?? ""}".\n\n${USAGE}`, 2);
  const copy = copyTree();
  process.on("exit", () => rmSync(copy.parent, { recursive: true, force: true }));
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));
  return runAll(chosen, copy.tree);
}

function readOptions() {
  try {
    const options = { list: { type: "boolean" }, only: { type: "string" }, help: { type: "boolean" } };
    return parseArgs({ options, strict: true }).values;
  } catch (error) {
    console.error(`mutants: ${error.message}\n\n${USAGE}`);
    return undefined;
  }
}

async function runAll(chosen, tree) {
  const tests = [...new Set(chosen.flatMap((mutant) => mutant.tests))];
  const absent = tests.filter((path) => !existsSync(join(tree, path)));
  if (absent.length > 0) return print(`mutants: no such test file: ${absent.join(", ")}`, 2);
  const unchanged = await runTests(tree, tests);
  if (unchanged.failed) return print(`${unchanged.output}\nmutants: the tests fail unchanged.`, 2);
  let bad = 0;
  for (const mutant of chosen) {
    const verdict = await judge(tree, mutant);
    if (verdict === "SURVIVED" || verdict === "STALE") bad++;
    console.log(`${verdict.padEnd(8)}  ${mutant.file}  ${mutant.name}`);
  }
  console.log(`mutants: ${chosen.length - bad} of ${chosen.length} noticed`);
  return bad > 0 ? 1 : 0;
}

/** "noticed", "hung" (an endless loop: noticed too), "SURVIVED", or "STALE" when `find` does not stand there once. */
async function judge(tree, { file, find, replace, tests }) {
  const path = join(tree, file);
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  if (text.split(find).length !== 2) return "STALE";
  writeFileSync(
    path,
    text.replace(find, () => replace),
  );
  const result = await runTests(tree, tests);
  writeFileSync(path, text);
  return result.hung ? "hung" : result.failed ? "noticed" : "SURVIVED";
}

/** In a process group of its own: a worker in an endless loop outlives its parent, and must be ended with it. */
function runTests(tree, tests) {
  const vitest = join("node_modules", "vitest", "vitest.mjs");
  const child = spawn(process.execPath, [vitest, "run", "--bail=1", "--maxWorkers=1", ...tests], {
    cwd: tree,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  let hung = false;
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
  const end = () => {
    if (child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  };
  const timer = setTimeout(() => {
    hung = true;
    end();
  }, LIMIT_MS);
  process.once("exit", end);
  return new Promise((resolve) => {
    child.once("close", (status) => {
      clearTimeout(timer);
      process.off("exit", end);
      resolve({ failed: status !== 0, hung, output });
    });
  });
}

/** The copy has the tree's name, and `shared` beside it where the tree has, so that tests find what they look for. */
function copyTree() {
  const parent = mkdtempSync(join(tmpdir(), "weak-teacher-mutants-"));
  const tree = join(parent, basename(root));
  mkdirSync(tree);
  cpSync(root, tree, { recursive: true, filter: (from) => from === root || !NOT_COPIED.has(basename(from)) });
  symlinkSync(join(root, "node_modules"), join(tree, "node_modules"), "dir");
  const shared = join(root, "..", "shared");
  if (existsSync(shared)) symlinkSync(shared, join(parent, "shared"), "dir");
  return { parent, tree };
}

function print(text, code = 0) {
  (code === 0 ? console.log : console.error)(text);
  return code;
}
