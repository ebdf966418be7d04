/**
 * Submitting and following against a scripted Slurm; the real one is in test/slurm.
 * Length: one small run in many situations, each a few lines that read best beside the others.
 */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeSlurm, fakeSlurm } from "../../../../test/helpers/fake-slurm.ts";
import { AlignError, ConfigError, InterruptedError } from "../../../base/core/errors.ts";
import type { Log } from "../../../base/core/log.ts";
import { loadRecipe } from "../../recipe/parse.ts";
import type { StageStep } from "../../stages/steps.ts";
import { formatQueuedJobs, queuedJobs } from "./queued-jobs.ts";
import { openSlurm } from "./slurm.ts";
import { runOnSlurm, type SlurmRun } from "./slurm-run.ts";

let folder: string;
let said: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-slurm-run-"));
  said = [];
});
afterEach(() => rm(folder, { recursive: true }));

const log: Log = {
  info: (text) => said.push(text),
  warn: (text) => said.push(`warning: ${text}`),
  progress: () => ({ update() {}, end() {} }),
};

const step = (name: string, inputs: string[], state: StageStep["state"] = "depends"): StageStep => ({
  ...{ name, state, key: undefined, folder: undefined, elapsedSeconds: undefined },
  ...{ inputs, shared: name === "scores" },
});

/** data → scores (three tasks) → labels → student; other needs data alone. */
const stepsWith = (...kept: string[]) =>
  [
    step("data", []),
    step("scores", ["data"]),
    step("labels", ["data", "scores"]),
    step("student", ["labels"]),
    step("other", ["data"]),
  ].map((one) => (kept.includes(one.name) ? { ...one, state: "cached" as const } : one));

async function runWith(slurm: FakeSlurm, more: Partial<SlurmRun> = {}, ...set: string[]) {
  const recipe = await loadRecipe("demo", {
    set: [
      "executor={kind: slurm, poll_seconds: 0.1, retries: 2, stages: {scores: {array: 3}}}",
      `out=${folder}`,
      ...set,
    ],
  });
  const { executor } = recipe;
  if (executor.kind !== "slurm") throw new Error("not slurm");
  return runOnSlurm({
    ...{ folder, recipe, settings: executor, detach: false, log, slurm: openSlurm(slurm.run) },
    prepare: async () => {},
    plan: async () => stepsWith(),
    ...more,
  });
}

/** From look to look every task that waits and may run is done. */
const finishAll = (slurm: FakeSlurm) => {
  for (const task of slurm.tasks.values()) if (task.state === "PENDING") task.state = "COMPLETED";
};

const SUBMITTED = [
  "sbatch --parsable data.sh",
  "sbatch --parsable --dependency=afterok:1 scores.sh",
  "sbatch --parsable --dependency=afterok:1:2 labels.sh",
  "sbatch --parsable --dependency=afterok:3 student.sh",
  "sbatch --parsable --dependency=afterok:1 other.sh",
];

const jobsFile = async () => JSON.parse(await readFile(join(folder, "slurm", "jobs.json"), "utf8"));

describe("a run", () => {
  test("submits a job per stage behind those it takes from, and returns when all are done", async () => {
    const slurm = fakeSlurm((fake, look) => look > 2 && finishAll(fake));
    const ids = await runWith(slurm);
    expect(slurm.calls).toEqual(SUBMITTED);
    expect(ids).toEqual({ data: ["1"], scores: ["2"], labels: ["3"], student: ["4"], other: ["5"] });
    expect((await jobsFile()).stages.scores).toEqual([
      { task: 0, id: "2", attempt: 1 },
      { task: 1, id: "2", attempt: 1 },
      { task: 2, id: "2", attempt: 1 },
    ]);
    expect(said).toContain("stage scores: job 2, 3 tasks: 3 done");
  });

  test("submits nothing that is kept", async () => {
    const slurm = fakeSlurm(finishAll);
    await runWith(slurm, { plan: async () => stepsWith("data", "scores", "other") });
    expect(slurm.calls).toEqual([
      "sbatch --parsable labels.sh",
      "sbatch --parsable --dependency=afterok:1 student.sh",
    ]);
  });

  test("everything kept: no call at all", async () => {
    const slurm = fakeSlurm();
    const all = stepsWith("data", "scores", "labels", "student", "other");
    expect(await runWith(slurm, { plan: async () => all })).toEqual({});
    expect(slurm.calls).toEqual([]);
  });

  test("a refused job cancels those before it and says why", async () => {
    const slurm = fakeSlurm();
    const run: FakeSlurm["run"] = async (command, args) =>
      command === "sbatch" && args.at(-1)!.endsWith("labels.sh")
        ? { code: 1, stdout: "", stderr: "sbatch: error: invalid partition specified: gpu\n" }
        : slurm.run(command, args);
    await expect(runWith({ ...slurm, run })).rejects.toThrow(
      "stage labels was refused; sbatch: sbatch: error: invalid partition specified: gpu",
    );
    expect(slurm.calls.at(-1)).toBe("scancel --quiet 2 1");
  });
});

describe("what the cluster loses", () => {
  test("a job of a node that failed is submitted again, and those that wait are pointed at the new one", async () => {
    const slurm = fakeSlurm((fake, look) => {
      if (look === 2) fake.set("data", "NODE_FAIL", "1");
      if (look > 3) finishAll(fake);
    });
    await runWith(slurm);
    expect(slurm.calls.slice(5)).toEqual([
      "sbatch --parsable data.sh",
      "scontrol update JobId=2 Dependency=afterok:6",
      "scontrol update JobId=3 Dependency=afterok:6:2",
      "scontrol update JobId=5 Dependency=afterok:6",
    ]);
    expect(said).toContain("warning: stage data: job 1 ended as NODE_FAIL; submitted again as 6");
    expect((await jobsFile()).stages.data).toEqual([{ task: 0, id: "6", attempt: 2 }]);
  });

  test("a cancelled task of an array is submitted again alone; the rest of the array stays", async () => {
    const slurm = fakeSlurm((fake, look) => {
      if (look === 2) fake.set("data", "COMPLETED");
      if (look === 3) fake.set("scores", "RUNNING");
      if (look === 4) fake.set("scores", "COMPLETED", "2_0");
      if (look === 5) fake.set("scores", "CANCELLED", "2_1");
      if (look === 6) for (const ref of ["2_2", "6_1"]) fake.set("scores", "COMPLETED", ref);
      if (look > 6) finishAll(fake);
    });
    await runWith(slurm);
    expect(slurm.calls.slice(5)).toEqual([
      "sbatch --parsable --array=1 scores.sh",
      "scontrol update JobId=3 Dependency=afterok:6_1:2_2",
    ]);
  });

  test("more than `retries` times is a failure of the stage; what needs it is cancelled, the rest goes on", async () => {
    const slurm = fakeSlurm((fake, look) => {
      if (look === 2) fake.set("data", "COMPLETED");
      for (const ref of fake.refsOf("labels"))
        if (look > 2 && fake.tasks.get(ref)!.state === "PENDING") fake.set("labels", "PREEMPTED", ref);
      if (look === 3) fake.set("scores", "COMPLETED");
      if (look === 9) fake.set("other", "COMPLETED");
    });
    const outcome = runWith(slurm);
    await expect(outcome).rejects.toThrow(AlignError);
    await expect(outcome).rejects.toThrow(
      /stage labels: job 7 ended as PREEMPTED at attempt 3\. Not run, since they need it: student\./,
    );
    expect(slurm.calls.filter((call) => call.endsWith("labels.sh"))).toHaveLength(3);
    expect(slurm.calls.at(-1)).toBe("scancel --quiet 4");
    expect(slurm.tasks.get("5")!.state).toBe("COMPLETED");
  });

  test("a job the controller forgot is judged by what it made", async () => {
    let done: string[] = [];
    const slurm = fakeSlurm((fake, look) => {
      if (look === 2) {
        done = ["data"];
        fake.tasks.delete("1");
      }
      if (look === 2) fake.tasks.delete("5");
      if (look > 5) finishAll(fake);
    });
    await runWith(slurm, { plan: async () => stepsWith(...done) });
    expect(slurm.calls.slice(5)).toEqual(["sbatch --parsable other.sh"]);
    expect(said).toContain("warning: stage other: job 5 ended as GONE; submitted again as 6");
  });
});

describe("a stage that fails", () => {
  test("shows the end of its log, and everything that needs it is cancelled", async () => {
    const slurm = fakeSlurm((fake, look) => {
      if (look === 2) fake.set("data", "FAILED");
    });
    const lines = Array.from({ length: 30 }, (_, i) => `line ${i}`).join("\n");
    const outcome = runWith(slurm, {
      prepare: () => writeFile(join(folder, "slurm", "data-1.out"), `${lines}\nerror: boom\n`),
    });
    await expect(outcome).rejects.toThrow(
      "stage data: job 1 ended as FAILED. Not run, since they need it: scores, labels, student, other. What was finished is kept; run the same command to go on.",
    );
    const warned = said.find((text) => text.includes("end of its log"))!;
    expect(warned).toContain("data-1.out:\n  | line 11\n");
    expect(warned).toMatch(/\| error: boom$/);
    expect([...slurm.tasks.values()].map(({ state }) => state)).toEqual([
      "FAILED",
      ...Array.from({ length: 6 }, () => "CANCELLED"),
    ]);
  });

  test("a job that somebody cancelled as a whole is theirs to start again", async () => {
    const slurm = fakeSlurm((fake, look) => look === 2 && fake.set("data", "CANCELLED"));
    await expect(runWith(slurm)).rejects.toThrow("stage data: job 1 ended as CANCELLED.");
    expect(slurm.calls.filter((call) => call.endsWith("data.sh"))).toHaveLength(1);
  });

  test("out of memory comes with advice", async () => {
    const slurm = fakeSlurm((fake, look) => look === 2 && fake.set("data", "OUT_OF_MEMORY"));
    await expect(runWith(slurm)).rejects.toThrow("OUT_OF_MEMORY; give it more with executor.stages");
  });
});

describe("interrupted and started again", () => {
  test("Ctrl-C cancels the run's jobs", async () => {
    const stop = new AbortController();
    const slurm = fakeSlurm((_, look) => look === 3 && stop.abort());
    await expect(runWith(slurm, { signal: stop.signal })).rejects.toThrow(InterruptedError);
    expect(slurm.calls.at(-1)).toBe("scancel --quiet 5 4 3 2 1");
    expect(new Set([...slurm.tasks.values()].map(({ state }) => state))).toEqual(new Set(["CANCELLED"]));
  });

  test("jobs that are still in the queue are taken over, not doubled", async () => {
    const slurm = fakeSlurm();
    await runWith(slurm, { detach: true });
    expect(slurm.calls).toEqual([...SUBMITTED, "sbatch --parsable --dependency=afterok:4:5 report.sh"]);
    slurm.calls.length = 0;
    slurm.set("data", "COMPLETED");
    slurm.set("scores", "CANCELLED", "2_1");
    slurm.set("scores", "RUNNING", "2_0");
    slurm.set("other", "CANCELLED");
    const again = fakeSlurm((_, look) => look > 3 && finishAll(slurm));
    // The list is lost: the names in the queue are enough.
    await rm(join(folder, "slurm", "jobs.json"));
    const both: FakeSlurm["run"] = async (command, args) => {
      if (command === "squeue") await again.run(command, args);
      if (slurm.tasks.get("2_0")!.state === "RUNNING" && said.some((text) => text.includes("2 tasks")))
        slurm.set("scores", "COMPLETED", "2_0");
      return slurm.run(command, args);
    };
    await runWith({ ...slurm, run: both }, { plan: async () => stepsWith("data") });
    expect(slurm.calls).toEqual([
      "sbatch --parsable other.sh",
      // What waits is told what it waits for now: the array without its cancelled task.
      "scontrol update JobId=2 Dependency=",
      "scontrol update JobId=3 Dependency=afterok:2_0:2_2",
      "scontrol update JobId=4 Dependency=afterok:3",
    ]);
  });

  test("jobs of other settings in the queue are in the way; how jobs run may be changed", async () => {
    const slurm = fakeSlurm();
    await runWith(slurm, { detach: true });
    const prepared: string[] = [];
    const prepare = async () => {
      prepared.push("recipe");
    };
    const other = runWith(slurm, { detach: true, prepare }, "seed=5");
    await expect(other).rejects.toThrow(ConfigError);
    await expect(other).rejects.toThrow(/6 jobs of this run with other settings .*: scancel 1 2 3 4 5 6$/);
    expect(prepared).toEqual([]);
    const before = slurm.calls.length;
    await runWith(slurm, { detach: true }, "executor.retries=0");
    expect(slurm.calls.slice(before).filter((call) => call.startsWith("sbatch"))).toEqual([]);
    for (const task of slurm.tasks.values()) task.state = "CANCELLED";
    await runWith(slurm, { detach: true }, "seed=5");
    expect(slurm.tasks.get("7")!.state).toBe("PENDING");
    expect(existsSync(join(folder, "slurm", ".lock"))).toBe(false);
  });
});

test("status sees the jobs of a run, and says so where there is no Slurm", async () => {
  expect(await queuedJobs(folder)).toBeNull();
  const slurm = fakeSlurm();
  await runWith(slurm, { detach: true });
  slurm.set("data", "COMPLETED");
  slurm.set("scores", "RUNNING", "2_0");
  const jobs = await queuedJobs(folder, openSlurm(slurm.run));
  expect(formatQueuedJobs(jobs).slice(0, 3)).toEqual([
    "  job 2_0: scores, RUNNING on node1, 0:00",
    "  job 2_1: scores, PENDING on node1, 0:00",
    "  job 2_2: scores, PENDING on node1, 0:00",
  ]);
  expect(jobs!.tasks).toHaveLength(7);
  const none = openSlurm(() => Promise.resolve({ code: 1, stdout: "", stderr: "no controller" }));
  expect(formatQueuedJobs(await queuedJobs(folder, none))).toEqual([
    "  jobs are not known: squeue: no controller",
  ]);
});

test("a controller that does not answer for a while is waited for", async () => {
  const slurm = fakeSlurm((fake, look) => look > 1 && finishAll(fake));
  let asked = 0;
  const run: FakeSlurm["run"] = (command, args) =>
    command === "squeue" && ++asked > 2 && asked < 6
      ? Promise.resolve({ code: 1, stdout: "", stderr: "Unable to contact slurm controller" })
      : slurm.run(command, args);
  await runWith({ ...slurm, run });
  expect(said.filter((text) => text.includes("Slurm does not answer"))).toHaveLength(1);
});

test("a submission or a new dependency that Slurm does not take at once is tried again", async () => {
  const slurm = fakeSlurm((fake, look) => {
    if (look === 2) fake.set("data", "NODE_FAIL", "1");
    if (look > 6) finishAll(fake);
  });
  const refused: string[] = [];
  const run: FakeSlurm["run"] = (command, args) => {
    const again = command === "sbatch" && slurm.calls.length >= 5;
    const first = !refused.includes(command);
    if ((again || command === "scontrol") && first) {
      refused.push(command);
      return Promise.resolve({ code: 1, stdout: "", stderr: "Socket timed out" });
    }
    return slurm.run(command, args);
  };
  await runWith({ ...slurm, run });
  expect(refused).toEqual(["sbatch", "scontrol"]);
  expect(slurm.calls.slice(5)).toEqual([
    "sbatch --parsable data.sh",
    "scontrol update JobId=2 Dependency=afterok:6",
    "scontrol update JobId=3 Dependency=afterok:6:2",
    "scontrol update JobId=5 Dependency=afterok:6",
  ]);
});

test.each([
  ["Job is no longer pending execution for job 2", true],
  ["Job has already finished for job 2", true],
  ["2_0: Job is no longer pending execution\n2_1-3: No error\n", true],
  ["2_0: Job is no longer pending execution\n2_1-3: Job dependency problem\n", false],
  ["slurm_update error: Socket timed out", false],
  ["", false],
])("a new dependency that is answered with %j is no error: %s", async (stderr, fine) => {
  const told = openSlurm(async () => ({ code: 1, stdout: "", stderr })).setDependency("2", "afterok:1");
  if (fine) await expect(told).resolves.toBeUndefined();
  else await expect(told).rejects.toThrow(`scontrol: ${stderr.trim() || "exit code 1"}`);
});

test("a job that ends while a second process plans is not submitted again", async () => {
  const slurm = fakeSlurm((fake, look) => look > 4 && finishAll(fake));
  await runWith(slurm, { detach: true });
  const before = slurm.calls.length;
  let plans = 0;
  // Planned while data's job ran; when the queue is asked, it has ended.
  const plan = async () => {
    const steps = plans++ === 0 ? stepsWith() : stepsWith("data");
    slurm.set("data", "COMPLETED");
    return steps;
  };
  await runWith(slurm, { plan });
  expect(slurm.calls.slice(before).filter((call) => call.startsWith("sbatch"))).toEqual([]);
});

test("a job that sbatch submitted and denied is followed, not submitted once more", async () => {
  const slurm = fakeSlurm((fake, look) => {
    if (look === 2) fake.set("data", "NODE_FAIL", "1");
    if (look > 6) finishAll(fake);
  });
  let denied = 0;
  const run: FakeSlurm["run"] = async (command, args) => {
    const answer = await slurm.run(command, args);
    if (command !== "sbatch" || slurm.calls.length <= 5 || denied++ > 0) return answer;
    return { code: 1, stdout: "", stderr: "Socket timed out on send/recv operation" };
  };
  const ids = await runWith({ ...slurm, run });
  expect(slurm.calls.slice(5)).toEqual([
    "sbatch --parsable data.sh",
    "scontrol update JobId=2 Dependency=afterok:6",
    "scontrol update JobId=3 Dependency=afterok:6:2",
    "scontrol update JobId=5 Dependency=afterok:6",
  ]);
  expect(ids["data"]).toEqual(["6"]);
  expect(said).toContain("warning: stage data: job 1 ended as NODE_FAIL; 6 is there for it already");
});

test("a controller that never answers again is given up; its jobs are left alone", async () => {
  const slurm = fakeSlurm();
  let asked = 0;
  const run: FakeSlurm["run"] = (command, args) =>
    command === "squeue" && ++asked > 2
      ? Promise.resolve({ code: 1, stdout: "", stderr: "Unable to contact slurm controller" })
      : slurm.run(command, args);
  await expect(runWith({ ...slurm, run }, {}, "executor.poll_seconds=0.1")).rejects.toThrow(
    "did not answer 30 times in a row; the jobs go on",
  );
  expect(slurm.calls).toEqual(SUBMITTED);
});

test("no Slurm on this machine is said in words", async () => {
  const slurm = openSlurm();
  const before = process.env.PATH;
  process.env.PATH = folder;
  try {
    await expect(slurm.queue(["x"])).rejects.toThrow(
      /squeue: cannot be started: .*executor: slurm needs Slurm's commands on this machine/,
    );
  } finally {
    process.env.PATH = before;
  }
});
