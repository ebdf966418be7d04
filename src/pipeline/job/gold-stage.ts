/** Gold scorers as stages have them: settings in the config, the modules and models that they read among the inputs. */
import { join } from "node:path";
import type { Log } from "../../base/core/log.ts";
import {
  type GoldScorer,
  type GoldSpec,
  goldName,
  goldSourceDigest,
  openGoldScorer,
} from "../../method/evaluate/gold.ts";
import { probeRewardServer } from "../../method/evaluate/gold-served.ts";
import type { Ref, StageTools } from "../stages/define.ts";

/** What of scorers decides their scores beside what they read: not where that lies, or what it was trained on. */
export type GoldSettings = readonly (Readonly<Record<string, unknown>> & Pick<GoldSpec, "type">)[];

/** Scorers as a config and as inputs, in one order. @throws as `goldSourceDigest` */
export async function goldParts(
  specs: readonly GoldSpec[],
): Promise<{ readonly config: GoldSettings; readonly inputs: readonly Ref[] }> {
  const inputs = specs.map(async (spec) => ({ folder: placeOf(spec), source: await goldSourceDigest(spec) }));
  return { config: specs.map(settingsOf), inputs: await Promise.all(inputs) };
}

/** Opens scorers again from their parts. Close them when done. @throws as `openGoldScorer` */
export function openGold(
  { runtime, runFolder, log, signal }: StageTools,
  config: GoldSettings,
  inputs: readonly Ref[],
): Promise<GoldScorer[]> {
  const specs = config.map((settings, i) => ({ ...settings, ...placedAt(inputs[i]!.folder) }) as GoldSpec);
  const memory = join(runFolder, "replies");
  return Promise.all(specs.map((spec) => openGoldScorer({ runtime: runtime(), memory, log, signal }, spec)));
}

/**
 * Asks gold servers before anything is computed: what they do not give would be known only after the trainings.
 * @throws as `probeRewardServer`; one that does not answer yet is told
 */
export async function checkGoldServers(specs: readonly GoldSpec[], log: Log | undefined): Promise<void> {
  for (const spec of specs) {
    if (spec.type !== "reward-server") continue;
    const missing = await probeRewardServer(spec);
    if (missing !== undefined)
      log?.warn(
        `gold scorer ${goldName(spec)}: ${spec.url}: ${missing}. Start it before responses are scored; what was trained by then is kept.`,
      );
  }
}

/** Where a scorer lies and how it is reached: members that no score depends on, once their content is known. */
const PLACES = {
  programmatic: ["module"],
  sentiment: [],
  "reward-model": ["model"],
  "reward-server": ["url", "model", "tokenizer", "apiKeyEnv", "concurrency"],
} as const satisfies Readonly<Record<GoldSpec["type"], readonly string[]>>;

function settingsOf(spec: GoldSpec): GoldSettings[number] {
  const { trainedOn: _data, ...kept } = spec as GoldSpec & Record<string, unknown>;
  for (const name of PLACES[spec.type]) delete kept[name];
  // float32, said or not, is one key.
  if (spec.type === "reward-model" && spec.precision.kind === "float32") delete kept.precision;
  return { ...kept, name: goldName(spec) };
}

/** The members of `PLACES`, as the text that an input has for its place. */
function placeOf(spec: GoldSpec): string {
  const given = spec as Readonly<Record<string, unknown>>;
  return JSON.stringify(Object.fromEntries(PLACES[spec.type].map((name) => [name, given[name]])));
}

const placedAt = (place: string): object => ({ ...(JSON.parse(place) as object), trainedOn: [] });
