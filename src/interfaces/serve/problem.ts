/** What a request can be answered with when it is not what was asked for, in the shape of OpenAI's errors. */
import { BackendError, ConfigError, messageOf, NumericsError } from "../../base/core/errors.ts";

/** A refusal or a failure with its status. */
export class Problem extends Error {
  readonly status: number;
  /** OpenAI's kinds: `invalid_request_error`, `rate_limit_error`, … */
  readonly type: string;
  /** The field that is wrong. */
  readonly param: string | null;
  readonly code: string | null;
  /** When it is worth trying again. */
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, message: string, details: ProblemDetails = {}) {
    super(message);
    this.name = "Problem";
    this.status = status;
    this.type = TYPES[status] ?? (status < 500 ? "invalid_request_error" : "server_error");
    this.param = details.param ?? null;
    this.code = details.code ?? null;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

/** What may be said of a problem beside its message. */
export type ProblemDetails = {
  readonly param?: string;
  readonly code?: string | undefined;
  readonly retryAfterSeconds?: number;
};

const TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  429: "rate_limit_error",
  503: "overloaded_error",
  504: "timeout_error",
};

/** The body of an error. */
export function problemJson({ message, type, param, code }: Problem): object {
  return { error: { message, type, param, code } };
}

/** A field is wrong: `<field>: <what>, expected <x>, got <y>.` */
export function wrongField(param: string, problem: string, code?: string): Problem {
  return new Problem(400, `${param}: ${problem}`, { param, code });
}

/**
 * Anything thrown as a problem. What is the request's doing is told; a fault of ours is only named, for its message may hold what is no
 * client's business.
 */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof ConfigError) return new Problem(400, messageOf(error));
  if (error instanceof NumericsError) return new Problem(500, messageOf(error), { code: "not_finite" });
  if (error instanceof BackendError)
    return new Problem(503, "the engine failed; see the server's log.", { code: "engine_failed" });
  return new Problem(500, "internal error; see the server's log.", { code: "internal" });
}

/** True for what the operator of the server has to know. */
export const isOurs = (error: unknown): boolean =>
  !(error instanceof Problem) && !(error instanceof ConfigError);
