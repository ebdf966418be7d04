/**
 * The Ray executor against a real Ray of one node: what its interface answers, a whole job with Ctrl-C, kill -9, detaching and taking over in
 * between, jobs killed while they label, and a job that fails. Skipped, with a line that says why, where there can be no Ray.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openRay, type Ray } from "../../src/pipeline/run/ray/ray.ts";
import { nodeArguments, weakTeacher } from "../cli/spawn.ts";
import { type RayHead, rayMissing, startRay } from "../helpers/ray-head.ts";
import { writeTinyRecipe } from "../helpers/tiny-recipe.ts";

if (rayMissing !== undefined) console.warn(`test/ray: skipped, no Ray here: ${rayMissing}`);

describe.skipIf(rayMissing !== undefined)("a real Ray of one node", () => {
  let folder: string;
  let recipe: string;
  let head: RayHead;
  let ray: Ray;
  let executor: string[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "wt-ray-test-"));
    recipe = await writeTinyRecipe(folder);
    head = await startRay(4);
    ray = openRay({ address: head.address });
    executor = ["--set", `executor={kind: ray, address: "${head.address}", poll_seconds: 0.3}`];
  }, 180_000);
  afterAll(async () => {
    await head?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true });
  });

  const run = (out: string, ...more: string[]) =>
    weakTeacher(["run", recipe, "--out", out, "--json", ...more]);

  /** Starts a run, without waiting for it. */
  function start(out: string, ...more: string[]) {
    const child: ChildProcess = spawn(
      process.execPath,
      [...nodeArguments, "run", recipe, "--out", out, ...more],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    let stderr = "";
    child.stderr!.setEncoding("utf8").on("data", (part: string) => (stderr += part));
    const ended = new Promise<{ code: number | null; stderr: string }>((resolve) =>
      child.on("close", (code) => resolve({ code, stderr })),
    );
    return { child, ended, said: () => stderr };
  }

  const report = async (out: string) => {
    const { times, ...rest } = JSON.parse(await readFile(join(out, "report.json"), "utf8"));
    expect(times.stages.length).toBeGreaterThan(5);
    return rest;
  };

  const live = async () =>
    (await ray.list())
      .filter(({ status }) => status === "PENDING" || status === "RUNNING")
      .map(({ id }) => id);

  test("jobs are taken once, known, ended; what is not there is not there", async () => {
    const request = {
      submission_id: "once",
      entrypoint: "sleep 60",
      metadata: { stage: "none" },
      runtime_env: { env_vars: {} },
      entrypoint_num_cpus: 0,
    };
    await ray.submit(request);
    await ray.submit(request);
    expect((await ray.list()).filter(({ id }) => id === "once")).toHaveLength(1);
    expect(await ray.look("once")).toMatchObject({ id: "once", metadata: { stage: "none" }, endedAt: null });
    await ray.stop("once");
    await until(
      async () => (await ray.look("once"))?.status === "STOPPED",
      () => "stop",
    );
    await ray.stop("once");
    await ray.stop("never");
    expect(await ray.look("never")).toBeUndefined();
    await expect(ray.logs("never")).rejects.toThrow(`${head.address}: the log of job never: answered 404`);
    const wrong = { ...request, submission_id: "wrong", entrypoint: 5 as unknown as string };
    await expect(ray.submit(wrong)).rejects.toThrow("entrypoint must be a string");
    await expect(openRay({ address: "http://127.0.0.1:9" }).list()).rejects.toThrow("cannot be reached");
  });

  test("a job stopped, killed, left to the cluster and taken over gives the report of a run on this machine", async () => {
    const arms = ["--set", "arms=[weak]", "--set", "eval={n_bootstrap: 100}"];
    const shared = [...executor, "--set", 'executor.stages={"*-scores": {array: 2}}'];
    // What must not confuse the shell.
    const out = join(folder, `it's 100%j "run" $HOME`);
    const here = run(join(folder, "here"), ...arms);

    const first = start(out, ...arms, ...shared);
    await until(() => /stage data: job \S+ done/.test(first.said()), first.said);
    await until(() => first.said().includes("stage teacher-sft: submitted as"), first.said);
    first.child.kill("SIGINT");
    const { code, stderr } = await first.ended;
    expect(code, stderr).toBe(130);
    expect(stderr).toContain("the run's jobs are stopped");
    expect(await live()).toEqual([]);

    // A follower that is killed leaves its jobs; the next one takes them over.
    const killed = start(out, ...arms, ...shared);
    await until(() => /stage \S+: job \S+ runs/.test(killed.said()), killed.said);
    killed.child.kill("SIGKILL");
    await killed.ended;

    const left = await run(out, ...arms, ...shared, "--detach");
    expect(left.code, left.stderr).toBe(0);
    const [follower] = JSON.parse(left.stdout).submitted.run;
    const second = await run(out, ...arms, ...shared);
    if (second.code !== 0) {
      // It may have been quick: then the second found all done.
      expect(second.code, second.stderr).toBe(2);
      expect(second.stderr).toContain(`job ${follower} follows this run already`);
    }
    await until(
      async () => !(await live()).includes(follower),
      () => follower,
    );
    expect((await ray.look(follower))?.status, await ray.logs(follower)).toBe("SUCCEEDED");
    const local = await here;
    expect(local.code, local.stderr).toBe(0);
    expect(await report(out)).toEqual(await report(join(folder, "here")));
    // No stage was computed twice, whoever followed.
    const done = (await ray.list()).filter(
      ({ metadata, status }) => metadata["folder"] === out && status === "SUCCEEDED",
    );
    const stages = done
      .map(({ metadata }) => metadata["stage"]!)
      .filter((stage) => !stage.endsWith("-scores"));
    expect(stages.toSorted()).toEqual([...new Set(stages)].toSorted());
    const logs = (await readdir(join(out, "ray"))).filter((name) => name.endsWith(".log"));
    expect(logs.some((name) => name.includes("-weak-labels-"))).toBe(true);
    const status = await weakTeacher(["status", out]);
    expect(status.stdout, status.stderr).not.toContain("  job ");
  });

  test("a job whose process is killed is submitted again; one that fails shows its log, and what needs it is not run", async () => {
    const out = join(folder, "killed");
    const once = join(folder, "once");
    // The first process of each stage kills itself.
    const killing = `--set=executor.setup=[${JSON.stringify(`{ test -e ${once} || { touch ${once}; kill -9 $$; }; }`)}]`;
    const { code, stderr } = await run(
      out,
      ...executor,
      killing,
      "--set",
      "arms=[sft]",
      "--set",
      "eval={n_bootstrap: 100}",
    );
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(
      /stage data: job \S+-data-1 ended as FAILED by signal 9; submitted again as \S+-data-2/,
    );

    const fails = join(folder, "fails");
    const command = '--set=executor.command=[sh, -c, "echo the disk is on fire >&2; exit 3"]';
    const failed = await run(fails, ...executor, command);
    expect(failed.code, failed.stderr).toBe(1);
    expect(failed.stderr).toMatch(
      /stage data: end of its log, .*-data-1\.log:\n( {2}\| .*\n)* {2}\| the disk is on fire\n/,
    );
    expect(failed.stderr).toMatch(
      /error: stage data: job \S+-data-1 ended as FAILED, exit code 3\. Not run, since they need it: teacher-sft/,
    );
    expect(await live()).toEqual([]);
  });

  test("jobs of other settings are in the way, and the variable reaches the job", async () => {
    const out = join(folder, "waits");
    const env = "--set=executor.env={MY_Flag: 'it is there'}";
    const command = `--set=executor.command=[sh, -c, 'echo "$MY_Flag"; sleep 60']`;
    const first = start(out, ...executor, env, command);
    await until(() => /stage data: job \S+ runs/.test(first.said()), first.said);
    const status = await weakTeacher(["status", out]);
    expect(status.stdout, status.stderr).toMatch(/^ {2}job wt-\S+-data-1: data, RUNNING on the cluster, /m);
    const other = await run(out, ...executor, "--set", "seed=2");
    expect(other.code, other.stderr).toBe(2);
    expect(other.stderr).toMatch(
      /1 jobs of this run with other settings are on the cluster, .*ray job stop wt-\S+-data-1/,
    );
    const [id] = await live();
    await until(
      async () => (await ray.logs(id!)).includes("it is there"),
      () => id!,
    );
    first.child.kill("SIGINT");
    expect((await first.ended).code).toBe(130);
  });
});

/** Waits, at most ten minutes: the machine may be busy. */
async function until(holds: () => boolean | Promise<boolean>, said: () => string): Promise<void> {
  const endMs = performance.now() + 600_000;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`waited in vain; last: ${said()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
