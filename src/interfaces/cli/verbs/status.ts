/** `weak-teacher status`: how far a run, a labelling or a generation is, whoever works on it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { ConfigError } from "../../../base/core/errors.ts";
import { formatBytes, formatSeconds } from "../../../base/core/log.ts";
import type { FolderStatus, StageShards, StageStatus } from "../../../pipeline/run/status.ts";
import type { StageProgress } from "../../../pipeline/stages/progress.ts";
import { examples, positiveNumber } from "../options.ts";
import { packageVersion } from "../package.ts";
import { act, type Session } from "../session.ts";

/** Adds the verb `status`. */
export function addStatus(program: Command): void {
  program
    .command("status")
    .description("say how far a run, label or generate is: stages, shards, rate, time left, failures")
    .argument("<folder>", "a run's folder, or the --out of label or generate")
    .option(
      "--watch [seconds]",
      "say it again and again until nothing runs, every 5 s unless said otherwise",
      positiveNumber,
    )
    .option("--verify", "read every file of every finished stage, and say which are not what the stage made")
    .addHelpText(
      "after",
      examples([
        "status runs/demo",
        "status labels --watch",
        "status labels --json",
        "status runs/demo --verify",
      ]),
    )
    .action(act(runStatus));
}

async function runStatus(
  session: Session,
  folder: string,
  options: { watch?: number | true; verify?: true },
): Promise<void> {
  if (options.verify === true) return verify(session, folder, options.watch !== undefined);
  const { folderStatus } = await import("../../../pipeline/run/status.ts");
  const { queuedIn } = await import("../../../pipeline/run/queued.ts");
  const everyMs = 1000 * (typeof options.watch === "number" ? options.watch : 5);
  for (;;) {
    const status = await folderStatus(folder, packageVersion());
    const queued = await queuedIn(folder);
    const value = queued === null ? status : { ...status, jobs: queued.jobs };
    session.result(value, [formatStatus(status), ...(queued?.lines ?? [])].join("\n"));
    const live = queued !== null && queued.jobs.tasks.length > 0;
    const running = live || status.stages.some(({ state }) => state === "running");
    if (options.watch === undefined || !running || session.signal.aborted) return;
    await sleep(everyMs, undefined, { signal: session.signal }).catch(() => {});
  }
}

async function verify(session: Session, folder: string, watch: boolean): Promise<void> {
  if (watch) throw new ConfigError("--watch: has no effect with --verify, which looks once. Leave one out.");
  const { folderStatus } = await import("../../../pipeline/run/status.ts");
  const { verifyFolder } = await import("../../../pipeline/run/verify.ts");
  // Refuses what is neither a run nor an output.
  await folderStatus(folder, packageVersion());
  const verified = await verifyFolder(folder, session.signal);
  const { stages, problems } = verified;
  const shown = problems.slice(0, 20);
  const more = problems.length > shown.length ? [`and ${problems.length - shown.length} more`] : [];
  const text = [`${folder}: ${stages} finished stages are as they were made`, ...shown, ...more].join("\n");
  session.result(verified, text);
  if (problems.length > 0) session.fail(`${folder}: ${problems.length} of the finished stages have changed.`);
}

/** A status as lines of text. */
export function formatStatus({ folder, stages, planProblem }: FolderStatus): string {
  const width = Math.max(5, ...stages.map(({ name }) => name.length));
  const done = stages.filter(({ state }) => state === "done").length;
  return [
    `${folder}: ${done} of ${stages.length} stages done`,
    ...stages.flatMap((stage) => linesOf(stage, width)),
    ...(planProblem === null ? [] : [`  stages to come are not known: ${planProblem}`]),
  ].join("\n");
}

function linesOf(stage: StageStatus, width: number): string[] {
  const { name, state, elapsedSeconds, holders, shards, progress, failure, pruned } = stage;
  const took = elapsedSeconds === null ? "" : ` in ${formatSeconds(elapsedSeconds)}`;
  const dead = holders.filter(({ living }) => !living).map(({ pid, host }) => `process ${pid} on ${host}`);
  return [
    `  ${name.padEnd(width)}  ${state}${took}${pruned === 0 ? "" : `, pruned (${formatBytes(pruned)})`}`,
    ...shards.map((part) => `    ${shardLine(part)}`),
    // Work in shards is told by its shards, which all processes at it share.
    ...(progress === null || shards.length > 0 ? [] : [`    ${progressLine(progress)}`]),
    ...(dead.length === 0
      ? []
      : [
          `    dead: ${dead.slice(0, 3).join(", ")}${dead.length > 3 ? ` and ${dead.length - 3} more` : ""}; the next process takes over`,
        ]),
    ...(failure === null ? [] : [`    failed ${failure.at} on ${failure.host}: ${failure.message}`]),
  ];
}

const rateWords = (perSecond: number | null) =>
  perSecond === null ? "" : `, ${perSecond.toFixed(perSecond < 10 ? 2 : 0)}/s`;
const leftWords = (seconds: number | null) =>
  seconds === null || seconds === 0 ? "" : `, ${formatSeconds(seconds)} left`;

function progressLine({ label, done, total, unit, perSecond, secondsLeft }: StageProgress) {
  const of = total === 0 ? "" : ` of ${total}`;
  return `${label}: ${done}${of} ${unit}${rateWords(perSecond)}${leftWords(secondsLeft)}`;
}

function shardLine({
  name,
  shards,
  shardsDone,
  items,
  itemsDone,
  claims,
  perSecond,
  secondsLeft,
}: StageShards) {
  const dead = claims.filter(({ living }) => !living).length;
  const held = `${claims.length - dead} claimed${dead === 0 ? "" : `, ${dead} of dead processes`}`;
  return `${name}: ${itemsDone} of ${items}, shards ${shardsDone} of ${shards} done, ${held}${rateWords(perSecond)}${leftWords(secondsLeft)}`;
}
