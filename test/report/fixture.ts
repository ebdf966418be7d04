/** A made-up report with the shape and sizes of a real run: five arms, 200 prompts, two studies. Seeded, no clock. */
import { createRng, type Rng } from "../../src/base/core/rng.ts";
import type { Interval, ReliabilityBin } from "../../src/report/charts/spec.ts";
import type {
  Arm,
  Curve,
  Difference,
  DisagreementExample,
  ReportData,
  ReportTable,
  Study,
  TokenValue,
} from "../../src/report/data.ts";

const round = (value: number, digits = 4) => Number(value.toFixed(digits));
const interval = (estimate: number, half: number, n: number): Interval => ({
  estimate: round(estimate),
  low: round(estimate - half),
  high: round(estimate + half * 1.04),
  n,
});

/** All sections filled. */
export function fullReport(seed = 7): ReportData {
  const rng = createRng(seed);
  return {
    title: "Cheerful stories: a 3-layer teacher aligns stories15M",
    runId: "demo-7f3a91c2d4e8",
    recipe: {
      preset: "demo",
      digest: "7f3a91c2d4e8b05561a2c3d4e5f60718293a4b5c6d7e8f901a2b3c4d5e6f7081",
      yaml: RECIPE,
    },
    environment: {
      version: "0.1.0",
      seed,
      commit: "0a5cb62f3d1e4c8b9a7766554433221100ffeedd",
      node: "20.19.5",
      runtime: "onnxruntime-node 1.30.0",
      device: "cpu",
      threads: 2,
      more: { dtype: "float32" },
    },
    summary:
      "A teacher of three layers, trained on 400 labelled pairs of story continuations, labels 1,200 further pairs. The 15M student is trained on those labels and compared with the same student trained on simulated human labels, random labels and gold labels.",
    intervals: {
      level: 0.95,
      method: "paired bootstrap over prompts, 10,000 resamples, percentile",
      limits: "One training run per arm: run-to-run variation is not in them.",
    },
    arms: ARMS,
    differences: DIFFERENCES,
    curves: curves(rng.fork("curves")),
    histograms: [
      {
        title: "Teacher margins by agreement with the human label",
        xLabel: "margin (implicit reward of a minus b)",
        edges: Array.from({ length: 25 }, (_, i) => round(-3 + i * 0.25, 2)),
        series: [
          { name: "same as human", counts: bell(rng.fork("same"), 24, 830, 1.15) },
          { name: "differs from human", counts: bell(rng.fork("differs"), 24, 370, 0.7) },
        ],
        references: [{ value: 0, label: "tie" }],
        note: "Disagreements lie nearer to zero.",
      },
      {
        title: "Confidence after calibration",
        xLabel: "confidence",
        edges: Array.from({ length: 11 }, (_, i) => round(0.5 + i * 0.05, 2)),
        series: [{ name: "weak labels", counts: [231, 214, 180, 158, 131, 108, 79, 54, 31, 14] }],
      },
    ],
    agreement: [
      {
        labeller: "teacher (3 layers)",
        against: "human",
        agreement: interval(0.692, 0.026, 1182),
        kappa: interval(0.384, 0.052, 1182),
        ties: 11,
        abstained: 7,
      },
      {
        labeller: "teacher (3 layers)",
        against: "gold",
        agreement: interval(0.743, 0.025, 1182),
        kappa: interval(0.486, 0.05, 1182),
        ties: 11,
        abstained: 7,
      },
      {
        labeller: "longer response",
        against: "gold",
        agreement: interval(0.531, 0.029, 1131),
        kappa: interval(0.06, 0.058, 1131),
        ties: 69,
        abstained: 0,
        note: "equal lengths are ties",
      },
      {
        labeller: "human",
        against: "gold",
        agreement: interval(0.801, 0.023, 1200),
        kappa: interval(0.602, 0.046, 1200),
        ties: 0,
        abstained: 0,
      },
    ],
    reliability: [
      {
        labeller: "teacher (3 layers)",
        against: "human",
        before: bins(
          [0.55, 0.65, 0.75, 0.85, 0.95],
          [0.52, 0.56, 0.61, 0.66, 0.74],
          [148, 171, 214, 268, 381],
        ),
        after: bins([0.55, 0.65, 0.75, 0.85, 0.94], [0.54, 0.63, 0.74, 0.83, 0.95], [421, 339, 241, 139, 42]),
        eceBefore: interval(0.178, 0.024, 1182),
        eceAfter: interval(0.019, 0.012, 1182),
        method: "temperature 2.31, fitted on 200 held-out labelled pairs",
      },
    ],
    coverage: [
      { labeller: "teacher (3 layers)", against: "human", points: coveragePoints(0.692, 0.19) },
      { labeller: "ensemble of 3", against: "human", points: coveragePoints(0.711, 0.21) },
    ],
    lengthBias: [
      {
        labeller: "teacher (3 layers)",
        against: "human",
        longerPreferred: interval(0.548, 0.029, 1131),
        longerPreferredByReference: interval(0.521, 0.029, 1131),
        marginLengthCorrelation: interval(0.09, 0.056, 1182),
        deciles: [
          "−31 to −14",
          "−13 to −9",
          "−8 to −6",
          "−5 to −3",
          "−2 to −1",
          "0",
          "1 to 3",
          "4 to 7",
          "8 to 13",
          "14 to 33",
        ].map((gap, i) => ({
          label: `${gap} tokens`,
          accuracy: interval(0.64 + 0.012 * i - 0.003 * (i - 5) ** 2 + 0.03, 0.085, 118),
        })),
      },
    ],
    examples: examples(),
    dataQuality: [
      {
        file: "data/pairs.jsonl.gz",
        format: "JSONL, implicit prompt",
        digest: `c4d5e6f7081${"9".repeat(53)}`,
        rows: 1648,
        kept: 1600,
        splits: [
          { name: "labelled", rows: 400, prompts: 100 },
          { name: "unlabelled", rows: 1200, prompts: 300 },
          { name: "test", rows: 200, prompts: 200 },
        ],
        findings: [
          {
            kind: "identical responses",
            count: 31,
            action: "left out",
            examples: ["story-0113", "story-0542"],
          },
          { kind: "duplicate pairs", count: 14, action: "kept once" },
          { kind: "empty response", count: 3, action: "left out", examples: ["story-0871"] },
          { kind: "prompt in train and test", count: 0, action: "none needed" },
        ],
      },
    ],
    warnings: [
      {
        severity: "warning",
        where: "labels",
        message: "7 of 1,200 pairs were truncated and abstained (limit 256 tokens).",
      },
      {
        severity: "note",
        where: "gold scorer",
        message: "VADER scores words, not stories: a cheerful list of words scores high.",
      },
    ],
    studies: studies(),
    artefacts: ["teacher", "reference", "labels", "student-weak", "student-human", "responses"].map(
      (name, i) => ({
        name,
        path: name === "labels" ? "labels/weak.parquet" : `models/${name}`,
        digest: Array.from({ length: 64 }, (_, j) => "0123456789abcdef"[(i * 7 + j * (i + 3)) % 16]).join(""),
        bytes: [21_400_000, 21_400_000, 148_200, 60_816_028, 60_816_028, 912_400][i]!,
      }),
    ),
    notes: [
      "Human labels are simulated: the gold score difference passes a Bradley–Terry draw with temperature 0.35, which gives 80 % agreement with gold.",
      "A 15M model shows that the machinery works and which way the effects point, not how large they are for useful models.",
    ],
    times: {
      startedAt: "2026-01-05T10:00:00Z",
      finishedAt: "2026-01-05T10:04:21Z",
      stages: [
        { name: "teacher: SFT", seconds: 21.4, rate: "4,210 tokens/s" },
        { name: "teacher: DPO", seconds: 33.9, rate: "3,020 tokens/s" },
        { name: "labels", seconds: 14.2, rate: "84 pairs/s" },
        { name: "students", seconds: 141.8, rate: "1,180 tokens/s" },
        { name: "evaluation", seconds: 49.5, reused: true },
      ],
    },
  };
}

/** Only what is required. */
export function smallestReport(): ReportData {
  return {
    title: "Nothing yet",
    runId: "empty-0",
    recipe: { yaml: "version: 1\n", digest: "00" },
    environment: { version: "0.1.0", seed: 0 },
  };
}

const RECIPE = `version: 1
seed: 7
teacher:
  model: stories15M
  layers: 3
  beta: 0.1
student:
  model: stories15M
  beta: 0.1   # larger keeps the policy closer to the reference
  learning_rate: 5.0e-5
evaluate:
  gold: vader
  prompts: 200
`;

const ARMS: Arm[] = [
  {
    name: "SFT start",
    description: "The student after supervised training on the labelled set; no preference training.",
    goldReward: interval(0.214, 0.068, 200),
    testAccuracy: interval(0.5, 0.049, 400),
    responseLength: interval(47.1, 0.9, 200),
  },
  {
    name: "weak labels",
    description: "DPO on the teacher's labels of the unlabelled pool.",
    goldReward: interval(0.527, 0.061, 200),
    winRateVsSft: { ...interval(0.718, 0.06, 200), wins: 140, ties: 7, losses: 53 },
    winRateVsHuman: { ...interval(0.495, 0.066, 200), wins: 95, ties: 8, losses: 97 },
    testAccuracy: interval(0.663, 0.046, 400),
    responseLength: interval(47.6, 0.8, 200),
    klFromSft: interval(6.4, 0.41, 200),
  },
  {
    name: "human labels",
    description: "DPO on simulated human labels of the same pool.",
    goldReward: interval(0.509, 0.063, 200),
    winRateVsSft: { ...interval(0.703, 0.062, 200), wins: 137, ties: 7, losses: 56 },
    testAccuracy: interval(0.688, 0.045, 400),
    responseLength: interval(47.4, 0.8, 200),
    klFromSft: interval(5.9, 0.38, 200),
  },
  {
    name: "random labels",
    description: "DPO on coin flips: the control.",
    goldReward: interval(0.207, 0.07, 200),
    winRateVsSft: { ...interval(0.488, 0.066, 200), wins: 93, ties: 9, losses: 98 },
    winRateVsHuman: { ...interval(0.292, 0.061, 200), wins: 55, ties: 7, losses: 138 },
    testAccuracy: interval(0.503, 0.049, 400),
    responseLength: interval(47.2, 0.9, 200),
    klFromSft: interval(1.1, 0.12, 200),
  },
  {
    name: "gold labels",
    description: "DPO on noise-free labels: the ceiling.",
    goldReward: interval(0.561, 0.058, 200),
    winRateVsSft: { ...interval(0.74, 0.058, 200), wins: 145, ties: 6, losses: 49 },
    winRateVsHuman: { ...interval(0.535, 0.066, 200), wins: 103, ties: 8, losses: 89 },
    testAccuracy: interval(0.701, 0.044, 400),
    responseLength: interval(47.8, 0.8, 200),
    klFromSft: interval(6.8, 0.44, 200),
  },
];

const TEST = {
  metric: "gold reward",
  unit: "prompts",
  test: "paired permutation",
  correction: "Holm, 4 comparisons",
};
const DIFFERENCES: Difference[] = [
  {
    ...TEST,
    a: "weak labels",
    b: "SFT start",
    value: interval(0.313, 0.081, 200),
    pValue: 0.0001,
    pAdjusted: 0.0004,
    headline: true,
  },
  {
    ...TEST,
    a: "weak labels",
    b: "human labels",
    value: interval(0.018, 0.072, 200),
    pValue: 0.63,
    pAdjusted: 1,
    headline: true,
  },
  {
    ...TEST,
    a: "random labels",
    b: "SFT start",
    value: interval(-0.007, 0.064, 200),
    pValue: 0.83,
    pAdjusted: 1,
    headline: true,
  },
  {
    ...TEST,
    a: "gold labels",
    b: "weak labels",
    value: interval(0.064, 0.06, 200),
    pValue: 0.031,
    pAdjusted: 0.093,
  },
];

function curves(rng: Rng): Curve[] {
  const decay = (label: string, from: number, to: number, steps: number, noise: number) => {
    const own = rng.fork(label);
    return Array.from({ length: steps }, (_, i): [number, number] => [
      i + 1,
      round(to + (from - to) * Math.exp((-4 * i) / steps) + noise * own.normal()),
    ]);
  };
  const thinned = (points: [number, number][], every: number) =>
    points.filter((_, i) => i % every === every - 1);
  return [
    { stage: "teacher: DPO", metric: "train", panel: "loss", points: decay("a", Math.LN2, 0.56, 120, 0.02) },
    {
      stage: "teacher: DPO",
      metric: "held out",
      panel: "loss",
      points: thinned(decay("b", Math.LN2, 0.6, 120, 0.004), 20),
    },
    { stage: "teacher: DPO", metric: "rewards/accuracies", points: decay("c", 0.5, 0.72, 120, 0.04) },
    { stage: "teacher: DPO", metric: "grad_norm", points: decay("d", 2.4, 1.1, 120, 0.2) },
    {
      stage: "student, weak labels: DPO",
      metric: "train",
      panel: "loss",
      points: decay("e", Math.LN2, 0.5, 900, 0.03),
    },
    {
      stage: "student, weak labels: DPO",
      metric: "rewards/chosen",
      panel: "rewards",
      points: decay("f", 0, 0.31, 900, 0.05),
    },
    {
      stage: "student, weak labels: DPO",
      metric: "rewards/rejected",
      panel: "rewards",
      points: decay("g", 0, -0.62, 900, 0.06),
    },
    {
      stage: "student, weak labels: DPO",
      metric: "learning_rate",
      points: Array.from({ length: 90 }, (_, i) => [i * 10, i < 9 ? i * 5e-6 : 5e-5 * (1 - (i - 9) / 81)]),
    },
  ];
}

function bell(rng: Rng, bins: number, total: number, spread: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (let i = 0; i < total; i++) {
    const bin = Math.floor((rng.normal() * spread + 3) / 0.25);
    if (bin >= 0 && bin < bins) counts[bin]!++;
  }
  return counts;
}

function bins(confidence: number[], accuracy: number[], n: number[]): ReliabilityBin[] {
  return confidence.map((value, i) => {
    const half = 1.96 * Math.sqrt((accuracy[i]! * (1 - accuracy[i]!)) / n[i]!);
    return {
      confidence: value,
      accuracy: accuracy[i]!,
      low: round(accuracy[i]! - half),
      high: round(Math.min(1, accuracy[i]! + half)),
      n: n[i]!,
    };
  });
}

function coveragePoints(all: number, gain: number) {
  return [0.1, 0.2, 0.4, 0.6, 0.8, 1].map((coverage) => {
    const accuracy = all + gain * (1 - coverage) ** 1.4;
    const n = Math.round(1182 * coverage);
    const half = 1.96 * Math.sqrt((accuracy * (1 - accuracy)) / n);
    return {
      coverage,
      accuracy: round(accuracy),
      low: round(accuracy - half),
      high: round(accuracy + half),
      n,
    };
  });
}

function examples(): DisagreementExample[] {
  const heat = (text: string, values: number[]): TokenValue[] =>
    (text.match(/\s*\S+/g) ?? []).map((token, i) => ({ text: token, value: values[i % values.length]! }));
  const a = "The bird sang all morning. Mia smiled and danced in the garden with her friends.";
  const b = "The bird was gone. Mia sat on the step and waited, but it did not come back that day.";
  return [
    {
      id: "story-0042",
      prompt: "Once upon a time, a girl named Mia found a small bird in the snow. She took it home and",
      a,
      b,
      verdicts: [
        { by: "human", preferred: "b" },
        { by: "teacher", preferred: "a", margin: 1.42, pChosen: 0.83 },
        { by: "judge", preferred: "tie" },
      ],
      goldA: 0.82,
      goldB: -0.1,
      tokensA: heat(a, [0.02, 0.1, 0.31, 0.05, 0.12, 0.03, 0.52, -0.04]),
      tokensB: heat(b, [0.01, -0.12, -0.08, -0.4, 0.03, -0.02, 0.06]),
    },
    {
      id: "story-0917",
      prompt: "Tom had a red ball. One day the ball rolled under the big tree and",
      a: "a dog took it. Tom was sad.\n\nThen the dog gave it back, and they played until dinner.",
      b: 'Tom said, "I\'ll get it!" He ran & ran <fast>, and he got it. He was so happy.',
      verdicts: [
        { by: "human", preferred: "a" },
        { by: "teacher", preferred: "b", margin: -0.21, pChosen: 0.56 },
      ],
      goldA: 0.31,
      goldB: 0.66,
    },
  ];
}

function studies(): Study[] {
  const families: ReportTable = {
    title: "Student by teacher",
    paperItem: "WDPO, Table 10",
    columns: [
      { title: "supervisor" },
      { title: "gold reward" },
      { title: "agreement with human", format: "percent" },
      { title: "gold reward, OPT-1.3B student", source: "paper", digits: 2 },
    ],
    rows: [
      ["human", interval(0.509, 0.063, 200), null, 4.63],
      ["3 layers", interval(0.527, 0.061, 200), interval(0.692, 0.026, 1182), 4.84],
      ["2 layers", interval(0.488, 0.064, 200), interval(0.661, 0.027, 1182), 4.55],
      ["1 layer", interval(0.431, 0.066, 200), interval(0.628, 0.028, 1182), 4.87],
    ],
    notes: ["Paper columns: OPT-125M, GPT-Neo-125M and Pythia-160M in the order of the rows."],
  };
  const betas = [0.05, 0.1, 0.2, 0.3, 0.5];
  const sweep = (values: number[]) =>
    values.map((y, i) => ({ x: betas[i]!, y, low: round(y - 0.065), high: round(y + 0.067), n: 200 }));
  return [
    {
      id: "teacher-family",
      title: "Study: teacher size",
      question: "Does a smaller teacher make a worse student?",
      finding: "Fewer layers go with lower agreement; the students' intervals overlap except for one layer.",
      paperItem: "WDPO, Table 10 and Fig. 2b",
      tables: [families],
      figures: [
        {
          chart: {
            kind: "intervals",
            title: "Gold reward by teacher and student",
            xLabel: "mean gold reward",
            rows: ["1 layer", "2 layers", "3 layers"].flatMap((label, i) => [
              { label, series: "weak labels", value: interval(0.431 + 0.048 * i, 0.064, 200) },
              { label, series: "human labels", value: interval(0.509, 0.063, 200) },
            ]),
            references: [{ value: 0.214, label: "SFT start" }],
          },
        },
      ],
    },
    {
      id: "beta",
      title: "Study: β of the student",
      question: "How does the student's β move the result under weak and human labels?",
      paperItem: "WDPO, Fig. 7",
      figures: [
        {
          chart: {
            kind: "line",
            title: "Gold reward by β",
            xLabel: "β",
            yLabel: "mean gold reward",
            xScale: "log",
            series: [
              { name: "weak labels", points: sweep([0.541, 0.527, 0.47, 0.452, 0.401]) },
              { name: "human labels", points: sweep([0.522, 0.509, 0.461, 0.44, 0.398]) },
            ],
            references: [{ value: 0.214, label: "SFT start" }],
          },
        },
        {
          chart: {
            kind: "scatter",
            title: "Similarity to the human-chosen response",
            xLabel: "student on human labels",
            yLabel: "student on weak labels",
            diagonal: true,
            series: [similarity(createRng("similarity"))],
          },
          paperItem: "WDPO, Fig. 6 (R² = 0.58)",
        },
      ],
      notes: ["One seed per β: the curve's wiggles are not to be read."],
    },
  ];
}

function similarity(rng: Rng) {
  const points = Array.from({ length: 120 }, () => {
    const x = 0.5 + 0.15 * rng.normal();
    return { x: round(x), y: round(0.1 + 0.8 * x + 0.08 * rng.normal()) };
  });
  return { name: "test prompts", points, fit: { slope: 0.8, intercept: 0.1, r2: 0.69 } };
}
