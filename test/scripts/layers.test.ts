import { describe, expect, test } from "vitest";
import {
  bannedProblems,
  budgetProblems,
  checkAll,
  cycleProblems,
  docProblems,
  doubledNoMore,
  doubledProblems,
  importsOf,
  LIMITS,
  layerProblems,
  lengthProblems,
  linesPerPlace,
  STOREYS,
  scan,
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
      'import type { B } from "../../base/stats/b.ts";',
      "import {\n  c,\n} from '../../base/core/c.ts';",
      'export * from "./d.ts";',
      'import "./e.ts";',
      'const f = await import("./f.ts");',
      'type G = import("./g.ts").G;',
      'import fs from "node:fs";',
    ].join("\n");
    expect(importsOf("src/engine/graph/x.ts", text)).toEqual([
      { target: "src/engine/graph/a.ts", line: 1 },
      { target: "src/base/stats/b.ts", line: 2 },
      { target: "src/base/core/c.ts", line: 5 },
      { target: "src/engine/graph/d.ts", line: 6 },
      { target: "src/engine/graph/e.ts", line: 7 },
      { target: "src/engine/graph/f.ts", line: 8 },
      { target: "src/engine/graph/g.ts", line: 9 },
    ]);
  });

  test("in comments and strings are not imports", () => {
    const text = `// import "./a.ts"\nconst s = 'import "./b.ts"';\nBuffer.from("./c.ts");`;
    expect(importsOf("src/engine/graph/x.ts", text)).toEqual([]);
  });
});

describe("rule a, storeys and rooms", () => {
  const what = "expected only its own room, earlier rooms of its storey and storeys below";

  test("a room imports itself, earlier rooms of its storey and storeys below, not later ones", () => {
    expect(
      layersOf(
        "src/engine/text/x.ts",
        'import "./y.ts"; import "../graph/y.ts"; import "../../base/core/y.ts"; import "./parts/z.ts";',
      ),
    ).toEqual([]);
    expect(layersOf("src/engine/graph/x.ts", '\nimport type { Y } from "../runtime/y.ts";')).toEqual([
      `src/engine/graph/x.ts:2: imports src/engine/runtime/y.ts, ${what}`,
    ]);
    expect(layersOf("src/engine/graph/x.ts", 'import "../../method/data/y.ts";')).toEqual([
      `src/engine/graph/x.ts:1: imports src/method/data/y.ts, ${what}`,
    ]);
  });

  test("each neighbour in the lists is allowed in one direction only", () => {
    const places = STOREYS.flatMap(({ name, rooms }) =>
      (rooms.length === 0 ? [""] : rooms).map((room) => ({
        name,
        file: `src/${name}/${room && `${room}/`}x.ts`,
      })),
    );
    for (let i = 1; i < places.length; i++) {
      const [below, above] = [places[i - 1]!, places[i]!];
      const aside = STOREYS.find(({ name }) => name === above.name)!.aside?.includes(below.name) ?? false;
      expect(layerProblems(above.file, [{ target: below.file, line: 1 }])).toHaveLength(aside ? 1 : 0);
      expect(layerProblems(below.file, [{ target: above.file, line: 1 }])).toHaveLength(1);
    }
  });

  test("report and engine do not know each other", () => {
    expect(layersOf("src/report/x.ts", 'import "../engine/graph/y.ts";')).toHaveLength(1);
    expect(layersOf("src/engine/graph/x.ts", 'import "../../report/y.ts";')).toHaveLength(1);
    expect(layersOf("src/pipeline/results/x.ts", 'import "../../report/y.ts";')).toEqual([]);
  });

  test("index.ts imports anything and nobody imports index.ts", () => {
    expect(layersOf("src/index.ts", 'export * from "./interfaces/cli/main.ts";')).toEqual([]);
    expect(layersOf("src/interfaces/cli/x.ts", 'import "../../index.ts";')).toHaveLength(1);
  });

  test("a test may use helpers outside src and all rooms of its storey, not a storey above", () => {
    const text = 'import "../../../test/helpers.ts"; import "../stats/y.ts";';
    expect(layersOf("src/base/core/x.test.ts", text)).toEqual([]);
    expect(layersOf("src/base/core/x.ts", text)).toHaveLength(2);
    expect(layersOf("src/base/core/x.test.ts", 'import "../../engine/graph/y.ts";')).toHaveLength(1);
  });

  test("nobody imports a test, and an unknown storey or room is named", () => {
    expect(layersOf("src/engine/graph/x.ts", 'import "./y.test.ts";')).toHaveLength(1);
    expect(layersOf("src/utils/x.ts", "")[0]).toContain("folder utils is not a storey");
    expect(layersOf("src/base/x.ts", "")[0]).toContain("x.ts is not a room of base");
    expect(layersOf("src/base/utils/x.ts", "")[0]).toContain("utils is not a room of base");
    expect(layersOf("src/interfaces/cli/x.ts", 'import "../../utils/y.ts";')).toHaveLength(1);
  });
});

describe("rule b, cycles", () => {
  test("a circle is reported once, as a path, also through types", () => {
    const files = [
      { path: "src/base/core/a.ts", text: 'import { b } from "./b.ts";' },
      { path: "src/base/core/b.ts", text: 'import type { C } from "./c.ts";' },
      { path: "src/base/core/c.ts", text: 'import "./b.ts"; import "./d.ts";' },
      { path: "src/base/core/d.ts", text: "" },
    ];
    expect(cycleProblems(files)).toEqual([
      "src/base/core/b.ts:1: import cycle src/base/core/b.ts -> src/base/core/c.ts -> src/base/core/b.ts",
    ]);
  });

  test("two ways to the same file are no circle, a file importing itself is one", () => {
    const diamond = [
      { path: "src/base/core/a.ts", text: 'import "./b.ts"; import "./c.ts";' },
      { path: "src/base/core/b.ts", text: 'import "./d.ts";' },
      { path: "src/base/core/c.ts", text: 'import "./d.ts";' },
      { path: "src/base/core/d.ts", text: "" },
    ];
    expect(cycleProblems(diamond)).toEqual([]);
    expect(cycleProblems([{ path: "src/base/core/a.ts", text: 'import "./a.ts";' }])).toHaveLength(1);
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

  test("rooms and storeys have budgets, which count lines without tests", () => {
    const room = { path: "src/base/core/a.ts", text: lines(LIMITS.room) };
    const test = { path: "src/base/core/a.test.ts", text: lines(7) };
    expect(linesPerPlace([room, test])).toEqual(
      new Map([
        ["base", LIMITS.room],
        ["base/core", LIMITS.room],
      ]),
    );
    expect(budgetProblems([room, test])).toEqual([]);
    expect(budgetProblems([room, test, { path: "src/base/core/b.ts", text: "x;" }])).toEqual([
      `src/base/core: ${LIMITS.room + 1} lines without tests, expected at most ${LIMITS.room}`,
    ]);
    const rest = { path: "src/base/stats/b.ts", text: lines(LIMITS.storeys.base! - LIMITS.room + 1) };
    expect(budgetProblems([room, rest])).toEqual([
      `src/base: ${LIMITS.storeys.base! + 1} lines without tests, expected at most ${LIMITS.storeys.base}`,
    ]);
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
    { path: "src/base/core/a.ts", text: 'import "../../interfaces/cli/b.ts";\nexport const a: any = 1;' },
    { path: "src/base/core/a.test.ts", text: "export const b = 1;" },
    { path: "src/interfaces/cli/b.ts", text: 'import "../../base/core/a.ts";' },
  ]);
  expect(problems.map((problem) => problem.replace(/^([^:]*:\d+).*/, "$1"))).toEqual([
    "src/base/core/a.ts:1",
    "src/base/core/a.ts:2",
    "src/base/core/a.ts:2",
    "src/base/core/a.ts:1",
  ]);
});

describe("doubled names", () => {
  const file = (path: string, text: string) => ({ path, text });
  test("a name that two files export is refused, with both files", () => {
    const files = [
      file(
        "src/base/core/a.ts",
        "export type Row = 1;\nexport function read(a: 1): 1;\nexport function read(a: 2): 2;",
      ),
      file("src/base/core/b.ts", "export const row = 1;\nexport async function read() {}"),
      file("src/base/core/b.test.ts", "export type Row = 2;"),
    ];
    expect(doubledProblems(files, new Set())).toEqual([
      "src/base/core/b.ts:1: exports read, as src/base/core/a.ts does; expected each name once",
    ]);
    expect(doubledProblems(files, new Set(["read"]))).toEqual([]);
    expect(doubledNoMore(files, new Set(["read", "Row"]))).toEqual([
      "scripts/layers-rules.mjs:1: Row is double no more, expected off the list DOUBLED",
    ]);
  });

  test("what is in a string, a comment or not exported is no export", () => {
    const text = "// export const x = 1;\nconst x = 1;\nconst t = `\nexport const x = 2;\n`;";
    expect(
      doubledProblems([file("src/a.ts", text), file("src/b.ts", "export const x = 1;")], new Set()),
    ).toEqual([]);
  });
});
