/** Feeds damaged inputs to a reader and judges what it does: it may accept, or reject with an error that names the file. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AlignError } from "../../src/base/core/errors.ts";
import { createRng, type Rng } from "../../src/base/core/rng.ts";
import { type Damage, mutate } from "./mutate.ts";

/** A format under test. */
export type Target = {
  readonly name: string;
  readonly damage: Damage;
  /** Sound inputs; made once, in a folder of the target's own. */
  seeds(folder: string): Promise<readonly Buffer[]>;
  /** Reads an input to its end. */
  read(input: Buffer, folder: string): Promise<unknown>;
  /** Makes an input in place of damage to a sound one. */
  make?(rng: Rng): Buffer;
  /** What an error must name; default anything in the folder. */
  readonly names?: RegExp;
};

/** An input that was treated wrongly. */
export type Bug = {
  readonly target: string;
  readonly seed: number;
  readonly index: number;
  readonly problem: string;
};

/** What came of a target. */
export type FuzzReport = {
  readonly target: string;
  readonly runs: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly slowestMs: number;
  /** Largest growth of the process beyond where it began, MiB. */
  readonly grownMiB: number;
  readonly bugs: readonly Bug[];
};

/** No input of a few kilobytes takes longer, on the processor: a machine that is busy with others makes nothing slow. */
const MAX_MS = 5000;
const MAX_GROWTH_MIB = 512;
/** Words of a TypeError or RangeError that was wrapped and handed on. */
const LEAKED =
  /Cannot read prop|(?<!something that )is not a function|is not iterable|undefined \(|Maximum call stack|Invalid (array|string) length|Invalid typed array|of undefined|of null|internal:|Cannot convert|Array buffer allocation/;

/** Runs a target. @param onRun - called before each input, for a watchdog */
export async function fuzz(
  target: Target,
  { runs, seed, onRun }: { runs: number; seed: number; onRun?: (index: number) => void },
): Promise<FuzzReport> {
  const folder = await mkdtemp(join(tmpdir(), `wt-fuzz-${target.name}-`));
  try {
    const seeds = await target.seeds(folder);
    for (const sound of seeds) await target.read(sound, folder);
    const before = process.memoryUsage().rss;
    const bugs: Bug[] = [];
    let [accepted, rejected, slowestMs, grown] = [0, 0, 0, 0];
    for (let index = 0; index < runs; index++) {
      onRun?.(index);
      const rng = createRng(seed).fork(target.name, index);
      const input = target.make?.(rng) ?? mutate(seeds[rng.int(seeds.length)]!, target.damage, rng);
      const started = process.cpuUsage();
      const problem = await judge(target, input, folder);
      const { user, system } = process.cpuUsage(started);
      const elapsed = (user + system) / 1000;
      slowestMs = Math.max(slowestMs, elapsed);
      grown = Math.max(grown, process.memoryUsage().rss - before);
      const bug = (text: string) => bugs.push({ target: target.name, seed, index, problem: text });
      if (problem === "accepted") accepted++;
      else if (problem === "rejected") rejected++;
      else bug(problem);
      if (elapsed > MAX_MS) bug(`took ${elapsed.toFixed(0)} ms`);
      if (grown > MAX_GROWTH_MIB * 2 ** 20) bug(`the process grew by ${(grown / 2 ** 20).toFixed(0)} MiB`);
      if (bugs.length >= 20) break;
    }
    const grownMiB = Math.round(grown / 2 ** 20);
    return {
      target: target.name,
      runs,
      accepted,
      rejected,
      slowestMs: Math.round(slowestMs),
      grownMiB,
      bugs,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function judge(target: Target, input: Buffer, folder: string): Promise<string> {
  try {
    await target.read(input, folder);
    return "accepted";
  } catch (error) {
    if (!(error instanceof AlignError))
      return error instanceof Error
        ? `${error.name}: ${error.stack?.slice(0, 600)}`
        : `threw ${String(error)}`;
    if (!(target.names ?? new RegExp(folder)).test(error.message))
      return `does not name the file: ${error.message.slice(0, 300)}`;
    if (LEAKED.test(error.message)) return `hands an inner error on: ${error.message.slice(0, 300)}`;
    if (error.message.length > 20_000) return `an error of ${error.message.length} characters`;
    return "rejected";
  }
}
