/** What one server takes on at once. Everything a client can ask for is bounded by something here. */

/** Limits of a server. */
export type ServeLimits = {
  /** Most bytes of a request's body; more is a 413. */
  readonly maxBodyBytes: number;
  /** For a body to arrive, and as long again for each further 2 MiB of it; after it a 408. */
  readonly bodyMs: number;
  /** Most bodies that arrive at one time; of more, the one that has taken longest is ended with a 408. */
  readonly maxBodies: number;
  /** Most requests waiting or computed at one time; one more is a 429. */
  readonly maxRequests: number;
  /** For one request, waiting included; after it a 504. */
  readonly timeoutMs: number;
  /** Most tokens to write after one prompt. */
  readonly maxNewTokens: number;
  /** Most prompts or pairs in one request. */
  readonly maxItems: number;
  /** Most tokens in one run of the engine that scores. */
  readonly tokens: number;
  /** Most sequences written at one time: each holds a key-value cache. */
  readonly sequences: number;
  /** How long requests in hand may take when the server stops. */
  readonly graceMs: number;
};

/** What holds unless it is said otherwise. */
export const DEFAULT_LIMITS: ServeLimits = {
  maxBodyBytes: 2 * 2 ** 20,
  bodyMs: 10_000,
  maxBodies: 128,
  maxRequests: 128,
  timeoutMs: 120_000,
  maxNewTokens: 1024,
  maxItems: 256,
  tokens: 2048,
  sequences: 32,
  graceMs: 30_000,
};

/** Largest `logprobs`, `prompt_logprobs` and `top_logprobs`; vLLM's default. */
export const MAX_LOGPROBS = 20;
