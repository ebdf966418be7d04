/**
 * A whole job whose heavy parts are done by others: a student trained by TRL, its responses by the real `transformers serve`, gold rewards by a
 * served reward model. WEAK_TEACHER_KILLS=5 disturbs it as often with `kill -9`, in turn on either side at random moments, and wants the report of
 * the run that nobody disturbed; each kill is one more start of Python, so there is none unless it is asked for.
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
import { writeTinyJob } from "../helpers/tiny-job.ts";
import { tinyServer } from "../helpers/tiny-server.ts";
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
  test("one command, no hand between; killed on either side, the same report", async () => {
    const whole = await attempt("whole");
    expect(whole.code, whole.stderr).toBe(0);
    const expected = await report("whole");
    expect(expected.text).toContain("Trained elsewhere");
    expect(expected.arms.map(({ name }) => name)).toEqual(["sft", "weak"]);
    expect(expected.arms[1]!.goldReward.n).toBe(8);

    const rng = createRng(20_261_130).fork("moments");
    const killed: string[] = [];
    let last = { code: null as number | null, stderr: "" };
    for (let kill = 0; kill < KILLS; kill++) {
      const side = kill % 2 === 0 ? "theirs" : "ours";
      last = await attempt("killed", {
        side,
        afterMs: rng.next() * 0.8 * whole.ms,
        on: (what) => killed.push(what),
      });
    }
    if (last.code !== 0) last = await attempt("killed");
    expect(last.code, last.stderr).toBe(0);
    console.warn(`elsewhere: killed ${killed.join(", ") || "nobody"}`);
    expect((await report("killed")).text).toBe(expected.text);
  }, 7_200_000);
});

type Kill = {
  readonly side: "ours" | "theirs";
  readonly afterMs: number;
  readonly on: (what: string) => void;
};

/** Runs the job, or goes on with it; `kill` ends this program, or a program of others that works for it at that moment. */
async function attempt(out: string, kill?: Kill) {
  const begunMs = performance.now();
  const child = spawn(
    process.execPath,
    [...nodeArguments, "run", recipe, "--out", join(folder, out), ...settings()],
    {
      env: { ...process.env, NO_COLOR: "1", HF_HUB_OFFLINE: "1" },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (part: string) => (stderr += part));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  if (kill !== undefined) void strike(child.pid!, kill, ended);
  const code = await ended;
  return { code, stderr, ms: performance.now() - begunMs };
}

/** Waits for its moment, and for a program of others where one of these is meant. */
async function strike(root: number, { side, afterMs, on }: Kill, ended: Promise<unknown>): Promise<void> {
  let over = false;
  void ended.then(() => (over = true));
  await Promise.race([sleep(afterMs), ended]);
  while (!over) {
    const theirs = processesBelow(root).find(({ command }) => command.startsWith(python!));
    if (side === "ours" || theirs !== undefined) {
      const victim = side === "ours" ? root : theirs!.pid;
      on(side === "ours" ? `weak-teacher after ${Math.round(afterMs / 1000)} s` : words(theirs!.command));
      process.kill(victim, "SIGKILL");
      return;
    }
    await sleep(100);
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

/** What the report says, without the times. */
async function report(out: string) {
  const { times: _, ...rest } = JSON.parse(await readFile(join(folder, out, "report.json"), "utf8")) as {
    times: unknown;
    arms: { name: string; goldReward: { n: number } }[];
  };
  return { text: JSON.stringify(rest), arms: rest.arms };
}
