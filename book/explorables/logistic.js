// Two classes in the plane, one neuron without bias: the boundary, and the loss of its two weights.
import { fill, number, path, range, shape } from "./kit.js";

export const initial = { w1: -4, w2: 3, rate: 2, loss: "entropy", data: "overlap" };
// x1, x2, and the class where they lie apart; three of them change sides where they overlap.
export const POINTS = [[-0.8, -1.32, 0], [-0.25, 0.42, 1], [1.14, 0.11, 1], [-0.55, -0.78, 0], [0.75, 1.63, 1], [0.27, -1.23, 0], [-0.96, 1.6, 1], [0.2, -1.73, 0],
  [-0.08, -1.16, 0], [-0.63, -0.49, 0], [-0.71, 0.55, 0], [-0.06, -0.59, 0], [0.41, 0.83, 1], [-1.64, -0.26, 0], [-0.98, -0.17, 0], [-1.29, 0.02, 0]];
const CHANGED = [2, 7, 11], LIMIT = 8, CELLS = 26;
export const points = data => POINTS.map(([x1, x2, y], i) => [x1, x2, data === "overlap" && CHANGED.includes(i) ? 1 - y : y]);

export function compute({ w1, w2, loss, data }) {
  const gradient = [0, 0], all = points(data), n = all.length;
  let total = 0, right = 0;
  for (const [x1, x2, y] of all) {
    const z = w1 * x1 + w2 * x2, p = 1 / (1 + Math.exp(-z));
    total += loss === "entropy" ? Math.max(z, 0) - y * z + Math.log1p(Math.exp(-Math.abs(z))) : (p - y) ** 2;
    const dz = loss === "entropy" ? p - y : 2 * (p - y) * p * (1 - p);
    gradient[0] += dz * x1 / n;
    gradient[1] += dz * x2 / n;
    right += Number((z >= 0) === (y === 1));
  }
  return { loss: total / n, gradient, right };
}

export function build(kit) {
  const { strings } = kit, size = 270, X = x => (x + 2) * size / 4, Y = y => size - X(y);
  const V = w => (w + LIMIT) * size / (2 * LIMIT), U = w => size - V(w);
  const left = kit.svg(size, size + 20, strings.about), right = kit.svg(size, size + 20, strings.aboutSurface);
  shape(left, "rect", { width: size, height: size, class: "ex-side ex-negative" });
  const side = shape(left, "polygon", { class: "ex-side ex-positive" }), line = shape(left, "line", { class: "ex-line" });
  const marks = shape(left, "g");
  shape(left, "text", { x: 2, y: size + 15 }, strings.plane);
  const cells = shape(right, "g"), trail = shape(right, "path", { class: "ex-curve ex-axis" });
  const arrow = shape(right, "line", { class: "ex-line" }), dot = shape(right, "circle", { r: 7, class: "ex-marked ex-point" });
  const grip = shape(right, "rect", { width: size, height: size, class: "ex-through" });
  shape(right, "text", { x: 2, y: size + 15 }, strings.surface);
  const round = value => Math.max(-LIMIT, Math.min(LIMIT, Math.round(value * 100) / 100));
  kit.drag(right, grip, (x, y) => { steps = []; kit.set({ w1: round(x * 2 * LIMIT / size - LIMIT), w2: round((size - y) * 2 * LIMIT / size - LIMIT) }); });
  kit.slider("w1", -LIMIT, LIMIT, 0.01);
  kit.slider("w2", -LIMIT, LIMIT, 0.01);
  kit.slider("rate", 0.1, 10, 0.1);
  kit.choice("loss", ["entropy", "squared"]);
  kit.choice("data", ["overlap", "apart"]);
  let steps = [], drawn = "";
  const walk = count => {
    let { w1, w2 } = kit.state;
    for (let i = 0; i < count; i++) {
      steps.push([w1, w2]);
      const { gradient } = compute({ ...kit.state, w1, w2 });
      [w1, w2] = [w1, w2].map((w, k) => Math.max(-LIMIT, Math.min(LIMIT, w - kit.state.rate * gradient[k])));
    }
    steps.push([w1, w2]);
    kit.set({ w1: round(w1), w2: round(w2) });
  };
  kit.button(strings.one, () => walk(1));
  kit.button(strings.many, () => walk(50));

  return state => {
    const { w1, w2 } = state, { loss, gradient, right: correct } = compute(state);
    if (drawn !== state.loss + state.data) {  // the surface changes with the loss and the data alone
      drawn = state.loss + state.data;
      steps = [];
      const step = 2 * LIMIT / CELLS, middle = range(CELLS).map(i => -LIMIT + (i + 0.5) * step);
      const heights = middle.map(b => middle.map(a => compute({ ...state, w1: a, w2: b }).loss)), all = heights.flat().sort((a, b) => a - b);
      cells.replaceChildren();
      heights.forEach((row, r) => row.forEach((height, c) => shape(cells, "rect", {
        x: c * size / CELLS, y: size - (r + 1) * size / CELLS, width: size / CELLS + 0.5, height: size / CELLS + 0.5,
        class: "ex-height", style: `--ink:${Math.floor(12 * all.indexOf(height) / all.length)}` })));
    }
    const corners = [[-2, -2], [2, -2], [2, 2], [-2, 2]], inside = [], crossed = [], z = ([a, b]) => w1 * a + w2 * b;
    corners.forEach((p, i) => {
      const q = corners[(i + 1) % 4], s = z(p), t = z(q);
      if (s >= 0) inside.push(p);
      if ((s >= 0) === (t >= 0)) return;
      inside.push(p.map((v, k) => v + (q[k] - v) * s / (s - t)));
      crossed.push(inside.at(-1));
    });
    side.setAttribute("points", inside.map(([a, b]) => `${X(a)},${Y(b)}`).join(" "));
    crossed.slice(0, 2).forEach(([a, b], k) => {
      line.setAttribute(`x${k + 1}`, X(a));
      line.setAttribute(`y${k + 1}`, Y(b));
    });
    marks.replaceChildren();
    for (const [a, b, y] of points(state.data)) {
      if ((z([a, b]) >= 0) !== (y === 1)) shape(marks, "circle", { cx: X(a), cy: Y(b), r: 12, class: "ex-ring" });
      if (y) shape(marks, "rect", { x: X(a) - 6, y: Y(b) - 6, width: 12, height: 12, class: "ex-positive ex-point" });
      else shape(marks, "circle", { cx: X(a), cy: Y(b), r: 7, class: "ex-negative ex-point" });
    }
    const here = steps.at(-1);
    if (!here || Math.hypot(here[0] - w1, here[1] - w2) > 0.02) steps = [];
    trail.setAttribute("d", steps.length ? path(steps.map(([a, b]) => [V(a), U(b)])) : "");
    dot.setAttribute("cx", V(w1));
    dot.setAttribute("cy", U(w2));
    for (const [key, value] of Object.entries({ x1: V(w1), y1: U(w2), x2: V(w1 - state.rate * gradient[0]), y2: U(w2 - state.rate * gradient[1]) })) arrow.setAttribute(key, value);
    kit.say(fill(strings.said, { loss: number(loss, 4), g1: number(gradient[0], 4), g2: number(gradient[1], 4), right: correct }));
  };
}
