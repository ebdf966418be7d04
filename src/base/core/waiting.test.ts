import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { HERE, type Holder } from "./holders.ts";
import { silentLog } from "./log.ts";
import { tellWaits } from "./waiting.ts";

let said: string[];
const log = {
  ...silentLog,
  info: (text: string) => void said.push(text),
  warn: (text: string) => void said.push(`warning: ${text}`),
};
beforeEach(() => {
  said = [];
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => vi.useRealTimers());

const holder = (part: Partial<Holder>): Holder => ({
  ...{ pid: 12, ...HERE, started: "1", token: "t" },
  ...{ command: "weak-teacher run r.yaml", since: "2026-01-01T00:00:00.000Z" },
  ...part,
});

test("who is waited for is said at once, and within 5 s what to do, also to those who see warnings only", () => {
  const waits = tellWaits(log, "stage labels");
  waits([holder({})]);
  const who = `process 12 on ${HERE.host} (weak-teacher run r.yaml, since 2026-01-01T00:00:00.000Z)`;
  expect(said).toEqual([`stage labels: ${who} works on it; waiting`]);
  vi.advanceTimersByTime(3900);
  waits([holder({})]);
  expect(said).toHaveLength(1);
  vi.advanceTimersByTime(1000);
  waits([holder({})]);
  waits([holder({})]);
  expect(said.slice(1)).toEqual([
    `warning: stage labels: still waiting: ${who} works on it. This one goes on when that is done. If it is stuck, kill 12; this one takes over then.`,
  ]);
});

test("another holder is told of anew; many are counted; one elsewhere is not ours to kill", () => {
  const waits = tellWaits(log, "label");
  waits([]);
  expect(said).toEqual([]);
  waits([holder({})]);
  const others = ["a", "b", "c", "d"].map((token, i) => holder({ token, pid: i + 1, host: "far" }));
  waits(others);
  expect(said).toHaveLength(2);
  expect(said[1]).toContain("and 1 more work on it; waiting");
  vi.advanceTimersByTime(5000);
  waits(others);
  expect(said[2]).toContain("If it is stuck, end it on its machine");
  waits([undefined]);
  expect(said[3]).toBe("label: somebody whose lock says no name works on it; waiting");
});
