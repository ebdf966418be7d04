/**
 * Accounts for a record: nothing in it vanishes. Each column, and each member of a message, is used, harmless, empty, left out as asked,
 * or named as not used; what could change the meaning of the row and is not used is refused.
 */
import { listed } from "../../base/core/errors.ts";
import { isEmptyValue, isRecord } from "../../base/files/record.ts";
import { type Adapter, type ColumnNotes, type ParsedPair, RowProblem } from "./adapters/adapter.ts";
import {
  harmlessName,
  mayChangeMeaning,
  memberMayChangeMeaning,
  saysWhich,
  TEMPLATE_MEMBERS,
} from "./adapters/known-columns.ts";
import { plainText, type Text } from "./rows.ts";

/** What became of a column in one row. */
export type Fate = "refused" | "used" | "unused" | "ignored" | "harmless" | "empty";

/** The fates from the one that a person must know to the one that hardly matters. */
export const FATES: readonly Fate[] = ["refused", "used", "unused", "ignored", "harmless", "empty"];

/** A column's fate in one row; `note` says as what it is used, why it is harmless, or why it is refused. */
export type Account = { readonly column: string; readonly fate: Fate; readonly note: string };

type Value = Readonly<Record<string, unknown>>;

/** Members of a message that hold its role and its text, in either spelling. */
const SAID = new Set(["role", "content", "from", "value"]);

/**
 * Accounts for every column of a record.
 * @param uses - what was read of it: by the adapter, and what of the rest went into the prompt
 * @param pairs - what came of it; a text that stands in them word for word has not vanished
 */
export function accountFor(
  value: Value,
  { adapter, uses, pairs }: { adapter: Adapter; uses: ColumnNotes; pairs: readonly ParsedPair[] },
): Account[] {
  const row = { uses, harmless: adapter.harmless ?? {}, pairs };
  return Object.entries(value).flatMap(([name, inner]) => accountAt(name, inner, row));
}

type Row = {
  readonly uses: ColumnNotes;
  readonly harmless: ColumnNotes;
  readonly pairs: readonly ParsedPair[];
};

function accountAt(column: string, value: unknown, row: Row): Account[] {
  const as = row.uses[column];
  if (as !== undefined) return [{ column, fate: "used", note: as }, ...membersOf(column, value)];
  if (isEmptyValue(value)) return [{ column, fate: "empty", note: "" }];
  const goesInto = Object.keys(row.uses).some((path) => path.startsWith(`${column}.`));
  const objects = Array.isArray(value) ? value : [value];
  if (goesInto && objects.every(isRecord))
    return objects.flatMap((inner) =>
      Object.entries(inner).flatMap(([name, member]) => accountAt(`${column}.${name}`, member, row)),
    );
  return [unreadColumn(column, value, row)];
}

function unreadColumn(column: string, value: unknown, { harmless, pairs }: Row): Account {
  const why = harmless[column];
  if (why !== undefined) return { column, fate: "harmless", note: why };
  if (standsIn(value, pairs)) return { column, fate: "harmless", note: "stands in the pair already" };
  const name = column.slice(column.lastIndexOf(".") + 1);
  if (saysWhich(name) && pairs.every(({ preferred, people }) => preferred === "none" && people === undefined))
    return {
      column,
      fate: "refused",
      note: `may say which response is better, and this shape reads no label (--map prompt=…,a=…,b=…,label=${column},values=… reads it)`,
    };
  if (mayChangeMeaning(name) && isSaid(value))
    return { column, fate: "refused", note: "may change what the row means and is not read by this shape" };
  const known = harmlessName(name);
  if (known !== undefined && !isLongText(value)) return { column, fate: "harmless", note: known };
  if (pairs.some(({ promptIs }) => promptIs === "guessed") && typeof value === "string" && isWords(value))
    return {
      column,
      fate: "refused",
      note: "may be the question: the prompt was only guessed, from what chosen and rejected begin with",
    };
  return { column, fate: "unused", note: "" };
}

/** The members of the messages that a used column holds. */
function membersOf(column: string, value: unknown): Account[] {
  return messagesIn(value).flatMap((message) =>
    Object.entries(message).flatMap(([name, member]): Account[] => {
      if (SAID.has(name)) return [];
      const path = `${column}[].${name}`;
      if (isEmptyValue(member)) return [{ column: path, fate: "empty", note: "" }];
      if ((TEMPLATE_MEMBERS as readonly string[]).includes(name))
        return [{ column: path, fate: "used", note: "given to the chat template" }];
      if (memberMayChangeMeaning(name) && !(TRAINS_EVERY_TURN.has(name) && (member === 1 || member === true)))
        return [{ column: path, fate: "refused", note: "may change what the message means and is not read" }];
      const known = harmlessName(name);
      return [
        known === undefined
          ? { column: path, fate: "unused", note: "" }
          : { column: path, fate: "harmless", note: known },
      ];
    }),
  );
}

/** Members that switch a message's loss off; 1 and true say what holds anyway. */
const TRAINS_EVERY_TURN = new Set(["weight", "train", "training"]);

/** The messages that a value holds: of a list, or one by itself. */
export function messagesIn(value: unknown): Record<string, unknown>[] {
  const list = Array.isArray(value) ? value : [value];
  return list.filter((item) => isRecord(item)).filter((item) => "role" in item || "from" in item);
}

/** Texts, lists and objects say something; numbers and truth values under a telling name do not. */
const isSaid = (value: unknown): boolean =>
  (typeof value === "string" && !/^[\d.,+-]+$/.test(value.trim())) ||
  (typeof value === "object" && value !== null);

/** More than a name or a label. */
const isLongText = (value: unknown): boolean =>
  typeof value === "string" && (value.length > 100 || value.trim().split(/\s+/).length > 11);

/** Words rather than a code, a name of one word, a number or a date. */
const isWords = (text: string): boolean =>
  /\p{L}/u.test(text) && (/\S\s+\S/.test(text) || text.length > 24 || /[\p{Lo}]/u.test(text));

/** True when every text in a value stands in each pair word for word, so that leaving the column out loses nothing. */
function standsIn(value: unknown, pairs: readonly ParsedPair[]): boolean {
  const texts = textsIn(value).map((text) => text.trim());
  if (texts.length === 0 || pairs.length === 0) return false;
  return pairs.every(({ prompt, first, second }) => {
    const whole = [prompt, first, second].map(plainText).join("\n");
    const pieces = new Set([prompt, first, second].flatMap(pieceTexts));
    // A short text may stand in a longer one by chance.
    return texts.every((text) => pieces.has(text) || (text.length >= 12 && whole.includes(text)));
  });
}

const pieceTexts = (text: Text): string[] =>
  typeof text === "string" ? [text.trim()] : text.map(({ content }) => content.trim());

/** Members whose texts are no part of what is said. */
const MARKS = new Set(["role", "from", "type", "mimeType"]);

/** All texts of a value that say something, at any depth. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return value.trim() === "" ? [] : [value];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => (MARKS.has(name) ? [] : textsIn(inner)));
}

/** @throws RowProblem naming all columns of a row that are refused, and the flag that leaves them out */
export function refuse(accounts: readonly Account[]): void {
  const refused = new Map(
    accounts.filter(({ fate }) => fate === "refused").map(({ column, note }) => [column, note]),
  );
  if (refused.size === 0) return;
  const columns = [...refused.keys()];
  throw new RowProblem(listed(columns), [...new Set(refused.values())].join("; "), ignoreAdvice(columns));
}

/** What to do about columns that are not read. */
export function ignoreAdvice(columns: readonly string[]): string {
  const names = listed([
    ...new Set(columns.map((column) => column.slice(column.search(/[^.\]]+$/)))),
  ]).replaceAll(", ", ",");
  return `Name the columns that make the prompt with --map, or leave these out on purpose with --ignore ${names} (in a recipe, source: {file, ignore: [${names}]}).`;
}
