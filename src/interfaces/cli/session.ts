/** What every verb is given: where results go, where messages go, and when to stop. */
import type { Command } from "commander";
import { createLog, type Log } from "../../base/core/log.ts";
import { onNotice } from "../../base/core/notices.ts";
import { printed, printedJson } from "../../base/core/visible.ts";
import { hasColours, type Paint, painter } from "./streams.ts";

/** Options that every verb takes; they may stand before or after the verb. */
export type CommonOptions = { readonly json?: boolean; readonly quiet?: boolean; readonly debug?: boolean };

/** One run of one verb. */
export interface Session {
  readonly log: Log;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** Colours for stdout. */
  readonly paint: Paint;
  /** Writes the verb's result to stdout: `text` for people, or `value` as one line of JSON under `--json`. */
  result(value: unknown, text: string): void;
  /** Says, after a result, that it is not what was asked for: a line on stderr, and exit code 1. */
  fail(problem: string): void;
}

/** A verb: `run` with its arguments and options, inside a session. */
export type Run<Args extends readonly unknown[]> = (session: Session, ...args: Args) => Promise<void>;

/**
 * Makes a commander action of a verb: opens the session, listens for Ctrl-C while it runs.
 * Commander calls an action with the arguments, the options and the command.
 */
export function act<Args extends readonly unknown[]>(run: Run<Args>): (...all: unknown[]) => Promise<void> {
  return async (...all) => {
    const command = all.at(-1) as Command;
    const session = openSession(command.optsWithGlobals<CommonOptions>());
    try {
      await run(session, ...(all.slice(0, -1) as unknown as Args));
    } finally {
      session.close();
    }
  };
}

function openSession({ json, quiet }: CommonOptions): Session & { close(): void } {
  const log = createLog(process.stderr, { quiet: quiet === true });
  const { signal, close: unlisten } = listenForInterrupt(log);
  const stop = onNotice(log.info);
  const close = () => {
    unlisten();
    stop();
  };
  return {
    log,
    signal,
    paint: painter(hasColours(process.stdout)),
    result: (value, text) => {
      const shown = json === true ? printedJson(value) : printed(text, hasColours(process.stdout));
      process.stdout.write(shown.endsWith("\n") ? shown : `${shown}\n`);
    },
    fail: (problem) => {
      process.exitCode = 1;
      process.stderr.write(printed(`error: ${problem}\n`));
    },
    close,
  };
}

/** Once: save and stop. Twice: quit at once. */
function listenForInterrupt(log: Log): { signal: AbortSignal; close(): void } {
  const controller = new AbortController();
  const onInterrupt = () => {
    if (controller.signal.aborted) process.exit(130);
    log.warn("stopping; what is in hand is finished and saved. Press Ctrl-C again to quit at once.");
    controller.abort();
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const name of signals) process.on(name, onInterrupt);
  return {
    signal: controller.signal,
    close: () => {
      for (const name of signals) process.off(name, onInterrupt);
    },
  };
}

/** Resolves at the first Ctrl-C; for verbs with an open server, which keeps the process alive until then. */
export function untilInterrupted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
