/** The routes of the answering page. */
import { join } from "node:path";
import type { Hono } from "hono";
import { z } from "zod";
import { writeFileAtomic } from "../../base/core/files.ts";
import { jsonLines } from "../../base/files/json-lines.ts";
import { openArrivals } from "../serve/arrivals.ts";
import { checked } from "../serve/body.ts";
import type { StudioDeps } from "./deps.ts";
import { type Desk, openDesk } from "./desk.ts";
import { answeringOf, settlingOf } from "./desk-work.ts";
import { commandFor, foldAnswers } from "./fold.ts";
import { BODIES, EVENTS_MOST, keepDesks, pairsQuery, place, undoSchema, uuid } from "./open-desks.ts";
import type { Opened } from "./opened.ts";
import type { Acknowledged, AskSummary, PageEvent } from "./protocol.ts";

const eventsSchema = z.strictObject({
  events: z
    .array(
      z.discriminatedUnion("kind", [
        z
          .strictObject({
            kind: z.literal("answer"),
            ...{ uuid, place },
            choice: z.enum(["left", "right", "tie", "skip"]),
            strength: z.union([z.literal(1), z.literal(2)]).optional(),
            both_bad: z.literal(true).optional(),
            ms: z.number().min(0),
          })
          .refine(
            ({ choice, strength }) => strength === undefined || choice === "left" || choice === "right",
            {
              message: "strength is of left or right only",
            },
          )
          .refine(({ choice, both_bad }) => both_bad === undefined || choice === "tie", {
            message: "both_bad is of a tie only",
          }),
        undoSchema,
        z.strictObject({ kind: z.literal("flag"), ...{ uuid, place }, on: z.boolean() }),
        z.strictObject({ kind: z.literal("note"), ...{ uuid, place }, text: z.string().max(10_000) }),
      ]),
    )
    .min(1)
    .max(EVENTS_MOST),
});

/** Adds the routes. @returns closes all books */
export function addAskRoutes(
  app: Hono,
  { folders, version, log, personOf, deal }: StudioDeps,
): () => Promise<void> {
  const desks = keepDesks<Desk>();
  const arrivals = openArrivals(BODIES);
  const deskOf = ({ id, folder, name }: Opened, person: string, kind: "ask" | "settle"): Promise<Desk> => {
    const work = kind === "ask" ? answeringOf(folder, person, deal) : settlingOf(folder, person);
    return desks.at(`${kind} ${person} ${id}`, () => openDesk({ folder, name, person }, work));
  };
  const at = async (
    c: { req: { param(name: "id"): string; raw: Request } },
    kind: "ask" | "settle" = "ask",
  ) => {
    const opened = await folders.find(c.req.param("id"), "questions");
    const { name: person, role } = personOf(c.req.raw);
    return { opened, person, role, desk: await deskOf(opened, person, kind) };
  };
  for (const kind of ["ask", "settle"] as const) {
    app.get(`/api/${kind}/:id`, async (c) => c.json(await (await at(c, kind)).desk.state()));
    app.get(`/api/${kind}/:id/pairs`, async (c) => {
      const { desk } = await at(c, kind);
      const query = checked(pairsQuery, c.req.query());
      return c.json({ pairs: desk.pairs(query.from, query.count) });
    });
    app.post(`/api/${kind}/:id/events`, async (c) => {
      const { desk } = await at(c, kind);
      const { events } = checked(eventsSchema, await arrivals.read(c.req.raw));
      const acknowledged = await desk.take(events as PageEvent[]);
      return c.json({ acknowledged, state: await desk.state() } satisfies Acknowledged);
    });
  }
  app.post("/api/ask/:id/summary", async (c) => {
    const { opened, person, role, desk } = await at(c);
    const file = await derive(opened, person, desk);
    const command = role === "manage" ? await commandFor(opened.folder, file) : null;
    return c.json({ ...desk.figures(), command } satisfies AskSummary);
  });
  app.post("/api/ask/:id/fold", async (c) => {
    const { opened, person, desk } = await at(c);
    checked(z.strictObject({}), await arrivals.read(c.req.raw));
    const file = await derive(opened, person, desk);
    return c.json(await foldAnswers(opened.folder, file, { code: version, log, signal: c.req.raw.signal }));
  });
  return desks.close;
}

/** Writes what `ask --answers` reads: made anew of the events whenever it is asked for, and never the original. */
async function derive({ folder }: Opened, person: string, desk: Desk): Promise<string> {
  const file = join(folder, `answers-${person}.jsonl`);
  await writeFileAtomic(file, jsonLines(desk.rows()));
  return file;
}
