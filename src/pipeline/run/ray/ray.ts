/** Ray's Jobs API: how it is called and what it answers. Everything that touches the cluster goes through here. */
import { AlignError } from "../../../base/core/errors.ts";
import { type Answer, openHttp } from "../../../base/core/http.ts";

/** A job as the cluster knows it. */
export type RayJob = {
  /** The submission id, given by whoever submitted it. */
  readonly id: string;
  /** Ray's word: PENDING, RUNNING, STOPPED, SUCCEEDED, FAILED. */
  readonly status: string;
  /** What Ray says of it; the end of the log too where it failed. */
  readonly message: string;
  /** Why it failed: JOB_ENTRYPOINT_COMMAND_ERROR where its own command did; null where it did not fail. */
  readonly errorType: string | null;
  /** Exit code of its command, negative for a signal; null while there is none. */
  readonly exitCode: number | null;
  readonly metadata: Readonly<Record<string, string>>;
  /** Milliseconds since 1970; null where it has not. */
  readonly startedAt: number | null;
  readonly endedAt: number | null;
};

/** A job to submit: the members of Ray's request. */
export type RayRequest = {
  readonly submission_id: string;
  readonly entrypoint: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly runtime_env: { readonly env_vars: Readonly<Record<string, string>> };
  readonly entrypoint_num_cpus: number;
  readonly entrypoint_num_gpus?: number | undefined;
  /** Bytes. */
  readonly entrypoint_memory?: number | undefined;
  readonly entrypoint_resources?: Readonly<Record<string, number>> | undefined;
};

/** The cluster, as far as this executor needs it. @throws AlignError "ray" from each call, with what Ray said */
export interface Ray {
  /** Submits a job; one of this id that is there already is left as it is. */
  submit(request: RayRequest): Promise<void>;
  /** Undefined for an id that the cluster does not know. */
  look(id: string): Promise<RayJob | undefined>;
  /** All jobs that the cluster still knows. */
  list(): Promise<RayJob[]>;
  /** All that the job has said so far. */
  logs(id: string): Promise<string>;
  /** Ends a job; one that has ended, or is not there, is no error. */
  stop(id: string): Promise<void>;
}

/** A busy cluster lists thousands of jobs, each with up to 20,000 characters of its log. */
const MAX_REPLY = 256 * 2 ** 20;
const NOT_FOUND = 404;

/**
 * The cluster behind a dashboard's address.
 * @throws ConfigError when the address is no plain one, or the variable of the token is not set
 */
export function openRay({
  address,
  apiKeyEnv,
}: {
  readonly address: string;
  readonly apiKeyEnv?: string | undefined;
}): Ray {
  // An interrupted run still has jobs to stop: requests end by their deadline alone.
  const { signal } = new AbortController();
  const http = openHttp("executor", { url: address, apiKeyEnv, timeoutMs: 30_000, plain: true }, MAX_REPLY);
  const refusal = (what: string, { status, text }: Answer) =>
    new AlignError(
      "ray",
      `${http.url}: ${what}: ${status === 0 ? text : `answered ${status}: ${gist(text)}`}`,
    );
  const look = async (id: string) => {
    const answer = await http.look(`/api/jobs/${encodeURIComponent(id)}`, signal);
    if (answer.status === NOT_FOUND) return undefined;
    return jobIn(answer, (problem) => refusal(`job ${id}`, { status: answer.status, text: problem }));
  };
  return {
    look,
    async submit(request) {
      // The same id twice is answered with 500 and a traceback, so whoever may have been here before is looked for first.
      if ((await look(request.submission_id)) !== undefined) return;
      const answer = await http.look("/api/jobs/", signal, request);
      if (answer.status === 200 || (await look(request.submission_id)) !== undefined) return;
      throw refusal(`job ${request.submission_id} was not taken`, answer);
    },
    async list() {
      const answer = await http.look("/api/jobs/", signal);
      const jobs = answer.status === 200 ? parsed(answer.text) : undefined;
      if (!Array.isArray(jobs)) throw refusal("the list of jobs", answer);
      // Drivers that were started by hand have no submission id.
      return jobs.flatMap((job) => readJob(job) ?? []);
    },
    async logs(id) {
      const answer = await http.look(`/api/jobs/${encodeURIComponent(id)}/logs`, signal);
      const value = answer.status === 200 ? (parsed(answer.text) as { logs?: unknown }) : undefined;
      if (typeof value?.logs !== "string") throw refusal(`the log of job ${id}`, answer);
      return value.logs;
    },
    async stop(id) {
      const answer = await http.look(`/api/jobs/${encodeURIComponent(id)}/stop`, signal, {});
      if (answer.status !== 200 && answer.status !== NOT_FOUND)
        throw refusal(`job ${id} was not stopped`, answer);
    },
  };
}

function jobIn({ status, text }: Answer, problem: (text: string) => AlignError): RayJob {
  const job = status === 200 ? readJob(parsed(text)) : undefined;
  if (job === undefined) throw problem(text);
  return job;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readJob(value: unknown): RayJob | undefined {
  const job = (value ?? {}) as Readonly<Record<string, unknown>>;
  const { submission_id: id, status, message, error_type, driver_exit_code, metadata } = job;
  if (typeof id !== "string" || typeof status !== "string") return undefined;
  const number = (one: unknown) => (typeof one === "number" ? one : null);
  return {
    ...{ id, status, message: typeof message === "string" ? message : "" },
    errorType: typeof error_type === "string" ? error_type : null,
    exitCode: number(driver_exit_code),
    metadata: (metadata ?? {}) as Readonly<Record<string, string>>,
    startedAt: number(job["start_time"]),
    endedAt: number(job["end_time"]),
  };
}

/** Of a Python traceback the last line says what is wrong. */
function gist(text: string): string {
  const lines = text.trim().split("\n");
  const line = lines[0]?.startsWith("Traceback") ? lines.at(-1) : lines[0];
  return (line ?? "").slice(0, 300);
}
