/** One label with its pair. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { visible } from "../../../../base/core/visible.ts";
import { heatLevel, largestOf } from "../../../../report/charts/token-heat.ts";
import type { LabelPair, TintedToken, TokensReply } from "../../protocol.ts";
import { get, post } from "../api.ts";
import { Texts } from "../texts.tsx";

/** The pair of a row. */
export function Pair({ base, row }: { readonly base: string; readonly row: number }) {
  const pair = useSignal<LabelPair | undefined>(undefined);
  const tokens = useSignal<TokensReply | undefined>(undefined);
  const waits = useSignal(false);
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
  const ask = () => {
    failed.value = "";
    waits.value = true;
    post<TokensReply>(`${base}/tokens`, { row })
      .then(
        (value) => {
          tokens.value = value;
        },
        (error: unknown) => {
          failed.value = error instanceof Error ? error.message : String(error);
        },
      )
      .finally(() => {
        waits.value = false;
      });
  };
  const heat = tokens.value;
  // One scale for both: what the strongest token of either adds.
  const largest = heat === undefined ? 0 : Math.max(largestOf(heat.a), largestOf(heat.b));
  return (
    <section class="label-pair" aria-label="Pair">
      <h2>{visible(id)}</h2>
      <p class="soft">{wordsOf(found)}</p>
      {texts !== null && heat === undefined && (
        <button type="button" disabled={waits.value} onClick={ask}>
          {waits.value ? "Asking the teacher…" : "What each token adds"}
        </button>
      )}
      {failed.value !== "" && <p role="alert">{failed.value}</p>}
      {heat !== undefined && (
        <p class="soft" role="status">
          Tinted by what each token adds to its response's score, underlined where it takes away; full tint is{" "}
          {largest.toPrecision(3)}, for both responses{heat.kept && "; as the run kept it"}.
        </p>
      )}
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
              {heat === undefined ? (
                <Texts text={texts[side]} />
              ) : (
                <Tokens tokens={heat[side]} largest={largest} />
              )}
            </div>
          ))}
        </>
      )}
    </section>
  );
}

function Tokens({ tokens, largest }: { readonly tokens: readonly TintedToken[]; readonly largest: number }) {
  return (
    <p class="text tokens" dir="auto">
      {tokens.map(({ text, value }, i) => {
        const level = heatLevel(value, largest);
        const tint = level === 0 ? "" : level > 0 ? ` up${level}` : ` down${-level}`;
        return (
          <span key={i} class={`token${tint}`} title={`${value < 0 ? "" : "+"}${value.toFixed(3)}`}>
            {visible(text)}
          </span>
        );
      })}
    </p>
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
