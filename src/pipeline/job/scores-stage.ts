/** The stage that scores pairs with a teacher. Raw scores: nothing later scores again. */
import { writeJsonAtomic } from "../../base/core/files.ts";
import { readPool } from "../../method/data/pool.ts";
import { type CandidatePair, type HumanLabel, sameText } from "../../method/data/rows.ts";
import { type ModelChoice, openTeacher, type TeacherChoice } from "../../method/teacher/choice.ts";
import type { Scores } from "../../method/teacher/controls.ts";
import type { GivenTeacher } from "../../method/teacher/given-teachers.ts";
import { type FewBits, precisionOf } from "../../method/teacher/precision-settings.ts";
import { labelPool } from "../../method/teacher/score-pool.ts";
import { closeScores } from "../../method/teacher/scores-folder.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import type { TrainedTeacher } from "../recipe/teacher-settings.ts";
import { defineStage, type Ref, type Running } from "../stages/define.ts";
import type { Artefact } from "../stages/stage.ts";
import { readAsked } from "./cascade-stages.ts";
import { poolFolder, readHidden, readHiddenGold, readLabelledGold } from "./data-files.ts";
import { heldOutPairs, type SplitPart, type SplitRule, testPairs } from "./labelled-split.ts";
import type { TeacherModels } from "./member-scores.ts";
import { openInPrecision } from "./precision-check.ts";

/** What else a teacher reads: a local judge's model, the tokenizer of served ones. */
type TeacherFolders = Partial<TeacherModels> & {
  readonly model?: Ref | undefined;
  readonly tokenizer?: Ref | undefined;
};

/** How a server is asked, which no score depends on. */
type AskedHow = { readonly apiKeyEnv?: string | undefined; readonly concurrency?: number | undefined };

type Settings<T, Without extends PropertyKey = never> = T extends unknown
  ? Omit<T, keyof AskedHow | "score" | Without>
  : never;

type InFewBits = { readonly precision?: FewBits };

/** What a teacher's scores depend on beside what it reads; chance is drawn with `seed`. */
export type ScoringTeacher =
  | ({ readonly kind: TrainedTeacher["kind"]; readonly beta?: number | undefined } & InFewBits)
  | (Settings<Extract<GivenTeacher, { kind: "judge-local" }>, "precision"> & InFewBits)
  | Settings<Exclude<GivenTeacher, { kind: "random" | "noisy-human" | "remote" | "judge-local" }>>
  | Settings<Extract<GivenTeacher, { kind: "remote" }>, "tokenizer">
  | (Extract<GivenTeacher, { kind: "random" | "noisy-human" }> & { readonly seed: number });

/** Which pairs are scored: the pool's, test pairs, or labelled pairs that are held out. */
export type ScoredPairs =
  | { readonly of: "pool" }
  | ({ readonly of: "test" } & Pick<MainJob, "seed">)
  | ({ readonly of: "held-out" } & SplitRule & SplitPart);

type Scoring = Running<
  {
    readonly teacher: ScoringTeacher;
    /** Of the teacher, for people. */
    readonly name: string;
    readonly limits: MainJob["limits"];
    readonly pairs: ScoredPairs;
  },
  TeacherFolders & {
    readonly data: Artefact;
    /** Of a cascade's second teacher: which pairs of the pool it is asked. */
    readonly asked?: Artefact | undefined;
  },
  AskedHow
>;

/** Scores pairs; its folder `scores/` is read with `readScores`. */
export const scoresStage = defineStage({
  version: 5,
  async share({ work, config, inputs, tools, how }: Scoring) {
    const { name, limits } = config;
    const all = (await pairsOf(inputs.data, config.pairs)).pairs;
    const asked = inputs.asked && (await readAsked(inputs.asked));
    const pairs = asked === undefined ? all : all.filter(({ id }) => asked.has(id));
    const replies = tools.replies ?? `${work.log}/replies`;
    const { signal, log } = tools;
    const few = "precision" in config.teacher ? config.teacher.precision : undefined;
    const teacher = await openInPrecision(work.path("scores"), {
      choice: choiceIn({ config, inputs, how }),
      maxTurned: few?.maxTurned,
      // Labels are made of the pool alone: what measures the teacher measures it as it is.
      pairs: async () => (config.pairs.of === "pool" ? pairs : []),
      open: (choice) => openTeacher(tools, choice, { limits, name, replies }),
      ...{ log, signal },
    });
    try {
      const { report } = await labelPool({ teacher, pairs, folder: work.path("scores"), log, signal });
      await writeJsonAtomic(`${work.log}/rate.json`, report);
    } finally {
      await teacher.close();
    }
  },
  run: ({ work }: Scoring) => closeScores(work.path("scores")),
});

/** Pairs, and what people said of them. */
async function pairsOf(
  data: Artefact,
  which: ScoredPairs,
): Promise<{ readonly pairs: readonly CandidatePair[]; readonly human: readonly HumanLabel[] }> {
  if (which.of === "test") return testPairs(data, which);
  if (which.of === "held-out") return heldOutPairs(data, which, which);
  return { pairs: await readPool(poolFolder(data)), human: await readHidden(data) };
}

/** The teacher as a value. */
function choiceIn({ config, inputs, how }: Pick<Scoring, "config" | "inputs" | "how">): TeacherChoice {
  const { teacher, pairs } = config;
  const { data } = inputs;
  switch (teacher.kind) {
    case "implicit-reward":
    case "likelihood":
    case "reward-head":
      return {
        ...trainedChoice(teacher, { policy: inputs.policy!, reference: inputs.reference }),
        ...precisionOf(teacher.precision),
      };
    case "judge-local": {
      const { precision, ...asked } = teacher;
      return { ...asked, model: inputs.model!.folder, ...precisionOf(precision) };
    }
    case "judge-chat":
      return { ...teacher, ...how };
    case "remote":
      return { ...teacher, ...how, tokenizer: inputs.tokenizer!.folder };
    case "random":
    case "longer":
      return teacher;
    case "gold":
      return { kind: teacher.kind, rewards: () => goldOf(data, pairs) };
    case "noisy-human":
      return {
        ...teacher,
        choices: async () =>
          new Map((await pairsOf(data, pairs)).human.map(({ id, preferred }) => [id, preferred])),
      };
    default:
      return teacher satisfies never;
  }
}

/** A trained teacher as a value. @param beta - of an implicit reward alone */
export function trainedChoice(
  { kind, beta }: { readonly kind: TrainedTeacher["kind"]; readonly beta?: number | undefined },
  { policy, reference }: TeacherModels,
): ModelChoice {
  const model = policy.folder;
  return kind === "implicit-reward"
    ? { kind, model, reference: reference!.folder, beta: beta! }
    : { kind, model };
}

/** Gold rewards of the pool or of held-out labelled pairs, by pair id: a control is told on purpose. */
async function goldOf(data: Artefact, which: ScoredPairs): Promise<Map<string, Scores>> {
  if (which.of !== "held-out")
    return new Map(
      (await readHiddenGold(data)).map(({ id, goldA, goldB }) => [id, { scoreA: goldA, scoreB: goldB }]),
    );
  const gold = new Map((await readLabelledGold(data)).map((row) => [row.id, row]));
  const { pairs, rows } = await heldOutPairs(data, which, which);
  return new Map(
    pairs.map(({ id, a }, i) => {
      const { goldChosen, goldRejected } = gold.get(id)!;
      return sameText(a, rows[i]!.chosen)
        ? [id, { scoreA: goldChosen, scoreB: goldRejected }]
        : [id, { scoreA: goldRejected, scoreB: goldChosen }];
    }),
  );
}
