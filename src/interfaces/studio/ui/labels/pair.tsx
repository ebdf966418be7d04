/** One label with its pair. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { visible } from "../../../../base/core/visible.ts";
import type { LabelPair } from "../../protocol.ts";
import { get } from "../api.ts";
import { Texts } from "../texts.tsx";

/** The pair of a row. */
export function Pair({ base, row }: { readonly base: string; readonly row: number }) {
  const pair = useSignal<LabelPair | undefined>(undefined);
  const failed = useSignal("");
  useEffect(() => {
    get<LabelPair>(`${base}/pair/${row}`).then(
      (value) => {
        pair.value = value;
      },
      (error: unknown) => {
        failed.value = error instanceof Error ? error.message : String(error);
      },
    );
  }, [base, row]);
  const found = pair.value;
  if (found === undefined)
    return (
      <section class="label-pair" aria-busy={failed.value === ""} aria-label="Pair">
        {failed.value !== "" && <p role="alert">{failed.value}</p>}
      </section>
    );
  const { id, preferred, texts } = found;
  return (
    <section class="label-pair" aria-label="Pair">
      <h2>{visible(id)}</h2>
      <p class="soft">{wordsOf(found)}</p>
      {texts === null ? (
        <p>This pair is not trained on; its texts are in the pool.</p>
      ) : (
        <>
          <h3>Prompt</h3>
          <Texts text={texts.prompt} />
          {(["a", "b"] as const).map((side) => (
            <div key={side}>
              <h3>
                Response {side}
                {preferred === side && ", preferred"}
              </h3>
              <Texts text={texts[side]} />
            </div>
          ))}
        </>
      )}
    </section>
  );
}

function wordsOf({ preferred, pA, pChosen, margin, flags, teacher, human, own }: LabelPair): string {
  return [
    `prefers ${preferred}`,
    `P(a) ${pA.toFixed(3)}${pChosen === null ? "" : `, of the preferred side ${pChosen.toFixed(3)}`}`,
    ...(margin === null ? [] : [`margin ${margin.toPrecision(4)}`]),
    ...(flags.length === 0 ? [] : [flags.map(visible).join(", ")]),
    `by ${visible(teacher)}`,
    ...(human === null ? [] : [`people say ${human}`]),
    ...(own === null ? [] : [`the teacher itself ${own}`]),
  ].join("; ");
}
