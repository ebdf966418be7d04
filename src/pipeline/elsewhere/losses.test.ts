import { expect, test } from "vitest";
import {
  LOSS_TYPES,
  type LossSpecInput,
  parseLossSpec,
  resolveFlip,
} from "../../method/objective/loss-spec.ts";
import { lossesOf, lossOptions } from "./losses.ts";
import { EXPORT_TOOLS } from "./request.ts";

const loss = (spec: LossSpecInput) => resolveFlip(parseLossSpec(spec));

test("each tool has its own, and one it lacks is an error with the alternatives", () => {
  expect(Object.fromEntries(EXPORT_TOOLS.map((tool) => [tool, lossesOf(tool)]))).toEqual({
    trl: ["sigmoid", "rdpo", "ipo", "hinge", "apo-zero"],
    "llama-factory": ["sigmoid", "cdpo", "ipo", "hinge", "simpo", "orpo"],
    axolotl: ["sigmoid", "ipo", "simpo", "orpo"],
    openrlhf: ["sigmoid", "cdpo", "ipo-summed"],
  });
  expect(() => lossOptions("trl", loss({ type: "cdpo" }))).toThrow(
    /has no loss "cdpo" \(its sigmoid takes label_smoothing and does not use it\)\. It has sigmoid, rdpo, ipo, hinge, apo-zero; "cdpo" can go to --to llama-factory or --to openrlhf/,
  );
  expect(() => lossOptions("trl", loss({ type: "soft" }))).toThrow(/no tool here has "soft"/);
});

test("every loss either maps with its own numbers or is refused", () => {
  for (const tool of EXPORT_TOOLS)
    for (const type of LOSS_TYPES) {
      const spec = loss({ type } as LossSpecInput);
      if (!lossesOf(tool).includes(type)) {
        expect(() => lossOptions(tool, spec)).toThrow(/has no loss/);
        continue;
      }
      for (const value of Object.values(lossOptions(tool, spec))) expect(value).toBeDefined();
    }
});
