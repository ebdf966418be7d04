import { describe, expect, it } from "vitest";
import { fullReport, smallestReport } from "../../test/report/fixture.ts";
import { checkReportData } from "./check.ts";
import { renderJson } from "./json.ts";

describe("report.json", () => {
  it("is the same bytes for the same data in any order of members", () => {
    const data = fullReport();
    const reversed = Object.fromEntries(Object.entries(data).reverse()) as typeof data;
    expect(renderJson(reversed)).toBe(renderJson(data));
  });
  it("differs in times alone when only times differ", () => {
    const data = fullReport();
    const later = { ...data, times: { startedAt: "2027-01-01T00:00:00Z" } };
    const timeless = (text: string) => text.slice(0, text.indexOf('\n  "times":'));
    expect(renderJson(later)).not.toBe(renderJson(data));
    expect(timeless(renderJson(later))).toBe(timeless(renderJson(data)));
    expect(Object.keys(JSON.parse(renderJson(data))).at(-1)).toBe("times");
  });
  it("gives the data back, with the schema's name and the headline", () => {
    const { schema, headline, ...rest } = JSON.parse(renderJson(fullReport()));
    expect(schema).toBe("weak-teacher/report@2");
    expect(headline).toHaveLength(3);
    expect(rest).toEqual(fullReport());
  });
});

describe("the check", () => {
  it("names every number that is not finite by its path", () => {
    const arms = [
      { name: "a", goldReward: { estimate: Number.NaN, low: 0, high: Number.POSITIVE_INFINITY, n: 3 } },
    ];
    expect(() => renderJson({ ...smallestReport(), arms })).toThrow(
      "report: arms[0].goldReward.estimate must be finite, got NaN; arms[0].goldReward.high must be finite, got Infinity",
    );
  });
  it("refuses intervals turned around, ragged tables and wrong edges", () => {
    const small = smallestReport();
    expect(() =>
      checkReportData({
        ...small,
        arms: [{ name: "a", goldReward: { estimate: 0, low: 1, high: -1, n: 3 } }],
      }),
    ).toThrow("low <= high, got [1, -1]");
    expect(() =>
      checkReportData({ ...small, tables: [{ title: "T", columns: [{ title: "x" }], rows: [[1, 2]] }] }),
    ).toThrow('table "T", row 1: expected 1 cells, got 2');
    expect(() =>
      checkReportData({
        ...small,
        histograms: [{ title: "H", xLabel: "x", edges: [0], series: [{ name: "s", counts: [1] }] }],
      }),
    ).toThrow("expected 2 edges, got 1");
    expect(() => checkReportData(fullReport())).not.toThrow();
  });
});
