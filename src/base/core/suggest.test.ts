import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { didYouMean, nearest } from "./suggest.ts";

const options = ["learning-rate", "beta", "epochs", "seed"];

test("names of other trainers' settings lead to ours, where the section has them", () => {
  const known = ["batch_size", "micro_batch_tokens", "learning_rate"];
  expect(didYouMean("gradient_accumulation_steps", known)).toMatch(
    /"batch_size" or "micro_batch_tokens": the rows/,
  );
  expect(didYouMean("per_device_train_batch_size", known)).toMatch(
    /did you mean "batch_size", the pairs or rows/,
  );
  expect(didYouMean("lr", known)).toBe('; did you mean "learning_rate"?');
  expect(didYouMean("lr", ["beta"])).toBe("");
});

describe("nearest", () => {
  test("finds the word one slip away: letter missing, added, wrong, swapped", () => {
    expect(nearest("lerning-rate", options)).toBe("learning-rate");
    expect(nearest("betta", options)).toBe("beta");
    expect(nearest("sead", options)).toBe("seed");
    expect(nearest("epohcs", options)).toBe("epochs");
  });

  test("counts a swap of neighbours as one edit, so that it fits a short word's limit", () => {
    // "btea": limit max(1, floor(4/3)) = 1. One swap, but two substitutions.
    expect(nearest("btea", options)).toBe("beta");
  });

  test("stays silent beyond a third of the word's length", () => {
    // floor(6/3) = 2 edits are allowed: "abcdxy" is 2 from "abcdef", "abcxyz" is 3.
    expect(nearest("abcdxy", ["abcdef"])).toBe("abcdef");
    expect(nearest("abcxyz", ["abcdef"])).toBeUndefined();
    expect(nearest("banana", options)).toBeUndefined();
    expect(nearest("beta", [])).toBeUndefined();
  });

  test("prefers the nearer word, then the first one", () => {
    expect(nearest("cats", ["bats", "cats"])).toBe("cats");
    expect(nearest("cat", ["bat", "hat"])).toBe("bat");
  });

  test("ignores case and gives the candidate as it is written", () => {
    expect(nearest("SEED", ["Seed"])).toBe("Seed");
  });

  test("a known word is always its own nearest", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z]{1,9}$/), { minLength: 1 }), (words) => {
        for (const word of words) expect(nearest(word, words)).toBe(word);
      }),
    );
  });
});

test("didYouMean is a clause for the end of a message, or nothing", () => {
  expect(didYouMean("betta", options)).toBe('; did you mean "beta"?');
  expect(didYouMean("zzzzz", options)).toBe("");
  // Another name for it, not a near one; and only where that is to be had.
  expect(didYouMean("DPO", ["cdpo", "sigmoid"])).toBe('; did you mean "sigmoid", which is DPO?');
  expect(didYouMean("dpo", ["cdpo", "ipo"])).toBe('; did you mean "cdpo"?');
  expect(didYouMean("gpu", ["cpu", "webgpu", "cuda"])).toBe('; did you mean "cuda" or "webgpu"?');
  expect(didYouMean("constructor", options)).toBe("");
});
