/** Calls of the server, and what is known of it: whether it is there, lets us in, and is of our build. */
import { signal } from "@preact/signals";

/** The server is of another build than this page: reload. */
export const otherBuild = signal(false);
/** `away`: no reply; `session`: it does not know this browser; `token`: nor who is at it, and wants a token; else all is well. */
export const connection = signal<"ok" | "away" | "session" | "token">("ok");

/** A reply that is not what was asked for. `status` 0: no reply at all. */
export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What a GET gives. @throws ApiError */
export const get = <T>(path: string): Promise<T> => call<T>(path, { method: "GET" });

/** What a POST of JSON gives. @throws ApiError */
export const post = <T>(path: string, body: unknown): Promise<T> =>
  call<T>(path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json", "x-weak-teacher": "studio" },
  });

async function call<T>(path: string, init: RequestInit): Promise<T> {
  let reply: Response;
  try {
    reply = await fetch(path, { ...init, cache: "no-store", credentials: "same-origin" });
  } catch {
    connection.value = "away";
    throw new ApiError(0, "the studio does not answer");
  }
  const build = reply.headers.get("x-studio-build");
  if (build !== null) otherBuild.value = build !== __BUILD__;
  const body: unknown = await reply.json().catch(() => undefined);
  const { message, code } =
    (body as { error?: { message?: string; code?: string } } | undefined)?.error ?? {};
  connection.value = reply.status !== 401 ? "ok" : code === "no_session" ? "session" : "token";
  if (reply.ok) return body as T;
  throw new ApiError(reply.status, message ?? `the studio answered ${reply.status}`);
}
