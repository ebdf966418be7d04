/** `map` of a recipe's source: which column of the data holds what. */
import { z } from "zod";
import { messageOf } from "../../base/core/errors.ts";
import {
  type ColumnMap,
  checkColumnMap,
  parseColumnMap,
  VERDICTS,
} from "../../method/data/adapters/column-map.ts";

const column = z.string().min(1);
const mapMembers = z.strictObject({
  prompt: z
    .union([column, z.array(column).min(1)])
    .optional()
    .describe("Column of the prompt, or several: those that are not empty, a newline between."),
  chosen: column.optional().describe("Column of the preferred response."),
  rejected: column.optional().describe("Column of the other response."),
  a: column.optional().describe("Column of the first of two responses, beside label or in a pool."),
  b: column.optional().describe("Column of the second."),
  response_a: column.optional().describe("The same as a."),
  response_b: column.optional().describe("The same as b."),
  label: z
    .union([column.transform((one) => [one]), z.array(column).min(1)])
    .optional()
    .describe("Column that says which response is better, or several, one for each person."),
  values: z
    .record(z.string(), z.enum(VERDICTS))
    .optional()
    .describe("What the label's values mean, as {1: a, 2: b, 0: tie}; none is for no answer."),
  id: column.optional().describe("Column of the row's own name."),
  group: column.optional().describe("Column of what rows have in common; a split keeps it together."),
  subset: column.optional().describe("Column of the part of the data."),
});

/** A column map, as text or as an object. */
export const columnMap = z.union([z.string(), mapMembers]).transform((map, context) => {
  try {
    return typeof map === "string" ? parseColumnMap(map) : checkColumnMap(defined(map) as ColumnMap);
  } catch (error) {
    context.addIssue({ code: "custom", message: messageOf(error).replaceAll("--map: ", "") });
    return z.NEVER;
  }
});

const defined = (value: object) =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));
