/** The routes of the studio: who is heard, what is asked for where, and how problems are told. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { AlignError, ConfigError, DataError, messageOf } from "../../base/core/errors.ts";
import { openArrivals } from "../serve/arrivals.ts";
import { checked } from "../serve/body.ts";
import { Problem, problemJson, toProblem } from "../serve/problem.ts";
import { addAskRoutes } from "./ask-routes.ts";
import { addAuditRoutes } from "./audit/routes.ts";
import { addBeginRoutes } from "./begin-routes.ts";
import { addCompareRoutes } from "./compare-routes.ts";
import type { StudioDeps } from "./deps.ts";
import { checkSender, HEADERS } from "./guard.ts";
import { addLabelsRoutes } from "./labels-routes.ts";
import type { PageFile } from "./page-files.ts";
import { addPeopleRoutes } from "./people-routes.ts";
import type { StudioReply } from "./protocol.ts";
import { checkRole } from "./roles.ts";
import { addRunRoutes } from "./run-routes.ts";
import type { Sessions } from "./sessions.ts";

/** What stands before the routes. `usedTicket`: told when an address is opened that was opened before. */
export type Door = {
  readonly hosts: ReadonlySet<string>;
  readonly sessions: Sessions;
  readonly usedTicket: () => void;
};

/** The reply's header that says which build the server is of; the page compares it with its own. */
const BUILD_HEADER = "x-studio-build";

/** Of a token: nothing else comes from whoever is not in. */
const ENTRY = { maxBodyBytes: 4096, bodyMs: 5_000, maxBodies: 16 };

/** Builds the routes. @returns them, and what closes the files they hold open */
export function createStudio(
  deps: Omit<StudioDeps, "personOf">,
  { hosts, sessions, usedTicket }: Door,
): { readonly app: Hono; close(): Promise<void> } {
  const app = new Hono();
  const { page, version, folders, log } = deps;
  const personOf = (request: Request) => sessions.personOf(request.headers);
  app.onError((error, c) => {
    const problem = studioProblem(error);
    if (problem.status >= 500) log.warn(`studio: ${c.req.path}: ${messageOf(error)}`);
    return c.json(problemJson(problem), problem.status as 400);
  });
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(HEADERS))
      if (!c.res.headers.has(name)) c.res.headers.set(name, value);
    c.res.headers.set(BUILD_HEADER, page.build);
    if (!c.req.path.startsWith("/assets/")) c.res.headers.set("cache-control", "no-store");
  });
  app.use(async (c, next) => {
    checkSender(c.req.raw, hosts);
    await next();
  });
  app.get("/", async (c, next) => {
    const ticket = c.req.query("ticket");
    if (ticket === undefined) return next();
    const cookie = sessions.exchange(ticket);
    if (cookie !== undefined) c.header("set-cookie", cookie);
    else if (!isKnown(sessions, c)) usedTicket();
    return c.redirect("/", 303);
  });
  const entries = openArrivals(ENTRY);
  app.post("/api/enter", async (c) => {
    const { token } = checked(z.strictObject({ token: z.string().max(1000) }), await entries.read(c.req.raw));
    c.header("set-cookie", sessions.enter(token.trim()));
    return c.json({});
  });
  app.use("/api/*", async (c, next) => {
    checkRole(personOf(c.req.raw), c.req.path);
    await next();
  });
  app.get("/api/studio", async (c) => {
    const { name, role } = personOf(c.req.raw);
    const opened = (await folders.list())
      .filter(({ kind }) => role === "manage" || kind === "questions")
      .map(({ folder: _, ...thing }) => thing);
    return c.json({ version, person: name, role, opened } satisfies StudioReply);
  });
  const closeAsk = addAskRoutes(app, { ...deps, personOf });
  const closeAudit = addAuditRoutes(app, { ...deps, personOf });
  addPeopleRoutes(app, { ...deps, personOf });
  addBeginRoutes(app, { ...deps, personOf });
  addCompareRoutes(app, { ...deps, personOf });
  addRunRoutes(app, { ...deps, personOf });
  addLabelsRoutes(app, { ...deps, personOf });
  app.all("/api/*", (c) => {
    throw new Problem(404, `path: there is nothing at ${c.req.path.slice(0, 100)}.`);
  });
  app.get("/assets/*", (c) => {
    const file = page.files.get(c.req.path);
    if (file === undefined) throw new Problem(404, "path: the page has no such file.");
    c.header("cache-control", "max-age=31536000, immutable");
    return send(c, file);
  });
  app.get("*", (c) => send(c, page.index));
  app.notFound((c) =>
    c.json(problemJson(new Problem(405, `method: ${c.req.method} is not known here.`)), 405),
  );
  const close = async () => {
    await closeAsk();
    await closeAudit();
  };
  return { app, close };
}

function isKnown(sessions: Sessions, c: Context): boolean {
  try {
    return sessions.personOf(c.req.raw.headers) !== undefined;
  } catch {
    return false;
  }
}

function send(c: Context, { type, bytes, gzip }: PageFile): Response {
  const packed = /\bgzip\b/.test(c.req.header("accept-encoding") ?? "");
  c.header("content-type", type);
  c.header("vary", "accept-encoding");
  if (packed) c.header("content-encoding", "gzip");
  return c.body(new Uint8Array(packed ? gzip : bytes));
}

/** What our own files and disk have done is told to the person: it is their machine. Faults of ours are only named. */
function studioProblem(error: unknown): Problem {
  if (error instanceof Problem || error instanceof ConfigError || !(error instanceof AlignError))
    return toProblem(error);
  if (error instanceof DataError) return new Problem(422, error.message, { code: "data" });
  const status = { data: 422, tokens: 422, checkpoint: 422, locked: 423, io: 507 }[error.code] ?? 500;
  return new Problem(status, error.message, { code: error.code });
}
