/** All studies, in the order of the report. */
import { ConfigError } from "../../../base/core/errors.ts";
import { didYouMean } from "../../../base/core/suggest.ts";
import type { StudyDefinition } from "../study.ts";
import { annotators, lengthBias } from "./annotators.ts";
import { examples, similarity } from "./answers.ts";
import { baselines } from "./baselines.ts";
import { confidence, easierPairs, topShare, weightForms } from "./confidence.ts";
import { consistency } from "./consistency.ts";
import { crossover } from "./crossover.ts";
import { demo } from "./demo.ts";
import { denoising } from "./denoising.ts";
import { errors } from "./errors.ts";
import { goldModels, votes, winRate } from "./judges.ts";
import { agreement, disagreement, goldGap } from "./label-quality.ts";
import { humanAll, labelledFraction } from "./labelled-share.ts";
import { family, studentSize, teacherSize } from "./models.ts";
import { noiseControl, purify } from "./noise.ts";
import { overOptimisation } from "./over-optimisation.ts";
import { people } from "./people.ts";
import { domainTransfer, imbalance, poisoning } from "./robustness.ts";
import { beta, seeds, sftAblation } from "./training.ts";

/** The studies of "all"; each says the item of the papers it stands beside. */
export const STUDIES: readonly StudyDefinition[] = [
  agreement,
  purify,
  noiseControl,
  errors,
  denoising,
  goldGap,
  disagreement,
  votes,
  similarity,
  examples,
  studentSize,
  teacherSize,
  family,
  labelledFraction,
  beta,
  overOptimisation,
  sftAblation,
  seeds,
  winRate,
  goldModels,
  confidence,
  weightForms,
  topShare,
  humanAll,
  baselines,
  easierPairs,
  annotators,
  imbalance,
  poisoning,
  consistency,
  lengthBias,
  domainTransfer,
];

/** Studies with a recipe and seeds of their own, or that want one. */
export const STANDALONE: readonly StudyDefinition[] = [demo, crossover, people];

/** Every study there is, in the order of a listing. */
export const EVERY_STUDY: readonly StudyDefinition[] = [...STUDIES, ...STANDALONE];

/** Studies by name; "all" is every one but the standalone ones. @throws ConfigError for a name that is none, or a standalone study beside others */
export function studiesNamed(names: readonly string[]): readonly StudyDefinition[] {
  const apart = STANDALONE.find(({ name }) => names.includes(name));
  if (apart !== undefined && new Set(names).size > 1)
    throw new ConfigError(
      `study ${apart.name}: has a recipe and seeds of its own and cannot share a run with others. Run it by itself.`,
    );
  if (names.includes("all")) return STUDIES;
  const known = EVERY_STUDY.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new ConfigError(
      unknown.map(
        (name) =>
          `study ${name}: there is no such study${didYouMean(name, known) || `; there are ${known.join(", ")} and all.`}`,
      ),
    );
  return EVERY_STUDY.filter(({ name }) => names.includes(name));
}
