/** Settings that change no stage and stand in what a run says and where it lies. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeTinyRecipe } from "../helpers/tiny-recipe.ts";
import { weakTeacher } from "./spawn.ts";

test("name, out, needs and threads stand in what a run says; its stages stay", async () => {
  const folder = await mkdtemp(join(tmpdir(), "wt-elsewhere-"));
  try {
    const recipe = await writeTinyRecipe(folder);
    const run = async (...set: string[]) => {
      const all = [`out=${join(folder, "made", "here")}`, ...set];
      const outcome = await weakTeacher(["run", recipe, ...all.flatMap((one) => ["--set", one])]);
      expect(outcome.code, outcome.stderr).toBe(0);
      return outcome.stderr;
    };
    const report = async (...at: string[]) =>
      JSON.parse(await readFile(join(folder, ...at, "report.json"), "utf8"));
    await run();
    const first = await report("made", "here");
    expect(first).toMatchObject({ title: "weak-teacher: tiny", environment: { threads: 1 } });
    const said = await run("name=other", "needs=[an hour, tea]", "threads=2");
    expect(said).toMatch(/needs an hour[\s\S]*needs tea/);
    expect(said).not.toMatch(/^\S*student-weak: starts/m);
    const second = await report("made", "here");
    expect(second).toMatchObject({ title: "weak-teacher: other", environment: { threads: 2 } });
    expect(second.artefacts).toEqual(first.artefacts);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 240_000);
