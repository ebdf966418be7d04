import { expect, test } from "vitest";
import type { RayJob } from "./ray.ts";
import type { RayStageJob } from "./ray-jobs.ts";
import { endedAs, rayStanding, type Task, trackedOf, verdictOf } from "./tracked.ts";

const request = { entrypoint: "true", metadata: {}, runtime_env: { env_vars: {} }, entrypoint_num_cpus: 1 };
const stageJob = (stage: string, tasks?: number): RayStageJob => ({
  ...{ stage, jobName: `wt-x-${stage}`, after: [], tasks, script: "", request },
});
const rayJob = (id: string, more: Partial<RayJob> = {}): RayJob => ({
  ...{ id, status: "RUNNING", message: "", errorType: null, exitCode: null, metadata: {} },
  ...{ startedAt: null, endedAt: null },
  ...more,
});
const task = (tries: number, job?: Partial<RayJob>): Task => ({
  ...{ index: 0, id: "a", attempt: tries, tries, job: job && rayJob("a", job) },
});
const failed = (errorType: string, exitCode: number | null = null): Partial<RayJob> => ({
  ...{ status: "FAILED", errorType, exitCode },
});
const COMMAND = "JOB_ENTRYPOINT_COMMAND_ERROR";

test.each([
  ["not submitted", task(0), "submit"],
  ["waiting", task(1, { status: "PENDING" }), "wait"],
  ["running", task(1, {}), "wait"],
  ["succeeded", task(1, { status: "SUCCEEDED" }), "done"],
  ["ended by itself with a code", task(1, failed(COMMAND, 3)), "fail"],
  ["a command that is not there", task(1, failed("JOB_ENTRYPOINT_COMMAND_START_ERROR")), "fail"],
  ["killed", task(2, failed(COMMAND, -9)), "again"],
  ["killed, as a shell tells it", task(2, failed(COMMAND, 137)), "again"],
  ["killed too often", task(3, failed(COMMAND, -9)), "fail"],
  ["its node died", task(1, failed("JOB_SUPERVISOR_ACTOR_DIED")), "again"],
  ["stopped by somebody", task(1, { status: "STOPPED" }), "fail"],
  ["forgotten by a new head", task(1), "again"],
])("a job that is %s", (_, one, verdict) => {
  expect(verdictOf(one, 2)).toBe(verdict);
});

test("the last attempt at each task is taken over where it lives; numbers go on where it does not", () => {
  const known = [
    rayJob("wt-x-data-7", { status: "STOPPED" }),
    rayJob("wt-x-scores-task0-2"),
    rayJob("wt-x-scores-task0-1", { status: "FAILED" }),
    // Of another stage whose name begins alike.
    rayJob("wt-x-data-more-9"),
  ];
  const jobs = trackedOf([stageJob("data"), stageJob("scores", 2)], known);
  const [data, scores] = [jobs.get("data")!, jobs.get("scores")!];
  expect([data.outcome, scores.outcome]).toEqual(["waits", "open"]);
  expect(data.tasks).toMatchObject([{ attempt: 7, tries: 0, job: undefined }]);
  expect(scores.tasks).toMatchObject([
    { id: "wt-x-scores-task0-2", attempt: 2, tries: 1, job: { status: "RUNNING" } },
    { attempt: 0, tries: 0, job: undefined },
  ]);
  expect(rayStanding(scores)).toBe("2 jobs: 1 run");
});

test("how a job ended and stands, in words", () => {
  expect(endedAs(task(1, failed(COMMAND, -9)))).toBe("FAILED by signal 9");
  expect(endedAs(task(1, failed(COMMAND, 137)))).toBe("FAILED by signal 9");
  expect(endedAs(task(1, failed(COMMAND, 3)))).toBe("FAILED, exit code 3");
  expect(endedAs(task(1, failed("JOB_SUPERVISOR_ACTOR_DIED")))).toBe("FAILED, JOB_SUPERVISOR_ACTOR_DIED");
  expect(endedAs(task(1, { status: "STOPPED" }))).toBe("STOPPED");
  const done = task(1, { status: "SUCCEEDED", startedAt: 1000, endedAt: 66_000 });
  expect(rayStanding({ job: stageJob("data"), tasks: [done], outcome: "done", missing: 0 })).toBe(
    "job a done in 1m05s",
  );
});
