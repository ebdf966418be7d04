/** The routes of the audit's page. */
import type { Hono } from "hono";
import { z } from "zod";
import { DECISIONS } from "../../../method/labels/audit-reviews.ts";
import { openArrivals } from "../../serve/arrivals.ts";
import { checked } from "../../serve/body.ts";
import type { StudioDeps } from "../deps.ts";
import { BODIES, EVENTS_MOST, keepDesks, pairsQuery, place, undoSchema, uuid } from "../open-desks.ts";
import { type AuditDesk, openAuditDesk } from "./desk.ts";
import type { AuditEvent } from "./protocol.ts";

const eventsSchema = z.strictObject({
  events: z
    .array(
      z.discriminatedUnion("kind", [
        z.strictObject({
          kind: z.literal("judged"),
          ...{ uuid, place },
          choice: z.enum(["left", "right", "tie"]),
          ms: z.number().min(0),
        }),
        z.strictObject({ kind: z.literal("decided"), ...{ uuid, place }, decision: z.enum(DECISIONS) }),
        undoSchema,
      ]),
    )
    .min(1)
    .max(EVENTS_MOST),
});
const placeQuery = z.object({ place: z.coerce.number().int().min(0) });

/** Adds the routes. @returns closes all books */
export function addAuditRoutes(app: Hono, { folders, personOf }: StudioDeps): () => Promise<void> {
  const desks = keepDesks<AuditDesk>();
  const arrivals = openArrivals(BODIES);
  const at = async (c: { req: { param(name: "id"): string; raw: Request } }): Promise<AuditDesk> => {
    const { id, folder, name } = await folders.find(c.req.param("id"), "audit");
    const person = personOf(c.req.raw).name;
    return desks.at(`${person} ${id}`, () => openAuditDesk(folder, name, person));
  };
  app.get("/api/audit/:id", async (c) => c.json(await (await at(c)).state()));
  app.get("/api/audit/:id/pairs", async (c) => {
    const { from, count } = checked(pairsQuery, c.req.query());
    return c.json({ pairs: (await at(c)).pairs(from, count) });
  });
  app.get("/api/audit/:id/label", async (c) =>
    c.json((await at(c)).reveal(checked(placeQuery, c.req.query()).place)),
  );
  app.post("/api/audit/:id/events", async (c) => {
    const desk = await at(c);
    const { events } = checked(eventsSchema, await arrivals.read(c.req.raw));
    const acknowledged = await desk.take(events satisfies AuditEvent[]);
    return c.json({ acknowledged, state: await desk.state() });
  });
  app.post("/api/audit/:id/found", async (c) => c.json(await (await at(c)).found()));
  app.post("/api/audit/:id/corrected", async (c) => c.json(await (await at(c)).correct()));
  return desks.close;
}
