/** The routes of the comparison: what `compare` computes of finished runs, as data and as a report of one file. */
import type { Hono } from "hono";
import { z } from "zod";
import { ConfigError } from "../../base/core/errors.ts";
import { compareRuns } from "../../pipeline/results/compare/compare-runs.ts";
import { buildDocument } from "../../report/document.ts";
import { renderHtml } from "../../report/page/page.ts";
import { checked } from "../serve/body.ts";
import { Problem } from "../serve/problem.ts";
import type { StudioDeps } from "./deps.ts";
import { REPORT_HEADERS } from "./guard.ts";
import type { CompareReply } from "./protocol.ts";

/** As the verb's defaults. */
const HOW = { resamples: 2000, examples: 20 };

/** Runs of one comparison. */
const MOST = 12;
const querySchema = z.object({
  runs: z
    .string()
    .max(2_000)
    .transform((text) => text.split(","))
    .pipe(z.array(z.string().min(1)).min(2).max(MOST)),
});

/** Adds the routes. */
export function addCompareRoutes(app: Hono, { folders, version }: StudioDeps): void {
  const compared = async (c: { req: { query(): Record<string, string> } }) => {
    const ids = checked(querySchema, c.req.query()).runs;
    const opened = await Promise.all(ids.map((id) => folders.find(id, "run")));
    const comparison = await compareRuns(
      opened.map(({ folder }) => folder),
      { version, ...HOW },
    ).catch((error: unknown) => {
      // A run that is not finished is no fault of the request's form.
      if (error instanceof ConfigError) throw new Problem(409, error.message);
      throw error;
    });
    return { opened, comparison };
  };
  app.get("/api/compare", async (c) => {
    const { opened, comparison } = await compared(c);
    return c.json({
      runs: opened.map(({ id, path }, i) => ({ id, path, name: comparison.runs[i]!.name })),
      report: buildDocument(comparison.report),
    } satisfies CompareReply);
  });
  app.get("/api/compare/report", async (c) =>
    c.html(renderHtml((await compared(c)).comparison.report), 200, REPORT_HEADERS),
  );
}
