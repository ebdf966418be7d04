/**
 * The named mutations of mutants.mjs. Each must make at least one of its tests fail.
 * `find` stands exactly once in `file`; `tests` are files that read the source, not `dist`.
 */
export const mutants = [
  {
    name: "rng: shuffle never leaves an item in place",
    file: "src/core/rng.ts",
    find: "const j = rng.int(i + 1);",
    replace: "const j = rng.int(i);",
    tests: ["src/core/rng.test.ts"],
  },
  {
    name: "rng: shuffle skips the last pair",
    file: "src/core/rng.ts",
    find: "i > 0; i--",
    replace: "i > 1; i--",
    tests: ["src/core/rng.test.ts"],
  },
  {
    name: "rng: a fork depends on the draws before it",
    file: "src/core/rng.ts",
    find: "JSON.stringify([key, ...labels])",
    replace: "JSON.stringify([key, next(), ...labels])",
    tests: ["src/core/rng.test.ts"],
  },
  {
    name: "rng: fork labels are joined",
    file: "src/core/rng.ts",
    find: "JSON.stringify([key, ...labels])",
    replace: 'key + labels.join("")',
    tests: ["src/core/rng.test.ts"],
  },
  {
    name: "rng: normal draws with the wrong variance",
    file: "src/core/rng.ts",
    find: "Math.sqrt(-2 * ",
    replace: "Math.sqrt(-1 * ",
    tests: ["src/core/rng.test.ts"],
  },
  {
    name: "suggest: twice the distance is near enough",
    file: "src/core/suggest.ts",
    find: "word.length / 3",
    replace: "word.length / 1.5",
    tests: ["src/core/suggest.test.ts"],
  },
  {
    name: "suggest: a swap of neighbours costs two",
    file: "src/core/suggest.ts",
    find: "rows[i - 2]![j - 2]! + 1",
    replace: "rows[i - 2]![j - 2]! + 2",
    tests: ["src/core/suggest.test.ts"],
  },
  {
    name: "suggest: the last of equals wins",
    file: "src/core/suggest.ts",
    find: "distance < best.distance",
    replace: "distance <= best.distance",
    tests: ["src/core/suggest.test.ts"],
  },
  {
    name: "digest: keys in the order they came",
    file: "src/core/digest.ts",
    find: "a < b ? -1 : a > b ? 1 : 0",
    replace: "a === b ? 1 : 0",
    tests: ["src/core/digest.test.ts"],
  },
  {
    name: "digest: not-a-number reads as null",
    file: "src/core/digest.ts",
    find: "!Number.isFinite(member)",
    replace: "member === Infinity",
    tests: ["src/core/digest.test.ts"],
  },
  {
    name: "files: a failed write leaves its temporary",
    file: "src/core/files.ts",
    find: "await rm(temporary, { force: true }).catch(() => {});",
    replace: "",
    tests: ["src/core/files.test.ts"],
  },
  {
    name: "files: the old folder goes before the new one is whole",
    file: "src/core/files.ts",
    find: "    await mkdir(temporary, { recursive: true });",
    replace:
      "    await rm(path, { recursive: true, force: true });\n    await mkdir(temporary, { recursive: true });",
    tests: ["src/core/files.test.ts"],
  },
  {
    name: "files: written in place",
    file: "src/core/files.ts",
    find: 'await open(temporary, "wx")',
    replace:
      'await open(path, "w").then(async (file) => (await open(temporary, "wx").then((t) => t.close()), file))',
    tests: ["src/core/files.test.ts"],
  },
  {
    name: "log: a resumed task counts the work of earlier runs",
    file: "src/core/log.ts",
    find: "done - (first ?? 0)",
    replace: "done",
    tests: ["src/core/log.test.ts"],
  },
];
