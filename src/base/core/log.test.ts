import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createLog, formatBytes, formatSeconds, silentLog } from "./log.ts";

const CLEAR = "\r\u001b[2K";

const sinkOf = (options: { isTTY?: boolean; columns?: number } = {}) => {
  const written: string[] = [];
  return { ...options, written, write: (text: string) => written.push(text) };
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a plain log", () => {
  test("writes messages as lines", () => {
    const sink = sinkOf();
    const log = createLog(sink);
    log.info("reading a.jsonl");
    log.warn("2 rows skipped");
    expect(sink.written).toEqual(["reading a.jsonl\n", "warning: 2 rows skipped\n"]);
  });

  test("writes progress every ten seconds, with rate and time left, and its rate at the end", () => {
    const sink = sinkOf();
    const progress = createLog(sink).progress("label", 200, "pairs");
    progress.update(0);
    vi.advanceTimersByTime(9_999);
    progress.update(19);
    expect(sink.written).toEqual([]);
    vi.advanceTimersByTime(1);
    progress.update(20, "loss 0.642");
    // 20 pairs in 10 s are 2.0 a second; 180 more take 90 s.
    expect(sink.written).toEqual(["label  10% 20/200 pairs, 2.0 pairs/s, 1m30s left, loss 0.642\n"]);
    vi.advanceTimersByTime(90_000);
    progress.update(200);
    progress.end("done");
    expect(sink.written.slice(1)).toEqual([
      "label 100% 200/200 pairs, 2.0 pairs/s\n",
      "label: 200 pairs in 1m40s, 2.0 pairs/s, done\n",
    ]);
  });

  test("a resumed task's rate counts only what was done now", () => {
    const sink = sinkOf();
    const progress = createLog(sink).progress("train", 1000, "steps");
    vi.advanceTimersByTime(10_000);
    progress.update(549, "", 499);
    // 499 were done before; 50 in 10 s are 5.0 a second; 451 more take 90.2 s.
    expect(sink.written).toEqual(["train  54% 549/1000 steps, 5.0 steps/s, 1m30s left\n"]);
    progress.end();
    expect(sink.written[1]).toBe("train: 549 steps in 10.0s, 5.0 steps/s\n");
  });

  test("a task that is told of once has the rate of all that was done", () => {
    const sink = sinkOf();
    const progress = createLog(sink).progress("reference", 288, "pairs");
    vi.advanceTimersByTime(2_000);
    progress.update(288);
    progress.end();
    // 288 in 2 s.
    expect(sink.written).toEqual(["reference: 288 pairs in 2.0s, 144 pairs/s\n"]);
  });

  test("an unknown total has no share and no time left; nothing done has no rate", () => {
    const sink = sinkOf();
    const progress = createLog(sink).progress("read", 0, "rows");
    vi.advanceTimersByTime(10_000);
    progress.update(5);
    expect(sink.written).toEqual(["read 5 rows, 0.50 rows/s\n"]);
    createLog(sink).progress("read", 3, "rows").end();
    expect(sink.written[1]).toBe("read: 0 rows in 0.0s\n");
  });

  test("when quiet keeps warnings only", () => {
    const sink = sinkOf();
    const log = createLog(sink, { quiet: true });
    log.info("a");
    log.warn("b");
    const progress = log.progress("c", 1, "d");
    progress.update(1);
    progress.end();
    expect(sink.written).toEqual(["warning: b\n"]);
  });
});

describe("a terminal log", () => {
  test("redraws one line ten times a second and clears it for messages", () => {
    const sink = sinkOf({ isTTY: true, columns: 100 });
    const log = createLog(sink);
    vi.advanceTimersByTime(1000);
    const progress = log.progress("label", 4, "pairs");
    vi.advanceTimersByTime(1000);
    progress.update(1);
    progress.update(2);
    vi.advanceTimersByTime(1000);
    progress.update(2);
    log.info("hello");
    progress.end();
    // Half of 20 cells after 2 of 4; 2 in 2 s are 1.0 a second.
    expect(sink.written).toEqual([
      `${CLEAR}label [█████···············]  25% 1/4 pairs, 1.0 pairs/s, 3.0s left`,
      `${CLEAR}label [██████████··········]  50% 2/4 pairs, 1.0 pairs/s, 2.0s left`,
      `${CLEAR}hello\n`,
      `${CLEAR}label: 2 pairs in 2.0s, 1.0 pairs/s\n`,
    ]);
  });

  test("cuts the line to the terminal, and to 120 where the width is unknown or said to be 0", () => {
    for (const [columns, length] of [
      [30, 29],
      [0, 119],
    ] as const) {
      const sink = sinkOf({ isTTY: true, columns });
      vi.advanceTimersByTime(1000);
      createLog(sink).progress("x".repeat(200), 10, "pairs").update(3);
      expect(sink.written[0]).toHaveLength(CLEAR.length + length);
    }
  });

  test("does not break on more items than promised", () => {
    const sink = sinkOf({ isTTY: true });
    vi.advanceTimersByTime(1000);
    const progress = createLog(sink).progress("a", 2, "rows");
    vi.advanceTimersByTime(1000);
    progress.update(5);
    expect(sink.written[0]).toContain(`[${"█".repeat(20)}] 100% 5/2 rows`);
  });
});

test("the silent log says nothing and throws nothing", () => {
  silentLog.info("a");
  silentLog.warn("b");
  const progress = silentLog.progress("c", 1, "d");
  progress.update(1);
  progress.end();
});

test("seconds read as a person says them, at the edges too", () => {
  const cases: [number, string][] = [
    [0, "0.0s"],
    [3.24, "3.2s"],
    [59.94, "59.9s"],
    [59.97, "1m00s"],
    [75, "1m15s"],
    [3599.7, "1h00m"],
    [7300, "2h01m"],
    [Number.POSITIVE_INFINITY, "?"],
    [Number.NaN, "?"],
  ];
  for (const [seconds, text] of cases) expect(formatSeconds(seconds)).toBe(text);
});

test("bytes read in powers of ten, at the edges too", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.00 kB"],
    [1_234_567, "1.23 MB"],
    [12_345_678, "12.3 MB"],
    [999_960, "1.00 MB"],
    [9_999, "10.0 kB"],
    [5e15, "5000.0 TB"],
  ];
  for (const [bytes, text] of cases) expect(formatBytes(bytes)).toBe(text);
});
