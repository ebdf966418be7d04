import { expect, test } from "vitest";
import { overlaid } from "./curves.ts";

test("curves that two runs have share a chart, a line for each run; what one alone has is left to its report", () => {
  const curve = (stage: string, metric: string, last: number) => ({
    ...{ stage, metric, panel: `preference ${metric}` },
    points: [[1, 0.7] as [number, number], [2, last] as [number, number]],
  });
  const one = { name: "one", curves: [curve("weak-prefer", "loss", 0.5), curve("weak-prefer", "margin", 1)] };
  const two = {
    name: "two",
    curves: [curve("weak-prefer", "loss", 0.4), curve("human-prefer", "loss", 0.1)],
  };
  const three = { name: "three", curves: [curve("weak-prefer", "loss", 0.3)] };
  expect(overlaid([one, two, three])).toEqual(
    [one, two, three].map(({ name, curves: [first] }) => ({
      ...{ stage: "weak-prefer", metric: name, panel: "loss", points: first!.points },
    })),
  );
  expect(overlaid([one])).toEqual([]);
});
