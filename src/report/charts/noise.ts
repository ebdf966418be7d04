/** Points of training curves that are rounding and not training. */

/** Rounding of a float32 sum, as a share of what is summed. */
const NOISE = 1e-6;

/** What follows from the margin of policy and reference, and is rounding with it. */
const OF_MARGIN = ["rewards/margins", "rewards/accuracies", "rewards/chosen", "rewards/rejected"];

/**
 * Curves without a first point that is float noise: before its first step a policy is its reference, so that margins are rounding errors and
 * the share of them above 0 is anything. Other points, and a first margin above rounding (a run that goes on), stay.
 * @param curves - `[step, value]` by metric, in the order of steps
 */
export function withoutNoise<P extends readonly [step: number, value: number]>(
  curves: ReadonlyMap<string, readonly P[]>,
): ReadonlyMap<string, readonly P[]> {
  const margin = curves.get("rewards/margins")?.[0];
  if (margin === undefined) return curves;
  const [step, value] = margin;
  const summed = Math.max(1, Math.abs(curves.get("logps/chosen")?.[0]?.[1] ?? 1));
  if (Math.abs(value) > NOISE * summed) return curves;
  return new Map(
    [...curves].map(([metric, points]) => [
      metric,
      OF_MARGIN.includes(metric) && points[0]?.[0] === step ? points.slice(1) : points,
    ]),
  );
}
