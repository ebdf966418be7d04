/** The routes of the labels' page: how many pass a filter, rows of them, one pair with its texts, ids as a file. */
import type { Hono } from "hono";
import { z } from "zod";
import {
  countByProbability,
  filterLabels,
  idsOfRows,
  indexLabels,
  type LabelFilter,
  type LabelIndex,
  PREFERRED,
  readLabelRow,
} from "../../pipeline/label/label-index.ts";
import { checked } from "../serve/body.ts";
import { Problem } from "../serve/problem.ts";
import type { StudioDeps } from "./deps.ts";
import type { LabelPair, LabelRow, LabelsReply } from "./protocol.ts";
import { shownText, textSchema } from "./questions.ts";

const share = z.coerce.number().min(0).max(1);
const filterSchema = z.object({
  preferred: z
    .string()
    .transform((text) => text.split(","))
    .pipe(z.array(z.enum(PREFERRED)))
    .optional(),
  ...{ low: share.optional(), high: share.optional() },
  flag: z.string().max(100).optional(),
  trained: z
    .enum(["true", "false"])
    .transform((word) => word === "true")
    .optional(),
  sort: z.enum(["file", "sure", "unsure"]).optional(),
});
const rowsSchema = z.object({
  from: z.coerce.number().int().min(0),
  count: z.coerce.number().int().min(1).max(200),
});

/** A folder's columns, and the rows of the filter that was asked for last: scrolling asks for it again and again. */
type Open = { readonly index: LabelIndex; last: { readonly key: string; readonly rows: Uint32Array } };

/** Adds the routes. */
export function addLabelsRoutes(app: Hono, { folders }: StudioDeps): void {
  const opened = new Map<string, Promise<Open>>();
  const openOf = (folder: string): Promise<Open> => {
    const open =
      opened.get(folder) ??
      indexLabels(folder).then((index) => ({ index, last: { key: "", rows: filterLabels(index, {}) } }));
    opened.set(folder, open);
    open.catch(() => opened.delete(folder));
    return open;
  };
  const at = async (c: { req: { param(name: "id"): string; query(): Record<string, string> } }) => {
    const { folder, name } = await folders.find(c.req.param("id"), "labels");
    const open = await openOf(folder);
    const filter: LabelFilter = checked(filterSchema, c.req.query());
    const key = JSON.stringify(filter);
    if (open.last.key !== key) open.last = { key, rows: filterLabels(open.index, filter) };
    return { folder, name, index: open.index, rows: open.last.rows };
  };
  app.get("/api/labels/:id", async (c) => {
    const { name, index, rows } = await at(c);
    const counts = countByProbability(index, rows);
    return c.json({
      name,
      total: index.rows,
      found: rows.length,
      counts,
      flags: index.flagNames,
    } satisfies LabelsReply);
  });
  app.get("/api/labels/:id/rows", async (c) => {
    const { folder, index, rows } = await at(c);
    const { from, count } = checked(rowsSchema, c.req.query());
    const asked = [...rows.subarray(from, from + count)];
    return c.json({ rows: await Promise.all(asked.map((row) => rowOf(folder, index, row))) });
  });
  app.get("/api/labels/:id/pair/:row", async (c) => {
    const { folder, index } = await at(c);
    const row = Number(c.req.param("row"));
    if (!(Number.isInteger(row) && row >= 0 && row < index.rows))
      throw new Problem(404, `row: expected 0 to ${index.rows - 1}, got ${c.req.param("row").slice(0, 40)}.`);
    return c.json(await pairOf(folder, index, row));
  });
  app.get("/api/labels/:id/ids", async (c) => {
    const { folder, index, rows } = await at(c);
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
  const { label, training } = await readLabelRow(folder, index, row);
  const { id, preferred, pChosen, flags, margin } = label;
  const prompt = textSchema.safeParse(training?.["prompt"]);
  return {
    ...{ row, id: id.slice(0, 200), preferred, pChosen, flags },
    margin: Number.isFinite(margin) ? margin : null,
    excerpt: prompt.success ? excerptOf(prompt.data) : null,
  };
}

/** The beginning of a text: lists show no more. */
const excerptOf = (text: z.infer<typeof textSchema>): string =>
  (typeof text === "string" ? text : (text.at(-1)?.content ?? "")).slice(0, 160);

async function pairOf(folder: string, index: LabelIndex, row: number): Promise<LabelPair> {
  const { label, training } = await readLabelRow(folder, index, row);
  const texts = z
    .object({ prompt: textSchema, chosen: textSchema, rejected: textSchema })
    .safeParse(training);
  const { id, preferred, pA, pChosen, flags, teacher, margin } = label;
  return {
    ...{ row, id, preferred, pA, pChosen, flags, teacher },
    margin: Number.isFinite(margin) ? margin : null,
    texts: texts.success
      ? {
          prompt: shownText(texts.data.prompt),
          chosen: shownText(texts.data.chosen),
          rejected: shownText(texts.data.rejected),
        }
      : null,
  };
}
