/** Rows beside the tokenizers that will read them, before any work: is there a template for their roles, and a row for their control tokens? */
import { ConfigError, DataError, messageOf } from "../../base/core/errors.ts";
import { isHubSource } from "../../base/files/hub.ts";
import { STORIES } from "../../engine/checkpoint/stories15m.ts";
import { encodePair, encodePrompt, type TokenLimits } from "../../engine/text/pair.ts";
import type { Message } from "../../engine/text/template.ts";
import { loadTokenizer, type Tokenizer } from "../../engine/text/tokenizer.ts";
import { readCandidates } from "../../method/data/load.ts";
import type { PairOptions } from "../../method/data/pairs.ts";
import type { CandidatePair, PreferenceRow, Text } from "../../method/data/rows.ts";
import { partsOf, readingOfPart, type Source } from "../../method/data/source.ts";
import { openCandidates } from "../../method/data/stream-candidates.ts";
import { encodableBy } from "./encodable.ts";

/** A file of pairs and how it is read. */
export type ReadFile = { readonly file: Source; readonly read: PairOptions };

/** Pairs looked at where all tokens have rows: the shape of a file shows in its first rows. */
const FIRST = 64;

/**
 * Refuses files that a model cannot read: conversations without a chat template, roles that the template refuses in every row looked at, or control
 * tokens that the embedding has no row for. Single rows that a template refuses are bad rows, told when the data is read. Files on the hub are
 * not fetched for this.
 * @param models - folders or stories15M
 * @throws ConfigError naming model, file and row
 */
export async function checkReadable(models: Iterable<string>, files: readonly ReadFile[]): Promise<void> {
  const readers = await Promise.all(
    [...new Set(models)].map(async (model) => ({
      model,
      tokenizer: model === STORIES ? undefined : await loadTokenizer(model),
    })),
  );
  const whole = readers.some(({ tokenizer }) => (tokenizer?.beyond.length ?? 0) > 0);
  for (const { file, read } of files.flatMap(oneByOne)) {
    if (isHubSource(file)) continue;
    const limit = whole ? read.limit : Math.min(FIRST, read.limit ?? FIRST);
    const pairs = await firstPairs(file, read, limit);
    for (const { model, tokenizer } of readers) {
      checkRoles(model, tokenizer, file, pairs);
      if (tokenizer !== undefined && read.onBadRow !== "skip") checkControl(tokenizer, file, pairs);
    }
  }
}

const oneByOne = ({ file, read }: ReadFile): { file: string; read: PairOptions }[] =>
  partsOf(file).map((part) => ({ file: part.file, read: { ...read, ...readingOfPart(part) } }));

/** Prompts that are plain text against a model's tokenizer. @throws ConfigError naming file and prompt; CheckpointError as `loadTokenizer` */
export async function checkPrompts(model: string, file: string, prompts: readonly string[]): Promise<void> {
  const tokenizer = await loadTokenizer(model);
  prompts.forEach((prompt, i) => {
    checkText(tokenizer, `${file}: prompt ${i + 1}`, prompt);
  });
}

/**
 * All rows of files, as they will be read for work.
 * @throws DataError listing the bad ones, those that a model's chat template refuses among them
 */
export async function checkRows(models: Iterable<string>, files: readonly ReadFile[]): Promise<void> {
  const { check } = await encodableBy([...models]);
  for (const { file, read } of files) await openCandidates(file, { ...read, seed: 0, check });
}

/**
 * A model against the test prompts and test pairs of a run, which students of another tokenizer or template have read.
 * @throws ConfigError naming the first that it refuses, and how many it does
 */
export async function checkTestRows(
  model: string,
  { prompts, rows }: { readonly prompts: readonly Text[]; readonly rows: readonly PreferenceRow[] },
): Promise<void> {
  const tokenizer = await loadTokenizer(model);
  const readings = [
    ...prompts.map((prompt, i): [string, () => unknown] => [
      `test prompt ${i + 1}`,
      () => encodePrompt(tokenizer, prompt, ROOM.maxPromptLength),
    ]),
    ...rows.map(({ id, prompt, chosen: a, rejected: b }): [string, () => unknown] => [
      `test pair ${id}`,
      () => encodePair(tokenizer, { prompt, a, b }, ROOM),
    ]),
  ];
  const refused = readings.flatMap(([where, read]) => {
    const problem = refusal(read);
    return problem === undefined ? [] : [`${where}: ${problem}`];
  });
  if (refused.length > 0)
    throw new ConfigError(
      `${model}: cannot read ${refused.length} of the run's ${readings.length} test prompts and pairs, so nothing is measured. The first, ${refused[0]}`,
    );
}

/** Roomy enough to cut nothing. */
const ROOM: TokenLimits = { maxLength: 2 ** 31, maxPromptLength: 2 ** 30 };

/** None of a file that cannot be read: whoever reads it for work tells all that is wrong with it. */
async function firstPairs(
  file: string,
  read: PairOptions,
  limit: number | undefined,
): Promise<readonly CandidatePair[]> {
  try {
    return (await readCandidates(file, { ...read, seed: 0, limit })).pairs;
  } catch (error) {
    if (error instanceof DataError) return [];
    throw error;
  }
}

function checkRoles(
  model: string,
  tokenizer: Tokenizer | undefined,
  file: string,
  pairs: readonly CandidatePair[],
): void {
  const chats = pairs.filter(({ prompt }) => typeof prompt !== "string");
  const [first] = chats;
  if (first === undefined) return;
  const where = `${file}: pair ${first.id}`;
  if (tokenizer?.chatTemplate === undefined)
    throw new ConfigError(
      `${where}: is a conversation, and ${model} has no chat template. Take a model that has one, or give plain text.`,
    );
  const { chatTemplate } = tokenizer;
  const problems = chats.map(({ prompt, a }) => refusal(() => chatTemplate.render(turns(prompt, a), false)));
  if (problems.length === pairs.length && problems.every((problem) => problem !== undefined))
    throw new ConfigError(
      `${where}: ${problems[0]} All ${chats.length} conversations looked at are refused.`,
    );
}

function turns(prompt: Text, response: Text): Message[] {
  const said = typeof response === "string" ? [{ role: "assistant", content: response }] : response;
  return [...(prompt as readonly Message[]), ...said];
}

function refusal(render: () => unknown): string | undefined {
  try {
    render();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function checkControl(tokenizer: Tokenizer, file: string, pairs: readonly CandidatePair[]): void {
  for (const { id, prompt, a, b } of pairs)
    for (const text of [prompt, a, b].flatMap(textsOf)) checkText(tokenizer, `${file}: pair ${id}`, text);
}

/** Control tokens are found as text first: tokenising everything twice would cost more than it saves. */
function checkText(tokenizer: Tokenizer, where: string, text: string): void {
  if (!tokenizer.beyond.some(({ content }) => text.includes(content))) return;
  const problem = refusal(() => tokenizer.encode(text));
  if (problem !== undefined) throw new ConfigError(`${where}: ${problem}`);
}

const textsOf = (text: Text): string[] =>
  typeof text === "string" ? [text] : text.map(({ content }) => content);
