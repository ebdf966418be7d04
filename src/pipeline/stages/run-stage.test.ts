import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { toyStages } from "../../../test/helpers/toy-stages.ts";
import { DataError } from "../../base/core/errors.ts";
import { HERE, startOf } from "../../base/core/holders.ts";
import { removeIfEmpty } from "./cache.ts";
import { openPipeline, type Pipeline, type PipelineOptions } from "./pipeline.ts";
import type { Stage, WorkFolder } from "./stage.ts";

let folder: string;
let ran: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-run-stage-"));
  ran = [];
});
afterEach(() => rm(folder, { recursive: true }));

const open = (options: Partial<PipelineOptions> = {}) => openPipeline({ folder, code: "1.0.0", ...options });
const { writes, toyRun } = toyStages(() => ran);
/** A promise and what settles it. */
function gate(): [Promise<void>, () => void] {
  let open = () => {};
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return [promise, open];
}
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
    const names = ["x", "y", "z"];
    const [all, meet] = gate();
    const here = new Set<string>();
    const stageOf = (who: string) => {
      const stage = shared(who, []);
      const share = async (work: WorkFolder) => {
        here.add(who);
        if (here.size === names.length) meet();
        await all;
        await stage.share!(work);
      };
      return { ...stage, share };
    };
    const artefacts = await Promise.all(names.map((who) => open().stage(stageOf(who))));
    expect(ran).toHaveLength(1);
    expect(new Set(artefacts.map(({ folder }) => folder)).size).toBe(1);
    expect((await readdir(artefacts[0]!.folder)).sort()).toEqual(["closed", ...EIGHT, "stage.json"]);
    expect((await readdir(join(folder, "stages"))).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("is not closed while another is still at it", async () => {
    const order: string[] = [];
    const [entered, enter] = gate();
    /** Either may be the one that closes: only that it comes after both have left is promised. */
    const closes = async (work: WorkFolder) => {
      order.push("closed");
      await writeFile(work.path("closed"), "1");
    };
    const slow = open().stage(
      shared("slow", [], {
        share: async (work) => {
          enter();
          await new Promise((resolve) => setTimeout(resolve, 300));
          order.push("slow leaves");
          await writeFile(work.path("late"), "late");
        },
        run: closes,
      }),
    );
    await entered;
    const quick = open().stage(shared("quick", [], { share: async () => {}, run: closes }));
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

describe("killed at the worst moment", () => {
  const stages = () => join(folder, "stages");
  const finished = async () => (await readdir(stages())).filter((name) => !name.startsWith("."));

  test("half-written files of the attempt before are no part of the result, wherever they lie", async () => {
    let attempts = 0;
    const stage = writes("data", "", {
      run: async (work) => {
        await mkdir(work.path("pool"), { recursive: true });
        await writeFile(work.path("pool", "rows"), "1");
        if (attempts++ > 0) return;
        await writeFile(work.path("pool", ".tmp-rows-1-abcd"), "half");
        throw new Error("killed");
      },
    });
    await expect(open().stage(stage)).rejects.toThrow("killed");
    const after = await open().stage(stage);
    await rm(stages(), { recursive: true });
    expect((await open().stage(stage)).digest).toBe(after.digest);
    expect(await readdir(after.path("pool"))).toEqual(["rows"]);
  });

  test("a result with its record that was not renamed yet is taken, its checkpoints removed", async () => {
    await open().stage(writes("data", "x"));
    const [name] = await finished();
    await rename(join(stages(), name!), join(stages(), `.work-${name}`));
    await mkdir(join(stages(), `.work-${name}`, "scratch"));
    const again = open();
    const artefact = await again.stage(writes("data", "x"));
    expect(ran).toEqual(["data"]);
    expect(states(again)).toEqual(["data cached"]);
    expect(await readdir(artefact.folder)).not.toContain("scratch");
    // Without its files it is none, and the stage goes on.
    await rename(join(stages(), name!), join(stages(), `.work-${name}`));
    for (const file of await readdir(join(stages(), `.work-${name}`)))
      if (file !== "stage.json") await rm(join(stages(), `.work-${name}`, file), { recursive: true });
    await open().stage(writes("data", "x"));
    expect(ran).toEqual(["data", "data"]);
  });

  const published = (more: Partial<PipelineOptions> = {}) =>
    open({ publish: { stage: "data", folder: join(folder, "out") }, ...more });

  test.each([
    ["", {}],
    [" that processes share", { share: async () => {} }],
  ])("a result%s that was not put in its place yet is put there, and not made again", async (_, more) => {
    const stage = () => writes("data", "x", more);
    await open().stage(stage());
    const again = published();
    expect((await again.stage(stage())).folder).toBe(join(folder, "out"));
    expect(states(again)).toEqual(["data cached"]);
    expect(ran).toEqual(["data"]);
    expect(await finished()).toEqual([]);
    // Starting over makes it anew, and one after that is kept again.
    await published({ fresh: true }).stage(stage());
    await published().stage(stage());
    expect(ran).toEqual(["data", "data"]);
    expect(await readdir(stages())).toEqual([]);
  });

  test("what took another's place and was not removed yet is cleared away", async () => {
    await mkdir(join(stages(), ".old-data-1", "deep"), { recursive: true });
    await removeIfEmpty(stages());
    expect(existsSync(stages())).toBe(false);
    await mkdir(join(stages(), ".work-data-2"), { recursive: true });
    await removeIfEmpty(stages());
    expect(await readdir(stages())).toEqual([".work-data-2"]);
  });

  test("shared work that is cleared away before it could be closed is done again", async () => {
    let times = 0;
    const stage = writes("data", "x", {
      share: async (work) => {
        await writeFile(work.path("part"), "1");
        if (times++ === 0) await rm(work.folder, { recursive: true });
      },
    });
    const artefact = await open().stage(stage);
    expect(times).toBe(2);
    expect(await readdir(artefact.folder)).toContain("part");
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
