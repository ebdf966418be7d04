import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { onNotice } from "../../base/core/notices.ts";
import { shortNames } from "../../method/data/source.ts";
import { loadRecipe } from "./parse.ts";
import { fromRecipeFile, withWholePaths } from "./paths.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-paths-"));
  for (const name of ["small", "big", "parts", "deep"]) await mkdir(join(folder, name));
  for (const name of ["pairs.jsonl", "parts/a.jsonl", "gold.mjs", "prompts.json", "package.json"])
    await writeFile(join(folder, name), "");
});
afterAll(() => rm(folder, { recursive: true }));

const at = (name: string) => join(folder, name);
const read = (value: unknown) => fromRecipeFile(value, at("recipe.yaml"));

test("every setting that is a path is taken from the recipe's folder, in each of its forms", () => {
  const recipe = {
    models: { weak: "small", student: { source: "./big", layers: 2 } },
    data: {
      source: ["pairs.jsonl", { file: "parts/*.jsonl", weight: 2 }],
      unlabelled: "parts",
      test: { file: "pairs.jsonl", limit: 3 },
      world: { prompts: "prompts.json", gold: { type: "programmatic", module: "gold.mjs" } },
    },
    teacher: { kind: "ensemble", members: [{ weak: "small" }, { weak: { source: "big" } }] },
    eval: {
      gold: ["sentiment", { type: "reward-model", model: "big" }],
      judges: [{ type: "local", model: "big" }],
    },
  };
  expect(read(recipe)).toEqual({
    models: { weak: at("small"), student: { source: at("big"), layers: 2 } },
    data: {
      source: [at("pairs.jsonl"), { file: at("parts/*.jsonl"), weight: 2 }],
      unlabelled: at("parts"),
      test: { file: at("pairs.jsonl"), limit: 3 },
      world: { prompts: at("prompts.json"), gold: { type: "programmatic", module: at("gold.mjs") } },
    },
    teacher: { kind: "ensemble", members: [{ weak: at("small") }, { weak: { source: at("big") } }] },
    eval: {
      gold: ["sentiment", { type: "reward-model", model: at("big") }],
      judges: [{ type: "local", model: at("big") }],
    },
  });
});

test("names that are no paths stay: a hub's, the built-in model, an endpoint's model, the demo's prompts", () => {
  const recipe = {
    name: "small",
    models: { weak: "hub:Owner/small", student: "stories15M" },
    data: { world: { prompts: "demo" }, source: "hub:Owner/data/x.jsonl", labelled: at("pairs.jsonl") },
    teacher: { kind: "judge-chat", model: "small" },
    eval: { judges: [{ type: "chat", model: "big" }] },
  };
  expect(read(recipe)).toEqual(recipe);
});

test("where only the working directory has it, that is read and said; where both have it, the recipe's", () => {
  const told: string[] = [];
  const stop = onNotice((text) => told.push(text));
  // Tests run in the project's folder.
  expect(read({ data: { source: "README.md" } })).toEqual({
    data: { source: join(process.cwd(), "README.md") },
  });
  expect(told.pop()).toMatch(
    /recipe\.yaml: data\.source: README\.md is not beside the recipe; .*README\.md is read/,
  );
  expect(read({ data: { source: "package.json" } })).toEqual({ data: { source: at("package.json") } });
  expect(told.pop()).toMatch(/data\.source: .*package\.json is read, beside the recipe, and not /);
  stop();
  // What is nowhere: a file is missed beside the recipe, a name on a hub is told by its form.
  expect(read({ data: { source: "none.jsonl" }, models: { weak: "Owner/none" } })).toEqual({
    data: { source: at("none.jsonl") },
    models: { weak: "Owner/none" },
  });
});

test("a base has paths of its own, and --set those of the working directory", async () => {
  await writeFile(
    at("deep/base.yaml"),
    "version: 1\nname: x\nmodels: { weak: ../small, student: ../big }\ndata: { source: ../pairs.jsonl, split: { labelled: 0.3, unlabelled: 0.5, test: 0.2 } }\n",
  );
  await writeFile(at("over.yaml"), "extends: deep/base.yaml\ndata: { source: parts }\n");
  const recipe = await loadRecipe(at("over.yaml"), { set: ["models.student=src"] });
  expect(recipe.models.weak?.source).toBe(at("small"));
  expect(recipe.data.source).toMatchObject({ file: at("parts") });
  expect(recipe.models.student.source).toBe("src");
  expect(withWholePaths(recipe).models.student.source).toBe(join(process.cwd(), "src"));
});

test("files are called by the shortest end of their paths that tells them apart", () => {
  const names = shortNames([
    "/a/x/pairs.jsonl",
    "/a/y/pairs.jsonl",
    "/b/other.csv",
    "parts/{a,b}/*.jsonl",
    "hub:O/n/f.jsonl",
  ]);
  expect([...names.values()]).toEqual([
    "x/pairs.jsonl",
    "y/pairs.jsonl",
    "other.csv",
    "parts/{a,b}/*.jsonl",
    "hub:O/n/f.jsonl",
  ]);
  expect(shortNames(["/c/*.jsonl"]).get("/c/*.jsonl")).toBe("c/*.jsonl");
  expect(shortNames(["pairs.jsonl", "./pairs.jsonl"]).get("./pairs.jsonl")).toBe("./pairs.jsonl");
});
