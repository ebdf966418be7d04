/** Several people at one folder of questions: who answered what, how far they agree, and one set of labels by a rule. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Folded, PeopleReply, PeopleRuled } from "../../protocol.ts";
import { get, post } from "../api.ts";
import { follow } from "../router.ts";
import { SCROLLS } from "../scrolls.ts";
import { figure, said } from "../shares.ts";

const RULES = [
  { rule: "settle", text: "wait until it is settled" },
  { rule: "majority", text: "take what more than half said; without such an answer leave the pair out" },
  { rule: "leave-out", text: "leave the pair out" },
] as const;

/** The page of one folder of questions. */
export function PeoplePage({ id }: { readonly id: string }) {
  const base = `/api/people/${encodeURIComponent(id)}`;
  const reply = useSignal<PeopleReply | undefined>(undefined);
  const failed = useSignal("");
  useEffect(() => {
    get<PeopleReply>(base).then(
      (value) => {
        reply.value = value;
        document.title = `${value.name} · people`;
      },
      (error: unknown) => {
        failed.value = error instanceof Error ? error.message : String(error);
      },
    );
  }, [base]);
  const found = reply.value;
  if (found === undefined)
    return (
      <main class="plain" aria-busy={failed.value === ""}>
        {failed.value !== "" && <p role="alert">{failed.value}</p>}
      </main>
    );
  return (
    <main class="plain people">
      <h1>{found.name}: people</h1>
      <Progress found={found} />
      <Agreement found={found} />
      <h2>Answered two ways</h2>
      <p>
        {found.disputed} of {found.shared} pairs that several people answered; {found.settled} settled.{" "}
        {found.disputed > found.settled && (
          <a href={`/settle/${id}`} onClick={follow}>
            Settle them
          </a>
        )}
      </p>
      <Fold base={base} />
    </main>
  );
}

function Progress({ found }: { readonly found: PeopleReply }) {
  if (found.people.length === 0) return <p>Nobody has answered anything of these {found.questions} yet.</p>;
  return (
    <section class="wide" {...SCROLLS} aria-label="Who answered what">
      <table>
        <thead>
          <tr>
            {["person", "theirs", "answered", "skipped", "flagged"].map((word) => (
              <th key={word} scope="col">
                {word}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {found.people.map(({ name, dealt, answered, skipped, flagged }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {[dealt, answered, skipped, flagged].map((count, i) => (
                <td key={i}>{count}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Agreement({ found: { alpha, pairs, shared } }: { readonly found: PeopleReply }) {
  return (
    <>
      <h2>Agreement</h2>
      {shared === 0 ? (
        <p>No pair was answered by two people yet.</p>
      ) : (
        <p>
          Krippendorff's alpha{" "}
          {alpha === null ? "is undefined: all said the same" : `${figure(alpha)} (95 % interval by prompt)`}
        </p>
      )}
      <ul>
        {pairs.map(({ people: [a, b], pairs: count, agreement, kappa }) => (
          <li key={`${a} ${b}`}>
            {a} and {b}: {count} {count === 1 ? "pair" : "pairs"}
            {agreement && `, alike in ${said(agreement)}`}
            {kappa && `; Cohen's kappa ${figure(kappa)}`}
          </li>
        ))}
      </ul>
    </>
  );
}

function Fold({ base }: { readonly base: string }) {
  const rule = useSignal("");
  const ruled = useSignal<PeopleRuled | undefined>(undefined);
  const status = useSignal("");
  const failed = useSignal("");
  const tell = (error: unknown) => {
    status.value = "";
    failed.value = error instanceof Error ? error.message : String(error);
  };
  const choose = (next: string) => {
    rule.value = next;
    ruled.value = undefined;
    failed.value = "";
    post<PeopleRuled>(`${base}/rule`, { rule: next }).then((value) => {
      if (rule.value === next) ruled.value = value;
    }, tell);
  };
  const fold = () => {
    failed.value = "";
    status.value = "…";
    post<Folded>(`${base}/fold`, { rule: rule.value }).then(({ folder, text }) => {
      status.value = `${folder}: ${text}`;
    }, tell);
  };
  const made = ruled.value;
  return (
    <>
      <h2>Labels of all answers</h2>
      <fieldset>
        <legend>A pair that was answered two ways and not settled</legend>
        {RULES.map(({ rule: name, text }) => (
          <label key={name} class="choice">
            <input type="radio" name="rule" checked={rule.value === name} onChange={() => choose(name)} />{" "}
            {text}
          </label>
        ))}
      </fieldset>
      {made !== undefined && (
        <>
          <p>
            {made.answered} answered; answered two ways: {made.settled} settled, {made.byMajority} by
            majority, {made.leftOut} left out, {made.open} waiting.
          </p>
          <button
            type="button"
            class="main"
            onClick={fold}
            disabled={made.open > 0 || made.answered === 0 || status.value === "…"}
          >
            Fold into labels
          </button>
          <p class="soft">The same as a command:</p>
          <pre class="command" {...SCROLLS}>
            {made.command}
          </pre>
        </>
      )}
      <p role="status">{status.value}</p>
      {failed.value !== "" && <p role="alert">{failed.value}</p>}
    </>
  );
}
