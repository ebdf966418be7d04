/** How often the queue is looked at. The clock of this file stands still: what is waited for is written down. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { type FakeSlurm, fakeSlurm } from "../../../../test/helpers/fake-slurm.ts";
import { silentLog } from "../../../base/core/log.ts";
import { loadRecipe } from "../../recipe/parse.ts";
import type { StageStep } from "../../stages/steps.ts";
import { openSlurm } from "./slurm.ts";
import { runOnSlurm } from "./slurm-run.ts";

const { waited } = vi.hoisted(() => ({ waited: [] as number[] }));
vi.mock("node:timers/promises", () => ({
  setTimeout: async (ms: number) => {
    waited.push(ms);
  },
}));

test("waits as long as it is told between two looks at the queue", async () => {
  const step: StageStep = {
    ...{ name: "data", state: "depends", key: undefined, folder: undefined, elapsedSeconds: undefined },
    ...{ inputs: [], shared: false },
  };
  for (const [seconds, ms] of [
    ["0.5", 500],
    ["70", 70_000],
  ] as const) {
    const folder = await mkdtemp(join(tmpdir(), "wt-poll-"));
    waited.length = 0;
    try {
      const recipe = await loadRecipe("demo", {
        set: [`executor={kind: slurm, poll_seconds: ${seconds}}`, `out=${folder}`],
      });
      if (recipe.executor.kind !== "slurm") throw new Error("not slurm");
      const finish = (slurm: FakeSlurm, look: number) => {
        if (look === 3) for (const task of slurm.tasks.values()) task.state = "COMPLETED";
      };
      await runOnSlurm({
        ...{ folder, recipe, settings: recipe.executor, detach: false, log: silentLog },
        slurm: openSlurm(fakeSlurm(finish).run),
        prepare: async () => {},
        plan: async () => [step],
      });
      expect(waited.filter((one) => one === ms).length).toBeGreaterThan(1);
      expect(new Set(waited)).toEqual(new Set([ms]));
    } finally {
      await rm(folder, { recursive: true });
    }
  }
});
