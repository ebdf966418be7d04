/**
 * Gold scorers: what stands in for the truth when arms are compared. One registry; each scorer gives a number per
 * response, the same number every time, and says in its digest what the number depends on.
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { digestOf } from "../../base/core/digest.ts";
import { ConfigError, messageOf, NumericsError } from "../../base/core/errors.ts";
import { findPackage, loadPackage, missingPackage } from "../../base/core/packages.ts";
import { modelIdentity } from "../../engine/checkpoint/model-identity.ts";
import { plainText } from "../data/rows.ts";
import { type GoldModelDeps, openRewardModel, rewardModelShape } from "./gold-reward-model.ts";
import type { GoldItem, GoldScorer } from "./gold-scorer.ts";
import { openRewardServer, rewardServerDigest, rewardServerShape } from "./gold-served.ts";
import { type ModuleIdentity, moduleIdentity } from "./module-identity.ts";

export type { GoldItem, GoldScorer };

const name = z.string().min(1).optional().describe("Name in tables; default says what the scorer is.");

/** The `gold` entry of a recipe. */
export const goldSpecSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("programmatic"),
    name,
    module: z.string().min(1).describe("JavaScript file: export default (prompt, response) => number."),
  }),
  z.strictObject({ type: z.literal("sentiment"), name }),
  z.strictObject({ type: z.literal("reward-model"), name, ...rewardModelShape }),
  z.strictObject({ type: z.literal("reward-server"), name, ...rewardServerShape }),
]);

/** Which gold scorer, with its settings. */
export type GoldSpec = z.output<typeof goldSpecSchema>;

/** The name of a scorer in tables and records. */
export const goldName = ({ name, type }: GoldSpec): string => name ?? type;

/**
 * Identity of the module, model or package that a scorer reads: what the scores of a spec depend on beside it.
 * @throws ConfigError when a module cannot be read; CheckpointError for a bad model
 */
export async function goldSourceDigest(spec: GoldSpec): Promise<string> {
  switch (spec.type) {
    case "programmatic":
      return (await identityOf(spec.module)).digest;
    case "sentiment":
      return digestOf([spec.type, findPackage(SENTIMENT_PACKAGE) && loadPackage(SENTIMENT_PACKAGE).version]);
    case "reward-model":
      return modelIdentity(spec.model);
    case "reward-server":
      return rewardServerDigest(spec);
    default:
      return spec satisfies never;
  }
}

async function identityOf(module: string): Promise<ModuleIdentity> {
  return moduleIdentity(module).catch((error) => {
    throw new ConfigError(`gold scorer ${module}: cannot be read: ${messageOf(error)}.`, { cause: error });
  });
}

/** What a scorer may compute with; only reward models of this machine need the runtime. */
export type GoldDeps = GoldModelDeps & {
  readonly signal?: AbortSignal | undefined;
};

/**
 * Opens a gold scorer. Close it when done.
 * @throws ConfigError when a module or package is missing or is not what it should be; CheckpointError for a bad model
 */
export async function openGoldScorer(deps: GoldDeps, spec: GoldSpec): Promise<GoldScorer> {
  switch (spec.type) {
    case "programmatic":
      return openProgrammatic(spec);
    case "sentiment":
      return openSentiment(spec);
    case "reward-model":
      return openRewardModel(deps, spec);
    case "reward-server":
      return openRewardServer(spec, deps);
    default:
      return spec satisfies never;
  }
}

/** Items that every function of the user's is asked about twice: one that draws or reads the clock is no gold. */
const ASKED_TWICE = 3;

/**
 * A function in the user's own module. The module runs with the user's rights: it comes from their recipe, never from a
 * checkpoint or a dataset.
 */
async function openProgrammatic(spec: Extract<GoldSpec, { type: "programmatic" }>): Promise<GoldScorer> {
  const path = resolve(spec.module);
  const where = `gold scorer ${spec.module}`;
  const { digest, files } = await identityOf(spec.module);
  checkLoaded(where, path, files);
  // The digest in the address: a module that changed while the process lives is another module.
  const loaded = await import(`${pathToFileURL(path).href}?${digest}`).catch((error: unknown) => {
    throw new ConfigError(`${where}: cannot be loaded: ${messageOf(error)}.`, { cause: error });
  });
  const score: unknown = loaded.default;
  if (typeof score !== "function")
    throw new ConfigError(
      `${where}: expected a default export (prompt, response) => number, got ${typeof score}.`,
    );
  const ask = async ({ prompt, response }: GoldItem): Promise<unknown> => {
    try {
      return await score(plainText(prompt), plainText(response));
    } catch (error) {
      throw new ConfigError(`${where}: threw ${messageOf(error)}.`, { cause: error });
    }
  };
  return {
    name: goldName(spec),
    digest: digestOf({ type: spec.type, module: digest }),
    trainedOn: [],
    async score(items) {
      const scores: unknown[] = [];
      for (const item of items) scores.push(await ask(item));
      for (const [i, item] of items.slice(0, ASKED_TWICE).entries()) {
        const again = await ask(item);
        if (!Object.is(again, scores[i]))
          throw new ConfigError(
            `${where}: gave ${scores[i]} and then ${again} for one response, expected the same score every time. ` +
              "Take chance, the clock and state out of it.",
          );
      }
      return finiteScores(where, scores);
    },
    close: async () => {},
  };
}

/** What this process has imported beside scorers themselves, as it was then: Node never reads it again. */
const loadedBeside = new Map<string, string>();

/** @throws ConfigError where a scorer would be asked with a file that is no longer what the scorer's identity says */
function checkLoaded(where: string, path: string, files: ReadonlyMap<string, string>): void {
  for (const [file, digest] of files) {
    if (file === path) continue;
    if ((loadedBeside.get(file) ?? digest) !== digest)
      throw new ConfigError(
        `${where}: ${file} has changed since this process loaded it, and is loaded once. Start the program again.`,
      );
    loadedBeside.set(file, digest);
  }
}

const SENTIMENT_PACKAGE = "vader-sentiment";

/** What is used of the package. */
type Vader = { SentimentIntensityAnalyzer: { polarity_scores(text: string): { compound: number } } };

/**
 * VADER's compound sentiment of the response (Hutto & Gilbert 2014), in [-1, 1]: a lexicon and rules, so it is fast, exact
 * and easily gamed by piling up happy words. Reads the response alone.
 */
async function openSentiment(spec: Extract<GoldSpec, { type: "sentiment" }>): Promise<GoldScorer> {
  if (findPackage(SENTIMENT_PACKAGE) === undefined)
    throw new ConfigError(`gold scorer sentiment: ${missingPackage(SENTIMENT_PACKAGE)}`);
  const { exports, version } = loadPackage(SENTIMENT_PACKAGE);
  const { polarity_scores: polarity } = (exports as Vader).SentimentIntensityAnalyzer;
  return {
    name: goldName(spec),
    digest: digestOf({ type: spec.type, package: SENTIMENT_PACKAGE, version }),
    trainedOn: [],
    score: async (items) =>
      finiteScores(
        "gold scorer sentiment",
        items.map(({ response }) => polarity(plainText(response)).compound),
      ),
    close: async () => {},
  };
}

function finiteScores(where: string, scores: readonly unknown[]): number[] {
  const bad = scores.findIndex((score) => typeof score !== "number" || !Number.isFinite(score));
  if (bad >= 0)
    throw new NumericsError(
      where,
      `the score of row ${bad} is ${String(scores[bad])}, expected a finite number.`,
    );
  return scores as number[];
}
