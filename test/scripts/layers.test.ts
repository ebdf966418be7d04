import { describe, expect, test } from "vitest";
import {
  bannedProblems,
  budgetProblems,
  checkAll,
  cycleProblems,
  docProblems,
  FOLDERS,
  importsOf,
  LIMITS,
  layerProblems,
  lengthProblems,
  scan,
  totalLines,
} from "../../scripts/layers-rules.mjs";

const layersOf = (path: string, text: string) => layerProblems(path, importsOf(path, text));

describe("the scanner", () => {
  test("blanks comments and the insides of strings, and keeps length and line breaks", () => {
    const text = `const a = "x // y"; // "z"\n/* b\n */ const c = 'it\\'s';`;
    const { code, comments } = scan(text);
    expect(code).toBe(`const a = "      ";       \n    \n    const c = '     ';`);
    expect(comments.map(({ start, end }) => text.slice(start, end))).toEqual(['// "z"', "/* b\n */"]);
  });

  test("goes into and out of template strings, nested ones too", () => {
    // biome wants no placeholder in a plain string, so the dollar comes from outside.
    const open = `$${"{"}`;
    const text = `f(\`a // ${open}g({ x: \`/* ${open}1} \` })} " \`); // end`;
    const { code, comments } = scan(text);
    expect(comments.map(({ start, end }) => text.slice(start, end))).toEqual(["// end"]);
    expect(code).toContain("g({ x: ");
    expect(code).not.toContain("a //");
  });

  test("tells a regular expression from a division", () => {
    const strings = (text: string) => scan(text).comments.length;
    expect(strings(`const r = /["'/*]/; // one`)).toBe(1);
    expect(strings("const r = !/[/]'/.test(x); // one")).toBe(1);
    expect(strings("const q = a / b; /* one */ const s = (a) / 'x//y'.length;")).toBe(1);
    expect(strings("const q = x! / 2; // one\nreturn /'/;// two")).toBe(2);
  });

  test("survives an unfinished comment, string and template", () => {
    for (const text of ["/* a", "// a", '"a', "`a", `\`$${"{"}`, "/a", ""])
      expect(scan(text).code).toHaveLength(text.length);
  });
});

describe("imports", () => {
  test("are found whatever their form, with their lines", () => {
    const text = [
      'import { a } from "./a.ts";',
      'import type { B } from "../stats/b.ts";',
      "import {\n  c,\n} from '../core/c.ts';",
      'export * from "./d.ts";',
      'import "./e.ts";',
      'const f = await import("./f.ts");',
      'type G = import("./g.ts").G;',
      'import fs from "node:fs";',
    ].join("\n");
    expect(importsOf("src/graph/x.ts", text)).toEqual([
      { target: "src/graph/a.ts", line: 1 },
      { target: "src/stats/b.ts", line: 2 },
      { target: "src/core/c.ts", line: 5 },
      { target: "src/graph/d.ts", line: 6 },
      { target: "src/graph/e.ts", line: 7 },
      { target: "src/graph/f.ts", line: 8 },
      { target: "src/graph/g.ts", line: 9 },
    ]);
  });

  test("in comments and strings are not imports", () => {
    const text = `// import "./a.ts"\nconst s = 'import "./b.ts"';\nBuffer.from("./c.ts");`;
    expect(importsOf("src/graph/x.ts", text)).toEqual([]);
  });
});

describe("rule a, layers", () => {
  test("a folder imports itself and the folders above it, not those below", () => {
    expect(
      layersOf("src/graph/x.ts", 'import "./y.ts"; import "../core/y.ts"; import "./ops/z.ts";'),
    ).toEqual([]);
    expect(layersOf("src/graph/x.ts", '\nimport type { Y } from "../runtime/y.ts";')).toEqual([
      "src/graph/x.ts:2: graph imports src/runtime/y.ts, expected only graph and the folders above it",
    ]);
  });

  test("each neighbour in the list is allowed in one direction only", () => {
    for (let i = 1; i < FOLDERS.length; i++) {
      const [above, below] = [FOLDERS[i - 1], FOLDERS[i]];
      expect(layersOf(`src/${below}/x.ts`, `import "../${above}/y.ts";`)).toHaveLength(0);
      expect(layersOf(`src/${above}/x.ts`, `import "../${below}/y.ts";`)).toHaveLength(1);
    }
  });

  test("index.ts imports anything and nobody imports index.ts", () => {
    expect(layersOf("src/index.ts", 'export * from "./cli/main.ts";')).toEqual([]);
    expect(layersOf("src/cli/x.ts", 'import "../index.ts";')).toHaveLength(1);
  });

  test("a test may use helpers outside src; its own folder's order still holds", () => {
    const text = 'import "../../test/helpers.ts";';
    expect(layersOf("src/core/x.test.ts", text)).toEqual([]);
    expect(layersOf("src/core/x.ts", text)).toHaveLength(1);
    expect(layersOf("src/core/x.test.ts", 'import "../graph/y.ts";')).toHaveLength(1);
  });

  test("nobody imports a test, and an unknown folder is named", () => {
    expect(layersOf("src/graph/x.ts", 'import "./y.test.ts";')).toHaveLength(1);
    expect(layersOf("src/utils/x.ts", "")[0]).toContain("folder utils is not a layer");
    expect(layersOf("src/cli/x.ts", 'import "../utils/y.ts";')).toHaveLength(1);
  });
});

describe("rule b, cycles", () => {
  test("a circle is reported once, as a path, also through types", () => {
    const files = [
      { path: "src/core/a.ts", text: 'import { b } from "./b.ts";' },
      { path: "src/core/b.ts", text: 'import type { C } from "./c.ts";' },
      { path: "src/core/c.ts", text: 'import "./b.ts"; import "./d.ts";' },
      { path: "src/core/d.ts", text: "" },
    ];
    expect(cycleProblems(files)).toEqual([
      "src/core/b.ts:1: import cycle src/core/b.ts -> src/core/c.ts -> src/core/b.ts",
    ]);
  });

  test("two ways to the same file are no circle, a file importing itself is one", () => {
    const diamond = [
      { path: "src/core/a.ts", text: 'import "./b.ts"; import "./c.ts";' },
      { path: "src/core/b.ts", text: 'import "./d.ts";' },
      { path: "src/core/c.ts", text: 'import "./d.ts";' },
      { path: "src/core/d.ts", text: "" },
    ];
    expect(cycleProblems(diamond)).toEqual([]);
    expect(cycleProblems([{ path: "src/core/a.ts", text: 'import "./a.ts";' }])).toHaveLength(1);
  });
});

describe("rules c and e, lengths", () => {
  const lines = (n: number) => "x;\n".repeat(n);

  test("over 300 lines needs a reason in the header, over 500 fails whatever it says", () => {
    const reason = "/** Ops. Length: one table, read as a whole. */\n";
    expect(lengthProblems("src/a.ts", lines(300))).toEqual([]);
    expect(lengthProblems("src/a.ts", lines(301))).toHaveLength(1);
    expect(lengthProblems("src/a.ts", reason + lines(300))).toEqual([]);
    expect(lengthProblems("src/a.ts", reason + lines(499))).toEqual([]);
    expect(lengthProblems("src/a.ts", reason + lines(500))[0]).toBe(
      "src/a.ts:1: 501 lines, expected at most 500",
    );
  });

  test("the reason must be in the first comment and must say something", () => {
    expect(lengthProblems("src/a.ts", `x;\n/** Length: late. */\n${lines(300)}`)).toHaveLength(1);
    expect(lengthProblems("src/a.ts", `/** Length: */\n${lines(300)}`)).toHaveLength(1);
  });

  test("the budget counts lines without tests", () => {
    const files = [
      { path: "src/core/a.ts", text: lines(LIMITS.total) },
      { path: "src/core/a.test.ts", text: lines(7) },
    ];
    expect(totalLines(files)).toBe(LIMITS.total);
    expect(budgetProblems(files)).toEqual([]);
    expect(budgetProblems([...files, { path: "src/core/b.ts", text: "x;" }])).toHaveLength(1);
  });
});

describe("rule d, silenced checkers", () => {
  test("any as a type and muting comments are reported with their lines", () => {
    const text =
      "let a: any;\nconst b = c as any;\n// @ts-ignore\nlet d: Array<any>;\n// biome-ignore lint: why\n";
    const problems = bannedProblems("src/a.ts", text).map((problem) => problem.split(":")[1]);
    expect(problems.sort()).toEqual(["1", "2", "3", "4", "5"]);
  });

  test("the words in prose and strings are fine", () => {
    expect(
      bannedProblems("src/a.ts", '// such as any: any\nconst a = "as any"; let anyone: anybody;'),
    ).toEqual([]);
  });
});

describe("rule f, docs", () => {
  test("an export without JSDoc directly above is reported", () => {
    const text = [
      "/** Header. */",
      'import "./b.ts";',
      "export const a = 1;",
      "/** Said. */",
      "export function b() {}",
      "/** Too far. */",
      "",
      "export class C {}",
      "// not JSDoc",
      "export type D = 1;",
      'export { e } from "./e.ts";',
    ].join("\n");
    expect(docProblems("src/a.ts", text)).toEqual([
      "src/a.ts:3: export const a has no JSDoc directly above",
      "src/a.ts:8: export class C has no JSDoc directly above",
      "src/a.ts:10: export type D has no JSDoc directly above",
    ]);
  });

  test("overloads share one block; async, abstract and interface count", () => {
    const overloads =
      "/** F. */\nexport function f(a: 1): 1;\nexport function f(a: 2): 2;\nexport function f(a: number) {}";
    expect(docProblems("src/a.ts", overloads)).toEqual([]);
    const bare = "export async function g() {}\nexport abstract class H {}\nexport interface I {}";
    expect(docProblems("src/a.ts", bare)).toHaveLength(3);
  });
});

test("all rules run over every file, and tests need no docs", () => {
  const problems = checkAll([
    { path: "src/core/a.ts", text: 'import "../cli/b.ts";\nexport const a: any = 1;' },
    { path: "src/core/a.test.ts", text: "export const b = 1;" },
    { path: "src/cli/b.ts", text: 'import "../core/a.ts";' },
  ]);
  expect(problems.map((problem) => problem.replace(/^([^:]*:\d+).*/, "$1"))).toEqual([
    "src/core/a.ts:1",
    "src/core/a.ts:2",
    "src/core/a.ts:2",
    "src/core/a.ts:1",
  ]);
});
