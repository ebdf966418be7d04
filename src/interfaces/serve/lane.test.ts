import { describe, expect, test } from "vitest";
import { openLane } from "./lane.ts";

const never = new AbortController().signal;
const soon = (ms = 5) => new Promise((resolve) => setTimeout(resolve, ms));

type Job = { readonly of: string; readonly size: number; readonly fails?: boolean };

function lane(budget: number) {
  const runs: string[][] = [];
  const opened = openLane<Job, string>({
    group: ({ of }) => of.slice(0, 1),
    cost: ({ size }) => size,
    budget,
    async run(jobs) {
      runs.push(jobs.map(({ of }) => of));
      await soon();
      if (jobs.some(({ fails }) => fails)) throw new Error(`failed: ${jobs.map(({ of }) => of)}`);
      return jobs.map(({ of }) => of.toUpperCase());
    },
  });
  return {
    runs,
    opened,
    ask: (of: string, size = 1, fails = false) => opened.submit({ of, size, fails }, never),
  };
}

describe("a lane", () => {
  test("runs what arrives together as one, by group, to its budget, first come first served", async () => {
    const { ask, runs } = lane(3);
    const results = await Promise.all([ask("a1"), ask("b1"), ask("a2"), ask("a3"), ask("a4"), ask("b2", 9)]);
    expect(results).toEqual(["A1", "B1", "A2", "A3", "A4", "B2"]);
    // b2 exceeds what b1 left; alone it is let through.
    expect(runs).toEqual([["a1", "a2", "a3"], ["b1"], ["a4"], ["b2"]]);
  });

  test("a job that fails fails alone", async () => {
    const { ask, runs } = lane(10);
    const results = await Promise.allSettled([ask("a1"), ask("a2", 1, true), ask("a3")]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(runs).toEqual([["a1", "a2", "a3"], ["a1"], ["a2"], ["a3"]]);
  });

  test("a job whose request went away is not run, and one under way is told so at once", async () => {
    const { ask, opened, runs } = lane(1);
    const controller = new AbortController();
    const running = ask("a1");
    const gone = opened.submit({ of: "a2", size: 1 }, controller.signal);
    const cut = opened.submit({ of: "a3", size: 1 }, controller.signal);
    expect(opened.waiting()).toBe(3);
    controller.abort(new Error("went away"));
    await expect(gone).rejects.toThrow("went away");
    await expect(cut).rejects.toThrow("went away");
    expect(opened.waiting()).toBe(1);
    await running;
    await expect(opened.submit({ of: "a4", size: 1 }, controller.signal)).rejects.toThrow("went away");
    await soon(20);
    expect(runs).toEqual([["a1"]]);
    // The lane goes on.
    expect(await ask("a5")).toBe("A5");
  });
});
