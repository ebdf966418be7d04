/** Who of several people may do what, and their tokens. */
import { ConfigError } from "../../base/core/errors.ts";
import { readText } from "../../base/core/files.ts";
import { LEAST_TOKEN, refuseOpenToAll } from "../serve/access.ts";
import { Problem } from "../serve/problem.ts";
import { isName } from "./names.ts";
import type { Role } from "./protocol.ts";
import { digest, type Person } from "./sessions.ts";

const ROLES: readonly Role[] = ["annotate", "manage"];

/** All that the role `annotate` may ask for: a route that is not named here is not for it. */
const FOR_ANNOTATE = /^\/api\/(studio|ask\/[^/]+(\/(pairs|events|summary))?)$/;

/** @throws Problem 403 for what a person's role does not hold */
export function checkRole({ name, role }: Person, path: string): void {
  if (role === "manage" || FOR_ANNOTATE.test(path)) return;
  throw new Problem(403, `role: ${name} may answer questions here and nothing else.`, { code: "role" });
}

/**
 * Reads a file of tokens: a line for each person with name, role and token, spaces between; `#` begins a comment.
 * @returns people by the digests of their tokens
 * @throws ConfigError that tells all that is wrong, and no token
 */
export async function readTokens(file: string): Promise<ReadonlyMap<string, Person>> {
  const where = `--tokens ${file}`;
  const text = await readText(file, 2 ** 20);
  await refuseOpenToAll(file, "studio: --tokens");
  const people = new Map<string, Person>();
  const wrong: string[] = [];
  text.split(/\r?\n/).forEach((line, i) => {
    const words = line
      .replace(/(^|\s)#.*$/, "")
      .trim()
      .split(/\s+/);
    if (words[0] === "") return;
    const problem = problemOf(words, [...people.values()]);
    const [name = "", role, token = ""] = words;
    if (problem !== undefined) wrong.push(`line ${i + 1}: ${problem}`);
    else if (people.has(digest(token))) wrong.push(`line ${i + 1}: the token is another's, too`);
    else people.set(digest(token), { name: name.normalize("NFC"), role: role as Role });
  });
  if (people.size === 0 && wrong.length === 0) wrong.push("no line names anybody");
  if (wrong.length === 0) return people;
  throw new ConfigError(
    `${where}: ${wrong.slice(0, 10).join("; ")}. Expected a line for each person: NAME annotate|manage TOKEN.`,
  );
}

function problemOf(words: readonly string[], before: readonly Person[]): string | undefined {
  const [name = "", role = "", token = ""] = words;
  if (words.length !== 3) return `has ${words.length} words`;
  if (!isName(name)) return "the name is not of 1 to 40 letters, digits, dots, dashes or underscores";
  // Some file systems do not tell capitals.
  const same = name.normalize("NFC").toLowerCase();
  if (before.some((person) => person.name.toLowerCase() === same)) return `${name} has a token already`;
  if (!ROLES.some((known) => known === role)) return `${name}'s role is not known`;
  if (token.length < LEAST_TOKEN)
    return `${name}'s token has ${token.length} characters, ${LEAST_TOKEN} are the least`;
  return undefined;
}
