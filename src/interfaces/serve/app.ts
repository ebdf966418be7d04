/** The routes of a server: what is asked for where, who may, and how errors are told. */
import { type Context, Hono } from "hono";
import { messageOf } from "../../base/core/errors.ts";
import type { Log } from "../../base/core/log.ts";
import { checkAccess } from "./access.ts";
import { type Arrivals, openArrivals } from "./arrivals.ts";
import { chat } from "./chat.ts";
import { completions, type Serving } from "./completions.ts";
import { type Gate, untilAborted } from "./gate.ts";
import type { ServeMetrics } from "./metrics.ts";
import { classify, pooling } from "./pooling.ts";
import { isOurs, Problem, problemJson, toProblem } from "./problem.ts";
import { type ScoreSettings, score } from "./score.ts";

/** What the routes work with. */
export type AppDeps = {
  readonly serving: Serving;
  readonly settings: ScoreSettings;
  readonly gate: Gate;
  readonly metrics: ServeMetrics;
  readonly token: string | undefined;
  readonly version: string;
  readonly log: Log;
};

type Endpoint = (body: Record<string, unknown>, signal: AbortSignal) => Promise<object>;

/** Builds the routes. */
export function createApp(deps: AppDeps): Hono {
  const { serving, settings, token, metrics, version } = deps;
  const app = new Hono();
  const open = new Date();
  let failed: string | undefined;
  app.use(watch(metrics));
  app.onError((error, c) => {
    const problem = toProblem(error);
    if (isOurs(error)) deps.log.warn(`serve: ${c.req.path}: ${messageOf(error)}`);
    if (problem.code === "engine_failed") failed = problem.message;
    metrics.problem(problem.type);
    return answerProblem(c, problem);
  });
  app.notFound((c) => answerProblem(c, notFound(c)));
  app.get("/health", (c) =>
    failed !== undefined || deps.gate.isShut()
      ? c.json({ status: failed ?? "stopping" }, 503)
      : c.json({ status: "ok" }),
  );
  app.use(async (c, next) => {
    checkAccess(token, c.req.raw.headers);
    await next();
  });
  app.get("/version", (c) => c.json({ version, server: "weak-teacher" }));
  app.get("/metrics", async (c) =>
    c.body(await metrics.text(), 200, { "content-type": metrics.contentType }),
  );
  app.get("/v1/models", (c) => c.json(modelList(serving, open)));
  const arrivals = openArrivals(serving.limits);
  const post = (path: string, endpoint: Endpoint) => app.post(path, answer(deps, arrivals, endpoint));
  post("/v1/completions", (body, signal) => completions(serving, body, signal));
  post("/v1/chat/completions", (body, signal) => chat(serving, body, signal));
  post("/pooling", (body, signal) => pooling(serving, body, signal));
  post("/classify", (body, signal) => classify(serving, body, signal));
  post("/v1/score", (body, signal) => score(serving, settings, body, signal));
  return app;
}

/** The paths there are, with their methods; metrics name no others, for a client chooses what it asks. */
const ROUTES: Readonly<Record<string, string>> = {
  "/health": "GET",
  "/version": "GET",
  "/metrics": "GET",
  "/v1/models": "GET",
  "/v1/completions": "POST",
  "/v1/chat/completions": "POST",
  "/v1/score": "POST",
  "/pooling": "POST",
  "/classify": "POST",
};

const isRoute = (path: string): boolean => Object.hasOwn(ROUTES, path);

function notFound(c: Context): Problem {
  const { path } = c.req;
  return isRoute(path)
    ? new Problem(405, `method: expected ${ROUTES[path]} for ${path}, got ${c.req.method}.`)
    : new Problem(404, `path: expected one of ${Object.keys(ROUTES).join(", ")}, got ${path.slice(0, 100)}.`);
}

function watch(metrics: ServeMetrics) {
  return async (c: Context, next: () => Promise<void>) => {
    const started = performance.now();
    await next();
    const route = isRoute(c.req.path) ? c.req.path : "other";
    metrics.request(route, c.res.status, (performance.now() - started) / 1000);
  };
}

function answer({ gate, metrics }: AppDeps, arrivals: Arrivals, endpoint: Endpoint) {
  return async (c: Context) => {
    gate.check();
    // A body that arrives slowly takes nobody's place.
    const body = await arrivals.read(c.req.raw);
    const pass = gate.enter(c.req.raw.signal);
    try {
      const result = await untilAborted(endpoint(body, pass.signal), pass.signal);
      metrics.usage((result as { usage?: object }).usage ?? {});
      return c.json(result);
    } finally {
      pass.leave();
    }
  };
}

function answerProblem(c: Context, problem: Problem): Response {
  const { status, retryAfterSeconds } = problem;
  const headers = new Headers({ "content-type": "application/json" });
  if (retryAfterSeconds !== undefined) headers.set("retry-after", String(retryAfterSeconds));
  if (status === 401) headers.set("www-authenticate", "Bearer");
  if (status === 405) headers.set("allow", ROUTES[c.req.path] ?? "");
  // The rest of a body that is not read would be taken for the next request.
  if ([408, 413, 415, 429, 503].includes(status)) headers.set("connection", "close");
  return new Response(JSON.stringify(problemJson(problem)), { status, headers });
}

function modelList({ models }: Serving, open: Date): object {
  const data = [...models.values()].map(({ name, parent, model, digest, reference }) => ({
    id: name,
    object: "model",
    created: Math.floor(open.getTime() / 1000),
    owned_by: "weak-teacher",
    root: parent ?? name,
    parent,
    max_model_len: model.decoder.config.maxPositions,
    task: model.task,
    digest,
    reference: reference?.name ?? null,
  }));
  return { object: "list", data };
}
