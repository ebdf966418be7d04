/** Rows of `training.jsonl`, which `writeLabels` writes: decided pairs as a student learns from them. */
import { z } from "zod";
import { rowReader } from "../../base/files/row-file.ts";
import { promptWithColumns } from "./template-columns.ts";
import { textSchema } from "./text-schema.ts";

const trainingRowSchema = z
  .object({
    id: z.string(),
    prompt: textSchema,
    chosen: textSchema,
    rejected: textSchema,
    weight: z.number().nonnegative(),
    p_chosen: z.number().min(0).max(1),
    label_source: z.string(),
    tools: z.array(z.unknown()).optional(),
    chat_template_kwargs: z.record(z.string(), z.unknown()).optional(),
  })
  .transform(({ p_chosen: pChosen, label_source: labelSource, tools, chat_template_kwargs, ...row }) => ({
    ...row,
    prompt: promptWithColumns(row.prompt, { tools, chat_template_kwargs }),
    pChosen,
    labelSource,
  }));

/** A row; its prompt carries tools and template arguments as elsewhere, `pChosen` and `weight` are those of its label. */
export type LabelTrainingRow = z.output<typeof trainingRowSchema>;

/** What of a row's columns a student or an export reads; the others are for people. */
export const TRAINING_ROWS = rowReader<LabelTrainingRow>({
  what: "training row",
  schema: trainingRowSchema,
  fix: "Label the pool again.",
});
