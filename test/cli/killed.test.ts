/** A whole run killed at operations on files, by one process and by two at once; `npm run soak:kill` is the long one. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { killRuns } from "../helpers/kill-run.ts";
import { writeTinyRecipe } from "../helpers/tiny-recipe.ts";
import { nodeArguments } from "./spawn.ts";

test("killed in the middle of writing, linking and renaming, a run ends with the same report and leaves nothing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "killed-"));
  try {
    const command = [...nodeArguments, "run", await writeTinyRecipe(folder)];
    const outcome = await killRuns({ command, folder, kills: 1, seed: 4, span: 5000, pairs: 1 });
    expect(outcome.kills).toBeGreaterThanOrEqual(1);
    expect(outcome.operations).toBeGreaterThan(1000);
    // How long nobody said a word depends on what else the machine does.
    expect(outcome.problems.filter((problem) => !problem.includes("without a word"))).toEqual([]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
