/** The audit page's memory: which suspect is shown, whether its label is, and what its keys do. */
import { batch, computed, effect, signal } from "@preact/signals";
import { type AuditAction, decisionOf } from "../../audit/keys.ts";
import type { AuditEvent, AuditState, Decision, Revealed, SuspectPair } from "../../audit/protocol.ts";
import type { KeyRow } from "../../keys.ts";
import { createAhead } from "../ahead.ts";
import { get } from "../api.ts";
import { createAwake } from "../awake.ts";
import { firstOpen } from "../places.ts";
import { createSender, newUuid } from "../sender.ts";
import { reviewProgress } from "./progress.ts";

/** A label that could not be fetched is asked for again after so long. */
const RETRY_MS = 1_000;

/** One person at one audit. */
export type AuditStore = ReturnType<typeof createAuditStore>;

/** @param id - of the folder */
export function createAuditStore(id: string) {
  const base = `/api/audit/${encodeURIComponent(id)}`;
  const backAt = signal<number | undefined>(undefined);
  const revealed = signal<Revealed | undefined>(undefined);
  const tries = signal(0);
  let undone = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const sender = createSender<AuditState, AuditEvent>(
    base,
    `audit ${id}`,
    (): Promise<void> => ahead.fetchAhead(),
  );
  const { state, waiting, stopped, send } = sender;
  const sleep = createAwake();
  const progress = computed(() => state.value && reviewProgress(state.value, waiting.value));
  const place = computed<number | undefined>(() => {
    if (state.value === undefined || progress.value === undefined) return undefined;
    return backAt.value ?? firstOpen(state.value.total, progress.value.done);
  });
  const ahead = createAhead<SuspectPair>(base, () => {
    const [at, now] = [place.value, progress.value];
    return at === undefined || now === undefined
      ? undefined
      : { at, total: state.value!.total, done: now.done };
  });
  const pair = computed(() => (place.value === undefined ? undefined : ahead.pairs.value.get(place.value)));
  /** `blind`: a judgement is asked for; `label`: a decision. */
  const phase = computed<"blind" | "label">(() =>
    place.value !== undefined && progress.value?.judged.has(place.value) ? "label" : "blind",
  );
  const label = computed(() =>
    phase.value === "label" && revealed.value?.place === place.value ? revealed.value : undefined,
  );

  /** The label is asked for once the judgement is on the server's disk: before that it is not given. */
  async function reveal(): Promise<void> {
    const at = place.value;
    if (at === undefined || phase.value === "blind" || label.value !== undefined) return;
    if (waiting.value.some((event) => event.kind === "judged" && event.place === at)) return;
    const asked = undone;
    const shown = await get<Revealed>(`${base}/label?place=${at}`);
    // Taken back while it was on its way: another judgement may stand by now.
    if (asked === undone) revealed.value = shown;
  }

  const ready = () => pair.value !== undefined && stopped.value === "" && sleep.awake.value;
  const decide = (decision: Decision) => {
    if (label.value === undefined || !ready()) return;
    batch(() => {
      sleep.awake.value = false;
      backAt.value = undefined;
      send({ kind: "decided", uuid: newUuid(), place: label.peek()!.place, decision });
    });
    void ahead.fetchAhead().catch(() => {});
  };

  const undo = () => {
    const last = progress.value?.history.at(-1);
    if (last === undefined || stopped.value !== "") return;
    batch(() => {
      backAt.value = last.place;
      revealed.value = undefined;
      undone++;
      send({ kind: "undo", uuid: newUuid(), of: last.uuid });
    });
    void ahead.fetchAhead().catch(() => {});
  };

  const stop = effect(() => {
    void tries.value;
    reveal().catch(() => {
      timer = setTimeout(() => {
        tries.value++;
      }, RETRY_MS);
    });
  });

  return {
    ...{ base, state, waiting, stopped, keeps: sender.keeps, progress, place, pair, phase, label },
    awake: sleep.awake,
    shown: sleep.shown,
    open: sender.open,
    /** Does what a key says; a key of the other phase does nothing. */
    act({ action }: KeyRow<AuditAction>): void {
      if (action.kind === "undo") undo();
      else if (action.kind === "decide") decide(action.decision);
      else if (action.kind === "as-judged" && label.value !== undefined)
        decide(decisionOf(label.value.judged, label.value.label));
      else if (action.kind === "judge" && phase.value === "blind" && ready())
        batch(() => {
          sleep.awake.value = false;
          send({
            ...{ kind: "judged", uuid: newUuid(), place: place.value!, choice: action.choice },
            ms: sleep.ms(),
          });
        });
    },
    close: () => {
      stop();
      clearTimeout(timer);
      sender.close();
      sleep.close();
    },
  };
}
