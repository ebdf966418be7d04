/** What all routes of the studio are given. */
import type { Log } from "../../base/core/log.ts";
import type { Deal } from "../../method/labels/answer-deal.ts";
import type { OpenedFolders } from "./opened.ts";
import type { PageFiles } from "./page-files.ts";
import type { Person } from "./sessions.ts";

/** What the routes work with. */
export type StudioDeps = {
  readonly folders: OpenedFolders;
  readonly page: PageFiles;
  readonly version: string;
  readonly log: Log;
  /** Who sent a request that was let in. */
  readonly personOf: (request: Request) => Person;
  /** How questions are dealt; undefined where everybody gets all. */
  readonly deal: Deal | undefined;
  /** Aborted when the studio closes: streams end then. */
  readonly closing: AbortSignal;
};
