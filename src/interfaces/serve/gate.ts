/** Lets requests in, counts them, ends those that take too long, and shuts the door when the server stops. */
import { Problem } from "./problem.ts";

/** A request that was let in. */
export interface Pass {
  /** Fires, with a problem as its reason, when the request's time is over, its client gone, or the server stops for good. */
  readonly signal: AbortSignal;
  leave(): void;
}

/** A door that a bounded number of requests is behind. */
export interface Gate {
  /** What `enter` would throw now, before anything of a request is read. @throws Problem as `enter` */
  check(): void;
  /** @throws Problem 429 when too many are in, 503 once it is shut */
  enter(client: AbortSignal): Pass;
  inside(): number;
  /** Lets nobody in any more. */
  shut(): void;
  isShut(): boolean;
  /** Ends all requests that are in. */
  clear(): void;
}

/** Seconds after which a refused client may come back. */
const RETRY_AFTER_SECONDS = 1;

/** Opens a gate. @param timeoutMs - for one request, from its entry */
export function openGate({ maxRequests, timeoutMs }: { maxRequests: number; timeoutMs: number }): Gate {
  const inside = new Set<AbortController>();
  let shut = false;
  const check = () => {
    if (shut) throw new Problem(503, "the server is stopping.", { retryAfterSeconds: 5, code: "stopping" });
    if (inside.size >= maxRequests)
      throw new Problem(429, `too many requests at once, expected at most ${maxRequests}. Try again later.`, {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
        code: "too_many_requests",
      });
  };
  return {
    check,
    enter(client) {
      check();
      const controller = new AbortController();
      inside.add(controller);
      const late = () =>
        controller.abort(
          new Problem(504, `the request took longer than ${timeoutMs} ms.`, { code: "timeout" }),
        );
      const gone = () => controller.abort(new Problem(CLIENT_GONE, "the client went away."));
      const timer = setTimeout(late, timeoutMs);
      if (client.aborted) gone();
      client.addEventListener("abort", gone, { once: true });
      return {
        signal: controller.signal,
        leave() {
          clearTimeout(timer);
          client.removeEventListener("abort", gone);
          inside.delete(controller);
        },
      };
    },
    inside: () => inside.size,
    shut() {
      shut = true;
    },
    isShut: () => shut,
    clear() {
      const stopped = new Problem(503, "the server stopped.", { retryAfterSeconds: 5, code: "stopping" });
      for (const controller of inside) controller.abort(stopped);
    },
  };
}

/** nginx's status for a client that closed its connection: nobody reads it, metrics count it. */
export const CLIENT_GONE = 499;

/** The work's result, or the signal's reason as soon as it fires. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
