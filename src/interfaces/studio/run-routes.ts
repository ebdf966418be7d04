/** The routes of a run's page: what it is, its report, and a stream of what changes. */
import { join } from "node:path";
import type { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { exists, readText } from "../../base/core/files.ts";
import { Problem } from "../serve/problem.ts";
import type { StudioDeps } from "./deps.ts";
import { REPORT_HEADERS } from "./guard.ts";
import type { RunReply } from "./protocol.ts";
import { watchRun } from "./watch-run.ts";

/** Adds the routes. */
export function addRunRoutes(app: Hono, { folders, version, closing }: StudioDeps): void {
  app.get("/api/run/:id", async (c) => {
    const { folder, name, path } = await folders.find(c.req.param("id"), "run");
    const file = join(folder, "recipe.yaml");
    const recipe = (await exists(file)) ? await readText(file, 2 ** 20) : "";
    return c.json({ name, path, recipe } satisfies RunReply);
  });
  app.get("/api/run/:id/report", async (c) => {
    const { folder } = await folders.find(c.req.param("id"), "run");
    const file = join(folder, "report.html");
    if (!(await exists(file))) throw new Problem(404, "report: this run has none yet.");
    return c.html(await readText(file), 200, REPORT_HEADERS);
  });
  app.get("/api/run/:id/stream", async (c) => {
    const { folder } = await folders.find(c.req.param("id"), "run");
    // A browser sends the first when it connects again by itself, the page the second when it begins anew.
    const cursor = c.req.header("last-event-id") ?? c.req.query("after") ?? "";
    const signal = AbortSignal.any([closing, c.req.raw.signal]);
    return streamSSE(c, async (stream) => {
      stream.onAbort(() => {});
      for await (const { event, data, id } of watchRun(folder, { cursor, code: version, signal }))
        await stream.writeSSE({ event, data: JSON.stringify(data), ...(id === undefined ? {} : { id }) });
    });
  });
}
