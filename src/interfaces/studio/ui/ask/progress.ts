/** What stands as the page sees it: the server's word with everything laid over that it has not acknowledged yet. Pure. */
import type { AskState, PageEvent } from "../../protocol.ts";
import { placesOf } from "../places.ts";

/** What stands. */
export type AskProgress = {
  readonly done: ReadonlySet<number>;
  /** Answers that undo can take back, oldest first. */
  readonly history: readonly { readonly uuid: string; readonly place: number }[];
};

/** The server's state with waiting events on it. */
export function progressOf(state: AskState, waiting: readonly PageEvent[]): AskProgress {
  const done = placesOf(state.done);
  let history = [...state.history];
  for (const event of waiting) {
    if (event.kind === "answer") {
      done.add(event.place);
      // Sent, kept, and the reply was lost: it stands in the state already.
      if (!history.some(({ uuid }) => uuid === event.uuid))
        history.push({ uuid: event.uuid, place: event.place });
    } else if (event.kind === "undo") {
      const undone = history.find(({ uuid }) => uuid === event.of);
      history = history.filter(({ uuid }) => uuid !== event.of);
      if (undone !== undefined && !history.some(({ place }) => place === undone.place))
        done.delete(undone.place);
    }
  }
  return { done, history };
}
