// A polynomial through 25 noisy points: the degree, the penalty, and the two errors.
import { fill, number, path, range, shape } from "./kit.js";

export const initial = { degree: 4, penalty: -7, sample: "1" };
const TAU = 0.5, HIGHEST = 14;
export const PLACES = range(25).map(i => -1 + i / 12);
const truth = x => Math.exp(x) * Math.sin(Math.PI * x);
// The noise of the first three of the chapter's samples.
export const NOISE = [
  [0.063, -0.066, 0.32, 0.052, -0.268, 0.181, 0.652, 0.474, -0.352, -0.633, -0.312, 0.021, -1.163, -0.109, -0.623, -0.366, -0.272, -0.158, 0.206, 0.521, -0.064, 0.683, -0.333, 0.176, 0.452],
  [0.047, -0.372, -0.461, -0.229, 0.11, -0.505, -0.105, -0.08, 0.27, 0.107, 0.178, -0.327, -0.065, 0.392, 0.747, -0.63, 0.757, 0.673, 0.391, 0.132, -0.157, 0.729, 0.98, 0.901, 0.658],
  [0.179, -0.604, -0.002, 0.328, -0.644, 0.198, 0.215, 0.348, -0.592, -0.331, -0.218, -0.585, 0.87, -0.248, 0.164, -0.129, 0.792, 0.66, 0.317, -1.102, 0.026, 0.342, 0.502, -0.309, 0.911],
];

// Legendre's polynomials at x, up to a degree.
function features(x, degree) {
  const found = [1, x];
  for (let n = 1; n < degree; n++) found.push(((2 * n + 1) * x * found[n] - n * found[n - 1]) / (n + 1));
  return found.slice(0, degree + 1);
}

function solve(a, b) {
  const n = b.length, m = a.map((row, i) => [...row, b[i]]);
  for (let k = 0; k < n; k++) {
    let top = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(m[i][k]) > Math.abs(m[top][k])) top = i;
    [m[k], m[top]] = [m[top], m[k]];
    for (let i = k + 1; i < n; i++) for (let j = n, f = m[i][k] / m[k][k]; j >= k; j--) m[i][j] -= f * m[k][j];
  }
  const x = Array(n).fill(0);
  for (let i = n - 1; i >= 0; i--) x[i] = (m[i][n] - range(n).reduce((s, j) => s + (j > i ? m[i][j] * x[j] : 0), 0)) / m[i][i];
  return x;
}

// The mean squared error plus `strength` times the squared weights, the constant left out.
export function compute({ degree, penalty, sample }) {
  const strength = penalty <= -7 ? 0 : 10 ** penalty, y = PLACES.map((x, i) => truth(x) + NOISE[Number(sample) - 1][i]);
  const rows = PLACES.map(x => features(x, degree)), indices = range(degree + 1);
  const gram = indices.map(i => indices.map(j => rows.reduce((s, row) => s + row[i] * row[j], 0) + (i === j && i ? PLACES.length * strength : 0)));
  const weights = solve(gram, indices.map(i => rows.reduce((s, row, k) => s + row[i] * y[k], 0)));
  const predict = x => features(x, degree).reduce((s, value, i) => s + value * weights[i], 0);
  const mean = values => values.reduce((a, b) => a + b, 0) / values.length;
  return {
    y, weights, curve: range(101).map(i => predict(-1 + i / 50)),
    training: mean(PLACES.map((x, i) => (predict(x) - y[i]) ** 2)),
    fresh: mean(PLACES.map(x => (predict(x) - truth(x)) ** 2)) + TAU ** 2,
  };
}

export function build(kit) {
  const { strings } = kit, width = 320, height = 240;
  const left = kit.svg(width, height, strings.about), right = kit.svg(width, height, strings.aboutErrors);
  const plot = kit.axes(left, { box: [32, 24, width - 6, 205], x: [-1.05, 1.05], y: [-2.2, 3.2], xTicks: [-1, 0, 1], yTicks: [-2, 0, 2], xLabel: "x", yLabel: "y" });
  const errors = kit.axes(right, { box: [32, 24, width - 6, 205], x: [0, HIGHEST], y: [0, 1.2], xTicks: [0, 2, 4, 6, 8, 10, 12, 14], yTicks: [0, 0.5, 1], xLabel: strings.xLabel, yLabel: strings.yLabel });
  shape(left, "path", { d: path(range(101).map(i => -1 + i / 50).map(x => [plot.X(x), plot.Y(truth(x))])), class: "ex-curve ex-axis ex-dashed" });
  const curve = shape(left, "path", { class: "ex-curve ex-training" }), dots = shape(left, "g");
  shape(right, "line", { x1: errors.X(0), x2: errors.X(HIGHEST), y1: errors.Y(TAU ** 2), y2: errors.Y(TAU ** 2), class: "ex-curve ex-baseline ex-dashed" });
  const lines = { training: shape(right, "path", { class: "ex-curve ex-training" }), fresh: shape(right, "path", { class: "ex-curve ex-new" }) };
  const here = shape(right, "g"), names = { training: shape(right, "text", { "text-anchor": "end" }, strings.training), fresh: shape(right, "text", { "text-anchor": "end" }, strings.fresh) };
  kit.slider("degree", 0, HIGHEST, 1);
  kit.slider("penalty", -7, 1, 0.25, value => (value <= -7 ? strings.off : (10 ** value).toPrecision(2)));
  kit.choice("sample", ["1", "2", "3"], ["1", "2", "3"]);

  return state => {
    const now = compute(state), all = range(HIGHEST + 1).map(degree => compute({ ...state, degree }));
    const clip = (value, low, high) => Math.max(low, Math.min(high, value));
    curve.setAttribute("d", path(now.curve.map((y, i) => [plot.X(-1 + i / 50), plot.Y(clip(y, -2.2, 3.2))])));
    dots.replaceChildren();
    PLACES.forEach((x, i) => shape(dots, "circle", { cx: plot.X(x), cy: plot.Y(clip(now.y[i], -2.2, 3.2)), r: 3.5, class: "ex-dot" }));
    here.replaceChildren();
    for (const key of ["training", "fresh"]) {
      lines[key].setAttribute("d", path(all.map((one, degree) => [errors.X(degree), errors.Y(clip(one[key], 0, 1.2))])));
      shape(here, "circle", { cx: errors.X(state.degree), cy: errors.Y(clip(now[key], 0, 1.2)), r: 6, class: "ex-marked ex-point" });
      names[key].setAttribute("x", width - 8);
      names[key].setAttribute("y", errors.Y(clip(all[HIGHEST][key], 0, 1.12)) - 7);
    }
    const best = all.map(one => one.fresh).indexOf(Math.min(...all.map(one => one.fresh)));
    kit.say(fill(strings.said, { training: number(now.training, 3), fresh: number(now.fresh, 3), best }));
  };
}
