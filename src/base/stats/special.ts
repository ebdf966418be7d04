/** Special functions in double precision: logistic, log-gamma, incomplete beta, normal distribution. */
import { NumericsError } from "../core/errors.ts";

/** Logistic function; never overflows, and `logistic(-x) = 1 - logistic(x)` to rounding. */
export function logistic(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/** log(logistic(x)), finite for every finite x. */
export function logLogistic(x: number): number {
  return Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)));
}

/**
 * log Γ(x) for x > 0, by Stirling's series after shifting x above 15
 * (Abramowitz & Stegun 6.1.41; six terms leave less than 1e-16 there).
 */
export function logGamma(x: number): number {
  if (!(x > 0)) throw new NumericsError("logGamma", `x is out of range, expected x > 0, got ${x}.`);
  let shift = 0;
  let z = x;
  for (; z < 15; z++) shift += Math.log(z);
  const r = 1 / (z * z);
  const series =
    (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * (1 / 1188 - (r * 691) / 360360))))) / z;
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - shift;
}

/** log of the binomial coefficient n over k. */
export function logChoose(n: number, k: number): number {
  return logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
}

/**
 * Regularised incomplete beta function I_x(a, b), the distribution function of Beta(a, b).
 * Continued fraction of Abramowitz & Stegun 26.5.8 by the modified Lentz method, on the side where it converges fast.
 *
 * @param x - in [0, 1]
 * @throws NumericsError unless a > 0 and b > 0 and x is in range
 */
export function regularizedBeta(x: number, a: number, b: number): number {
  if (!(x >= 0 && x <= 1 && a > 0 && b > 0))
    throw new NumericsError(
      "regularizedBeta",
      `expected x in [0, 1], a > 0, b > 0, got x ${x}, a ${a}, b ${b}.`,
    );
  if (x === 0 || x === 1) return x;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(x, a, b)) / a
    : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

function betaFraction(x: number, a: number, b: number): number {
  const away = (value: number) => (Math.abs(value) < 1e-300 ? 1e-300 : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let h = d;
  // The number of terms grows like sqrt(max(a, b)); the limit is for arguments beyond any sample size.
  for (let m = 1; m < 1_000_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    h *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) return h;
  }
  throw new NumericsError("regularizedBeta", `no convergence at x ${x}, a ${a}, b ${b}.`);
}

/** Inverse of `regularizedBeta` in x, by bisection to the last bit: the p-quantile of Beta(a, b). */
export function betaQuantile(p: number, a: number, b: number): number {
  let low = 0;
  let high = 1;
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (regularizedBeta(middle, a, b) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * Standard normal quantile: Acklam's rational approximation (2003, relative error 1.15e-9) and
 * one step of Halley against `normalCdf`.
 *
 * @param p - in (0, 1)
 */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1))
    throw new NumericsError("normalQuantile", `p is out of range, expected (0, 1), got ${p}.`);
  if (p > 0.5) return -normalQuantile(1 - p);
  const guess = p < 0.02425 ? acklamTail(Math.sqrt(-2 * Math.log(p))) : acklamCentre(p - 0.5);
  const e = (normalCdf(guess) - p) * Math.sqrt(2 * Math.PI) * Math.exp((guess * guess) / 2);
  return guess - e / (1 + (guess * e) / 2);
}

const polynomial = (x: number, terms: readonly number[]) =>
  terms.reduce((value, term) => value * x + term, 0);

function acklamTail(q: number): number {
  const top = [
    -7.784894002430293e-3, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ];
  const bottom = [7.784695709041462e-3, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1];
  return polynomial(q, top) / polynomial(q, bottom);
}

function acklamCentre(q: number): number {
  const top = [
    -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716,
    2.506628277459239,
  ];
  const bottom = [
    -54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1,
  ];
  return (q * polynomial(q * q, top)) / polynomial(q * q, bottom);
}

/**
 * Standard normal distribution function, from the regularised incomplete gamma functions of 1/2: the series
 * (Abramowitz & Stegun 6.5.29) near zero, the continued fraction (6.5.31) in the tails.
 */
export function normalCdf(z: number): number {
  if (Number.isNaN(z)) throw new NumericsError("normalCdf", "z is not a number, got NaN.");
  const t = (z * z) / 2;
  if (Math.abs(z) > 2.5) {
    const tail = Math.abs(z) > 39 ? 0 : 0.5 * upperGammaHalf(t);
    return z < 0 ? tail : 1 - tail;
  }
  return 0.5 + Math.sign(z) * 0.5 * lowerGammaHalf(t);
}

/** P(1/2, t) = exp(-t) sqrt(t) Σ t^k / Γ(k + 3/2). */
function lowerGammaHalf(t: number): number {
  let term = 2 / Math.sqrt(Math.PI);
  let total = term;
  for (let k = 1; term > total * 1e-17 && k < 500; k++) {
    term *= t / (k + 0.5);
    total += term;
  }
  return total * Math.exp(-t) * Math.sqrt(t);
}

/** Q(1/2, t) by the continued fraction, evaluated from the far end. */
function upperGammaHalf(t: number): number {
  let f = 0;
  for (let k = 120; k >= 1; k--) f = (k * (k - 0.5)) / (t + 2 * k + 0.5 - f);
  return (Math.exp(-t) * Math.sqrt(t)) / Math.sqrt(Math.PI) / (t + 0.5 - f);
}
