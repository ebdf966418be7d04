import { expect, test } from "vitest";
import { AlignError } from "../../../base/core/errors.ts";
import { fateOf, isLive, jobIdOf, parseQueue, taskIndexOf } from "./queue.ts";

test("lines of squeue as Slurm 22.05 prints them", () => {
  const text = `2|PENDING|0:00||Dependency|wt-a-labels
1_0|RUNNING|1:02:03|vm|None|wt-a-scores
1_11|COMPLETED|0:01|vm|None|wt-a-scores
`;
  expect(parseQueue(text)).toEqual([
    { ref: "2", state: "PENDING", elapsed: "0:00", node: "", reason: "Dependency", name: "wt-a-labels" },
    { ref: "1_0", state: "RUNNING", elapsed: "1:02:03", node: "vm", reason: "None", name: "wt-a-scores" },
    { ref: "1_11", state: "COMPLETED", elapsed: "0:01", node: "vm", reason: "None", name: "wt-a-scores" },
  ]);
  expect(parseQueue("\n")).toEqual([]);
  expect([jobIdOf("1_11"), taskIndexOf("1_11"), jobIdOf("2"), taskIndexOf("2")]).toEqual(["1", 11, "2", 0]);
});

test.each([
  "slurm_load_jobs error: Unable to contact",
  "1_[0-3]|PENDING|0:00||None|x",
  "1|RUNNING",
  "1|A|B|C|D|E|F",
])("%j is no such line", (line) => {
  expect(() => parseQueue(line)).toThrow(AlignError);
  expect(() => parseQueue(line)).toThrow("squeue: expected id|state|time|node|reason|name, got");
});

test("states: whose doing an end was", () => {
  const fates = (states: string[]) => [...new Set(states.map(fateOf))];
  expect(fates(["FAILED", "OUT_OF_MEMORY", "DEADLINE"])).toEqual(["failed"]);
  expect(fates(["NODE_FAIL", "PREEMPTED", "TIMEOUT", "BOOT_FAIL"])).toEqual(["lost"]);
  expect(fates(["CANCELLED", "CANCELLED by 0"])).toEqual(["cancelled"]);
  expect(fates(["RUNNING", "COMPLETING", "SUSPENDED"])).toEqual(["runs"]);
  expect(fates(["PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SOMETHING_NEW"])).toEqual(["waits"]);
  expect(["PENDING", "RUNNING", "COMPLETED", "NODE_FAIL"].map(isLive)).toEqual([true, true, false, false]);
});
