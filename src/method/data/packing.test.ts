import { expect, test } from "vitest";
import { describeModel } from "../../engine/model/families/index.ts";
import { packOptions, packRows } from "./packing.ts";

const row = { prompt: [1, 2, 3], responses: [[4], [5, 6, 7]] };

test("a pair is one row, its prompt once", () => {
  const { feeds, tokens, sequences } = packRows([row]);
  expect([tokens, sequences]).toEqual([7, 2]);
  expect(feeds.segments.shape).toEqual([1, 7]);
});

test.each([
  ["neither reaches over", 6],
  ["both reach over", 3],
])("where %s a length at which positions turn otherwise, the pair stays one row", (_, over) => {
  expect(packRows([row], { longOver: over })).toEqual(packRows([row]));
});

test("where one response alone reaches over it, each gets the prompt to itself, in the same order", () => {
  // 3 + 1 tokens on this side of 5, 3 + 3 beyond it.
  const { feeds, tokens, sequences } = packRows([row], { longOver: 5 });
  expect([tokens, sequences]).toEqual([10, 2]);
  expect(feeds.segments.shape).toEqual([2, 6]);
  expect([...feeds.ids.data]).toEqual([1, 2, 3, 4, 1, 2, 3, 5, 6, 7]);
  expect([...feeds.targets.data]).toEqual([4, 5, 6, 7]);
  expect([...feeds.ends.data]).toEqual([3, 9]);
});

test("a score is read at the last token that is no padding, as transformers reads it", () => {
  const rows = [
    { prompt: [1, 2], responses: [[4, 9], [9, 5, 9, 9], [9]] },
    { prompt: [9], responses: [[9]] },
  ];
  const ends = (padId?: number) => [...packRows(rows, { padId }).feeds.ends.data];
  expect(ends()).toEqual([3, 7, 8, 10]);
  // [1, 2, 4], [1, 2, 9, 5], [1, 2], and where all is padding the first.
  expect(ends(9)).toEqual([2, 5, 1, 9]);
});

test("a reward model's padding is the config's, or the class's where the config says none; null is none", () => {
  const padOf = (model_type: string, more: Record<string, unknown>) => {
    const config = { model_type, ...more };
    return packOptions({ ...describeModel(config), task: "reward", config }).padId;
  };
  // Defaults of the classes in transformers 5.24.
  const classes = { llama: undefined, qwen3: undefined, gpt2: undefined, gemma2: 0, gemma3_text: 0, opt: 1 };
  for (const [type, id] of Object.entries({ ...classes, olmo2: 1, phi3: 32000, smollm3: 128004 })) {
    expect([type, padOf(type, {})]).toEqual([type, id]);
    expect(padOf(type, { pad_token_id: 7 })).toBe(7);
    expect(padOf(type, { pad_token_id: null })).toBeUndefined();
  }
});
