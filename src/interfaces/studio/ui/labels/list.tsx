/** Rows of labels as one scrolls. Browsers cap heights at some 16 million pixels: the spacer is shorter, and its scroll is scaled. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { visible } from "../../../../base/core/visible.ts";
import type { LabelRow } from "../../protocol.ts";
import { get } from "../api.ts";

const ROW_PX = 30;
const MOST_PX = 8_000_000;
/** Rows in one request. */
const PAGE = 100;
/** Requests' rows that are kept. */
const KEPT = 20;

/** The list. `total` rows pass the filter. */
export function LabelList(props: {
  readonly base: string;
  readonly query: string;
  readonly total: number;
  readonly shown: number | undefined;
  readonly show: (row: number) => void;
}) {
  const { base, query, total, shown, show } = props;
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const room = useSignal(20);
  const at = useSignal(0);
  const pages = useSignal<ReadonlyMap<number, readonly LabelRow[]>>(new Map());
  /** How many rows there were when a page was asked for: while a search goes on, more come. */
  const askedOf = useRef(new Map<number, number>());
  const height = Math.min(MOST_PX, total * ROW_PX);
  const isScaled = total * ROW_PX > MOST_PX;
  const offset = useSignal(0);
  const place = () => {
    const { current } = box;
    if (current === null) return;
    room.value = Math.ceil(current.clientHeight / ROW_PX) + 1;
    const most = Math.max(1, height - current.clientHeight);
    const rows = Math.max(0, total - Math.floor(current.clientHeight / ROW_PX));
    const { scrollTop } = current;
    top.value = isScaled
      ? Math.round((Math.min(scrollTop, most) / most) * rows)
      : Math.floor(scrollTop / ROW_PX);
    // Unscaled, rows lie where they would; scaled, the rows in sight go along.
    offset.value = isScaled ? scrollTop : top.value * ROW_PX;
  };
  useEffect(() => {
    place();
    addEventListener("resize", place);
    return () => removeEventListener("resize", place);
  }, [total]);
  const first = top.value;
  const last = Math.min(total, first + room.value);
  useEffect(() => {
    for (let page = Math.floor(first / PAGE); page * PAGE < last; page++) {
      const before = pages.value.get(page);
      const isWhole = before !== undefined && before.length >= Math.min(total - page * PAGE, PAGE);
      if (isWhole || (before !== undefined && askedOf.current.get(page) === total)) continue;
      askedOf.current.set(page, total);
      // Asked for once; rows that are out of sight again are dropped.
      pages.value = new Map([
        ...[...pages.value].filter(([known]) => known !== page).slice(-KEPT),
        [page, before ?? []],
      ]);
      get<{ rows: LabelRow[] }>(`${base}/rows?${query}&from=${page * PAGE}&count=${PAGE}`).then(
        ({ rows }) => {
          // What was asked for later knows more.
          if (askedOf.current.get(page) !== total) return;
          pages.value = new Map([...pages.value, [page, rows]]);
        },
        () => {
          askedOf.current.delete(page);
          pages.value = new Map([...pages.value].filter(([known]) => known !== page));
        },
      );
    }
  }, [first, last, query, total]);
  const rowAt = (k: number) => pages.value.get(Math.floor(k / PAGE))?.[k % PAGE];
  const move = (to: number) => {
    at.value = Math.min(total - 1, Math.max(0, to));
    const { current } = box;
    if (current === null || (at.value >= first && at.value < last - 2)) return;
    const rows = Math.max(1, total - Math.floor(current.clientHeight / ROW_PX));
    current.scrollTop = (Math.min(at.value, rows) / rows) * (height - current.clientHeight);
  };
  const onKey = (event: KeyboardEvent) => {
    const moves: Readonly<Record<string, number>> = {
      ...{ ArrowDown: at.value + 1, ArrowUp: at.value - 1, PageDown: at.value + room.value - 2 },
      ...{ PageUp: at.value - room.value + 2, Home: 0, End: total - 1 },
    };
    const to = moves[event.key];
    const row = rowAt(at.value);
    if (to !== undefined) move(to);
    else if (event.key === "Enter" && row !== undefined) show(row.row);
    else return;
    event.preventDefault();
  };
  return (
    <div
      ref={box}
      class="label-list"
      role="listbox"
      aria-label="Labels; arrow keys move, Enter shows the pair"
      aria-activedescendant={rowAt(at.value) === undefined ? undefined : `label-${at.value}`}
      tabIndex={0}
      onScroll={place}
      onKeyDown={onKey}
    >
      <div class="spacer" role="presentation" style={{ height: `${height}px` }} />
      <div class="window" role="presentation" style={{ top: `${offset.value}px` }}>
        {Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i).map((k) => {
          const row = rowAt(k);
          return (
            <div
              key={k}
              id={`label-${k}`}
              role="option"
              tabIndex={-1}
              aria-selected={row !== undefined && row.row === shown}
              class={k === at.value ? "label-row at" : "label-row"}
              onClick={() => {
                at.value = k;
                if (row !== undefined) show(row.row);
              }}
              onKeyDown={() => {}}
            >
              <span class="p">
                {row === undefined
                  ? ""
                  : row.pChosen === null
                    ? row.preferred
                    : `${row.preferred} ${row.pChosen.toFixed(3)}`}
              </span>
              <span class="excerpt">
                {row === undefined ? "…" : visible(row.excerpt ?? row.id).replace(/\s+/g, " ")}
              </span>
              <span class="soft">
                {row === undefined ? "" : [...row.flags, ...peopleOf(row)].map(visible).join(" ")}
              </span>
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** What people say where they say otherwise. */
const peopleOf = ({ human, preferred }: LabelRow): string[] =>
  human === null || human === preferred ? [] : [`people: ${human}`];
