/** Scores further apart than this are wrong: what float32 sums of this length may differ by. */
export declare const TOLERANCE: number;

/** What is asked, what must come back, and how hard. */
export type SoakOptions = {
  readonly url: string;
  readonly model: string;
  readonly seconds: number;
  readonly clients: number;
  readonly pairs: readonly {
    readonly pair: { readonly id: string; readonly prompt: string; readonly a: string; readonly b: string };
    readonly scoreA: number;
    readonly scoreB: number;
  }[];
  /** Texts as ids, and the log-probability of each token after the first. */
  readonly prompts: readonly { readonly ids: readonly number[]; readonly logps: readonly number[] }[];
  /** Bytes of a body that is too large, words of a prompt that is too long, requests of a crowd that is too large. */
  readonly maxBody: number;
  readonly tooLong: number;
  readonly crowd: number;
  /** Resident memory of the server, bytes. */
  readonly rss: () => Promise<number>;
};

/** What came of it. */
export type SoakResult = {
  readonly seconds: number;
  readonly clients: number;
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly scores: number;
  readonly wrong: readonly string[];
  readonly largestDifference: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly latencyMs: Readonly<Record<"p50" | "p95" | "p99", number | null>>;
  readonly refused: Readonly<Record<413 | 400 | 429, number>> & { readonly unexpected: readonly string[] };
  readonly rss: Readonly<Record<"first" | "peak" | "early" | "late", number>>;
  readonly texts: readonly {
    readonly prompt: readonly number[];
    readonly written: readonly number[];
    readonly logps: readonly number[];
  }[];
};

export declare function soak(options: SoakOptions): Promise<SoakResult>;

/** Numbers in [0, 1) from a seed. */
export declare function randomOf(seed: number): () => number;
