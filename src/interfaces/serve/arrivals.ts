/**
 * Bodies while they arrive: each bounded in size and time, all together in number and bytes. They are read before a request takes a place
 * behind the gate, so clients that send slowly hold up each other and nobody else.
 */
import { checkType, objectIn } from "./body.ts";
import { CLIENT_GONE, untilAborted } from "./gate.ts";
import type { ServeLimits } from "./limits.ts";
import { Problem } from "./problem.ts";

/** The bodies of a server. */
export interface Arrivals {
  /** Reads a request's body as a JSON object. @throws Problem 408, 413, 415 or 400 */
  read(request: Request): Promise<Record<string, unknown>>;
}

/** A body that arrives. */
type Arrival = { bytes: number; readonly end: (problem: Problem) => void };

/** A body gets its time once more for each further piece of this size. */
const PIECE_BYTES = 2 * 2 ** 20;
/** As many of the largest bodies may be held in part at one time. */
const LARGEST_AT_ONCE = 32;

/** Opens the place where bodies arrive. */
export function openArrivals(limits: Pick<ServeLimits, "maxBodyBytes" | "bodyMs" | "maxBodies">): Arrivals {
  const { maxBodyBytes, bodyMs, maxBodies } = limits;
  /** Oldest first. */
  const arriving = new Set<Arrival>();
  const mostBytes = LARGEST_AT_ONCE * maxBodyBytes;
  let held = 0;
  const leave = (one: Arrival) => {
    if (arriving.delete(one)) held -= one.bytes;
  };
  const endOldest = () => {
    const [oldest] = arriving;
    if (oldest === undefined) return;
    oldest.end(late("too many bodies arrive at once, and this one has taken longest"));
    leave(oldest);
  };
  const grow = (one: Arrival, size: number) => {
    if (!arriving.has(one)) return;
    one.bytes += size;
    held += size;
    while (held > mostBytes && arriving.size > 1) endOldest();
  };
  return {
    async read(request) {
      checkType(request.headers);
      const controller = new AbortController();
      const one: Arrival = { bytes: 0, end: (problem) => controller.abort(problem) };
      const gone = () => one.end(new Problem(CLIENT_GONE, "the client went away."));
      request.signal.addEventListener("abort", gone, { once: true });
      arriving.add(one);
      if (arriving.size > maxBodies) endOldest();
      const stopClock = clock(one, bodyMs);
      try {
        const { signal } = controller;
        const bytes = bytesOf(request, maxBodyBytes, (size) => {
          signal.throwIfAborted();
          grow(one, size);
        });
        return objectIn(await untilAborted(bytes, signal));
      } finally {
        stopClock();
        request.signal.removeEventListener("abort", gone);
        leave(one);
      }
    },
  };
}

const late = (why: string) =>
  new Problem(408, `body: ${why}, expected it whole sooner.`, { code: "slow_body", retryAfterSeconds: 1 });

/** Ends a body whose time is over. @returns what stops the clock */
function clock(one: Arrival, bodyMs: number): () => void {
  let pieces = 1;
  const look = () => {
    if (one.bytes >= pieces * PIECE_BYTES) {
      pieces++;
      timer = setTimeout(look, bodyMs);
    } else one.end(late(`did not arrive within ${pieces * bodyMs} ms`));
  };
  let timer = setTimeout(look, bodyMs);
  return () => clearTimeout(timer);
}

async function bytesOf(request: Request, most: number, arrived: (size: number) => void): Promise<Uint8Array> {
  const tooLarge = (got: string) =>
    new Problem(413, `body: is too large, expected at most ${most} bytes, got ${got}.`, {
      code: "request_too_large",
    });
  const stated = Number(request.headers.get("content-length") ?? Number.NaN);
  if (stated > most) throw tooLarge(String(stated));
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > most) throw tooLarge("more");
    arrived(chunk.length);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
