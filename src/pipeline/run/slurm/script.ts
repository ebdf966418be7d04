/** The batch script of one job. What differs from one submission to the next (dependencies, which tasks) is not in it. */
import { oneLine, shellWord } from "../../../base/core/shell.ts";
import type { StageResources } from "../../recipe/executor.ts";

/** A job to submit. */
export type ScriptRequest = {
  readonly jobName: string;
  /** Pattern of its log file, absolute; %j, %A and %a stand for ids. The folder's own % are escaped. */
  readonly log: string;
  /** Where paths of the recipe start. */
  readonly workingFolder: string;
  readonly resources: StageResources & { readonly cpus: number };
  readonly setup: readonly string[];
  /** Command and arguments. */
  readonly argv: readonly string[];
  /** Remove the job when what it waits for has failed; else whoever follows the run decides. */
  readonly dropWhenInputsFail: boolean;
};

/** The script; it holds no value of the environment, which Slurm hands on by itself. */
export function batchScript(request: ScriptRequest): string {
  const { resources, setup, argv } = request;
  const { partition, account, qos, time, cpus, memory, gres, extra = [], array } = resources;
  const options: Record<string, string | number | undefined> = {
    "job-name": request.jobName,
    output: directiveText(request.log),
    chdir: directiveText(request.workingFolder),
    partition,
    account,
    qos,
    time,
    "cpus-per-task": cpus,
    mem: memory,
    gres,
    array: array === undefined ? undefined : `0-${array - 1}`,
    // After a node has failed Slurm starts the job again by itself, and the log goes on.
    "open-mode": "append",
    "kill-on-invalid-dep": request.dropWhenInputsFail ? "yes" : "no",
  };
  const directives = Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [oneLine(`#SBATCH --${name}=${value}`)],
  );
  return [
    "#!/bin/bash",
    ...directives,
    "#SBATCH --requeue",
    ...extra.map((line) => oneLine(`#SBATCH ${line}`)),
    "set -eu",
    ...setup,
    `exec ${argv.map(shellWord).join(" ")}`,
    "",
  ].join("\n");
}

/** A path for a pattern of Slurm's, where % begins a placeholder. */
export const literalPath = (path: string): string => path.replaceAll("%", "%%");

/** A value for an #SBATCH line, whatever is in it. */
function directiveText(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}
