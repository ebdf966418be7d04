/**
 * `POST /pooling` and `POST /classify`: a reward model's score of whole texts, in the shapes of vLLM's two paths. `use_activation: false`
 * gives the raw score; without it the score goes through a sigmoid, as there.
 */
import { z } from "zod";
import { inParallel } from "../../base/core/parallel.ts";
import { checked, type GivenPrompt, promptsOf } from "./body.ts";
import { type Serving, textIds } from "./completions.ts";
import { modelNamed, type ServedModel } from "./models.ts";
import { wrongField } from "./problem.ts";
import { checkIds } from "./sampling-request.ts";
import { refuseEffects } from "./tolerance.ts";

const schema = z.object({
  model: z.string().nullish(),
  input: z.unknown(),
  task: z.literal("classify").nullish(),
  use_activation: z.boolean().nullish(),
  /** Its name before vLLM 0.11. */
  activation: z.boolean().nullish(),
  add_special_tokens: z.boolean().nullish(),
  encoding_format: z.literal("float").nullish(),
});
type Request = z.output<typeof schema>;

/** Fields of vLLM's that would change the result, with what changes nothing. */
const EFFECTS = { dimensions: [], normalize: [], messages: [], softmax: [] };

/** One score per text. */
type Scored = {
  readonly request: Request;
  readonly model: ServedModel;
  readonly scores: number[];
  readonly tokens: number;
};

/** Answers as vLLM's `/pooling` does: `data[i].data` is a list of one number. @throws Problem 400 or 404 */
export async function pooling(
  serving: Serving,
  body: Record<string, unknown>,
  signal: AbortSignal,
): Promise<object> {
  const scored = await scoresOf(serving, body, signal);
  return reply("pool", scored, (score) => ({ object: "pooling", data: [score] }));
}

/** Answers as vLLM's `/classify` does: `data[i].probs` is a list of one number. @throws Problem 400 or 404 */
export async function classify(
  serving: Serving,
  body: Record<string, unknown>,
  signal: AbortSignal,
): Promise<object> {
  const scored = await scoresOf(serving, body, signal);
  return reply("classify", scored, (score) => ({ label: "LABEL_0", probs: [score], num_classes: 1 }));
}

async function scoresOf(
  { engine, models, limits }: Serving,
  body: Record<string, unknown>,
  signal: AbortSignal,
): Promise<Scored> {
  refuseEffects(body, EFFECTS);
  const request = checked(schema, body);
  const model = modelNamed(models, request.model);
  if (model.model.task !== "reward")
    throw wrongField(
      "model",
      `${model.name} has no reward head, expected a reward model. Ask /v1/completions.`,
    );
  const texts = promptsOf(request.input, "input", limits.maxItems).map((text) => idsOf(request, model, text));
  const scorer = engine.scorer(model, signal);
  const rows = texts.map((ids) => ({ prompt: ids.slice(0, -1), responses: [ids.slice(-1)] }));
  const raw = await inParallel(
    rows,
    rows.length,
    async (row) => (await scorer.score([row]))[0]!.rewards![0]!,
    signal,
  );
  const active = request.use_activation ?? request.activation ?? true;
  return {
    ...{ request, model, tokens: texts.reduce((total, ids) => total + ids.length, 0) },
    scores: active ? raw.map((score) => 1 / (1 + Math.exp(-score))) : raw,
  };
}

/** A text's ids; the score is read at the last. @throws Problem 400 */
function idsOf(request: Request, model: ServedModel, { given, field }: GivenPrompt): readonly number[] {
  const ids = typeof given === "string" ? textIds(request, model, given, field) : given;
  checkIds(model, ids, field);
  const most = model.model.decoder.config.maxPositions;
  if (ids.length < 2 || ids.length > most)
    throw wrongField(field, `expected 2 to ${most} tokens, got ${ids.length}.`);
  return ids;
}

const reply = (id: string, { model, scores, tokens }: Scored, each: (score: number) => object): object => ({
  id: `${id}-${crypto.randomUUID()}`,
  object: "list",
  created: Math.floor(Date.now() / 1000),
  model: model.name,
  data: scores.map((score, index) => ({ index, ...each(score) })),
  usage: { prompt_tokens: tokens, completion_tokens: 0, total_tokens: tokens },
});
