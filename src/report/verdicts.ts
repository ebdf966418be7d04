/** Words about verdicts, shared by the page and the Markdown. */
import type { DisagreementExample } from "./data.ts";
import { formatNumber } from "./format.ts";

/** "teacher: margin +1.23, confidence 71 %", or undefined when a verdict carries no number. */
export function verdictDetail({
  by,
  margin,
  pChosen,
}: DisagreementExample["verdicts"][number]): string | undefined {
  const parts = [
    margin === undefined ? undefined : `margin ${formatNumber(margin, { digits: 2, signed: true })}`,
    pChosen === undefined
      ? undefined
      : `confidence ${formatNumber(pChosen, { format: "percent", digits: 0 })}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : `${by}: ${parts.join(", ")}`;
}

/** "judge: tie" for everyone who chose neither. */
export function undecided({ verdicts }: DisagreementExample): string[] {
  return verdicts
    .filter(({ preferred }) => preferred === "tie" || preferred === "abstain")
    .map(({ by, preferred }) => `${by}: ${preferred === "tie" ? "tie" : "abstained"}`);
}
