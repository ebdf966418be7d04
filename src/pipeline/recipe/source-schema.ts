/** A source of data in a recipe, or several. */
import { z } from "zod";
import { count, positive, shorthand } from "../../base/settings/parts.ts";
import { sourceProblems } from "../../method/data/source.ts";
import { columnMap } from "./map-schema.ts";

/** How one file, folder or glob is read. */
const fileSchema = z.strictObject({
  file: z
    .string()
    .min(1)
    .describe(
      "JSONL, JSON, CSV, Parquet or Arrow, also gzipped; a folder or glob of such files, or one that datasets saved; or hub:Owner/name[@revision]/file.",
    ),
  format: z.string().optional().describe("Name of a known shape; default worked out from the data."),
  map: columnMap
    .optional()
    .describe(
      "Column names, as prompt=instruction,chosen=good,rejected=bad, or as an object; where a column says which response is better: {prompt: [instruction, input], a: response1, b: response2, label: [anna, ben], values: {1: a, 2: b, 0: tie}}.",
    ),
  header: z
    .enum(["yes", "no", "auto"])
    .default("auto")
    .describe(
      "Whether the first line of a CSV or TSV file names the columns; auto: where the map or a known shape has its names, or it looks so.",
    ),
  ignore: z
    .array(z.string().min(1))
    .optional()
    .describe(
      "Columns, members of messages and kinds of content parts to leave out on purpose, as [system, tools].",
    ),
  limit: count.optional().describe("Read only the first so many rows."),
});

const partSchema = fileSchema.extend({
  weight: positive
    .optional()
    .describe(
      "Share of the pairs that come from this source, against the sum of the weights. The mixture is as large as it can be with no pair taken twice; rows are drawn with the seed. Without weights all pairs of all sources are read.",
    ),
});

/** A source, or a list of them that are read as one. */
export const sourceSchema = (what: string) =>
  shorthand(
    "file",
    z.union([
      fileSchema,
      z
        .array(shorthand("file", partSchema, "One of several sources."))
        .min(1)
        .superRefine((parts, context) => {
          for (const message of sourceProblems(parts)) context.addIssue({ code: "custom", message });
        }),
    ]),
    `${what} A file, or a list of them, read as one (docs/sources.md).`,
  );
