/**
 * Slurm's commands without a Slurm: jobs are what sbatch was asked for, and stand as the test says. Knows no time: a script of the test
 * runs before each look at the queue.
 */
import { readFileSync } from "node:fs";
import type { CommandRunner } from "../../src/pipeline/run/slurm/slurm.ts";

/** One task as the fake keeps it. */
export type FakeTask = { state: string; elapsed: string; reason: string; name: string };

/** The commands, what was asked of them, and the tasks by "12" or "12_3". */
export type FakeSlurm = {
  readonly run: CommandRunner;
  /** Every call but squeue, as one line. */
  readonly calls: string[];
  readonly tasks: Map<string, FakeTask>;
  /** Refs of the tasks of a stage's jobs. */
  refsOf(stage: string): string[];
  /** Puts tasks of a stage into a state; all of them, or those whose ref is given. */
  set(stage: string, state: string, ref?: string): void;
};

/** @param onLook - called before each squeue with its number, from 0 */
export function fakeSlurm(onLook: (slurm: FakeSlurm, look: number) => void = () => {}): FakeSlurm {
  const tasks = new Map<string, FakeTask>();
  const calls: string[] = [];
  let nextId = 1;
  let looks = 0;
  const ok = (stdout = "") => Promise.resolve({ code: 0, stdout, stderr: "" });
  const fake: FakeSlurm = {
    calls,
    tasks,
    refsOf: (stage) => [...tasks].filter(([, { name }]) => name.endsWith(`-${stage}`)).map(([ref]) => ref),
    set(stage, state, ref) {
      for (const one of ref === undefined ? fake.refsOf(stage) : [ref]) tasks.get(one)!.state = state;
    },
    run(command, args) {
      if (command === "squeue") {
        onLook(fake, looks++);
        const names = new Set(
          args
            .find((arg) => arg.startsWith("--name="))!
            .slice(7)
            .split(","),
        );
        const lines = [...tasks].filter(([, { name }]) => names.has(name));
        return ok(
          lines.map(([ref, t]) => `${ref}|${t.state}|${t.elapsed}|node1|${t.reason}|${t.name}\n`).join(""),
        );
      }
      const said = args.map((arg) => (arg.endsWith(".sh") ? arg.split("/").at(-1) : arg));
      calls.push([command, ...said].join(" "));
      if (command === "sbatch") return ok(`${submit(args)}\n`);
      if (command === "scancel")
        for (const [ref, task] of tasks)
          if (args.some((arg) => arg === ref || arg === ref.split("_")[0]))
            if (["PENDING", "RUNNING"].includes(task.state)) task.state = "CANCELLED";
      return ok();
    },
  };
  const submit = (args: readonly string[]): number => {
    const script = readFileSync(args.at(-1)!, "utf8");
    const name = /--job-name=(.*)/.exec(script)![1]!;
    const asked = args.find((arg) => arg.startsWith("--array="))?.slice(8);
    const range = /^#SBATCH --array=0-(\d+)$/m.exec(script)?.[1];
    const indices =
      asked?.split(",") ??
      (range === undefined ? undefined : Array.from({ length: +range + 1 }, (_, i) => i));
    const id = nextId++;
    for (const ref of indices?.map((index) => `${id}_${index}`) ?? [`${id}`])
      tasks.set(ref, { state: "PENDING", elapsed: "0:00", reason: "Dependency", name });
    return id;
  };
  return fake;
}
