/** What weak-teacher 0.1 left on disk (`test/fixtures/files-0.1`): labels and answers are read, run folders are refused by name. */
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRuns } from "../../src/pipeline/results/compare/run-folder.ts";
import { openRun, reportRun, runOneStage } from "../../src/pipeline/run/run.ts";
import { folderStatus } from "../../src/pipeline/run/status.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-older-"));
  await cp(fileURLToPath(new URL("../fixtures/files-0.1", import.meta.url)), folder, { recursive: true });
});
afterAll(() => rm(folder, { recursive: true }));

const refusal =
  /run: its stages have layout 1, which weak-teacher 0.1 wrote, expected layout 2. Run its recipe again/;

test("a run of an older layout is refused by its name, with what to do", async () => {
  const before = await readFile(at("run", "recipe.yaml"), "utf8");
  const { code, stderr } = await weakTeacher(["run", "run/recipe.yaml", "--out", "run"], { cwd: folder });
  expect(code, stderr).toBe(2);
  expect(stderr).toMatch(refusal);
  expect(await readFile(at("run", "recipe.yaml"), "utf8")).toBe(before);
});

test.each([
  ["report", () => reportRun(at("run"), { code: "test" })],
  ["stage", () => runOneStage(at("run"), "data", { code: "test" })],
  ["export and evaluate", () => openRun(at("run"), { code: "test" })],
  ["status", () => folderStatus(at("run"), "test")],
  ["compare", () => openRuns([at("run"), at("labels")])],
])("so it is by %s", async (_, open) => {
  await expect(open()).rejects.toThrow(refusal);
});
