import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadRecipe } from "./parse.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-extends-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("a mistake in a file that extends another is told in that file, also where it writes what the base spells out in short", async () => {
  await writeFile(
    join(folder, "spelt.yaml"),
    "version: 1\nname: spelt\nmodels: { weak: { source: stories15M }, student: { source: stories15M } }\ndata:\n  source: { file: a.jsonl, limit: 5 }\n  split: { labelled: 0.3, unlabelled: 0.5, test: 0.2 }\narms:\n  - { name: one, labels: weak, select: all }\nlabel: { held_out: 0.1 }\n",
  );
  const problems = async (text: string) => {
    await writeFile(join(folder, "short.yaml"), `extends: spelt.yaml\n${text}`);
    return loadRecipe("short.yaml", { from: folder }).then(
      () => "",
      (error: Error) => error.message,
    );
  };
  expect(await problems("models: { weak: 5 }\n")).toMatch(/^short\.yaml:2:11: models\.weak/);
  expect(await problems("data: { source: 7 }\n")).toMatch(/^short\.yaml:2:9: data\.source/);
  expect(await problems("arms: [wek]\n")).toMatch(/^short\.yaml:2:8: arms\[0\]/);
  expect(await problems("data: { unlabelled: b.jsonl }\n")).toMatch(
    /^short\.yaml:2:9: data\.unlabelled: expected/,
  );
  // What only the base has is told there.
  await writeFile(join(folder, "odd.yaml"), "extends: spelt.yaml\nlabel: { held_out: 7 }\n");
  await writeFile(join(folder, "short.yaml"), "extends: odd.yaml\nlabel: { select: all }\n");
  await expect(loadRecipe("short.yaml", { from: folder })).rejects.toThrow(
    /^odd\.yaml:2:10: label\.held_out/,
  );
});
