/** The routes of the labels' page: what passes a filter, rows of it, one pair with its texts, ids as a file. */

import type { Hono } from "hono";
import { z } from "zod";
import { textSchema } from "../../method/data/text-schema.ts";
import { type LabelIndex, PREFERRED } from "../../pipeline/label/columns/columns.ts";
import { agreementOf, histogramsOf } from "../../pipeline/label/columns/query.ts";
import { idsOfRows, readLabelRow, readPoolPair } from "../../pipeline/label/columns/rows.ts";
import { openArrivals } from "../serve/arrivals.ts";
import { checked } from "../serve/body.ts";
import { Problem } from "../serve/problem.ts";
import type { StudioDeps } from "./deps.ts";
import { shownShare } from "./desk.ts";
import { type FoundLabels, type LabelQuery, openedLabels } from "./opened-labels.ts";
import { openedTokens } from "./opened-tokens.ts";
import type { LabelPair, LabelRow, LabelsReply, TokensReply } from "./protocol.ts";
import { shownText } from "./questions.ts";

const isTrue = z.enum(["true", "false"]).transform((word) => word === "true");
const name = z.string().max(200);
/** `0.5,0.55`: both within. */
const bounds = z
  .string()
  .max(60)
  .transform((text) => text.split(",").map(Number))
  .pipe(z.tuple([z.number(), z.number()]));
const querySchema = z.object({
  preferred: z
    .string()
    .transform((text) => text.split(","))
    .pipe(z.array(z.enum(PREFERRED)))
    .optional(),
  ...{ p: bounds.optional(), margin: bounds.optional(), gap: bounds.optional() },
  ...{ flag: name.optional(), source: name.optional(), text: name.optional() },
  ...{ trained: isTrue.optional(), selected: isTrue.optional() },
  people: z.enum(["same", "other", "any"]).optional(),
  sort: z.enum(["file", "sure", "unsure"]).optional(),
});
const rowsSchema = z.object({
  from: z.coerce.number().int().min(0),
  count: z.coerce.number().int().min(1).max(200),
});

/** Adds the routes. */
export function addLabelsRoutes(app: Hono, { folders, log, closing }: StudioDeps): void {
  const labels = openedLabels(log);
  const tokens = openedTokens(closing);
  const arrivals = openArrivals({ maxBodyBytes: 1024, bodyMs: 10_000, maxBodies: 16 });
  type Asked = { req: { param(name: "id"): string; query(): Record<string, string> } };
  const at = async (c: Asked) => {
    const { folder, name } = await folders.find(c.req.param("id"), "labels");
    const query: LabelQuery = checked(querySchema, c.req.query());
    return { folder, name, found: await labels.find(folder, query) };
  };
  /** @throws Problem 503 while the folder is read: the page asks for rows when it is */
  const there = async (c: Asked) => {
    const { found, ...rest } = await at(c);
    if ("reading" in found) throw new Problem(503, "labels: are being read.", { retryAfterSeconds: 1 });
    return { ...rest, ...found };
  };
  app.get("/api/labels/:id", async (c) => {
    const { name, found } = await at(c);
    return c.json(("reading" in found ? found : replyOf(name, found)) satisfies LabelsReply);
  });
  app.get("/api/labels/:id/rows", async (c) => {
    const { folder, index, rows } = await there(c);
    const { from, count } = checked(rowsSchema, c.req.query());
    const asked = [...rows.subarray(from, from + count)];
    return c.json({ rows: await Promise.all(asked.map((row) => rowOf(folder, index, row))) });
  });
  app.get("/api/labels/:id/pair/:row", async (c) => {
    const { folder, index } = await there(c);
    return c.json(await pairOf(folder, index, rowNumber(c.req.param("row"), index)));
  });
  app.post("/api/labels/:id/tokens", async (c) => {
    const { folder, index } = await there(c);
    const { row } = checked(
      z.strictObject({
        row: z
          .number()
          .int()
          .min(0)
          .max(index.rows - 1),
      }),
      await arrivals.read(c.req.raw),
    );
    const pair = await readPoolPair(index, row);
    if (pair === undefined)
      throw new Problem(422, "tokens: are shown of a run's labels, whose pool and teacher lie beside them.");
    return c.json((await tokens.read(folder, pair)) satisfies TokensReply);
  });
  app.get("/api/labels/:id/ids", async (c) => {
    const { folder, index, rows } = await there(c);
    const headers = {
      "content-type": "application/x-ndjson",
      "content-disposition": 'attachment; filename="ids.jsonl"',
    };
    return c.body(
      ReadableStream.from(idLines(idsOfRows(folder, index, rows))) as ReadableStream,
      200,
      headers,
    );
  });
}

function rowNumber(text: string, { rows }: LabelIndex): number {
  const row = Number(text);
  if (Number.isInteger(row) && row >= 0 && row < rows) return row;
  throw new Problem(404, `row: expected 0 to ${rows - 1}, got ${text.slice(0, 40)}.`);
}

function replyOf(name: string, { index, rows, searched }: FoundLabels): LabelsReply {
  const { flagNames, sourceNames } = index;
  return {
    ...{ name, total: index.rows, found: rows.length, histograms: histogramsOf(index, rows) },
    ...{ flags: flagNames, sources: sourceNames, hasPeople: index.units > 0 },
    agreement: shownShare(agreementOf(index, rows)),
    lacksTexts: index.textFile.kind === "training" && !allTrained(index),
    searched,
  };
}

const allTrained = ({ trained, rows }: LabelIndex) => trained.subarray(0, rows).indexOf(0) < 0;

/** In pieces: a line a chunk would be a write a line. */
async function* idLines(ids: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  let text = "";
  for await (const id of ids) {
    text += `${JSON.stringify({ id })}\n`;
    if (text.length < 2 ** 16) continue;
    yield Buffer.from(text);
    text = "";
  }
  yield Buffer.from(text);
}

async function rowOf(folder: string, index: LabelIndex, row: number): Promise<LabelRow> {
  const { label, texts, human } = await readLabelRow(folder, index, row);
  const { id, preferred, pChosen, flags, margin } = label;
  const prompt = textSchema.safeParse(texts?.prompt);
  return {
    ...{ row, id: id.slice(0, 200), preferred, pChosen, flags, human },
    margin: Number.isFinite(margin) ? margin : null,
    excerpt: prompt.success ? excerptOf(prompt.data) : null,
  };
}

/** The beginning of a text: lists show no more. */
const excerptOf = (text: z.infer<typeof textSchema>): string =>
  (typeof text === "string" ? text : (text.at(-1)?.content ?? "")).slice(0, 160);

async function pairOf(folder: string, index: LabelIndex, row: number): Promise<LabelPair> {
  const { label, texts, human, own } = await readLabelRow(folder, index, row);
  const found = z.object({ prompt: textSchema, a: textSchema, b: textSchema }).safeParse(texts);
  const { id, preferred, pA, pChosen, flags, teacher, margin } = label;
  return {
    ...{ row, id, preferred, pA, pChosen, flags, teacher, human, own },
    margin: Number.isFinite(margin) ? margin : null,
    texts: found.success
      ? {
          prompt: shownText(found.data.prompt),
          a: shownText(found.data.a),
          b: shownText(found.data.b),
        }
      : null,
  };
}
