/** What is loaded before a command says anything: modules are most of the time that help and status take. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const SRC = fileURLToPath(new URL("../../src/", import.meta.url));

/** Imports that are followed as soon as a module is loaded: types are gone by then, and `import()` waits. */
const STATIC = /^(?:import|export)\s(?!type\s)(?:[^;"]*?\sfrom\s+)?"([^"]+)"/gm;
const onlyTypes = (statement: string) =>
  /^(?:import|export)\s*\{([^}]*)\}/
    .exec(statement)?.[1]
    ?.split(",")
    .every((name) => /^\s*(type\s|$)/.test(name)) === true;

/** Own modules and packages that a module brings with it. */
function broughtBy(entry: string): {
  readonly own: ReadonlySet<string>;
  readonly packages: ReadonlySet<string>;
} {
  const own = new Set([join(SRC, entry)]);
  const packages = new Set<string>();
  for (const file of own) {
    expect(existsSync(file), file).toBe(true);
    for (const [statement, from] of readFileSync(file, "utf8").matchAll(STATIC)) {
      if (onlyTypes(statement)) continue;
      if (from!.startsWith(".")) own.add(join(dirname(file), from!));
      else if (!from!.startsWith("node:")) packages.add(from!);
    }
  }
  return { own, packages };
}

test("help needs the words of the verbs and no library but the one for flags", () => {
  const { own, packages } = broughtBy("interfaces/cli/main.ts");
  expect([...packages]).toEqual(["commander"]);
  // Every verb is found, so that the walk is one.
  expect(own.has(join(SRC, "interfaces/cli/verbs/label.ts"))).toBe(true);
  expect(own.size).toBeLessThan(100);
});

test("status of a finished run plans nothing and reads no recipe", () => {
  for (const entry of ["pipeline/run/status.ts", "pipeline/run/queued.ts"]) {
    const { own, packages } = broughtBy(entry);
    expect([...packages].filter((name) => name !== "zod")).toEqual([]);
    expect([...own].filter((file) => /\/(job|recipe)\/(?!resolved|seeds)/.test(file))).toEqual([]);
  }
});

test("a file of lines is read without the libraries of Parquet and Arrow", () => {
  const { packages } = broughtBy("base/files/table.ts");
  expect([...packages]).toEqual([]);
});
