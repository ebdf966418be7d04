import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { toyStages } from "../../../test/helpers/toy-stages.ts";
import { takeLock } from "../../base/core/lock.ts";
import type { Log } from "../../base/core/log.ts";
import { silentLog } from "../../base/core/log.ts";
import { differences, differInWords } from "./differences.ts";
import { openPipeline } from "./pipeline.ts";
import { runSingle } from "./single.ts";
import type { Identity } from "./stage.ts";

let folder: string;
let said: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-differences-"));
  said = [];
});
afterEach(() => rm(folder, { recursive: true }));

const log = (): Log => ({
  ...silentLog,
  info: (text) => said.push(text),
  warn: (text) => said.push(`! ${text}`),
});
const { writes } = toyStages(() => []);

test("settings by their paths as files write them, then inputs, then the version", () => {
  const before: Identity = {
    ...{ name: "train", version: 1, code: "1" },
    config: { settings: { learningRate: 1, maxSteps: 2 }, limits: [1] },
    inputs: { model: "a", rows: "b" },
  };
  expect(differences(before, before)).toEqual([]);
  expect(
    differences(before, {
      ...before,
      config: { settings: { learningRate: 2, maxSteps: 2, seed: 1 }, limits: [2] },
      inputs: { model: "a", rows: "c", beside: "d" },
    }),
  ).toEqual(["settings.learning_rate", "settings.seed", "limits", "input rows", "input beside"]);
  expect(differences(before, { ...before, code: "2" })).toEqual(["version of weak-teacher"]);
  expect(differInWords(["a"])).toBe("a differs");
  expect(differInWords(["a", "b", "c", "d", "e", "f", "g"])).toBe("a, b, c, d, e, 2 more differ");
});

test("an attempt that was cut off and is not gone on from is told with what differs; one that is, is not", async () => {
  const run = (rate: number, fails: boolean) =>
    openPipeline({ folder, code: "1.0.0", log: log() }).stage(
      writes("train", "x", {
        config: { settings: { learningRate: rate } },
        ...(fails && {
          run: async () => {
            throw new Error("cut off");
          },
        }),
      }),
    );
  await expect(run(1, true)).rejects.toThrow("cut off");
  expect(said).toEqual(["stage train: starts"]);
  await expect(run(1, true)).rejects.toThrow("cut off");
  expect(said.at(-1)).toBe("stage train: goes on");
  await run(2, false);
  expect(said).toContain(
    "stage train: starts anew, for an attempt that was cut off was to make something else: settings.learning_rate differs",
  );
  const made = (await readdir(join(folder, "stages"))).find((name) => name.startsWith("train-"))!;
  expect(await readdir(join(folder, "stages", made))).not.toContain("scratch");
});

test.each(["", ".worker-0123456789ab"])(
  "an attempt that goes on in a living process is not told as cut off (lock%s)",
  async (kind) => {
    const run = (rate: number, during: () => Promise<void>) =>
      openPipeline({ folder, code: "1.0.0", log: log() }).stage(
        writes("train", "x", { config: { settings: { learningRate: rate } }, run: during }),
      );
    const fails = async (): Promise<never> => {
      throw new Error("cut off");
    };
    await expect(run(1, fails)).rejects.toThrow("cut off");
    const begun = (await readdir(join(folder, "stages"))).find((name) => name.startsWith(".work-train-"))!;
    const held = await takeLock(join(folder, "stages", `${begun.replace(".work-", ".lock-")}${kind}`));
    await expect(run(2, fails)).rejects.toThrow("cut off");
    expect(said.at(-1)).toBe("stage train: starts");
    await held.release();
    await expect(run(3, fails)).rejects.toThrow("cut off");
    expect(said.at(-1)).toContain("starts anew");
  },
);

test("what a labelling of other settings takes the place of is said, before it is gone", async () => {
  const out = join(folder, "labels");
  const label = (percent: number, more = {}) =>
    runSingle({ out, code: "1.0.0", log: log(), ...more }, ({ pipeline }) =>
      pipeline.stage(writes("label", `${percent}`, { config: { select: { percent } } })),
    );
  await label(50);
  await label(50);
  expect(said.filter((text) => text.startsWith("!"))).toEqual([]);
  await label(20, { dryRun: true });
  expect(said.at(-1)).toBe(
    `! --out ${out}: holds another result of label: select.percent differs. It would be replaced; to keep it, copy it and label into the copy, which scores nothing again.`,
  );
  await label(20);
  expect(said.filter((text) => text.includes("It is replaced"))).toHaveLength(1);
});
