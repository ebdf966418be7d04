/** Settings of a server that others run: where it is, and how it is asked. The second part decides no result and belongs into no key. */
import { z } from "zod";

/** Name of the environment variable that holds a server's key. */
export const apiKeyEnv = z
  .string()
  .min(1)
  .optional()
  .describe("Environment variable that holds the server's key; the key itself is kept nowhere.");

/** How any server is asked, whatever it serves; no answer depends on it. */
export const askedHow = {
  apiKeyEnv,
  concurrency: z.number().int().min(1).default(8).describe("Requests on their way at one time."),
};

/** A server that is there. @param what - what `url` is the address of, for the documentation */
export const serverAt = (what: string) => ({ url: z.string().min(1).describe(what), ...askedHow });
