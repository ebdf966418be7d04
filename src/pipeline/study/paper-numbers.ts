/**
 * Numbers that the two papers printed and that fit no row of a study here: other sizes, shares, families. Each study prints them as a
 * table of their own, marked as the paper's. GRA of CW-PO is in per cent, its columns human / WS / CW where nothing else is said.
 */
import type { Column, ReportTable } from "../../report/data.ts";

/** A table as it was printed. */
export type PaperTable = {
  readonly item: string;
  readonly title: string;
  /** Of the first column. */
  readonly rowsAre: string;
  readonly columns: readonly string[];
  readonly rows: Readonly<Record<string, readonly (number | string | null)[]>>;
  readonly notes?: readonly string[];
};

/** The table for a report, every column but the first marked as the paper's. */
export const paperTable = ({ item, title, rowsAre, columns, rows, notes }: PaperTable): ReportTable => ({
  title: `The paper's numbers: ${title}`,
  columns: [
    { title: rowsAre, format: "text" },
    ...columns.map((name): Column => ({ title: name, source: "paper" })),
  ],
  rows: Object.entries(rows).map(([name, values]) => [name, ...values]),
  paperItem: item,
  ...(notes === undefined ? {} : { notes: [...notes] }),
});

const METHODS = ["human", "WS", "CW"] as const;

/** `a: human, a: WS, a: CW, b: human, …`. */
const byMethod = (groups: readonly string[]) =>
  groups.flatMap((group) => METHODS.map((method) => `${group}: ${method}`));

/** Students by size and family. */
export const W_STUDENTS: PaperTable = {
  item: "WDPO Fig. 2a, 3a, 4a",
  title: "gold reward by student",
  rowsAre: "student",
  columns: ["HH weak", "HH human", "TL;DR weak", "TL;DR human"],
  rows: {
    "OPT-1.3B": [4.84, 4.63, 3.29, 2.71],
    "OPT-2.7B": [5.59, 5.39, 3.76, 3.45],
    "OPT-6.7B": [6.65, 6.19, 4.03, 3.83],
    "OPT-13B": [6.91, 6.69, 4.42, 4.17],
    "Mistral-7B": [7.9, 7.19, null, null],
    "Llama-2-7B": [8.52, 8.2, null, null],
    "Gemma-7B": [7.49, 7.28, null, null],
  },
};

/** Students by size, DPO. */
export const C_STUDENTS: PaperTable = {
  item: "CW-PO Table 2",
  title: "GRA by student, %",
  rowsAre: "student",
  columns: byMethod(["HH", "TL;DR"]),
  rows: {
    "OPT-1.3B": [71.5, 66.7, 69.9, 53.7, 44.7, 59.5],
    "OPT-2.7B": [55.1, 58.5, 60.3, 52.6, 51.6, 59.1],
    "OPT-6.7B": [56.1, 62.8, 67.6, 57.5, 50.2, 57.7],
    "OPT-13B": [56.9, 56.7, 61.3, 57.0, 53.5, 56.6],
    "Qwen2.5-1.5B": [53.4, 55.8, 63.3, 51.8, 53.7, 60.3],
    "Qwen2.5-3B": [66.0, 63.3, 73.3, 55.0, 56.1, 62.7],
    "Qwen2.5-7B": [71.1, 72.0, 75.2, 61.2, 60.1, 64.4],
    "Qwen2.5-14B": [78.8, 81.4, 80.6, 64.2, 64.8, 66.0],
  },
};

/** Supervisors of one student. */
export const W_SUPERVISORS: PaperTable = {
  item: "WDPO Fig. 2b",
  title: "gold reward by supervisor",
  rowsAre: "supervisor",
  columns: ["student OPT-1.3B"],
  rows: {
    human: [4.63],
    "OPT-125M": [4.84],
    "OPT-1.3B": [4.78],
    "Llama-3-8B": [4.91],
    "GPT-4, prompted": [4.52],
  },
};

/** Weak models of three families. */
export const W_FAMILIES: PaperTable = {
  item: "WDPO Table 10",
  title: "gold reward by weak model",
  rowsAre: "labels",
  columns: ["student OPT-1.3B", "student Mistral-7B"],
  rows: {
    human: [4.63, 7.19],
    "OPT-125M": [4.84, 7.9],
    "GPT-Neo-125M": [4.55, 7.27],
    "Pythia-160M": [4.87, 8.01],
  },
};

/** Teachers and students of different families. */
export const C_FAMILIES: PaperTable = {
  item: "CW-PO Table 16",
  title: "GRA across families, %",
  rowsAre: "teacher to student",
  columns: byMethod(["Harmless", "Helpful", "HH"]),
  rows: {
    "OPT-125M to Qwen-14B": [67.3, 66.4, 72.2, 54.1, 55.9, 57.2, 78.8, 77.7, 79.7],
    "Qwen-0.5B to OPT-13B": [74.3, 72.4, 75.4, 65.7, 75.4, 73.6, 56.9, 57.2, 62.5],
    "Qwen-0.5B to Llama-3.1-8B-Instruct": [60.6, 61.9, 63.1, 61.3, 60.1, 63.8, 65.7, 67.2, 66.2],
  },
};

/** Accuracy of reward heads by size. */
export const C_TEACHERS: PaperTable = {
  item: "CW-PO Table 12",
  title: "labels that are the person's by size of the Bradley-Terry teacher, %",
  rowsAre: "teacher",
  columns: ["Harmless", "Helpful", "TL;DR"],
  rows: {
    "Qwen2.5-0.5B": [63.5, 63.2, 60.7],
    "Qwen2.5-1.5B": [65.9, 64.7, 61.0],
    "Qwen2.5-3B": [66.6, 65.3, 61.6],
    "Qwen2.5-7B": [67.1, 67.2, 62.9],
  },
};

/** Accuracy by kind of teacher. */
export const C_KINDS: PaperTable = {
  item: "CW-PO Table 6",
  title: "labels that are the person's by kind of teacher, %",
  rowsAre: "teacher",
  columns: ["Harmless", "Helpful", "HH"],
  rows: {
    "OPT-125M, DPO": [55.2, 54.1, 50.8],
    "OPT-125M, SFT + DPO": [56.3, 55.4, 52.1],
    "OPT-125M, Bradley-Terry": [69.1, 64.2, 63.8],
    "Qwen2.5-0.5B, DPO": [56.1, 55.2, 51.4],
    "Qwen2.5-0.5B, SFT + DPO": [57.1, 56.0, 52.6],
    "Qwen2.5-0.5B, Bradley-Terry": [65.3, 63.1, 63.2],
  },
};

/** Accuracy by labelled share. */
export const C_SHARES: PaperTable = {
  item: "CW-PO Table 13",
  title: "labels that are the person's by labelled share, OPT-125M with a Bradley-Terry head, %",
  rowsAre: "labelled share of all data",
  columns: ["Harmless", "Helpful", "both"],
  rows: {
    "10 %": [62.6, 61.9, 56.7],
    "20 %": [65.5, 63.4, 60.2],
    "30 %": [67.2, 65.3, 61.9],
    "40 %": [67.8, 66.4, 62.6],
    "50 %": [67.1, 65.3, 62.2],
  },
  notes: ["The paper's Tables 6 and 13 differ slightly where they should be the same."],
};

/** Labelled share, WDPO. */
export const W_LABELLED: PaperTable = {
  item: "WDPO Fig. 4b",
  title: "gold reward by labelled share of all data, OPT-125M to OPT-1.3B",
  rowsAre: "labelled share of all data",
  columns: ["weak", "human"],
  rows: { "1/16": [4.31, 4.37], "1/8": [4.72, 4.74], "1/4": [4.78, 4.69], "1/2": [4.84, 4.63] },
};

/** Labelled share, CW-PO. */
export const C_LABELLED: PaperTable = {
  item: "CW-PO Fig. 3",
  title: "GRA by labelled share of all data, OPT-125M to OPT-1.3B, %",
  rowsAre: "labelled share of all data",
  columns: [
    ...["CW Harmless", "CW Helpful", "WS Harmless", "WS Helpful"].map((name) => `same half as pool: ${name}`),
    ...["CW Harmless", "CW Helpful", "direct DPO Harmless", "direct DPO Helpful"].map(
      (name) => `the rest as pool: ${name}`,
    ),
  ],
  rows: {
    "0.5": [70.3, 71.6, 67.1, 67.8, 71.1, 70.8, 64.9, 66.7],
    "0.4": [69.6, 71.9, 67.6, 67.2, 71.9, 70.2, 64.4, 66.1],
    "0.3": [70.1, 71.8, 66.9, 68.1, 72.9, 72.7, 63.2, 63.3],
    "0.2": [67.8, 69.7, 66.5, 65.3, 68.3, 72.3, 61.7, 63.9],
    "0.1": [63.1, 65.3, 63.4, 63.2, 63.9, 67.3, 55.8, 59.5],
  },
};

/** All of the labels against a part with a weak teacher. */
export const C_ALL: PaperTable = {
  item: "CW-PO Table 3",
  title: "GRA of human labels on all data against CW with 30 % of them, %",
  rowsAre: "data",
  columns: ["OPT-1.3B: human", "OPT-1.3B: CW", "Qwen-7B: human", "Qwen-7B: CW"],
  rows: {
    Harmless: [69.2, 72.9, 65.7, 72.0],
    Helpful: [70.2, 72.7, 58.5, 70.8],
    HH: [71.9, 69.9, 72.7, 75.2],
    "TL;DR": [54.2, 59.5, 63.4, 64.4],
    mean: [66.4, 68.8, 65.1, 70.6],
  },
};

/** Three losses on the data that the study's own table does not stand beside. */
export const C_LOSSES: PaperTable = {
  item: "CW-PO Table 1",
  title: "GRA by loss on TL;DR and UltraFeedback, %",
  rowsAre: "loss and models",
  columns: byMethod(["TL;DR", "UFB"]),
  rows: {
    "DPO, OPT-125M to 13B": [57.0, 53.5, 56.6, 61.3, 63.4, 63.1],
    "IPO, OPT-125M to 13B": [53.3, 49.7, 54.6, 63.4, 61.3, 66.4],
    "rDPO, OPT-125M to 13B": [54.2, 47.7, 61.4, 58.9, 61.2, 63.7],
    "DPO, Qwen 0.5B to 14B": [64.2, 64.8, 66.0, 78.1, 78.3, 80.1],
    "IPO, Qwen 0.5B to 14B": [61.8, 62.8, 64.2, 78.5, 77.2, 80.7],
    "rDPO, Qwen 0.5B to 14B": [67.0, 66.4, 68.8, 72.4, 75.1, 76.8],
  },
};

/** The most confident labels alone. */
export const C_TOP: PaperTable = {
  item: "CW-PO Fig. 2, Fig. 4, Tables 4, 10, 11",
  title: "GRA of the most confident labels alone, %",
  rowsAre: "labels",
  columns: ["OPT-1.3B", "Qwen-7B"].flatMap((model) =>
    ["Harmless", "Helpful", "HH"].map((name) => `${model}: ${name}`),
  ),
  rows: {
    "top 10 %": [66.2, 63.7, 61.7, null, null, null],
    "top 15 %": [67.5, 64.1, 63.1, null, null, null],
    "top 20 %": [69.8, 63.7, 66.6, null, null, null],
    "top 25 %": [71.0, 68.0, 65.4, null, null, null],
    "top 30 %": [72.3, 70.1, 67.7, 70.6, 58.7, 71.3],
    "top 40 %": [70.5, 66.3, 68.2, 69.1, 60.2, 70.4],
    "top 50 %": [67.9, 68.0, 67.5, 68.4, 55.2, 68.4],
    "top 75 %": [67.7, 67.2, 66.9, 66.7, 51.5, 64.9],
    all: [67.4, 66.8, 65.9, 66.9, 52.3, 63.2],
    "all, weighted": [72.9, 72.7, 69.9, 72.0, 70.8, 75.2],
    human: [66.2, 66.4, 64.4, 65.1, 54.4, 61.8],
  },
};

/** GPT-4's verdicts, student on weak labels against student on human labels. */
export const W_WINS: PaperTable = {
  item: "WDPO Fig. 3b",
  title: "GPT-4 on weak against human, % of 100 prompts",
  rowsAre: "student",
  columns: ["won", "tied", "lost"],
  rows: {
    "OPT-1.3B": [49, 2, 49],
    "OPT-2.7B": [53, 3, 44],
    "OPT-6.7B": [54, 1, 45],
    "Llama-2-7B": [48, 1, 51],
    "Mistral-7B": [57, 2, 41],
  },
  notes: [
    "A cell of 100 prompts is known to about ±10 points. Pooled: 261 won, 230 lost, p about .16. The judge saw one order only.",
  ],
};

/** GPT-4's verdicts, each student against one and the same answer. */
export const C_WINS: PaperTable = {
  item: "CW-PO Table 17",
  title: "GPT-4 win rate of each student, mean over data, %",
  rowsAre: "loss and models",
  columns: METHODS,
  rows: {
    "DPO, OPT": [53.1, 54.0, 56.3],
    "IPO, OPT": [55.1, 49.0, 57.6],
    "rDPO, OPT": [52.8, 51.1, 58.5],
    "DPO, Qwen": [77.8, 80.7, 83.1],
    "IPO, Qwen": [81.4, 78.9, 83.6],
    "rDPO, Qwen": [77.8, 82.0, 84.4],
  },
  notes: [
    "Not against each other: each against the answer that the data prefer (the caption says the SFT student), always read first.",
  ],
};

/** Prompt by prompt, CW above human. */
export const C_GAPS: PaperTable = {
  item: "CW-PO Fig. 5",
  title: "prompts on which gold puts CW above human, %",
  rowsAre: "students",
  columns: ["Harmless", "Helpful", "HH", "TL;DR"],
  rows: { "CW above human": [59.3, 63.0, 54.6, 62.1] },
};

/** Other gold models. */
export const W_GOLD: PaperTable = {
  item: "WDPO Fig. 5",
  title: "weak / human by gold model, students of four sizes",
  rowsAre: "gold model",
  columns: ["1.3B", "2.7B", "6.7B", "13B"],
  rows: {
    "DeBERTa-v3": [".30/.31", ".54/.47", ".73/.71", ".79/.76"],
    "RM-Mistral-7B": ["9.63/8.67", "10.38/9.68", "11.01/10.42", "11.24/10.65"],
  },
};
