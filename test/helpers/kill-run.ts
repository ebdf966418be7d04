/**
 * Whole runs of a tiny recipe whose process is killed at one of its operations on files, started again, killed again, until the run ends;
 * and what is there then, beside what a run that nobody disturbed left. Some runs are worked on by two processes at once.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRng, type Rng } from "../../src/base/core/rng.ts";

/** What is run and how it is disturbed. */
export type KillRuns = {
  /** Arguments of node that run a recipe, without `--out`. */
  readonly command: readonly string[];
  readonly folder: string;
  /** Kills in all; the run in which the last one falls goes on to its end. */
  readonly kills: number;
  readonly seed: number;
  /** Largest number of the operation that a process is killed at. */
  readonly span: number;
  /** Share of the runs that two processes work on. */
  readonly pairs: number;
  /** No run begins after it. */
  readonly untilMs?: number;
  /** Told of the kills of one run. */
  readonly onKill?: (kills: number) => void;
  readonly onRun?: (outcome: KillRunsOutcome) => void;
};

/** What came of it. */
export type KillRunsOutcome = {
  readonly runs: number;
  readonly withTwo: number;
  readonly kills: number;
  /** Operations of a whole run. */
  readonly operations: number;
  /** Longest time without a word in which a process did next to nothing, s. */
  readonly longestSilence: number;
  /** What is wrong, in words; empty where all is well. */
  readonly problems: readonly string[];
};

const KILL_AT = fileURLToPath(new URL("./kill-at.mjs", import.meta.url));
/** A silent process that computes is at work; one below this share of a processor waits. */
const IDLE = 0.05;
/** A wait without a word, s. */
const MOST_SILENCE = 5;

/** @throws Error when the undisturbed run fails */
export async function killRuns(options: KillRuns): Promise<KillRunsOutcome> {
  const rng = createRng(options.seed);
  const count = join(options.folder, "operations");
  const whole = join(options.folder, "whole");
  const first = await attempt(options, whole, { KILL_LOG: count }).ended;
  if (first.code !== 0) throw new Error(`undisturbed: ${first.stderr}`);
  const operations = Number(await readFile(count, "utf8"));
  const expected = await resultOf(whole);
  let state: KillRunsOutcome = {
    ...{ runs: 0, withTwo: 0, kills: 0, operations, longestSilence: 0, problems: [] },
  };
  while (state.kills < options.kills && Date.now() < (options.untilMs ?? Number.POSITIVE_INFINITY)) {
    const out = join(options.folder, `run-${state.runs}`);
    const two = rng.next() < options.pairs;
    const run = await disturb(options, out, two ? 2 : 1, rng.fork("run", state.runs));
    const problems = [...run.problems];
    const made = await resultOf(out).catch((error) => String(error));
    if (made !== expected) problems.push("report.json is not that of the undisturbed run");
    const left = (await readdir(out, { recursive: true })).filter((path) =>
      /(^|\/)(\.tmp-|\.lock-|\.work-|\.failed-|\.old-)|\.(takeover|stale|claim)$/.test(path),
    );
    if (left.length > 0) problems.push(`left: ${left.join(", ")}`);
    state = {
      ...state,
      runs: state.runs + 1,
      withTwo: state.withTwo + (two ? 1 : 0),
      kills: state.kills + run.kills,
      longestSilence: Math.max(state.longestSilence, run.silence),
      problems: [...state.problems, ...problems.map((problem) => `run ${state.runs}: ${problem}`)],
    };
    if (problems.length === 0) await rm(out, { recursive: true });
    options.onRun?.(state);
  }
  return state;
}

/** The report without its times, which differ. */
async function resultOf(out: string): Promise<string> {
  const { times: _, ...report } = JSON.parse(await readFile(join(out, "report.json"), "utf8"));
  return JSON.stringify(report);
}

type Disturbed = { readonly kills: number; readonly silence: number; readonly problems: readonly string[] };

/** Keeps processes at a run, each killed at an operation of its own, until one ends by itself; then one in peace. */
async function disturb(options: KillRuns, out: string, processes: number, rng: Rng): Promise<Disturbed> {
  await mkdir(out, { recursive: true });
  let [kills, silence, done] = [0, 0, false];
  const problems: string[] = [];
  const work = async () => {
    while (!done) {
      const at = 1 + rng.int(options.span);
      const end = await attempt(options, out, { KILL_AT: String(at) }).ended;
      silence = Math.max(silence, end.silence);
      if (end.silence > MOST_SILENCE)
        problems.push(`${end.silence.toFixed(1)} s without a word: ${end.stderr}`);
      if (end.signal === "SIGKILL") {
        kills++;
        options.onKill?.(kills);
      } else if (end.code === 0) done = true;
      else {
        problems.push(`ended with ${end.code}: ${end.stderr}`);
        done = true;
      }
    }
  };
  await Promise.all(Array.from({ length: processes }, work));
  // The one that ended may have done so while the other was killed: what is left goes with the next run.
  const last = await attempt(options, out, {}).ended;
  if (last.code !== 0) problems.push(`the last one ended with ${last.code}: ${last.stderr}`);
  return { kills, silence, problems };
}

type End = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
  readonly silence: number;
};

function attempt(
  { command }: KillRuns,
  out: string,
  env: Record<string, string>,
): { readonly ended: Promise<End> } {
  const child = spawn(process.execPath, ["--import", KILL_AT, ...command, "--out", out], {
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  const watch = watchSilence(child);
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    stderr += part;
    watch.heard();
  });
  const ended = new Promise<End>((resolve) => {
    child.on("close", (code, signal) =>
      resolve({ code, signal, stderr: stderr.slice(-2000), silence: watch.end() }),
    );
  });
  return { ended };
}

/** Longest stretch, s, in which a process said nothing and did next to nothing; Linux only, 0 elsewhere. */
function watchSilence(child: ChildProcess) {
  let [longest, sinceMs, cpuThen] = [0, Date.now(), 0];
  const look = async () => {
    const cpu = await cpuSeconds(child.pid);
    const seconds = (Date.now() - sinceMs) / 1000;
    if (cpu === undefined) return;
    if (cpu - cpuThen > IDLE * seconds || (await waitsForDisk(child.pid)))
      [sinceMs, cpuThen] = [Date.now(), cpu];
    else longest = Math.max(longest, seconds);
  };
  const timer = setInterval(() => void look(), 500);
  return {
    heard() {
      sinceMs = Date.now();
    },
    end() {
      clearInterval(timer);
      return longest;
    },
  };
}

/** Time of all threads on processors and in their queue: a machine that is busy with others lets nobody wait for a lock. */
async function cpuSeconds(pid: number | undefined): Promise<number | undefined> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  if (threads.length === 0) return undefined;
  const times = threads.map(async (thread) => {
    const line = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8").catch(() => "0 0");
    const [running = 0, queued = 0] = line.trim().split(" ").map(Number);
    return (running + queued) / 1e9;
  });
  return (await Promise.all(times)).reduce((total, seconds) => total + seconds, 0);
}

/** Whether a thread is in the middle of reading or writing: a slow disk is no lock. */
async function waitsForDisk(pid: number | undefined): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const states = threads.map(async (thread) => {
    const line = await readFile(`/proc/${pid}/task/${thread}/stat`, "utf8").catch(() => "");
    return line.slice(line.lastIndexOf(")") + 2, line.lastIndexOf(")") + 3);
  });
  return (await Promise.all(states)).includes("D");
}
