/** The answering page's memory: what is shown, and what its keys do. */
import { batch, computed, signal } from "@preact/signals";
import type { KeyRow } from "../../keys.ts";
import type { AskState, PageEvent, PairShown } from "../../protocol.ts";
import { createAhead } from "../ahead.ts";
import { createAwake } from "../awake.ts";
import { firstOpen } from "../places.ts";
import { createSender, newUuid } from "../sender.ts";
import { progressOf } from "./progress.ts";

/** One person at one folder of questions. */
export type AskStore = ReturnType<typeof createAskStore>;

/** Answering questions, or settling those that people answered two ways. */
export type AskKind = "ask" | "settle";

/** @param id - of the folder */
export function createAskStore(id: string, kind: AskKind) {
  const base = `/api/${kind}/${encodeURIComponent(id)}`;
  /** A place that undo went back to. */
  const backAt = signal<number | undefined>(undefined);
  const sender = createSender<AskState, PageEvent>(
    base,
    `${kind === "ask" ? "" : "settle "}${id}`,
    (): Promise<void> => fetchAhead(),
  );
  const { state, waiting, stopped, keeps, send } = sender;
  const { awake, shown, ms, close } = createAwake();
  const { pairs, fetchAhead, change } = createAhead<PairShown>(base, () => {
    const [at, now] = [place.value, progress.value];
    return at === undefined || now === undefined
      ? undefined
      : { at, total: state.value!.total, done: now.done };
  });
  const progress = computed(() => state.value && progressOf(state.value, waiting.value));
  const place = computed<number | undefined>(() => {
    if (state.value === undefined || progress.value === undefined) return undefined;
    return backAt.value ?? firstOpen(state.value.total, progress.value.done);
  });
  const pair = computed(() => (place.value === undefined ? undefined : pairs.value.get(place.value)));
  const finished = computed(() => state.value !== undefined && place.value === undefined);

  const act = {
    answer({ choice, strength, bothBad }: Extract<KeyRow["action"], { kind: "answer" }>): void {
      const at = place.value;
      if (at === undefined || pair.value === undefined || stopped.value !== "" || !awake.value) return;
      batch(() => {
        awake.value = false;
        backAt.value = undefined;
        send({
          ...{ kind: "answer", uuid: newUuid(), place: at, choice, ms: ms() },
          ...(strength === undefined ? {} : { strength }),
          ...(bothBad === undefined ? {} : { both_bad: true }),
        });
      });
      void fetchAhead().catch(() => {});
    },
    undo(): void {
      const last = progress.value?.history.at(-1);
      if (last === undefined || stopped.value !== "") return;
      batch(() => {
        backAt.value = last.place;
        send({ kind: "undo", uuid: newUuid(), of: last.uuid });
      });
      void fetchAhead().catch(() => {});
    },
    flag(): void {
      const now = pair.value;
      if (now === undefined || stopped.value !== "") return;
      change({ ...now, flagged: !now.flagged });
      send({ kind: "flag", uuid: newUuid(), place: now.place, on: !now.flagged });
    },
    note(text: string): void {
      const now = pair.value;
      if (now === undefined || stopped.value !== "" || text.trim() === now.note) return;
      change({ ...now, note: text.trim() });
      send({ kind: "note", uuid: newUuid(), place: now.place, text });
    },
  };

  return {
    ...{ kind, id, base, state, waiting, place, pair, stopped, keeps, progress, finished, awake, ...act },
    shown,
    open: sender.open,
    close: () => {
      sender.close();
      close();
    },
  };
}
