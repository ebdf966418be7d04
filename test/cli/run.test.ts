/** The whole job on tiny models, in processes of its own: run, kept results, kill -9, Ctrl-C, wrong recipes. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyRecipe } from "../helpers/tiny-recipe.ts";
import { nodeArguments, weakTeacher } from "./spawn.ts";

let folder: string;
let recipe: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-run-"));
  recipe = await writeTinyRecipe(folder);
});
afterAll(() => rm(folder, { recursive: true }));

const run = (out: string, ...more: string[]) =>
  weakTeacher(["run", recipe, "--out", join(folder, out), "--json", ...more]);

/** Digest of every finished stage, by name. */
async function digests(out: string): Promise<Record<string, string>> {
  const stages = join(folder, out, "stages");
  const names = (await readdir(stages)).filter((name) => !name.startsWith(".")).sort();
  const records = await Promise.all(
    names.map(async (name) => JSON.parse(await readFile(join(stages, name, "stage.json"), "utf8"))),
  );
  return Object.fromEntries(names.map((name, i) => [name, records[i].digest]));
}

const states = (stdout: string) =>
  (JSON.parse(stdout).steps as { name: string; state: string }[]).map(({ state }) => state);

describe("run", () => {
  test("goes from pairs to measured students, and a second time computes nothing", async () => {
    const plan = await run("whole", "--dry-run");
    expect(plan.code, plan.stderr).toBe(0);
    expect(existsSync(join(folder, "whole"))).toBe(false);
    const first = await run("whole");
    expect(first.code, first.stderr).toBe(0);
    expect(new Set(states(first.stdout))).toEqual(new Set(["run"]));
    const resolved = await readFile(join(folder, "whole", "recipe.yaml"), "utf8");
    expect(resolved).toContain("name: tiny\n");
    expect(resolved).toContain("lr_scheduler_type: linear\n");
    const again = await run("whole");
    expect(new Set(states(again.stdout))).toEqual(new Set(["cached"]));
    expect(again.stderr).not.toContain("starts");
  });

  test("another beta of the student computes the students and what is measured of them, nothing before", async () => {
    const plan = await run("whole", "--set", "student.prefer.beta=0.5", "--dry-run");
    const steps = JSON.parse(plan.stdout).steps as { name: string; state: string }[];
    const kept = steps.filter(({ state }) => state === "cached").map(({ name }) => name);
    expect(kept).toEqual(
      expect.arrayContaining([
        "teacher-sft",
        "teacher-prefer",
        "weak-labels",
        "student-sft-weak",
        "generate-sft",
      ]),
    );
    expect(
      steps
        .filter(({ state }) => state !== "cached")
        .map(({ name }) => name)
        .sort(),
    ).toEqual(
      [
        "student-weak",
        "generate-weak",
        "test-accuracy-weak",
        "student-human",
        "generate-human",
        "test-accuracy-human",
      ].sort(),
    );
  });

  test("killed again and again with kill -9, it ends with the same results and repeats no finished stage", async () => {
    const finished = new Set<string>();
    let kills = 0;
    // Kills in the middle of different work: data, training at several steps, labelling, generating.
    for (const at of [
      "data",
      "teacher-prefer",
      "teacher-prefer",
      "weak-labels",
      "student-weak",
      "generate-weak",
    ]) {
      // On a busy machine the one before may have come late.
      if (finished.has(at)) continue;
      const when = new RegExp(`stage ${at}: (starts|goes on)`);
      const { code, stderr } = await signalWhen("killed", when, "SIGKILL");
      expect([null, 0], stderr).toContain(code);
      // Null: it did not come to an end of its own.
      if (code === null) kills++;
      for (const name of finished) expect(stderr).not.toMatch(new RegExp(`stage ${name}: (starts|goes on)`));
      for (const [, name] of stderr.matchAll(/stage (\S+): done/g)) finished.add(name!);
    }
    expect(kills).toBeGreaterThanOrEqual(3);
    const last = await run("killed");
    expect(last.code, last.stderr).toBe(0);
    await run("whole");
    expect(await digests("killed")).toEqual(await digests("whole"));
    expect((await readdir(join(folder, "killed", "stages"))).filter((name) => name.startsWith("."))).toEqual(
      [],
    );
  });

  test("two processes on one folder share the work and end with the same results", async () => {
    const both = await Promise.all([run("shared"), run("shared")]);
    for (const { code, stderr } of both) expect(code, stderr).toBe(0);
    await run("whole");
    expect(await digests("shared")).toEqual(await digests("whole"));
    const starts = both.flatMap(({ stderr }) =>
      [...stderr.matchAll(/stage (\S+): starts/g)].map(([, name]) => name),
    );
    expect(new Set(starts).size).toBe(starts.length);
  });

  test("one Ctrl-C saves and ends with 130; the same command goes on", async () => {
    const { code, stderr } = await signalWhen("stopped", /stage teacher-prefer: starts/, "SIGINT");
    expect(stderr).toContain("stopping; what is in hand is finished and saved");
    expect(code).toBe(130);
    expect(stderr).toMatch(/error: .*interrupted; .*run the same command to go on/);
    const after = await run("stopped");
    expect(after.code, after.stderr).toBe(0);
    await run("whole");
    expect(await digests("stopped")).toEqual(await digests("whole"));
  });

  test("the report of two runs is the same but for times, and is written again without computing", async () => {
    await run("whole");
    await run("twice");
    const report = async (out: string) => {
      const { times, ...rest } = JSON.parse(await readFile(join(folder, out, "report.json"), "utf8"));
      expect(times.stages.length).toBeGreaterThan(10);
      return rest;
    };
    const first = await report("whole");
    expect(await report("twice")).toEqual(first);
    await rm(join(folder, "twice", "report.html"));
    const again = await weakTeacher(["report", join(folder, "twice")]);
    expect(again.code, again.stderr).toBe(0);
    expect(again.stdout).toMatch(/gold reward[\s\S]*─\n[\s\S]*\nweak +/);
    expect(again.stdout).toContain("report.html");
    expect(await readFile(join(folder, "twice", "report.html"), "utf8")).toContain("<html");
    expect(await report("twice")).toEqual(first);
  });

  test("a run that is not finished, or a folder that is no run, has no report", async () => {
    await run("cut", "--set", "teacher.prefer.loss=sigmoyd");
    expect((await weakTeacher(["report", join(folder, "cut")])).code).toBe(2);
    await signalWhen("cut", /stage weak-labels: starts/, "SIGKILL");
    const outcome = await weakTeacher(["report", join(folder, "cut")]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(
      /stages are not finished: .*student-weak.*Finish them with: weak-teacher run/,
    );
    expect(outcome.stderr).not.toContain("another version");
    // A result of an older release: its key is another.
    await run("twice");
    const stages = join(folder, "twice", "stages");
    const held = (await readdir(stages)).find((name) => name.startsWith("test-accuracy-weak-"))!;
    const record = JSON.parse(await readFile(join(stages, held, "stage.json"), "utf8"));
    await mkdir(join(stages, "test-accuracy-weak-0123456789ab"));
    await writeFile(
      join(stages, "test-accuracy-weak-0123456789ab", "stage.json"),
      JSON.stringify({ ...record, identity: { ...record.identity, code: "0.0.1" } }),
    );
    await rm(join(stages, held), { recursive: true });
    expect((await weakTeacher(["report", join(folder, "twice")])).stderr).toMatch(
      /1 of \d+ stages are not finished: test-accuracy-weak\. Results of test-accuracy-weak are there, but made by another version/,
    );
    await rm(join(stages, "test-accuracy-weak-0123456789ab"), { recursive: true });
  });

  test("the demo is planned without a network and refuses what it does not know", async () => {
    const plan = await weakTeacher(["demo", "--dry-run", "--out", join(folder, "demo")]);
    expect(plan.code, plan.stderr).toBe(0);
    expect(plan.stdout).toMatch(/^import-stories15m +runs\ncandidates +runs, unless/);
    expect(plan.stderr).toContain("needs the npm packages");
    expect((await weakTeacher(["demo", "--set", "epochs=2"])).code).toBe(2);
  });

  test("a wrong recipe is exit code 2 with places, and makes no folder", async () => {
    const outcome = await run("never", "--set", "teacher.prefer.betta=1", "--set", "seed=x");
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain(
      '--set teacher.prefer.betta=1: teacher.prefer.betta: unknown setting; did you mean "beta"?',
    );
    expect(outcome.stderr).toContain("--set seed=x: seed: expected a number");
    expect(existsSync(join(folder, "never"))).toBe(false);
  });

  test("what a later stage would refuse is told before the teacher is trained", async () => {
    const long = "data.max_length=200";
    for (const more of [[], ["--dry-run"]]) {
      const outcome = await run("early", ...more, "--set", long);
      expect(outcome).toMatchObject({ code: 2 });
      expect(outcome.stderr).toMatch(/weak: has 128 positions.*got max_length 200.*\n.*student: has 128 /);
      const lora = await run("early", ...more, "--set", "student.lora.target_modules=[q_proj, c_attn]");
      expect(lora).toMatchObject({ code: 2 });
      expect(lora.stderr).toContain('lora.target_modules: "c_attn" is on no projection of the model (llama)');
      expect(outcome.stderr + lora.stderr).not.toContain("starts");
    }
    // 60 pairs are labelled: 6 of them are held out.
    const few = await run("early", "--set", "label.held_out=0.1");
    expect(few).toMatchObject({ code: 2 });
    expect(few.stderr).toContain(
      "label.held_out: only 6 held-out pairs are decided by people, expected at least 10 to calibrate on; raise label.held_out or label more pairs.",
    );
    expect(Object.keys(await digests("early"))).toEqual([expect.stringMatching(/^data-/)]);
    // Nothing is calibrated, so that nothing is too few.
    const none = await run("early", "--set", "label.held_out=0.1", "--set", "label.calibration=none");
    expect(none.code, none.stderr).toBe(0);
  });

  test("parts in files of their own, the pool judged by nobody: no human arm, and a report without agreement", async () => {
    const pairs = (name: string, from: number, make: (i: number) => object) =>
      writeFile(
        join(folder, name),
        Array.from({ length: 40 }, (_, i) => `${JSON.stringify(make(from + i))}\n`).join(""),
      );
    const judged = (i: number) => ({ prompt: `q${i}`, chosen: ` day ${i % 7}`, rejected: ` end ${i % 5}` });
    await pairs("labelled.jsonl", 0, judged);
    await pairs("unlabelled.jsonl", 100, (i) => ({
      prompt: `q${i}`,
      response_a: ` sun ${i % 7}`,
      response_b: ` rain ${i % 5}`,
    }));
    await pairs("test.jsonl", 200, judged);
    const files = (["labelled", "unlabelled", "test"] as const).map(
      (part) => `  ${part}: ${join(folder, `${part}.jsonl`)}\n`,
    );
    const text = await readFile(recipe, "utf8");
    const three = join(folder, "three.yaml");
    await writeFile(three, text.replace(/ {2}source: .*\n {2}split: .*\n/, files.join("")));
    const out = join(folder, "three");
    const refused = await weakTeacher(["run", three, "--out", out]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(
      "arms: human reads human labels of the unlabelled pairs, but they have none.",
    );
    expect(refused.stderr).not.toContain("teacher-sft: starts");
    const done = await weakTeacher([
      "run",
      three,
      "--out",
      out,
      "--set",
      "arms=[sft, weak]",
      "--set",
      "label.calibration=platt",
    ]);
    expect(done.code, done.stderr).toBe(0);
    const report = JSON.parse(await readFile(join(out, "report.json"), "utf8"));
    expect(report.agreement).toEqual([]);
    expect(report.arms).toHaveLength(2);
    expect(JSON.stringify(report.dataQuality)).toContain("without a human label");
  });

  test("a folder that is no model is exit code 1 and names it", async () => {
    const outcome = await run("no-model", "--set", `models.weak=${join(folder, "absent")}`);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/absent: cannot be opened as a model folder/);
  });
});

/** Starts the job and ends it with a signal once its messages match; gives all messages. */
async function signalWhen(
  out: string,
  at: RegExp,
  signal: NodeJS.Signals,
): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [...nodeArguments, "run", recipe, "--out", join(folder, out)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  let sent = false;
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    stderr += part;
    if (sent || !at.test(stderr)) return;
    sent = true;
    // A little later, so that the work is under way.
    setTimeout(() => child.kill(signal), 60);
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, stderr };
}
