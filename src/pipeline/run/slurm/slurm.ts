/** Slurm's commands: how they are called and what they answer. Everything that touches the cluster goes through here. */
import { spawn } from "node:child_process";
import { AlignError } from "../../../base/core/errors.ts";
import { parseQueue, type QueuedTask } from "./queue.ts";

/** What a command answered. */
export type Answer = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Runs a command of Slurm's; tests give their own. */
export type CommandRunner = (command: string, args: readonly string[]) => Promise<Answer>;

/** The cluster, as far as this executor needs it. */
export interface Slurm {
  /** Submits a script. `dependency` such as "afterok:12", `array` such as "0,3". Gives the job's id. */
  submit(script: string, options: { dependency?: string; array?: string }): Promise<string>;
  /** Every task of jobs of these names that the controller still knows, ended ones too. */
  queue(names: readonly string[]): Promise<QueuedTask[]>;
  /** Cancels jobs or tasks by id; those that have ended are no error. */
  cancel(ids: readonly string[]): Promise<void>;
  /** Gives a waiting job another dependency; "" for none. One that has begun since waits for nothing, and that is no error. */
  setDependency(id: string, dependency: string): Promise<void>;
}

/**
 * The cluster that the commands of this machine speak to.
 * @throws AlignError "slurm" from each call, with what Slurm said
 */
export function openSlurm(run: CommandRunner = spawnCommand): Slurm {
  const ask = async (command: string, args: readonly string[]): Promise<string> => {
    const answer = await run(command, args);
    if (answer.code === 0) return answer.stdout;
    throw refusal(command, answer);
  };
  return {
    async submit(script, { dependency, array }) {
      const answer = await ask("sbatch", [
        "--parsable",
        ...(dependency ? [`--dependency=${dependency}`] : []),
        ...(array ? [`--array=${array}`] : []),
        script,
      ]);
      // "12" or, with several clusters, "12;name".
      const id = /^(\d+)(;|$)/m.exec(answer.trim())?.[1];
      if (id === undefined)
        throw new AlignError("slurm", `sbatch: expected the id of a job, got ${JSON.stringify(answer)}.`);
      return id;
    },
    async queue(names) {
      const filter = ["--noheader", "--array", "--states=all", `--name=${names.join(",")}`];
      return parseQueue(await ask("squeue", [...filter, "--format=%i|%T|%M|%N|%r|%j"]));
    },
    async cancel(ids) {
      if (ids.length > 0) await ask("scancel", ["--quiet", ...ids]);
    },
    async setDependency(id, dependency) {
      const args = ["update", `JobId=${id}`, `Dependency=${dependency}`];
      const { code, stdout, stderr } = await run("scontrol", args);
      if (code !== 0 && !waitsNoMore(stderr)) throw refusal("scontrol", { code, stdout, stderr });
    },
  };
}

function refusal(command: string, { code, stdout, stderr }: Answer): AlignError {
  return new AlignError("slurm", `${command}: ${firstLines(stderr || stdout) || `exit code ${code}`}`);
}

/**
 * Whether a job could not be changed only because it has begun or ended since the queue was looked at. For an array Slurm answers a line
 * for each group of tasks, "No error" for those that it did change.
 */
const waitsNoMore = (stderr: string) =>
  /\S/.test(stderr) &&
  stderr
    .trim()
    .split("\n")
    .every((line) => /no longer pending|already finished|already complet|Invalid job id|No error/.test(line));

const firstLines = (text: string) => text.trim().split("\n").slice(0, 5).join("\n");

function spawnCommand(command: string, args: readonly string[]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // A group of its own: Ctrl-C at the terminal is ours to answer, not the command's.
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (part: string) => (stdout += part));
    child.stderr.setEncoding("utf8").on("data", (part: string) => (stderr += part));
    child.on("error", (error) =>
      reject(
        new AlignError(
          "slurm",
          `${command}: cannot be started: ${error.message}. executor: slurm needs Slurm's commands on this machine; run it on a login node, or with executor: local.`,
          { cause: error },
        ),
      ),
    );
    child.on("close", (code) => resolve({ code: code ?? 1, stdout, stderr }));
  });
}
