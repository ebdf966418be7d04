/** Types of layers-rules.mjs, for its test. */
export type SourceFile = { path: string; text: string };
export type Found = { target: string; line: number };
export type Parts = { code: string; comments: { start: number; end: number }[] };
export const STOREYS: readonly { name: string; rooms: readonly string[]; aside?: readonly string[] }[];
export const LIMITS: { explain: number; file: number; room: number; storeys: Record<string, number> };
export function isTest(path: string): boolean;
export function checkAll(files: readonly SourceFile[]): string[];
export function scan(text: string): Parts;
export function importsOf(path: string, text: string, parts?: Parts): Found[];
export function layerProblems(path: string, imports: readonly Found[]): string[];
export function cycleProblems(files: readonly SourceFile[]): string[];
export function lengthProblems(path: string, text: string, parts?: Parts): string[];
export function bannedProblems(path: string, text: string, parts?: Parts): string[];
export function docProblems(path: string, text: string, parts?: Parts): string[];
export function linesPerPlace(files: readonly SourceFile[]): Map<string, number>;
export function budgetProblems(files: readonly SourceFile[]): string[];
export const DOUBLED: ReadonlySet<string>;
export function doubledProblems(files: readonly SourceFile[], allowed?: ReadonlySet<string>): string[];
