/** Desks that stay open from request to request, and what all of their events have in common. */
import { z } from "zod";

/** An event's name. */
export const uuid = z.uuid();
/** The showing that an event is about. */
export const place = z.number().int().min(0);
/** Takes an event back. */
export const undoSchema = z.strictObject({ kind: z.literal("undo"), uuid, of: uuid });
/** Events that one request may bring. */
export const EVENTS_MOST = 1000;

/** An outbox that grew while the server was away comes in parts, each of this size at most. */
export const BODIES = { maxBodyBytes: 4 * 2 ** 20, bodyMs: 10_000, maxBodies: 16 };

/** Which pairs are asked for. */
export const pairsQuery = z.object({
  from: z.coerce.number().int().min(0).max(10_000_000),
  count: z.coerce.number().int().min(1).max(50).default(10),
});

/** Open desks by key. */
export interface OpenDesks<D> {
  at(key: string, open: () => Promise<D>): Promise<D>;
  /** Closes the files of all. */
  close(): Promise<void>;
}

/** Keeps desks: each is opened once, and one that could not be is tried again when it is asked for again. */
export function keepDesks<D extends { close(): Promise<void> }>(): OpenDesks<D> {
  const desks = new Map<string, Promise<D>>();
  return {
    at(key, open) {
      const known = desks.get(key);
      if (known !== undefined) return known;
      const desk = open();
      desks.set(key, desk);
      // Not kept: what was wrong may be mended.
      desk.catch(() => desks.delete(key));
      return desk;
    },
    async close() {
      for (const desk of desks.values())
        await desk.then(
          (open) => open.close(),
          () => {},
        );
    },
  };
}
