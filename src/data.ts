/** `weak-teacher/data`: preferences and pairs out of files of every known shape, and into files of TRL's columns. Page: docs/api/data.md. */

export { type ColumnMap, parseColumnMap } from "./method/data/adapters/column-map.ts";
export { type LoadOptions as DataOptions, readCandidates, readPreferences } from "./method/data/load.ts";
export type { PairOptions } from "./method/data/pairs.ts";
export { readPrompts } from "./method/data/prompts.ts";
export type { CandidatePair, HumanLabel, PreferenceRow, Text } from "./method/data/rows.ts";
export { type CandidateStream, openCandidates } from "./method/data/stream-candidates.ts";
export { writeLabels, writePreferences } from "./method/data/writers.ts";
