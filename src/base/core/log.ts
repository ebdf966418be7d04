/**
 * What a run tells a person while it works. One narrow interface, so that a terminal, a plain log file,
 * a test and a web page all listen to the same events. Everything goes to stderr; stdout is for results.
 */

import { redact } from "./redact.ts";
import { printed } from "./visible.ts";

/** A task with a known or unknown number of items. */
export interface Progress {
  /**
   * `done` items are finished (absolute, not an increment); `note` is short, such as "loss 0.642". `before` of them were
   * finished before this task or by others: the rate counts the rest.
   */
  update(done: number, note?: string, before?: number): void;
  /** Ends the task; prints its rate. */
  end(note?: string): void;
}

/** Where messages and progress go. */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
  /** @param total - items to do; 0 when unknown. @param unit - what is counted: "pairs", "steps" */
  progress(label: string, total: number, unit: string): Progress;
}

/** Says nothing; the default of library functions. */
export const silentLog: Log = {
  info() {},
  warn() {},
  progress: () => ({ update() {}, end() {} }),
};

type Sink = { write(text: string): unknown; isTTY?: boolean; columns?: number };

/** A bar with rate and time left on a terminal; a line every few seconds elsewhere. */
export function createLog(sink: Sink = process.stderr, options: { quiet?: boolean } = {}): Log {
  const tty = sink.isTTY === true;
  const clear = tty ? "\r\u001b[2K" : "";
  const line = (text: string) => sink.write(`${clear}${printed(redact(text))}\n`);
  return {
    info: (message) => {
      if (!options.quiet) line(message);
    },
    warn: (message) => line(`warning: ${message}`),
    progress: (label, total, unit) =>
      options.quiet
        ? silentLog.progress(label, total, unit)
        : progressOn(sink, { label, total, unit, tty, clear }),
  };
}

type ProgressSetup = { label: string; total: number; unit: string; tty: boolean; clear: string };

function progressOn(sink: Sink, { label, total, unit, tty, clear }: ProgressSetup): Progress {
  const startedMs = performance.now();
  const everyMs = tty ? 100 : 10_000;
  let earlier = 0;
  let shownMs = tty ? 0 : startedMs;
  let last = 0;
  const elapsedSeconds = () => (performance.now() - startedMs) / 1000;
  const rateAt = (done: number) => (done - earlier) / Math.max(elapsedSeconds(), 1e-9);
  const text = (done: number, note: string) => {
    const rate = rateAt(done);
    const part = Math.min(1, done / total);
    const share = total > 0 ? ` ${String(Math.floor(100 * part)).padStart(3)}%` : "";
    const count = total > 0 ? `${done}/${total}` : `${done}`;
    const left = total > done && rate > 0 ? `, ${formatSeconds((total - done) / rate)} left` : "";
    const bar = tty && total > 0 ? ` [${"█".repeat(Math.round(20 * part)).padEnd(20, "·")}]` : "";
    const body = printed(
      redact(
        `${label}${bar}${share} ${count} ${unit}, ${formatRate(rate)} ${unit}/s${left}${note ? `, ${note}` : ""}`,
      ),
    );
    // Some terminals say 0 columns when they do not know.
    return tty ? body.slice(0, (sink.columns || 120) - 1) : body;
  };
  return {
    update(done, note = "", before = 0) {
      earlier = before;
      last = done;
      if (performance.now() - shownMs < everyMs) return;
      shownMs = performance.now();
      sink.write(tty ? `${clear}${text(done, note)}` : `${text(done, note)}\n`);
    },
    end(note = "") {
      const took = formatSeconds(elapsedSeconds());
      const rate = last > earlier ? `, ${formatRate(rateAt(last))} ${unit}/s` : "";
      const text = `${label}: ${last} ${unit} in ${took}${rate}${note ? `, ${note}` : ""}`;
      sink.write(`${clear}${printed(redact(text))}\n`);
    },
  };
}

/** 75 → "1m15s", 3.24 → "3.2s", 7300 → "2h01m". */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  if (seconds < 59.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${two(Math.floor((whole % 3600) / 60))}m`;
}

/** 1234567 bytes → "1.23 MB", 12345678 → "12.3 MB" (powers of ten). */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  // 999.95 would be shown as 1000.0.
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 9.995 ? 2 : 1)} ${units[unit]}`;
}

function formatRate(rate: number): string {
  return rate >= 100 ? rate.toFixed(0) : rate >= 1 ? rate.toFixed(1) : rate.toPrecision(2);
}
