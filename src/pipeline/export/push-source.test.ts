import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPushSource } from "./push-source.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-push-source-"));
});
afterAll(() => rm(folder, { recursive: true }));

const facts = {
  teacher: { name: "t", kind: "control", digest: "d" },
  counts: { pairs: 2, a: 1, b: 1, tie: 0, abstain: 0, unselected: 0, flags: {} },
  promise: null,
  settings: {},
};

test("labels with answers of people merged can be pushed: their calibration is said in other words than a run's", async () => {
  await writeFile(join(folder, "labels.jsonl"), "");
  const calibration = {
    refitted: true,
    method: "platt",
    heldOut: 9,
    answered: 5,
    notRandom: 0,
    unanswered: 0,
  };
  await writeFile(join(folder, "facts.json"), JSON.stringify({ ...facts, calibration }));
  expect((await openPushSource(folder)).facts).toMatchObject({ counts: facts.counts });
});

test("a facts.json without counts is refused by its name and the member", async () => {
  await writeFile(join(folder, "labels.jsonl"), "");
  await writeFile(join(folder, "facts.json"), JSON.stringify({ ...facts, counts: undefined }));
  await expect(openPushSource(folder)).rejects.toThrow(
    /facts\.json: is no facts\.json of this version: "counts" is missing/,
  );
});
