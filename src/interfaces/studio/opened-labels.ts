/** Folders of labels that a studio has open: their columns, the searches that go on in their texts, and the rows of the last filter. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../../base/core/log.ts";
import { LABEL_FILES } from "../../method/labels/labelling.ts";
import type { LabelIndex } from "../../pipeline/label/columns/columns.ts";
import { type OpeningIndex, openLabelIndex } from "../../pipeline/label/columns/open.ts";
import { filterLabels, type LabelFilter } from "../../pipeline/label/columns/query.ts";
import { type LabelSearch, searchTexts } from "../../pipeline/label/columns/search.ts";

/** What is asked of labels: a filter, and a text to look for. */
export type LabelQuery = LabelFilter & { readonly text?: string | undefined };

/** Rows under a query, as far as they are known. */
export type FoundLabels = {
  readonly index: LabelIndex;
  readonly rows: Uint32Array;
  /** Share of the texts that was looked through; null without a search. */
  readonly searched: number | null;
};

/** The open folders. */
export interface OpenedLabels {
  /** Rows of a folder; how far it is read while it is for the first time. @throws what reading it throws */
  find(folder: string, query: LabelQuery): Promise<FoundLabels | { readonly reading: number }>;
}

type Open = OpeningIndex & {
  /** What the file was when it was opened. */
  readonly stamp: string;
  readonly searches: Map<string, LabelSearch>;
  last: { readonly key: string; readonly rows: Uint32Array };
};

/** How long a reply waits for a folder that is being read, ms: one that was kept is there by then. */
const PATIENCE_MS = 250;
/** Searches of one folder that are kept: several people may look for several things. */
const MOST_SEARCHES = 4;

/** Opens nothing yet. */
export function openedLabels(log: Pick<Log, "warn">): OpenedLabels {
  const opened = new Map<string, Open>();
  const openOf = async (folder: string): Promise<Open> => {
    const stamp = await stampOf(folder);
    const before = opened.get(folder);
    if (before?.stamp === stamp) return before;
    for (const search of before?.searches.values() ?? []) search.stop();
    const opening = openLabelIndex(folder, log);
    const open: Open = {
      get share() {
        return opening.share;
      },
      ...{ index: opening.index, stamp, searches: new Map(), last: { key: "", rows: new Uint32Array(0) } },
    };
    opened.set(folder, open);
    // Not kept: what was wrong may be mended.
    open.index.catch(() => opened.delete(folder));
    return open;
  };
  return {
    async find(folder, { text, ...filter }) {
      const open = await openOf(folder);
      const index = await withinPatience(open.index);
      if (index === undefined) return { reading: open.share };
      const search = text === undefined || text === "" ? undefined : searchOf(open, index, text);
      if (search?.failure !== undefined) throw search.failure;
      const key = JSON.stringify([filter, text, search?.found]);
      if (open.last.key !== key)
        open.last = { key, rows: filterLabels(index, { ...filter, found: search?.rows }) };
      return { index, rows: open.last.rows, searched: search?.share ?? null };
    },
  };
}

function searchOf({ searches }: Open, index: LabelIndex, text: string): LabelSearch {
  const search = searches.get(text) ?? searchTexts(index, text);
  // The latest stands last.
  searches.delete(text);
  searches.set(text, search);
  const [oldest] = searches;
  if (searches.size > MOST_SEARCHES && oldest !== undefined) {
    oldest[1].stop();
    searches.delete(oldest[0]);
  }
  return search;
}

async function stampOf(folder: string): Promise<string> {
  const info = await stat(join(folder, LABEL_FILES.labels));
  return `${info.ino} ${info.size} ${info.mtimeMs}`;
}

async function withinPatience<T>(work: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
