/** Texts as files of rows have them. */
import { z } from "zod";
import { show } from "../../base/core/errors.ts";
import type { Text } from "./rows.ts";

/** A text or the turns of a conversation; what a turn has beside role and content stays with it. */
export const textSchema: z.ZodType<Text> = z.union(
  [z.string(), z.array(z.looseObject({ role: z.string(), content: z.string() })).min(1)],
  {
    error: ({ input }) =>
      input === undefined
        ? "is missing."
        : `expected a text or a list of messages {role, content}, got ${show(input, 100)}.`,
  },
);
