/** Log-probabilities of given texts from a server: asked several at a time, checked when it is opened and after every piece of work. */
import { AlignError, InterruptedError, messageOf } from "../../../base/core/errors.ts";
import type { HttpClient } from "../../../base/core/http.ts";
import { inParallel } from "../../../base/core/parallel.ts";
import type { Tokenizer } from "../../../engine/text/tokenizer.ts";
import { cannotScore, type ServerFacts } from "./detect.ts";
import { type GivenText, protocolOf } from "./protocol.ts";

/** Asks one server about texts under any of its models. */
export interface RemoteScorer {
  /** Sums over the scored tokens, nats, one per text. @throws AlignError "remote" */
  sums(model: string | undefined, texts: readonly GivenText[], signal: AbortSignal): Promise<number[]>;
  /** Every token's log-probability. @throws as `sums` */
  logps(model: string | undefined, texts: readonly GivenText[], signal: AbortSignal): Promise<number[][]>;
}

/** Texts in one request: enough to fill a server's batch, few enough that a lost request costs little. */
const TEXTS_PER_REQUEST = 8;

/** Opens a scorer; nothing is sent yet. */
export function openRemoteScorer(http: HttpClient, { kind, modelPath }: ServerFacts): RemoteScorer {
  const protocol = protocolOf(kind);
  const nameOf = (model: string | undefined) => (model === modelPath ? undefined : model);
  const askFor = (model: string | undefined) => (texts: readonly GivenText[], signal: AbortSignal) =>
    http.ask({
      path: protocol.path,
      body: protocol.body(nameOf(model), texts),
      read: (answer) => {
        try {
          return protocol.read(texts, answer);
        } catch (error) {
          throw new AlignError("remote", `${http.url}: ${messageOf(error)}`);
        }
      },
      expected: "scores",
      signal,
    });
  const logps: RemoteScorer["logps"] = async (model, texts, signal) => {
    const requests = Array.from({ length: Math.ceil(texts.length / TEXTS_PER_REQUEST) }, (_, i) =>
      texts.slice(i * TEXTS_PER_REQUEST, (i + 1) * TEXTS_PER_REQUEST),
    );
    return (await inParallel(requests, http.concurrency, askFor(model), signal)).flat();
  };
  return {
    logps,
    async sums(model, texts, signal) {
      const all = await logps(model, texts, signal);
      return all.map((tokens) => tokens.reduce((total, logp) => total + logp, 0));
    },
  };
}

/** Sentences that every tokenizer cuts into a few tokens each. */
const SENTENCES = [
  "The quick brown fox jumps over the lazy dog near the river bank.",
  "Question: What is two plus two? Answer: It is four, as everybody knows.",
  "def add(a, b):\n    return a + b\n",
];

/** Ids of the sentences, BOS first where the model wants it. */
function sentenceIds(tokenizer: Tokenizer): number[][] {
  const { bosId, addBos } = tokenizer;
  return SENTENCES.map((text) => [
    ...(addBos && bosId !== undefined ? [bosId] : []),
    ...tokenizer.encode(text),
  ]);
}

/** Tokens of the probe. */
const PROBE = 6;

/**
 * Sends six token ids twice; wants five log-probabilities, finite and at most 0, of those very ids, and the same again within 1e-4.
 * @returns the five
 * @throws AlignError "remote" with the reason and what to do
 */
export async function probe(
  { http, scorer, facts }: { http: HttpClient; scorer: RemoteScorer; facts: ServerFacts },
  tokenizer: Tokenizer,
  model: string | undefined,
  signal: AbortSignal,
): Promise<number[]> {
  const text = { ids: sentenceIds(tokenizer)[0]!.slice(0, PROBE), from: 1 };
  const ask = async () => {
    try {
      return (await scorer.logps(model, [text], signal))[0]!;
    } catch (error) {
      if (error instanceof InterruptedError) throw error;
      throw cannotScore(http.url, facts.kind, messageOf(error).replace(`${http.url}: `, ""));
    }
  };
  const [first, second] = [await ask(), await ask()];
  const apart = Math.max(...first.map((logp, i) => Math.abs(logp - second[i]!)));
  if (first.length !== PROBE - 1 || !(apart <= 1e-4))
    throw cannotScore(http.url, facts.kind, `asked twice, its numbers differ by ${apart}.`);
  return first;
}

/** Texts whose scores show whether a model is still the same: cut to a length any model has room for. */
export function canaryTexts(tokenizer: Tokenizer): GivenText[] {
  return sentenceIds(tokenizer).map((ids) => ({ ids: ids.slice(0, 24), from: 1 }));
}
