/** What `npm ci` installs: each package the very bytes that were looked at, and no program of a package's own runs unsaid. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const read = (name: string) => readFileSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), "utf8");

type Locked = {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
};
const { packages } = JSON.parse(read("package-lock.json")) as { packages: Readonly<Record<string, Locked>> };
const installed = Object.entries(packages).filter(([path]) => path !== "");
const nameOf = (path: string) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);

test("every package of the lockfile has a version and the digest of its archive, and no address of its own", () => {
  expect(installed.length).toBeGreaterThan(100);
  const wrong = installed.filter(
    ([, { version, integrity, resolved, link }]) =>
      !/^\d+\.\d+\.\d+/.test(version ?? "") ||
      !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? "") ||
      resolved !== undefined ||
      link === true,
  );
  expect(wrong.map(([path]) => path)).toEqual([]);
});

test("packages that run a program when they are installed are those that docs/dependencies.md explains", () => {
  const running = installed.filter(([, one]) => one.hasInstallScript === true).map(([path]) => nameOf(path));
  const section = read("docs/dependencies.md").split("## Programs that run at installation")[1] ?? "";
  const explained = [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name!);
  expect(explained.sort()).toEqual([...new Set(running)].sort());
});
