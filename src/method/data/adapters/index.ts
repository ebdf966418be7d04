/** All known shapes, most telling first: a record is taken for the first that fits. */
import { ConfigError } from "../../../base/core/errors.ts";
import { didYouMean } from "../../../base/core/suggest.ts";
import type { Adapter } from "./adapter.ts";
import { arena, arenaConversations } from "./arena.ts";
import { alpacaEval, pkuSafeRlhf, shp } from "./compared.ts";
import { ethics, ethicsWhole } from "./ethics.ts";
import { helpSteer } from "./helpsteer.ts";
import { hhRlhf } from "./hh-rlhf.ts";
import { conversationPair, instruction } from "./instruct.ts";
import { autoJ, llmBar, pandaLm, prometheus } from "./known-which.ts";
import { rewardBench2, rmBench } from "./lists.ts";
import { labels, pool } from "./own.ts";
import { preferenceStrength, rankedAnswers, ultraFeedbackFull } from "./ranked.ts";
import { distilabel, rewardBench, ultraFeedback } from "./rated.ts";
import { tldrComparisons } from "./tldr.ts";
import { trlExplicit, trlImplicit } from "./trl.ts";

/** In the order they are tried. */
export const ADAPTERS: readonly Adapter[] = [
  tldrComparisons,
  arena,
  arenaConversations,
  pkuSafeRlhf,
  shp,
  alpacaEval,
  pandaLm,
  llmBar,
  autoJ,
  prometheus,
  rmBench,
  rewardBench2,
  labels,
  distilabel,
  ultraFeedback,
  rewardBench,
  helpSteer,
  preferenceStrength,
  ultraFeedbackFull,
  rankedAnswers,
  trlExplicit,
  hhRlhf,
  instruction,
  conversationPair,
  trlImplicit,
  pool,
  ethics,
  ethicsWhole,
];

/**
 * The adapter of a `--format` name.
 * @throws ConfigError when there is none
 */
export function adapterNamed(name: string): Adapter {
  const adapter = ADAPTERS.find((candidate) => candidate.name === name);
  if (adapter !== undefined) return adapter;
  const names = ADAPTERS.map((candidate) => candidate.name);
  throw new ConfigError(
    `--format: unknown format "${name}", expected one of ${names.join(", ")}${didYouMean(name, names) || "."}`,
  );
}
