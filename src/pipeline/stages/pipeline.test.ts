import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { toyStages } from "../../../test/helpers/toy-stages.ts";
import { AlignError, DataError, InterruptedError } from "../../base/core/errors.ts";
import type { Log } from "../../base/core/log.ts";
import { formatSteps, openPipeline, type Pipeline, type PipelineOptions } from "./pipeline.ts";
import type { Artefact, Stage } from "./stage.ts";

let folder: string;
let ran: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-stages-"));
  ran = [];
});
afterEach(() => rm(folder, { recursive: true }));

const open = (options: Partial<PipelineOptions> = {}) => openPipeline({ folder, code: "1.0.0", ...options });

const { writes, toyRun } = toyStages(() => ran);

const states = (pipeline: Pipeline) => pipeline.steps().map(({ name, state }) => `${name} ${state}`);

describe("a run", () => {
  test("a second run computes nothing and gives the same result", async () => {
    const first = await toyRun(open(), { beta: 0.1 });
    expect(ran).toEqual(["data", "teacher", "labels", "student"]);
    const again = open();
    expect(await toyRun(again, { beta: 0.1 })).toMatchObject({ digest: first.digest, folder: first.folder });
    expect(ran).toHaveLength(4);
    expect(states(again)).toEqual(["data cached", "teacher cached", "labels cached", "student cached"]);
    expect(await readFile(first.path("out"), "utf8")).toBe("student");
  });

  test("a changed setting computes what depends on it, and stops where a result comes out as before", async () => {
    await toyRun(open(), { beta: 0.1 });
    ran = [];
    await toyRun(open(), { beta: 0.5 });
    // The labels' key changed with the teacher, but they came out the same, so the student is kept.
    expect(ran).toEqual(["teacher", "labels"]);
    ran = [];
    await toyRun(open(), { beta: -1 });
    expect(ran).toEqual(["teacher", "labels", "student"]);
    ran = [];
    await toyRun(open(), { beta: 0.1 });
    expect(ran).toEqual([]);
  });

  test("another version of the stage or of the code computes again", async () => {
    await open().stage(writes("a", "x"));
    await open().stage(writes("a", "x", { version: 2 }));
    await open({ code: "1.0.1" }).stage(writes("a", "x"));
    await open().stage(writes("a", "x", { inputs: { file: "d1" } }));
    await open().stage(writes("a", "x", { inputs: { file: "d1" } }));
    expect(ran).toHaveLength(4);
  });

  test("one pipeline that is asked twice for a stage runs it once", async () => {
    const pipeline = open({ fresh: true });
    await Promise.all([pipeline.stage(writes("a", "x")), pipeline.stage(writes("a", "x"))]);
    expect(ran).toEqual(["a"]);
    expect(pipeline.steps()).toHaveLength(1);
  });

  test("--fresh computes everything again", async () => {
    await toyRun(open(), { beta: 1 });
    const fresh = open({ fresh: true });
    await toyRun(fresh, { beta: 1 });
    expect(ran).toHaveLength(8);
    expect(states(fresh)).toEqual(["data run", "teacher run", "labels run", "student run"]);
  });

  test("files under log/ are kept and are not part of what a stage is; scratch is removed", async () => {
    const stage = (time: string) =>
      writes("a", "x", {
        version: Number(time),
        run: async (work) => {
          await mkdir(work.log);
          await writeFile(join(work.log, "times"), time);
          await writeFile(join(work.scratch, "checkpoint"), time);
          await writeFile(work.path("out"), "x");
        },
      });
    const first = await open().stage(stage("1"));
    const second = await open().stage(stage("2"));
    expect(second.digest).toBe(first.digest);
    expect(second.folder).not.toBe(first.folder);
    expect((await readdir(second.folder)).sort()).toEqual(["log", "out", "stage.json"]);
    const record = JSON.parse(await readFile(first.path("stage.json"), "utf8"));
    // printf x | sha256sum
    const digestOfX = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    expect(record.outputs.out).toEqual({ bytes: 1, sha256: digestOfX });
    expect(record.identity).toEqual({ name: "a", version: 1, code: "1.0.0", config: {}, inputs: {} });
  });

  test("a stage that makes no file is a bug of ours, and leaves no result", async () => {
    const run = open().stage(writes("a", "x", { run: async () => {} }));
    await expect(run).rejects.toThrow("internal: stage a made no file");
    expect((await readdir(join(folder, "stages"))).filter((name) => name.startsWith("a-"))).toEqual([]);
  });
});

describe("a stage that is cut off", () => {
  test("leaves its work, and goes on from it", async () => {
    const stage = writes("train", "", {
      run: async (work) => {
        ran.push(String(work.resumed));
        const checkpoint = join(work.scratch, "step");
        const step = existsSync(checkpoint) ? Number(await readFile(checkpoint, "utf8")) : 0;
        if (step === 0) {
          await writeFile(checkpoint, "7");
          throw new DataError("rows", 8, "is wrong.");
        }
        await writeFile(work.path("out"), `from ${step}`);
      },
    });
    await expect(open().stage(stage)).rejects.toThrow("rows:8: is wrong.");
    const pipeline = open();
    const artefact = await pipeline.stage(stage);
    expect(ran).toEqual(["false", "true"]);
    expect(await readFile(artefact.path("out"), "utf8")).toBe("from 7");
    expect(states(pipeline)).toEqual(["train resume"]);
    expect((await readdir(join(folder, "stages"))).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("starts over under --fresh", async () => {
    const failing = writes("a", "x", {
      run: async (work) => {
        await writeFile(work.path("left"), "1");
        throw new Error("boom");
      },
    });
    await expect(open().stage(failing)).rejects.toThrow("boom");
    const artefact = await open({ fresh: true }).stage(writes("a", "x"));
    expect(existsSync(artefact.path("left"))).toBe(false);
  });

  test("a full disk is said plainly, keeps the work and leaves no result", async () => {
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    const stage = writes("a", "x", {
      run: async (work) => {
        await writeFile(work.path("half"), "1");
        throw full;
      },
    });
    const error = await open()
      .stage(stage)
      .catch((thrown) => thrown);
    expect(error).toBeInstanceOf(AlignError);
    expect(error).toMatchObject({ code: "io", cause: full });
    expect(error.message).toMatch(
      /^stage a: ENOSPC.*The disk is full: free space and run the same command again/,
    );
    const left = await readdir(join(folder, "stages"));
    expect(left.sort()).toEqual([
      expect.stringMatching(/^\.failed-a-.*json$/),
      expect.stringMatching(/^\.work-a-/),
    ]);
    const failure = JSON.parse(await readFile(join(folder, "stages", left[0]!), "utf8"));
    expect(failure).toMatchObject({ stage: "a", code: "io", pid: process.pid });
    // Trying again forgets it.
    await open().stage(writes("a", "x"));
    expect((await readdir(join(folder, "stages"))).filter((name) => name.startsWith(".failed"))).toEqual([]);
  });

  test("a folder that cannot be made is said plainly", async () => {
    await writeFile(join(folder, "stages"), "a file");
    await expect(open().stage(writes("a", "x"))).rejects.toMatchObject({ code: "io" });
  });

  test("asked to stop, no stage starts, but what is kept is still given", async () => {
    await open().stage(writes("a", "x"));
    const stopped = open({ signal: AbortSignal.abort() });
    await stopped.stage(writes("a", "x"));
    await expect(stopped.stage(writes("b", "x"))).rejects.toBeInstanceOf(InterruptedError);
    expect(ran).toEqual(["a"]);
  });
});

describe("a damaged result", () => {
  const warnings: string[] = [];
  const log: Log = {
    info() {},
    warn: (text) => warnings.push(text),
    progress: () => ({ update() {}, end() {} }),
  };

  test.each([
    ["a file is gone", (a: Artefact) => rm(a.path("out")), "out is missing"],
    [
      "the record is no JSON",
      (a: Artefact) => writeFile(a.path("stage.json"), "{"),
      "stage.json cannot be read",
    ],
    [
      "the record is another's",
      (a: Artefact) => swapKey(a.path("stage.json")),
      "stage.json is of another stage",
    ],
  ])("is computed again, with a warning, when %s", async (_, damage, problem) => {
    warnings.length = 0;
    const artefact = await open().stage(writes("a", "text"));
    await damage(artefact);
    await open({ log }).stage(writes("a", "text"));
    expect(ran).toEqual(["a", "a"]);
    expect(warnings).toEqual([`stage a: ${problem}; it is computed again.`]);
    await open().stage(writes("a", "text"));
    expect(ran).toHaveLength(2);
  });
});

describe("a result whose files have changed", () => {
  const sha = "expected sha256 \\w{12}, got \\w{12}";
  test.each([
    ["of the same size", (file: string) => writeFile(file, "texT"), sha],
    ["shorter", (file: string) => truncate(file, 1), "expected 4 bytes, got 1"],
    ["no file", (file: string) => rm(file).then(() => mkdir(file)), "is no plain file"],
  ])("is refused, in a run and in a plan: %s", async (_, change, problem) => {
    const artefact = await open().stage(writes("a", "text"));
    await change(artefact.path("out"));
    const message = new RegExp(
      `/stages/a-\\w{12}: out .*${problem}: it is not what its stage made\\. Put the file back, or remove this folder`,
    );
    await expect(open().stage(writes("a", "text"))).rejects.toThrow(message);
    await expect(open({ mode: "plan" }).stage(writes("a", "text"))).rejects.toThrow(message);
    expect(ran).toEqual(["a"]);
    await rm(artefact.folder, { recursive: true });
    await open().stage(writes("a", "text"));
    expect(await readFile(artefact.path("out"), "utf8")).toBe("text");
  });

  test("and is made again where a fresh start is asked for", async () => {
    const artefact = await open().stage(writes("a", "text"));
    await writeFile(artefact.path("out"), "texT");
    await open({ fresh: true }).stage(writes("a", "text"));
    expect(await readFile(artefact.path("out"), "utf8")).toBe("text");
  });
});

async function swapKey(path: string): Promise<void> {
  const record = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ ...record, key: "f".repeat(64) }));
}

describe("a plan", () => {
  test("says what would run, writes nothing, and cannot know what comes after", async () => {
    const plan = open({ mode: "plan" });
    const student = await toyRun(plan, { beta: 0.1 });
    expect(states(plan)).toEqual(["data run", "teacher depends", "labels depends", "student depends"]);
    expect(student.digest).toBeUndefined();
    expect(await readdir(folder)).toEqual([]);
  });

  test("after a run everything is kept; after a change what depends on it runs", async () => {
    await toyRun(open(), { beta: 0.1 });
    const same = open({ mode: "plan" });
    await toyRun(same, { beta: 0.1 });
    expect(new Set(same.steps().map(({ state }) => state))).toEqual(new Set(["cached"]));
    const changed = open({ mode: "plan" });
    await toyRun(changed, { beta: 0.2 });
    expect(states(changed)).toEqual(["data cached", "teacher run", "labels depends", "student depends"]);
    expect(formatSteps(changed.steps())).toMatch(
      /^data {5}kept \(took 0\.\ds\)\nteacher {2}runs\nlabels {3}runs, unless what it needs comes out as before\n/,
    );
    expect(ran).toHaveLength(4);
  });
});

describe("at once", () => {
  test("two runs share the work: each stage is computed by one of them", async () => {
    const slow = (name: string): Stage =>
      writes(name, name, {
        run: async (work) => {
          ran.push(name);
          await new Promise((resolve) => setTimeout(resolve, 50));
          await writeFile(work.path("out"), name);
        },
      });
    const both = [open(), open(), open()].map(async (pipeline) => {
      await pipeline.stage(slow("a"));
      return pipeline.stage(slow("b"));
    });
    const artefacts = await Promise.all(both);
    expect(ran).toEqual(["a", "b"]);
    expect(new Set(artefacts.map(({ digest }) => digest)).size).toBe(1);
    expect((await readdir(join(folder, "stages"))).filter((name) => name.startsWith("."))).toEqual([]);
  });
});
