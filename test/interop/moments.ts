/** Moments at which a run is disturbed, drawn over the work that is left of it, so that each of them falls inside, however slow the machine is. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Rng } from "../../src/base/core/rng.ts";

/** A stage of a run that nobody disturbed: its name, how long it took, and whether a program of others worked in it. */
export type StageTime = { readonly name: string; readonly ms: number; readonly theirs: boolean };

/** A moment: so long after a stage has begun. */
export type Moment = { readonly stage: string; readonly afterMs: number };

/** The stages of a run out of what it said, in order. */
export function stageTimes(said: string): StageTime[] {
  const stages: StageTime[] = [];
  let theirs = false;
  for (const line of said.split("\n")) {
    if (/^stage \S+: starts/.test(line)) theirs = false;
    if (/: training by TRL|trained by TRL|^starting /.test(line)) theirs = true;
    const done = /^stage (\S+): done in ([\d.]+)(s|ms)/.exec(line);
    if (done === null) continue;
    stages.push({ name: done[1]!, ms: Number(done[2]) * (done[3] === "s" ? 1000 : 1), theirs });
  }
  return stages;
}

/**
 * A moment for the next of `left` kills: in the first of as many parts of what is left to do, so that those that follow find work too.
 * @param side - theirs: among the stages in which a program of others works
 */
export function drawMoment(
  stages: readonly StageTime[],
  done: ReadonlySet<string>,
  { side, left, rng }: { readonly side: "ours" | "theirs"; readonly left: number; readonly rng: Rng },
): Moment {
  const open = stages.filter(({ name, theirs }) => !done.has(name) && (side === "ours" || theirs));
  let at = (rng.next() * open.reduce((sum, { ms }) => sum + ms, 0)) / left;
  for (const { name, ms } of open) {
    if (at < ms) return { stage: name, afterMs: at };
    at -= ms;
  }
  throw new Error(`no stage is left to disturb (${side}), of ${stages.length}`);
}

/** Stages that a run says are done, or were. */
export const doneStages = (said: string): string[] =>
  [...said.matchAll(/^stage (\S+): (?:done in|kept from before)/gm)].map(([, name]) => name!);

/** Waits until the moment has come, or until the run is over. */
export async function untilMoment(
  { stage, afterMs }: Moment,
  said: () => string,
  over: () => boolean,
): Promise<void> {
  const begun = new RegExp(`^stage ${stage}: (?:starts|goes on)`, "m");
  while (!over() && !begun.test(said())) await sleep(20);
  const endMs = performance.now() + afterMs;
  while (!over() && performance.now() < endMs) await sleep(20);
}
