/** The setting of what a scoring model's weights are held in, wherever a recipe names such a model. */
import { z } from "zod";
import { choice } from "../../base/settings/parts.ts";
import { CANARY_PAIRS, MOST_TURNED, type Precision } from "./precisions.ts";

const maxTurned = z
  .number()
  .min(0)
  .max(1)
  .default(MOST_TURNED)
  .describe(
    "Share of labels that fewer bits may turn round beside float32's; shown to be more, nothing is scored.",
  );

/** Setting `precision`. */
export const precisionSchema = choice(
  "kind",
  "float32",
  z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("float32") }),
    z.strictObject({ kind: z.literal("int8"), maxTurned }),
    z.strictObject({ kind: z.literal("int4"), maxTurned }),
  ]),
  `What the weights are held in while it scores: float32, or 8 or 4 bits, compared with float32 on ${CANARY_PAIRS} pairs first.`,
).prefault("float32");

/** The setting, defaults filled in. */
export type PrecisionSettings = z.output<typeof precisionSchema>;

/** Few bits, and how many labels they may turn. */
export type FewBits = Exclude<PrecisionSettings, { readonly kind: "float32" }>;

/** Few bits; nothing of float32, so that it is in no key. */
export const inFewBits = (settings: PrecisionSettings | undefined): { readonly precision?: FewBits } =>
  settings === undefined || settings.kind === "float32" ? {} : { precision: settings };

/** The precision of a choice (`choice.ts`). */
export const precisionOf = (few: FewBits | undefined): { readonly precision?: Precision } =>
  few === undefined ? {} : { precision: few.kind };

/** How many labels few bits may turn round, as a stage's config says it; nothing in float32. */
export const turnedOf = (few: FewBits | undefined): { readonly maxTurned?: number } =>
  few === undefined ? {} : { maxTurned: few.maxTurned };
