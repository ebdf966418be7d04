/** One training by TRL as a process of this machine: started in its job folder, followed, and ended with this process. */
import { createWriteStream } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { AlignError, InterruptedError } from "../../base/core/errors.ts";
import { exists } from "../../base/core/files.ts";
import { startKept } from "../../base/core/kept-process.ts";
import { visible } from "../../base/core/visible.ts";
import type { TrlTrainer } from "../recipe/trainer.ts";
import { RUNNER, RUNNER_JOB, SAID } from "./trl-runner.ts";

/** A step's numbers under TRL's names. */
export type TrlLine = { readonly step: number; readonly logs: Readonly<Record<string, number>> };

/** What a training says of itself at its end. */
export type TrlFacts = {
  readonly steps: number;
  /** Rows that it trained on. */
  readonly rows: number;
  readonly device: string;
  readonly processes: number;
  /** Of the process that finished it, from its start. */
  readonly seconds: number;
  /** Most memory of its first process: of the GPU where there is one. */
  readonly peakBytes: number;
};

/** What is told while it works. */
export type TrlListener = {
  /** The rows that TRL kept of those it was given. */
  rows(given: number, trained: number): void;
  /** The lines of all steps that a checkpoint holds; none where it begins anew. */
  begins(lines: readonly TrlLine[]): Promise<void>;
  line(line: TrlLine): Promise<void>;
};

/** What to run and how. */
export type TrlRun = {
  /** Name of the stage, for messages. */
  readonly name: string;
  /** The job's folder. */
  readonly folder: string;
  readonly trainer: TrlTrainer;
  /** Cores of each process, on processors. */
  readonly threads: number;
  /** File that all that it says is added to. */
  readonly logFile: string;
  readonly listener: TrlListener;
  readonly signal?: AbortSignal | undefined;
};

const logs = z.record(z.string(), z.number());
const line = z.object({ step: z.number().int(), logs });
const saidSchema = z.discriminatedUnion("event", [
  z.object({ event: z.literal("refused"), why: z.string() }),
  z.object({ event: z.literal("rows"), given: z.number(), trained: z.number() }),
  z.object({ event: z.literal("begins"), lines: z.array(line) }),
  z.object({ event: z.literal("metrics"), ...line.shape }),
  z.object({
    event: z.literal("done"),
    ...{ steps: z.number(), rows: z.number(), device: z.string(), processes: z.number() },
    ...{ seconds: z.number(), peakBytes: z.number() },
  }),
]);
const TAIL = 3000;

/**
 * Runs a training to its end, from its last checkpoint where there is one; one that is finished says so at once.
 * @throws AlignError "trainer" when TRL refuses it, its first loss is off, or it ends before it is done, with the end of what it said;
 *   InterruptedError when `signal` fires
 */
export async function runTrl(run: TrlRun): Promise<TrlFacts> {
  const { name, folder, logFile, signal, listener } = run;
  if (signal?.aborted) throw new InterruptedError(`stage ${name}`);
  const log = createWriteStream(logFile, { flags: "a" });
  const process = startKept(await commandOf(run.trainer), { cwd: folder, env: environment(run) });
  const stop = () => void process.stop();
  signal?.addEventListener("abort", stop);
  let tail = "";
  const keep = (text: string) => {
    log.write(text);
    tail = (tail + text).slice(-TAIL);
  };
  process.stderr.on("data", (part: Buffer) => keep(part.toString("utf8")));
  let refused: string | undefined;
  let done: TrlFacts | undefined;
  try {
    for await (const text of createInterface({ input: process.stdout })) {
      if (!text.startsWith(SAID)) {
        keep(`${text}\n`);
        continue;
      }
      const said = saidSchema.parse(JSON.parse(text.slice(SAID.length)));
      if (said.event === "refused") refused = said.why;
      else if (said.event === "rows") listener.rows(said.given, said.trained);
      else if (said.event === "begins") await listener.begins(said.lines);
      else if (said.event === "metrics") await listener.line(said);
      else done = said;
    }
    const code = await process.ended;
    if (signal?.aborted) throw new InterruptedError(`stage ${name}`);
    if (refused !== undefined)
      throw new AlignError("trainer", `${name}: stopped: ${refused}. Nothing that is finished is lost.`);
    if (code === 0 && done !== undefined) return done;
    throw new AlignError(
      "trainer",
      `${name}: TRL ended with code ${code} before it was done; the same command goes on from its last checkpoint. The end of what it said (all of it: ${logFile}):\n${visible(tail.trimEnd())}`,
    );
  } finally {
    signal?.removeEventListener("abort", stop);
    await process.stop();
    log.end();
  }
}

/** The launcher is looked for beside the Python, where an environment keeps it. */
async function commandOf({ python, launch }: TrlTrainer): Promise<string[]> {
  if (launch === undefined) return [python, RUNNER, RUNNER_JOB];
  const [program, ...words] = launch as [string, ...string[]];
  const beside = join(dirname(python), program);
  const found = python.includes("/") && !program.includes("/") && (await exists(beside));
  return [found ? beside : program, ...words, RUNNER, RUNNER_JOB];
}

/** Models and rows lie here: nothing is fetched, and what `datasets` writes goes with the job. */
const environment = ({ folder, trainer, threads }: TrlRun): Record<string, string> => ({
  ...(trainer.gpus === 0 ? { OMP_NUM_THREADS: String(threads), CUDA_VISIBLE_DEVICES: "" } : {}),
  HF_HUB_OFFLINE: "1",
  HF_DATASETS_CACHE: join(folder, "cache"),
  TOKENIZERS_PARALLELISM: "false",
  PYTHONUNBUFFERED: "1",
});
