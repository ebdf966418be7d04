/** Gold scorers as stages have them: settings in the config, the modules and models that they read among the inputs. */
import {
  type GoldScorer,
  type GoldSpec,
  goldName,
  goldSourceDigest,
  openGoldScorer,
} from "../../method/evaluate/gold.ts";
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
  { runtime }: StageTools,
  config: GoldSettings,
  inputs: readonly Ref[],
): Promise<GoldScorer[]> {
  const specs = config.map(
    (settings, i) => ({ ...settings, ...placedAt(settings.type, inputs[i]!.folder) }) as GoldSpec,
  );
  return Promise.all(specs.map((spec) => openGoldScorer({ runtime: runtime() }, spec)));
}

function settingsOf(spec: GoldSpec): GoldSettings[number] {
  const {
    model: _model,
    module: _module,
    trainedOn: _data,
    ...kept
  } = spec as GoldSpec & Record<string, unknown>;
  return { ...kept, name: goldName(spec) };
}

const placeOf = (spec: GoldSpec): string =>
  spec.type === "programmatic" ? spec.module : spec.type === "reward-model" ? spec.model : "";

const placedAt = (type: GoldSpec["type"], folder: string) =>
  type === "programmatic"
    ? { module: folder }
    : type === "reward-model"
      ? { model: folder, trainedOn: [] }
      : {};
