/**
 * A whole job whose heavy parts are done by others: a student trained by TRL, its responses by the real `transformers serve`, gold rewards by a
 * served reward model. `npm run check:elsewhere` disturbs it five times with `kill -9`, in turn on either side at random moments of the work that
 * is left, and wants the report of the run that nobody disturbed; and it gives the same job to a Slurm and to a Ray of one node. Each kill and
 * each cluster is some more starts of Python, so that in CI the job is run once.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRng } from "../../src/base/core/rng.ts";
import { openRuntime, type Runtime } from "../../src/engine/runtime/runtime.ts";
import type { TeacherServer } from "../../src/interfaces/serve/server.ts";
import { nodeArguments } from "../cli/spawn.ts";
import { processesBelow } from "../helpers/kill-tree.ts";
import { rayMissing, startRay } from "../helpers/ray-head.ts";
import { slurmMissing, startSlurm } from "../helpers/slurm-node.ts";
import { writeTinyJob } from "../helpers/tiny-job.ts";
import { tinyServer } from "../helpers/tiny-server.ts";
import { doneStages, drawMoment, type Moment, stageTimes, untilMoment } from "./moments.ts";
import { python } from "./python.ts";

const KILLS = Number(process.env["WEAK_TEACHER_KILLS"] ?? 0);

let folder: string;
let recipe: string;
let runtime: Runtime;
let server: TeacherServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "elsewhere-"));
  recipe = await writeTinyJob(folder, "{}");
  for (const name of ["weak", "student"]) await asTransformersReads(join(folder, name));
  runtime = openRuntime({ threads: 1 });
  server = await tinyServer(runtime, { model: join(folder, "rm"), name: "gold" });
});
afterAll(async () => {
  await server.close();
  await runtime.close();
  await rm(folder, { recursive: true });
});

/** Folders that transformers saved say it; the tiny one does not. */
async function asTransformersReads(model: string): Promise<void> {
  const config = join(model, "tokenizer_config.json");
  const said = JSON.parse(await readFile(config, "utf8")) as object;
  await writeFile(config, JSON.stringify({ ...said, tokenizer_class: "PreTrainedTokenizerFast" }));
}

describe.skipIf(python === undefined)("a job whose parts are elsewhere (scripts/python-env.sh)", () => {
  let whole: Ended;
  let expected: string;
  beforeAll(async () => {
    whole = await attempt("whole");
    if (whole.code === 0) expected = (await report("whole")).text;
  }, 1_800_000);

  test("one command, no hand between", async () => {
    expect(whole.code, whole.stderr).toBe(0);
    const { text, arms } = await report("whole");
    expect(text).toContain("Trained elsewhere");
    expect(arms.map(({ name }) => name)).toEqual(["sft", "weak"]);
    expect(arms[1]!.goldReward.n).toBe(8);
  });

  test.skipIf(KILLS === 0)(
    "killed on either side, the same report",
    async () => {
      const stages = stageTimes(whole.stderr);
      const seed = Number(process.env["WEAK_TEACHER_KILL_SEED"] ?? 20_261_130);
      const rng = createRng(seed).fork("moments");
      const killed: string[] = [];
      const done = new Set<string>();
      for (let kill = 0; kill < KILLS; kill++) {
        const side = kill % 2 === 0 ? "theirs" : "ours";
        const moment = drawMoment(stages, done, { side, left: KILLS - kill, rng });
        const one = await attempt("killed", { side, moment, on: (what) => killed.push(what) });
        expect(one.code, `nobody was killed: ${moment.stage}\n${one.stderr}`).not.toBe(0);
        for (const name of doneStages(one.stderr)) done.add(name);
      }
      console.warn(`elsewhere, seed ${seed}: killed ${killed.join("; ")}`);
      expect(killed).toHaveLength(KILLS);
      const last = await attempt("killed");
      expect(last.code, last.stderr).toBe(0);
      expect((await report("killed")).text).toBe(expected);
    },
    7_200_000,
  );

  const clusters = process.env["WEAK_TEACHER_CLUSTERS"] === "1";
  test.skipIf(!clusters || slurmMissing() !== undefined)(
    "under a Slurm of one node, the same report",
    async () => {
      const slurm = startSlurm(2);
      try {
        const executor = { kind: "slurm", poll_seconds: 1 };
        const there = await attempt("slurm", undefined, { executor, env: slurm.env });
        expect(there.code, there.stderr).toBe(0);
        expect(there.stderr).toMatch(/stage student-weak: job \d+ done/);
        expect((await report("slurm")).text).toBe(expected);
      } finally {
        slurm.stop();
      }
    },
    3_600_000,
  );

  test.skipIf(!clusters || rayMissing !== undefined)(
    "under a Ray of one node, the same report",
    async () => {
      const ray = await startRay(2);
      try {
        const executor = { kind: "ray", address: ray.address, poll_seconds: 1 };
        const there = await attempt("ray", undefined, { executor });
        expect(there.code, there.stderr).toBe(0);
        expect(there.stderr).toMatch(/stage student-weak: job \S+ done/);
        expect((await report("ray")).text).toBe(expected);
      } finally {
        await ray.stop();
      }
    },
    3_600_000,
  );
});

type Kill = {
  readonly side: "ours" | "theirs";
  readonly moment: Moment;
  readonly on: (what: string) => void;
};

/** Who runs the stages, and what its commands need in their environment. */
type Where = { readonly executor: object; readonly env?: Readonly<Record<string, string>> };

type Ended = { readonly code: number | null; readonly stderr: string };

/** Runs the job, or goes on with it; `kill` ends this program, or a program of others that works for it at that moment. */
async function attempt(out: string, kill?: Kill, { executor, env }: Partial<Where> = {}): Promise<Ended> {
  const cluster = executor === undefined ? [] : ["--set", `executor=${JSON.stringify(executor)}`];
  const child = spawn(
    process.execPath,
    [...nodeArguments, "run", recipe, "--out", join(folder, out), ...settings(), ...cluster],
    {
      env: { ...process.env, NO_COLOR: "1", HF_HUB_OFFLINE: "1", ...env },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (part: string) => (stderr += part));
  let over = false;
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  void ended.then(() => (over = true));
  if (kill !== undefined)
    void strike(
      child.pid!,
      kill,
      () => stderr,
      () => over,
    );
  return { code: await ended, stderr };
}

/** Waits for its moment, and for a program of others where one of these is meant. */
async function strike(
  root: number,
  { side, moment, on }: Kill,
  said: () => string,
  over: () => boolean,
): Promise<void> {
  await untilMoment(moment, said, over);
  const when = `in ${moment.stage} after ${(moment.afterMs / 1000).toFixed(1)} s`;
  while (!over()) {
    const theirs = processesBelow(root).find(({ command }) => command.startsWith(python!));
    if (side === "ours" || theirs !== undefined) {
      on(`${side === "ours" ? "weak-teacher" : words(theirs!.command)} ${when}`);
      process.kill(side === "ours" ? root : theirs!.pid, "SIGKILL");
      return;
    }
    await sleep(20);
  }
}

const words = (command: string) => (command.includes("run_trl.py") ? "TRL" : "transformers serve");

function settings(): string[] {
  const serve = [
    "-m",
    "transformers.cli.transformers",
    "serve",
    "{model}",
    "--host",
    "127.0.0.1",
    "--port",
    "{port}",
  ];
  const generate = { start: [python!, ...serve, "--device", "cpu", "--dtype", "float32"], concurrency: 1 };
  const gold = {
    type: "reward-server",
    url: server.url,
    model: "gold",
    tokenizer: join(folder, "rm"),
    max_length: 128,
  };
  const evaluation = {
    n_bootstrap: 100,
    max_new_tokens: 6,
    temperature: 0,
    per_prompt: 1,
    generate,
    gold: [gold],
  };
  const set = [
    `eval=${JSON.stringify(evaluation)}`,
    `student.trainer=${JSON.stringify({ kind: "trl", python })}`,
    "student.prefer.save_steps=1",
    "student.prefer.num_train_epochs=4",
    // A server that tells no ids is held to text, so the student must have learned to write some.
    ...["student.sft.learning_rate=0.01", "student.sft.num_train_epochs=20", "student.sft.save_steps=5"],
    "arms=[sft, weak]",
  ];
  return set.flatMap((one) => ["--set", one]);
}

/** What the report says, without the times and the commit that the code had: another may be made while the job runs. */
async function report(out: string) {
  const { times: _, ...rest } = JSON.parse(await readFile(join(folder, out, "report.json"), "utf8")) as {
    times: unknown;
    environment: object;
    arms: { name: string; goldReward: { n: number } }[];
  };
  const text = JSON.stringify({ ...rest, environment: { ...rest.environment, commit: "" } });
  return { text, arms: rest.arms };
}
