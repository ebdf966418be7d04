/**
 * Who is at the page. The printed address carries a ticket that is good once, or each person has a token; either is exchanged for a cookie
 * that no script can read and no other site can send. Cookies live in memory: a server that is started again wants to be entered again.
 */
import { createHash, randomBytes } from "node:crypto";
import { Problem } from "../serve/problem.ts";
import type { Role } from "./protocol.ts";

/** A person at a page. */
export type Person = { readonly name: string; readonly role: Role };

/** Tickets and sessions of one server. */
export interface Sessions {
  /** A new ticket, good once. */
  ticket(person: Person): string;
  /** Whether a ticket is still good. */
  isGood(ticket: string): boolean;
  /** The cookie that a ticket is exchanged for; undefined for one that was used, or never was. */
  exchange(ticket: string): string | undefined;
  /** The cookie of whoever has this token. @throws Problem 401 */
  enter(token: string): string;
  /** Who sent a request. @throws Problem 401 */
  personOf(headers: Headers): Person;
}

/**
 * @param port - known once the server listens. Part of the cookie's name: cookies do not know ports, and two studios on one machine must not log each other out
 * @param people - by the digests of their tokens; undefined where tickets let people in
 */
export function openSessions(port: () => number, people?: ReadonlyMap<string, Person>): Sessions {
  const name = () => `weak-teacher-studio-${port()}`;
  const tickets = new Map<string, Person>();
  const sessions = new Map<string, Person>();
  const cookieFor = (person: Person) => {
    const secret = randomBytes(24).toString("base64url");
    sessions.set(digest(secret), person);
    return `${name()}=${secret}; HttpOnly; SameSite=Strict; Path=/`;
  };
  return {
    ticket(person) {
      const secret = randomBytes(24).toString("base64url");
      tickets.set(digest(secret), person);
      return secret;
    },
    isGood: (ticket) => tickets.has(digest(ticket)),
    exchange(ticket) {
      const person = tickets.get(digest(ticket));
      if (person === undefined) return undefined;
      tickets.delete(digest(ticket));
      return cookieFor(person);
    },
    enter(token) {
      const person = people?.get(digest(token));
      if (person !== undefined) return cookieFor(person);
      throw new Problem(401, "token: is not one of this studio's.", { code: "wrong_token" });
    },
    personOf(headers) {
      const secret = cookieOf(headers, name());
      const person = secret === undefined ? undefined : sessions.get(digest(secret));
      if (person !== undefined) return person;
      if (people !== undefined)
        throw new Problem(401, "session: is missing. Enter with your token.", { code: "no_token" });
      throw new Problem(401, "session: is missing. Open the address that weak-teacher studio printed.", {
        code: "no_session",
      });
    },
  };
}

/** Secrets are looked up by their digests: how long that takes tells nothing of them. */
export const digest = (secret: string) => createHash("sha256").update(secret).digest("hex");

function cookieOf(headers: Headers, name: string): string | undefined {
  const cookies = (headers.get("cookie") ?? "").split(";").map((part) => part.trim());
  return cookies.find((cookie) => cookie.startsWith(`${name}=`))?.slice(name.length + 1);
}
