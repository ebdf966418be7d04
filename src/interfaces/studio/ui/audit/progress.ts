/** What stands as the page sees it: the server's word with everything laid over that it has not acknowledged yet. Pure. */
import type { AuditEvent, AuditState } from "../../audit/protocol.ts";
import { placesOf } from "../places.ts";

/** What stands. */
export type AuditProgress = {
  readonly judged: ReadonlySet<number>;
  readonly done: ReadonlySet<number>;
  /** What undo can take back, oldest first. */
  readonly history: AuditState["history"];
};

/** The server's state with waiting events on it. */
export function reviewProgress(state: AuditState, waiting: readonly AuditEvent[]): AuditProgress {
  const judged = placesOf(state.judged);
  const done = placesOf(state.done);
  let history = [...state.history];
  for (const event of waiting) {
    if (event.kind !== "undo") {
      (event.kind === "judged" ? judged : done).add(event.place);
      // Sent, kept, and the reply was lost: it stands in the state already.
      if (!history.some(({ uuid }) => uuid === event.uuid))
        history.push({ uuid: event.uuid, place: event.place, kind: event.kind });
      continue;
    }
    const undone = history.find(({ uuid }) => uuid === event.of);
    history = history.filter(({ uuid }) => uuid !== event.of);
    if (undone === undefined) continue;
    if (history.some(({ place, kind }) => place === undone.place && kind === undone.kind)) continue;
    done.delete(undone.place);
    if (undone.kind === "judged") judged.delete(undone.place);
  }
  return { judged, done, history };
}
