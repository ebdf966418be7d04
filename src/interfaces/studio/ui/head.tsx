/** The line over a pair: where one is, how far, and whether everything is saved. */

/** Over a pair, whatever is asked of it. */
export function PairHead(props: {
  readonly name: string | undefined;
  /** A word beside the name. */
  readonly tag?: string | undefined;
  readonly done: number;
  readonly total: number;
  /** What the bar counts, for people who hear it. */
  readonly label: string;
  readonly waiting: number;
  readonly keeps: boolean;
}) {
  const { name, tag, done, total, label, waiting, keeps } = props;
  return (
    <div class="head">
      <h1>{name ?? "…"}</h1>
      {tag !== undefined && <span class="tag">{tag}</span>}
      <progress max={Math.max(1, total)} value={done} aria-label={label} />
      <span class="count">
        {done} of {total}
      </span>
      <span class="saved" role="status">
        {waiting === 0 ? "all saved" : `${waiting} waiting`}
        {!keeps && waiting > 0 && " (in this tab only: do not close it)"}
      </span>
    </div>
  );
}
