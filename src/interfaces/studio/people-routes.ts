/** The routes of the page about several people: who answered what, how far they agree, and one set of answers by a rule. */
import { join } from "node:path";
import type { Hono } from "hono";
import { z } from "zod";
import { writeFileAtomic, writeJsonAtomic } from "../../base/core/files.ts";
import { jsonLines } from "../../base/files/json-lines.ts";
import type { Deal } from "../../method/labels/answer-deal.ts";
import {
  DISPUTE_RULES,
  type DisputeRule,
  isDisputed,
  ruledAnswers,
  sharedAgreement,
} from "../../method/labels/several-answers.ts";
import { openArrivals } from "../serve/arrivals.ts";
import { checked } from "../serve/body.ts";
import { Problem } from "../serve/problem.ts";
import type { StudioDeps } from "./deps.ts";
import { shownShare } from "./desk.ts";
import { dealtIds, readShared } from "./desk-work.ts";
import { commandFor, foldAnswers } from "./fold.ts";
import type { Opened } from "./opened.ts";
import type { PeopleReply, PeopleRuled } from "./protocol.ts";
import { readQuestions } from "./questions.ts";

const ruleSchema = z.strictObject({ rule: z.enum(DISPUTE_RULES) });

/** Adds the routes. */
export function addPeopleRoutes(app: Hono, { folders, version, log, deal }: StudioDeps): void {
  const arrivals = openArrivals({ maxBodyBytes: 4096, bodyMs: 10_000, maxBodies: 16 });
  const at = (c: { req: { param(name: "id"): string } }) => folders.find(c.req.param("id"), "questions");
  app.get("/api/people/:id", async (c) => c.json(await peopleOf(await at(c), deal)));
  app.post("/api/people/:id/rule", async (c) => {
    const { folder } = await at(c);
    const { rule } = checked(ruleSchema, await arrivals.read(c.req.raw));
    const { file, ...counts } = await derive(folder, rule);
    return c.json({ ...counts, command: await commandFor(folder, file) } satisfies PeopleRuled);
  });
  app.post("/api/people/:id/fold", async (c) => {
    const { folder } = await at(c);
    const { rule } = checked(ruleSchema, await arrivals.read(c.req.raw));
    const { file, open } = await derive(folder, rule);
    if (open > 0)
      throw new Problem(409, `rule: ${open} pairs were answered two ways and wait to be settled.`, {
        param: "rule",
      });
    return c.json(await foldAnswers(folder, file, { code: version, log, signal: c.req.raw.signal }));
  });
}

async function peopleOf({ folder, name }: Opened, deal: Deal | undefined): Promise<PeopleReply> {
  const { questions } = await readQuestions(folder);
  const { people, shared } = await readShared(folder, questions);
  const prompts = new Map(questions.map(({ id, prompt }) => [id, JSON.stringify(prompt)]));
  const agreement = sharedAgreement(shared, (id) => prompts.get(id) ?? id);
  const disputed = shared.filter(isDisputed);
  const names = [...new Set([...people.keys(), ...(deal?.people ?? [])])].sort();
  const rows = names.map(async (person) => {
    const { answers, flagged } = people.get(person) ?? { answers: new Map(), flagged: new Set() };
    const skipped = [...answers.values()].filter(({ answer }) => answer === "skip").length;
    const dealt = (await dealtIds(folder, person, { deal, questions, write: false })).length;
    return { name: person, dealt, answered: answers.size - skipped, skipped, flagged: flagged.size };
  });
  const pairs = (agreement?.pairs ?? []).filter(({ items }) => items > 0);
  return {
    ...{ name, questions: questions.length, people: await Promise.all(rows) },
    shared: shared.filter(({ said }) => said.size > 1).length,
    disputed: disputed.length,
    settled: disputed.filter(({ settled }) => settled !== undefined).length,
    alpha: shownShare(agreement?.alpha ?? null),
    pairs: pairs.map(({ raters: [a, b], items, agreement: raw, kappa }) => ({
      people: [agreement!.people[a]!, agreement!.people[b]!],
      ...{ pairs: items, agreement: shownShare(raw), kappa: shownShare(kappa) },
    })),
  };
}

/** Writes what `ask --answers` reads, and beside it by which rule: made anew whenever it is asked for. */
async function derive(
  folder: string,
  rule: DisputeRule,
): Promise<Omit<PeopleRuled, "command"> & { file: string }> {
  const { questions } = await readQuestions(folder);
  const { people, settlers, shared } = await readShared(folder, questions);
  const { rows, ...counts } = ruledAnswers(shared, rule);
  const file = join(folder, "answers.jsonl");
  await writeFileAtomic(file, jsonLines(rows));
  const answered = rows.filter(({ answer }) => answer !== "" && answer !== "skip").length;
  const facts = { rule, people: [...people.keys()], settledBy: [...settlers.keys()], answered, ...counts };
  await writeJsonAtomic(join(folder, "answers.json"), facts);
  return { answered, ...counts, file };
}
