import { expect, test } from "vitest";
import { questionOf, ratingQuestion, readRating, readTwoRatings } from "./questions.ts";

test.each([
  ["8 6", [8, 6]],
  ["8 6\nAssistant 1 answers the question.", [8, 6]],
  ["\n 7.5, 10\n", [7.5, 10]],
  ["Ratings: 3 4", [3, 4]],
  ["<think>8 or 9?</think>\n9 9", [9, 9]],
  ["8", undefined],
  ["0 5", undefined],
  ["11 5", undefined],
  ["8/10 6/10", undefined],
  ["Assistant 1 gets 8 and assistant 2 gets 6 points", undefined],
  ["86", undefined],
  ["", undefined],
])("the reply %j holds the ratings %j", (reply, ratings) => {
  expect(readTwoRatings(reply)).toEqual(ratings);
});

test.each([
  ["7", 7],
  ["Rating: 10", 10],
  ["**8**", 8],
  ["9/10.", 9],
  ["7 because it is short", undefined],
  ["0", undefined],
  ["seven", undefined],
  ["7 8", undefined],
])("the reply %j holds the rating %j", (reply, rating) => {
  expect(readRating(reply)).toBe(rating);
});

test("questions hold their texts as they are, and lack no place", () => {
  const rating = questionOf("rating");
  expect(ratingQuestion(rating, "Is {response} $& nice?", "{prompt} yes")).toContain(
    "[Request]\nIs {response} $& nice?\n[End of request]\n\n[Answer]\n{prompt} yes\n",
  );
  expect(questionOf("absolute").digest).not.toBe(questionOf("pairwise").digest);
  expect(() => questionOf("rating", "{prompt}")).toThrow("another number of {response}");
  expect(() => questionOf("absolute", "{prompt} {first}")).toThrow("another number of {second}");
});
