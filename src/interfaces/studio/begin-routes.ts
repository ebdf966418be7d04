/** The routes of the page that begins a recipe: what `inspect` says of a data file, and what `init` would write, written when it is asked for. */
import { dirname, join, relative } from "node:path";
import type { Hono } from "hono";
import { z } from "zod";
import { shellWord } from "../../base/core/shell.ts";
import { STORIES } from "../../engine/checkpoint/stories15m.ts";
import { describeSource, formatDescription } from "../../method/split/describe-source.ts";
import { type MadeRecipe, makeFirstRecipe, writeFirstRecipe } from "../../pipeline/job/first-recipe.ts";
import { openArrivals } from "../serve/arrivals.ts";
import { checked } from "../serve/body.ts";
import type { StudioDeps } from "./deps.ts";
import { fileInside, listInside, modelInside } from "./inside.ts";
import { isName } from "./names.ts";
import type { BegunRecipe, UnderstoodData } from "./protocol.ts";

const path = z.string().min(1).max(4_000);
const dataSchema = z.strictObject({ data: path });
const recipeSchema = z.strictObject({
  data: path,
  weak: path,
  student: path,
  name: z
    .string()
    .refine(
      (name) => isName(name) && /\.ya?ml$/.test(name),
      "expected a file name of at most 40 letters, digits, dots, dashes or underscores that ends in .yaml",
    ),
});

/** Adds the routes. */
export function addBeginRoutes(app: Hono, { folders, log }: StudioDeps): void {
  const arrivals = openArrivals({ maxBodyBytes: 64 * 1024, bodyMs: 10_000, maxBodies: 16 });
  const make = async (request: Request): Promise<MadeRecipe> => {
    const asked = checked(recipeSchema, await arrivals.read(request));
    const source = await fileInside(folders.roots, asked.data);
    const [weak, student] = await Promise.all(
      (["weak", "student"] as const).map(async (field) =>
        asked[field] === STORIES ? STORIES : fromHere(await modelInside(folders.roots, asked[field], field)),
      ),
    );
    const options = { data: [fromHere(source)], weak: weak!, student: student! };
    const file = join(dirname(source), asked.name);
    const how = { header: "auto", onBadRow: "fail" } as const;
    return makeFirstRecipe(file, { ...options, ...how }, { source, read: { onBadRow: "fail" }, log });
  };
  app.get("/api/begin", async (c) => c.json(await listInside(folders)));
  app.post("/api/begin/data", async (c) => {
    const { data } = checked(dataSchema, await arrivals.read(c.req.raw));
    const described = await describeSource(await fileInside(folders.roots, data), { onBadRow: "fail" });
    return c.json({ text: formatDescription(described).join("\n") } satisfies UnderstoodData);
  });
  app.post("/api/begin/recipe", async (c) => c.json(shown(await make(c.req.raw), false)));
  app.post("/api/begin/write", async (c) => {
    const made = await make(c.req.raw);
    await writeFirstRecipe(made);
    return c.json(shown(made, true));
  });
}

const shown = ({ file, text, rows, warning }: MadeRecipe, written: boolean): BegunRecipe => ({
  ...{ file, text, rows, warning: warning ?? null, written },
  command: `weak-teacher run ${shellWord(file)} --dry-run`,
});

/** As somebody here would type it, so that the recipe names it from its own folder; whole where a short path would read as another name. */
function fromHere(place: string): string {
  const short = relative(process.cwd(), place);
  return /(^|[\\/])(hub:[^\\/]*|stories15M)$/.test(short) || short === "" ? place : short;
}
