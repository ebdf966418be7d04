/**
 * The Slurm executor against a real Slurm of one node: a whole job with Ctrl-C, detaching and taking over in between, array tasks cancelled
 * while they label, and a job that fails. Skipped, with a line that says why, where there can be no Slurm.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openSlurm } from "../../src/pipeline/run/slurm/slurm.ts";
import { nodeArguments, weakTeacher } from "../cli/spawn.ts";
import { type SlurmNode, slurmMissing, startSlurm } from "../helpers/slurm-node.ts";
import { writeTinyRecipe } from "../helpers/tiny-recipe.ts";

const missing = slurmMissing();
if (missing !== undefined) console.warn(`test/slurm: skipped, no Slurm here: ${missing}`);

const SLURM = ["--set", "executor={kind: slurm, poll_seconds: 0.3}"];

/** Pairs whose labelling is cancelled again and again, in shards of 512; SLURM_POOL=20000 is the long form, about a minute and a half. */
const POOL = Number(process.env["SLURM_POOL"] ?? 4600);
const SHARDS = Math.ceil(POOL / 512);

describe.skipIf(missing !== undefined)("a real Slurm of one node", () => {
  let folder: string;
  let recipe: string;
  let slurm: SlurmNode;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "wt-slurm-test-"));
    recipe = await writeTinyRecipe(folder);
    slurm = startSlurm(4);
  });
  afterAll(async () => {
    slurm?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true });
  });

  const run = (out: string, ...more: string[]) =>
    weakTeacher(["run", recipe, "--out", out, "--json", ...more], { env: slurm.env });

  /** Starts a run, without waiting for it. */
  function start(
    out: string,
    ...more: string[]
  ): { child: ChildProcess; ended: Promise<Ended>; said(): string } {
    const child = spawn(process.execPath, [...nodeArguments, "run", recipe, "--out", out, ...more], {
      env: { ...process.env, ...slurm.env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr!.setEncoding("utf8").on("data", (part: string) => (stderr += part));
    const ended = new Promise<Ended>((resolve) => child.on("close", (code) => resolve({ code, stderr })));
    return { child, ended, said: () => stderr };
  }

  const report = async (out: string) => {
    const { times, ...rest } = JSON.parse(await readFile(join(out, "report.json"), "utf8"));
    expect(times.stages.length).toBeGreaterThan(5);
    return rest;
  };

  /** With its partition DOWN Slurm takes jobs and starts none. */
  const partition = (state: "UP" | "DOWN") =>
    slurm.command("scontrol", "update", "PartitionName=debug", `State=${state}`);

  const queue = () => slurm.command("squeue", "--noheader", "--array", "--format=%i %T %j").trim();

  test("a job stopped, left to the cluster and taken over again gives the report of a run on this machine", async () => {
    const arms = ["--set", "arms=[weak, human]", "--set", "eval={n_bootstrap: 100}"];
    const shared = ["--set", 'executor.stages={"*-scores": {array: 2}}'];
    // What must not confuse Slurm's patterns, sbatch or the shell.
    const out = join(folder, `it's 100%j "run"`);
    const here = run(join(folder, "here"), ...arms);

    const first = start(out, ...arms, ...SLURM, ...shared);
    await until(() => /stage data: job \d+ done/.test(first.said()), first.said);
    first.child.kill("SIGINT");
    const { code, stderr } = await first.ended;
    expect(code, stderr).toBe(130);
    expect(stderr).toContain("the run's jobs are cancelled");
    await until(() => queue() === "", queue);

    // Until the second process has looked, nothing begins.
    partition("DOWN");
    const left = await run(out, ...arms, ...SLURM, ...shared, "--detach");
    expect(left.code, left.stderr).toBe(0);
    const { submitted } = JSON.parse(left.stdout);
    expect(Object.keys(submitted)).not.toContain("data");
    expect(Object.keys(submitted)).toEqual(
      expect.arrayContaining(["pool-scores", "test-accuracy-human", "report"]),
    );
    const names = queue().split("\n");
    expect(names.filter((line) => line.endsWith("-pool-scores"))).toHaveLength(2);

    const status = await weakTeacher(["status", out], { env: slurm.env });
    expect(status.stdout, status.stderr).toMatch(/^ {2}job \d+: report, PENDING \(Dependency\)$/m);

    const second = start(out, ...arms, ...SLURM, ...shared);
    await until(() => second.said().includes("stage test-accuracy-human: is in the queue"), second.said);
    partition("UP");
    const again = await second.ended;
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr).toMatch(
      new RegExp(
        `stage test-accuracy-human: is in the queue already, as job ${submitted["test-accuracy-human"]}`,
      ),
    );
    expect(again.stderr).not.toContain("submitted as job");
    const local = await here;
    expect(local.code, local.stderr).toBe(0);
    expect(await report(out)).toEqual(await report(join(folder, "here")));
    const scripts = (await readdir(join(out, "slurm"))).filter((name) => name.endsWith(".sh"));
    const texts = await Promise.all(scripts.map((name) => readFile(join(out, "slurm", name), "utf8")));
    // The environment goes with the job by Slurm's own means, not through files.
    expect(texts.join("")).not.toContain(slurm.env.SLURM_CONF);
    expect((await readdir(join(out, "stages"))).filter((name) => name.startsWith("."))).toEqual([]);
    await until(() => queue() === "", queue);
  });

  test("a job that has begun is not told any more what to wait for, and that is no error", async () => {
    const script = join(folder, "sleep.sh");
    await writeFile(script, "#!/bin/sh\n#SBATCH --output=/dev/null\nsleep 60\n");
    const cluster = openSlurm((command, args) => {
      const { status, stdout, stderr } = spawnSync(command, args, {
        encoding: "utf8",
        env: { ...process.env, ...slurm.env },
      });
      return Promise.resolve({ code: status ?? 1, stdout, stderr });
    });
    // More tasks than the node has cores: some run, others wait.
    const id = await cluster.submit(script, { array: "0-5" });
    const states = () => queue().split("\n").join(" ");
    await until(() => / RUNNING /.test(states()), states);
    expect(states()).toContain(" PENDING ");
    await cluster.setDependency(id, "");
    await expect(cluster.setDependency(id, "nonsense:1")).rejects.toThrow("scontrol: ");
    await cluster.cancel([id]);
    await until(() => queue() === "", queue);
    await cluster.setDependency(id, "");
  });

  test("array tasks cancelled while they label: the scores are those of one process, row for row", async () => {
    const word = (i: number) => ["good day", "sad end", "happy cat", "bad rain", "nice sun"][i % 5];
    const rows = Array.from({ length: POOL + 200 }, (_, i) => ({
      prompt: `p${i} of many words, so that scoring takes its time`,
      chosen: ` ${word(i)} and ${word(i + 2)} again`,
      rejected: ` ${word(i + 1 + (i % 3))} and ${word(i + 3)} again`,
    }));
    const pairs = join(folder, "many.jsonl");
    await writeFile(pairs, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const many = [
      ...[
        "--set",
        `data.source=${pairs}`,
        "--set",
        `data.split={labelled: 100, unlabelled: ${POOL}, test: 100}`,
      ],
      ...["--set", "arms=[sft]", "--set", "eval={n_bootstrap: 100}"],
      ...["--set", "label.select={kind: top, percent: 1}"],
    ];
    const [one, out] = [join(folder, "one"), join(folder, "cancelled")];
    const local = await run(one, ...many);
    expect(local.code, local.stderr).toBe(0);
    await cp(one, out, { recursive: true });
    const scores = (await readdir(join(out, "stages"))).find((name) => name.startsWith("pool-scores-"))!;
    await rm(join(out, "stages", scores), { recursive: true });

    const child = start(out, ...many, ...SLURM, "--set", "executor.stages={pool-scores: {array: 3}}");
    const work = join(out, "stages", `.work-${scores}`, "scores", "shards");
    const running = () => queue().match(/^\S+(?= RUNNING \S+-pool-scores$)/gm) ?? [];
    const stateOf = (ref: string) =>
      slurm.command("squeue", "--noheader", "--array", "--states=all", `--jobs=${ref}`, "--format=%T").trim();
    const cancelled: string[] = [];
    // When some shards are done and most are not.
    for (let shards = 1; shards < SHARDS / 2; shards += 3) {
      await until(async () => (await readdir(work).catch(() => [])).length >= shards, child.said);
      const victim = running().find((ref) => !cancelled.includes(ref));
      // It may end by itself between these looks, and on a busy machine all may.
      if (victim === undefined) continue;
      slurm.command("scancel", "--quiet", victim);
      await until(() => /CANCELLED|COMPLETED/.test(stateOf(victim)), child.said);
      if (stateOf(victim).startsWith("CANCELLED")) cancelled.push(victim);
    }
    expect(cancelled.length, child.said()).toBeGreaterThan(0);
    const { code, stderr } = await child.ended;
    expect(code, stderr).toBe(0);
    for (const ref of cancelled)
      expect(stderr).toMatch(
        new RegExp(`stage pool-scores: job ${ref} ended as CANCELLED; submitted again as`),
      );
    const contents = (run: string) => readFolder(join(run, "stages", scores, "scores"));
    // The shards and the manifest.
    expect(Object.keys(await contents(one)).length).toBe(SHARDS + 1);
    expect(await contents(out)).toEqual(await contents(one));
    expect(await report(out)).toEqual(await report(one));
  });

  test("a job that fails shows the end of its log; what needs it is cancelled; exit code 1", async () => {
    const out = join(folder, "fails");
    const command = '--set=executor.command=[sh, -c, "echo the disk is on fire >&2; exit 3"]';
    const { code, stderr } = await run(out, ...SLURM, command);
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(/stage data: end of its log, .*data-\d+\.out:\n {2}\| the disk is on fire\n/);
    expect(stderr).toMatch(
      /error: stage data: job \d+ ended as FAILED\. Not run, since they need it: teacher-sft/,
    );
    await until(() => queue() === "", queue);
  });
});

type Ended = { readonly code: number | null; readonly stderr: string };

/** Waits, at most a minute. */
async function until(holds: () => boolean | Promise<boolean>, said: () => string): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`waited in vain; last: ${said()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Texts of all files below a folder. */
async function readFolder(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8")));
  return Object.fromEntries(files.map((file, i) => [file.slice(folder.length), texts[i]!]));
}
