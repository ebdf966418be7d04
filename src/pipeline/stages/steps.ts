/** What is said of a run's stages, planned or done, and how a run is set up. */
import { formatSeconds, type Log } from "../../base/core/log.ts";

/**
 * What a stage does, or would do: `cached` it is kept, `resume` goes on, `run` starts, `depends` cannot be told
 * before an input is computed (it runs, unless that input comes out as it was before), `shared` its shared work is done and one process
 * is to close it.
 */
export type StageState = "cached" | "resume" | "run" | "depends" | "shared";

/** One line of a plan, or of what was done. */
export type StageStep = {
  readonly name: string;
  readonly state: StageState;
  /** Undefined where it cannot be told yet. */
  readonly key: string | undefined;
  readonly folder: string | undefined;
  /** Seconds that the result took when it was made; undefined while there is none. */
  readonly elapsedSeconds: number | undefined;
  /** Names of the stages that it takes something from. */
  readonly inputs: readonly string[];
  /** Several processes can work on it at once. */
  readonly shared: boolean;
  /** Files of it were pruned: where it is kept nothing needs them, where it runs a stage after it does. */
  readonly pruned?: boolean;
};

/** How stages are run. */
export type PipelineOptions = {
  /** The run's folder; results go to `stages/` in it. */
  readonly folder: string;
  /** Version of the code, part of every key. */
  readonly code: string;
  /** `plan`: nothing is run or written. Default `run`. */
  readonly mode?: "run" | "plan";
  /** Of a stage whose work processes share only that part is done; another process closes it. */
  readonly shareOnly?: boolean;
  /** A stage whose result lies at a place of its own instead of `stages/`. */
  readonly publish?: { readonly stage: string; readonly folder: string };
  /** Run this stage alone; all others are planned. What it needs must be there. */
  readonly only?: string | undefined;
  /** Compute everything again, once. */
  readonly fresh?: boolean;
  readonly log?: Log | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** A plan, or what was done, as a table, one line per stage. */
export function formatSteps(steps: readonly StageStep[]): string {
  const width = Math.max(5, ...steps.map(({ name }) => name.length));
  return steps.map((step) => `${step.name.padEnd(width)}  ${wordsOf(step)}`).join("\n");
}

function wordsOf({ state, elapsedSeconds, pruned = false }: StageStep): string {
  const took = elapsedSeconds === undefined ? undefined : formatSeconds(elapsedSeconds);
  switch (state) {
    case "cached":
      return `kept${pruned ? ", pruned" : ""} (took ${took})`;
    case "resume":
      return took === undefined ? "goes on" : `went on, done in ${took}`;
    case "run":
      if (took !== undefined) return `done in ${took}`;
      return pruned ? "runs again: it was pruned, and a stage after it needs it" : "runs";
    case "depends":
      return "runs, unless what it needs comes out as before";
    case "shared":
      return "its shared work is done";
    default:
      return state satisfies never;
  }
}
