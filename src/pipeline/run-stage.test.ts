import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { toyStages } from "../../test/helpers/toy-stages.ts";
import { DataError } from "../core/errors.ts";
import { HERE, startOf } from "../core/holders.ts";
import type { Stage } from "./stage.ts";
import { openPipeline, type Pipeline, type PipelineOptions } from "./stages.ts";

let folder: string;
let ran: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-run-stage-"));
  ran = [];
});
afterEach(() => rm(folder, { recursive: true }));

const open = (options: Partial<PipelineOptions> = {}) => openPipeline({ folder, code: "1.0.0", ...options });
const { writes, toyRun } = toyStages(() => ran);
const states = (pipeline: Pipeline) => pipeline.steps().map(({ name, state }) => `${name} ${state}`);

describe("a stage whose work can be shared", () => {
  const EIGHT = Array.from({ length: 8 }, (_, i) => `part-${i}`);
  /** Eight files, each by whoever comes first; `who` is noted for each. */
  const shared = (who: string, parts: string[], more: Partial<Stage> = {}): Stage =>
    writes("scores", "", {
      share: async (work) => {
        for (const part of EIGHT) {
          if (existsSync(work.path(part))) continue;
          await writeFile(work.path(part), part);
          parts.push(who);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      },
      run: async (work) => {
        ran.push(who);
        await writeFile(work.path("closed"), "1");
      },
      ...more,
    });

  test("is worked on by all at once and closed by one", async () => {
    const parts: string[] = [];
    const names = ["x", "y", "z"];
    const artefacts = await Promise.all(names.map((who) => open().stage(shared(who, parts))));
    expect(new Set(parts)).toEqual(new Set(names));
    expect(ran).toHaveLength(1);
    expect(new Set(artefacts.map(({ folder }) => folder)).size).toBe(1);
    expect((await readdir(artefacts[0]!.folder)).sort()).toEqual(["closed", ...EIGHT, "stage.json"]);
    expect((await readdir(join(folder, "stages"))).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("is not closed while another is still at it", async () => {
    const order: string[] = [];
    const slow = open().stage(
      shared("slow", [], {
        share: async (work) => {
          await new Promise((resolve) => setTimeout(resolve, 300));
          order.push("slow leaves");
          await writeFile(work.path("late"), "late");
        },
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    const quick = open().stage(
      shared("quick", [], {
        share: async () => {},
        run: async (work) => {
          order.push("closed");
          await writeFile(work.path("closed"), "1");
        },
      }),
    );
    const [one, other] = await Promise.all([slow, quick]);
    expect(order).toEqual(["slow leaves", "closed"]);
    expect(one.digest).toBe(other.digest);
    expect(existsSync(one.path("late"))).toBe(true);
  });

  test("goes on when one of its processes fails, and again when all did", async () => {
    const fails = { share: () => Promise.reject(new DataError("pool", 1, "boom.")) };
    await expect(open().stage(shared("x", [], fails))).rejects.toThrow("pool:1: boom.");
    const parts: string[] = [];
    const good = open();
    await good.stage(shared("y", parts));
    expect(parts).toHaveLength(8);
    expect(states(good)).toEqual(["scores resume"]);
  });

  test("starts over under --fresh, and after damage", async () => {
    const parts: string[] = [];
    const first = await open().stage(shared("x", parts));
    await open({ fresh: true }).stage(shared("x", parts));
    expect(parts).toHaveLength(16);
    await rm(first.path("part-3"));
    await open().stage(shared("x", parts));
    expect(parts).toHaveLength(24);
  });
});

test("a lock whose process died after the result was whole is cleared away, a living one's stays", async () => {
  await toyRun(open(), { beta: 1 });
  const stages = join(folder, "stages");
  const [done, other] = (await readdir(stages)).sort();
  const lock = (name: string, pid: number, started: string) =>
    writeFile(join(stages, `.lock-${name}`), JSON.stringify({ pid, ...HERE, started, token: "x" }));
  // No process has this id: the largest that Linux gives is 2^22.
  await lock(done!, 2 ** 22 + 5, "");
  await lock(other!, process.ppid, await startOf(process.ppid));
  const again = open();
  await toyRun(again, { beta: 1 });
  expect(again.steps().every(({ state }) => state === "cached")).toBe(true);
  expect((await readdir(stages)).filter((name) => name.startsWith("."))).toEqual([`.lock-${other}`]);
});

describe("one stage alone", () => {
  test("runs with its inputs taken from before; all others are planned", async () => {
    await toyRun(open({ only: "data" }), { beta: 1 });
    expect(ran).toEqual(["data"]);
    const teacher = open({ only: "teacher" });
    await toyRun(teacher, { beta: 1 });
    expect(ran).toEqual(["data", "teacher"]);
    expect(states(teacher)).toEqual(["data cached", "teacher run", "labels run", "student depends"]);
  });

  test("without its inputs is an error that names them", async () => {
    await toyRun(open({ only: "data" }), { beta: 1 });
    await expect(toyRun(open({ only: "labels" }), { beta: 1 })).rejects.toThrow(
      "stage labels: teacher is not there, which it needs. Run that first.",
    );
    expect(ran).toEqual(["data"]);
  });

  test("a step names the stages it takes from", async () => {
    const plan = open({ mode: "plan" });
    await toyRun(plan, { beta: 1 });
    expect(Object.fromEntries(plan.steps().map(({ name, inputs }) => [name, inputs]))).toEqual({
      data: [],
      teacher: ["data"],
      labels: ["teacher", "data"],
      student: ["labels"],
    });
  });
});
