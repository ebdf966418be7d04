/** What control teachers are told beside the pairs, from files: human labels and gold rewards, joined to the pairs by id and text. */
import { ConfigError, DataError } from "../../base/core/errors.ts";
import { readJsonl } from "../../base/files/jsonl.ts";
import type { RawRecord, RecordStream } from "../../base/files/record.ts";
import { RowProblem } from "../data/adapters/adapter.ts";
import { idAt } from "../data/adapters/columns.ts";
import { type LoadOptions, readCandidates } from "../data/load.ts";
import { type CandidatePair, sameText } from "../data/rows.ts";
import { type Source, sourceName } from "../data/source.ts";
import type { HumanChoice, Scores } from "./controls.ts";

/** How pairs are read; the seed draws the order of preferences. */
export type ReadPairsOptions = LoadOptions & { readonly seed: number };

/**
 * Human labels of pairs, from a file of preferences that has the same ids and the same two candidates, in either order.
 * @throws DataError when the candidates of an id are others, ConfigError when a pair has no label or stands in two files in two orders
 */
export async function humanChoices(
  source: Source,
  pairFiles: readonly Source[],
  options: ReadPairsOptions,
): Promise<Map<string, HumanChoice>> {
  const file = sourceName(source);
  const { pairs, humanLabels } = await readCandidates(source, options);
  const judged = new Map(pairs.map((pair) => [pair.id, pair]));
  const said = new Map(humanLabels.map(({ id, preferred }) => [id, preferred]));
  const choices = new Map<string, HumanChoice>();
  for (const pair of await pairsOf(pairFiles, options)) {
    const [human, preferred] = [judged.get(pair.id), said.get(pair.id)];
    if (human === undefined || preferred === undefined)
      throw new ConfigError(
        `--human ${file}: has no label of pair "${pair.id}", expected one for every pair.`,
      );
    const choice = turned(file, pair, human, preferred);
    if ((choices.get(pair.id) ?? choice) !== choice)
      throw new ConfigError(
        `pair "${pair.id}": is in ${pairFiles.map(sourceName).join(" and in ")} with its candidates in other orders, and a control knows pairs by id. Calibrate on other pairs than those of the pool.`,
      );
    choices.set(pair.id, choice);
  }
  return choices;
}

function turned(
  file: string,
  pair: CandidatePair,
  human: CandidatePair,
  preferred: HumanChoice,
): HumanChoice {
  if (sameText(pair.a, human.a) && sameText(pair.b, human.b)) return preferred;
  if (!(sameText(pair.a, human.b) && sameText(pair.b, human.a)))
    throw new DataError(
      file,
      0,
      `pair "${pair.id}" has other candidates than the pool's. Give labels of this pool.`,
    );
  return preferred === "tie" ? "tie" : preferred === "a" ? "b" : "a";
}

/**
 * Gold rewards of pairs, from JSON lines of `id`, `goldA` and `goldB`: rewards of the first and the second candidate as the pairs'
 * file has them.
 * @throws DataError for a line that is none, ConfigError when pairs are preferences, whose order is drawn and not the file's
 */
export async function goldRewards(
  files: readonly string[],
  pairFiles: readonly Source[],
  options: ReadPairsOptions,
): Promise<Map<string, Scores>> {
  await pairsOf(pairFiles, options, (source) => {
    throw new ConfigError(
      `--gold ${files.join(", ")}: says what the first and the second candidate are worth, but ${source} holds preferences, whose order is drawn. Give a pool without labels (id, prompt, response_a, response_b).`,
    );
  });
  const rewards = new Map<string, Scores>();
  for await (const record of linesOf(files)) {
    const { file } = record;
    if ("problem" in record) throw new DataError(file, record.line, record.problem);
    const { goldA, goldB } = record.value;
    const { id } = goldId(file, record);
    if (id === undefined || typeof goldA !== "number" || typeof goldB !== "number")
      throw new DataError(
        file,
        record.line,
        "is no gold reward of a pair, expected {id, goldA: number, goldB: number}.",
      );
    if (rewards.has(id)) throw new DataError(file, record.line, `id "${id}" comes twice.`);
    rewards.set(id, { scoreA: goldA, scoreB: goldB });
  }
  return rewards;
}

async function* linesOf(files: readonly string[]): RecordStream {
  for (const file of files) yield* readJsonl(file);
}

/** Ids may be numbers, as in the pairs' file. */
function goldId(file: string, { line, value }: RawRecord): { readonly id?: string } {
  try {
    return idAt(value);
  } catch (error) {
    if (!(error instanceof RowProblem)) throw error;
    throw new DataError(file, line, `"id" ${error.message}. ${error.fix}`);
  }
}

async function pairsOf(
  files: readonly Source[],
  options: ReadPairsOptions,
  onPreferences?: (file: string) => never,
): Promise<CandidatePair[]> {
  const all: CandidatePair[] = [];
  for (const file of files) {
    const { pairs, humanLabels } = await readCandidates(file, options);
    if (humanLabels.length > 0) onPreferences?.(sourceName(file));
    all.push(...pairs);
  }
  return all;
}
