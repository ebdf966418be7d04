/**
 * Issue a labelling to several processes, kill one of them again and again with SIGKILL, start another in its place, and compare
 * what comes of it with what one process makes alone.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createRng } from "../../src/base/core/rng.ts";

/** What is run and how it is disturbed. */
export type KillRun = {
  /** Arguments of node that run `label POOL …`, without `--out`. */
  readonly command: readonly string[];
  readonly folder: string;
  readonly workers: number;
  /** Least time between two kills; one also waits for a shard finished since the last, or a slow machine never ends. */
  readonly killEveryMs: number;
  /** Kills after which the work is left in peace, default no end. */
  readonly mostKills?: number;
  readonly seed: number;
  /** Told of each kill. */
  readonly onKill?: (kills: number) => void;
};

/** What came of it. */
export type KillOutcome = {
  readonly kills: number;
  readonly started: number;
  readonly seconds: number;
  /** Rows of `labels.jsonl`, and how many different ids are in them. */
  readonly rows: number;
  readonly ids: number;
  /** Files that are not byte for byte those of one process alone. */
  readonly different: readonly string[];
  /** What is left beside the result. */
  readonly left: readonly string[];
};

const FILES = ["labels.jsonl", "training.jsonl", "training.parquet", "facts.json"];

/** @throws Error when a worker fails by itself, or the undisturbed process does */
export async function labelUnderKills(run: KillRun): Promise<KillOutcome> {
  const alone = await outcome(start(run, "alone"));
  if (alone.code !== 0) throw new Error(`one process alone: ${alone.stderr}`);
  const startedMs = performance.now();
  const { kills, started } = await disturb(run);
  const seconds = (performance.now() - startedMs) / 1000;
  const { rows, ids } = await countIds(join(run.folder, "together", "labels.jsonl"));
  const different: string[] = [];
  for (const name of FILES) {
    const [one, other] = await Promise.all(
      ["alone", "together"].map((out) => readFile(join(run.folder, out, name))),
    );
    if (!one!.equals(other!)) different.push(name);
  }
  const left = (await readdir(run.folder)).filter((name) => name.startsWith("together."));
  return { kills, started, seconds, rows, ids, different, left };
}

async function disturb(run: KillRun): Promise<{ kills: number; started: number }> {
  const rng = createRng(run.seed);
  const living = new Set<ChildProcess>();
  let [kills, started, done] = [0, 0, false];
  const failures: string[] = [];
  const ends: Promise<void>[] = [];
  const launch = () => {
    const child = start(run, "together");
    started++;
    living.add(child);
    ends.push(
      outcome(child).then(({ code, signal, stderr }) => {
        living.delete(child);
        if (code === 0) done = true;
        else if (signal === "SIGKILL") {
          if (!done) launch();
        } else failures.push(stderr);
      }),
    );
  };
  for (let i = 0; i < run.workers; i++) launch();
  let lastMs = performance.now();
  let shardsThen = -1;
  const timer = setInterval(async () => {
    if (done || kills >= (run.mostKills ?? Number.POSITIVE_INFINITY)) return;
    if (performance.now() - lastMs < run.killEveryMs) return;
    // Who holds a claim is in the middle of a shard.
    const { working, shards } = await lookAt(join(run.folder, "together.work"));
    const victims = [...living].filter(({ pid }) => working.has(pid!));
    const isDue = performance.now() - lastMs >= run.killEveryMs && shards > shardsThen;
    if (victims.length === 0 || !isDue) return;
    lastMs = performance.now();
    shardsThen = shards;
    victims[rng.int(victims.length)]!.kill("SIGKILL");
    kills++;
    run.onKill?.(kills);
  }, 20);
  // Each end may start another process, whose end is waited for, too.
  for (let i = 0; i < ends.length; i++) await ends[i];
  clearInterval(timer);
  if (failures.length > 0) throw new Error(`a worker failed: ${failures.join("\n")}`);
  return { kills, started };
}

/** Process ids in the claim files below a folder, and how many shards are finished. */
async function lookAt(folder: string): Promise<{ working: Set<number>; shards: number }> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const claims = names.filter((name) => name.endsWith(".claim"));
  const shards = names.filter((name) => /shards\/[0-9a-f]{64}\.jsonl$/.test(name)).length;
  const texts = await Promise.all(claims.map((name) => readFile(join(folder, name), "utf8").catch(() => "")));
  const pids = texts.flatMap((text) => [...text.matchAll(/"pid":(\d+)/g)].map(([, pid]) => Number(pid)));
  return { working: new Set(pids), shards };
}

function start({ command, folder }: KillRun, out: string): ChildProcess {
  return spawn(process.execPath, [...command, "--out", join(folder, out)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
}

function outcome(
  child: ChildProcess,
): Promise<{ code: number | null; signal: string | null; stderr: string }> {
  let stderr = "";
  child.stderr!.setEncoding("utf8").on("data", (part: string) => {
    stderr += part;
  });
  return new Promise((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal, stderr }));
  });
}

async function countIds(file: string): Promise<{ rows: number; ids: number }> {
  const ids = new Set<string>();
  let rows = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    rows++;
    ids.add((JSON.parse(line) as { id: string }).id);
  }
  return { rows, ids: ids.size };
}
