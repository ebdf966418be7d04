import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { scan } from "../../../scripts/layers-rules.mjs";
import { flagsIn, lackingFlags } from "./lacking.ts";
import { buildProgram } from "./program.ts";

const program = buildProgram();
const has = (verb: string, flag: string) =>
  program.options
    .concat(program.commands.find((one) => one.name() === verb)!.options)
    .some(({ long }) => long === `--${flag}`);

/** What stands in the code and not in its comments, by file. */
const root = join(import.meta.dirname, "../..");
const sources = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
  .map((path) => {
    const text = readFileSync(join(root, path), "utf8");
    const { comments } = scan(text) as { comments: { start: number; end: number }[] };
    const blank = comments.reduceRight(
      (code, { start, end }) =>
        code.slice(0, start) + code.slice(start, end).replaceAll(/[^\n]/g, " ") + code.slice(end),
      text,
    );
    return { path, code: blank };
  });

/** Files whose flags are other programs': npm, sbatch and its kin, git, trainers, servers, variables of style sheets. */
const FOREIGN: Readonly<Record<string, readonly string[]>> = {
  "base/core/fetch-packages.ts": [
    "prefix",
    "ignore-scripts",
    "no-audit",
    "no-fund",
    "no-package-lock",
    "loglevel",
  ],
  "base/core/packages.ts": ["ignore-scripts"],
  "engine/checkpoint/gguf/gguf-file.ts": ["merge"],
  "method/evaluate/gold-served.ts": ["max-model-len"],
  "method/teacher/remote/listed.ts": ["max-model-len"],
  "method/teacher/remote/rewards.ts": ["runner", "pooler-config"],
  "pipeline/run/source-commit.ts": ["short"],
};
const FOREIGN_PLACES = [
  /^pipeline\/(elsewhere|export)\//,
  /^pipeline\/recipe\/(executor|trainer)/,
  /^pipeline\/run\/(slurm|ray|cluster)\//,
  /^report\/page\//,
  /completion\.ts$/,
];

describe("flags that messages recommend", () => {
  test("are flags of some verb", () => {
    const all = new Set(["--help"]);
    for (const { long } of program.commands.concat(program).flatMap(({ options }) => options))
      if (long) all.add(long);
    const unknown = sources
      .filter(({ path }) => !FOREIGN_PLACES.some((place) => place.test(path)))
      .flatMap(({ path, code }) =>
        [...code.matchAll(/(?<=["'`\s(])--([a-z][a-z-]*[a-z])/g)]
          .map(([, name]) => name!)
          .filter((name) => !all.has(`--${name}`) && !FOREIGN[path]?.includes(name))
          .map((name) => `${path}: --${name}`),
      );
    expect([...new Set(unknown)]).toEqual([]);
  });

  test("in a command that a message spells out are that verb's", () => {
    const wrong: string[] = [];
    let seen = 0;
    for (const { path, code } of sources)
      for (const [, verb, rest] of code.matchAll(/weak-teacher ([a-z-]+)((?: [^\s"`']+)*)/g))
        if (program.commands.some((one) => one.name() === verb))
          for (const [, flag] of rest!.matchAll(/ --([a-z][a-z-]*[a-z])/g)) {
            seen++;
            if (!has(verb!, flag!)) wrong.push(`${path}: ${verb} --${flag}`);
          }
    expect(wrong).toEqual([]);
    expect(seen).toBeGreaterThan(5);
  });

  test("in examples of help are that verb's", () => {
    const wrong = program.commands.flatMap((command) => {
      let text = "";
      command.configureOutput({ writeOut: (part) => (text += part) });
      command.outputHelp();
      return [...text.matchAll(/\$ weak-teacher ([a-z-]+)(.*)/g)].flatMap(([, verb, rest]) =>
        [...rest!.matchAll(/ --([a-z][a-z-]*[a-z])/g)].flatMap(([, flag]) =>
          has(verb!, flag!) ? [] : [`${verb} --${flag}`],
        ),
      );
    });
    expect(wrong).toEqual([]);
  });

  test("of readers that several verbs share are on each verb that reads preferences", () => {
    const readers = sources.filter(({ path }) => /^(method\/data|base\/files)\//.test(path));
    const flags = new Set(
      readers.flatMap(({ code }) =>
        [...code.matchAll(/(?<=["'`\s(])--([a-z][a-z-]*[a-z])/g)].map(([, name]) => name!),
      ),
    );
    expect(flags).toContain("map");
    for (const verb of [
      "inspect",
      "init",
      "label",
      "audit",
      "sft",
      "prefer",
      "reward",
      "reward-bench",
      "combine",
    ])
      for (const flag of flags) expect(has(verb, flag), `${verb} --${flag}`).toBe(true);
  });
});

describe("what the verb at hand lacks", () => {
  const notes = (message: string, ...argv: string[]) => lackingFlags(message, program, argv);

  test("is told with where it stands instead", () => {
    expect(notes("Name the columns with --map.", "run", "recipe.yaml")).toEqual([
      "note: run takes no --map; in the recipe it is a member of a source, as data.source: {file: …, map: …}.",
    ]);
    expect(notes("Give it with --calibrate.", "--json", "combine", "a")).toEqual([
      "note: combine takes no --calibrate; it is a flag of label.",
    ]);
  });

  test("is nothing where it has the flag, the message says where, spells a command out, or names another program's", () => {
    expect(notes("Name the columns with --map.", "inspect", "x.csv")).toEqual([]);
    expect(notes("with --on-bad-row skip (in a recipe data.on_bad_row: skip)", "run", "r.yaml")).toEqual([]);
    expect(notes("Finish it with: weak-teacher run recipe.yaml --set a=1 --out x", "report", "x")).toEqual(
      [],
    );
    expect(notes("serve with a larger --max-model-len", "label", "x")).toEqual([]);
    expect(flagsIn("--a-flag and --other: two --- three -- four")).toEqual(["a-flag", "other"]);
  });
});
