import { expect, test } from "vitest";
import { ConfigError } from "../../base/core/errors.ts";
import { resultSettings, trainSettings } from "./settings.ts";

test("defaults are filled in, every issue is named, unknown keys are refused", () => {
  expect(trainSettings({})).toMatchObject({ epochs: 1, batchSize: 16, schedule: "linear", maxGradNorm: 1 });
  let thrown: unknown;
  try {
    trainSettings({ epochs: 0, learningRate: -1, batchSiz: 3 } as never, "student");
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(ConfigError);
  const { issues } = thrown as ConfigError;
  expect(issues.map((issue) => issue.split(":")[0]).sort()).toEqual([
    "student",
    "student.epochs",
    "student.learningRate",
  ]);
  expect(issues.find((issue) => issue.includes("batchSiz"))).toContain('did you mean "batchSize"');
});

test("when to save is no part of a result", () => {
  const settings = trainSettings({});
  const other = trainSettings({ saveSteps: 1, saveSeconds: 1, saveTotalLimit: 9 });
  expect(resultSettings(other)).toEqual(resultSettings(settings));
  expect(resultSettings(trainSettings({ seed: 1 }))).not.toEqual(resultSettings(settings));
});
