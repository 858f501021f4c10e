// A long valley: how fast does a walker come down, and what do the rate and a memory change?
import { fill, number, path, range, shape, still } from "./kit.js";

export const initial = { steps: 60, ratio: 50, rate: 1.9, beta: 0 };
const START = [-1, 0.35], MOST = 80, COLORS = ["ex-training", "ex-new"];

const round = value => Math.round(value * 100) / 100;
// The roots of r² - (1 + β - ηc) r + β: what is left after one step, late in the walk.
const roots = (curvatures, eta, beta) => curvatures.map(c => {
  const p = 1 + beta - eta * c, root = p * p - 4 * beta;
  return root < 0 ? Math.sqrt(beta) : (Math.abs(p) + Math.sqrt(root)) / 2;
});

// Curvatures 1 along and `ratio` across; `rate` is the learning rate times the greater one.
export function compute({ ratio, rate, beta }) {
  const curvatures = [1, ratio], eta = rate / ratio;
  let w = [...START], v = [0, 0];
  const walk = [w];
  for (let t = 0; t < MOST; t++) {
    v = v.map((one, i) => beta * one - eta * curvatures[i] * w[i]);
    w = w.map((one, i) => one + v[i]);
    walk.push(w);
  }
  const factors = roots(curvatures, eta, beta), s = (Math.sqrt(ratio) - 1) / (Math.sqrt(ratio) + 1);
  const heavy = { rate: 4 * ratio / (1 + Math.sqrt(ratio)) ** 2, beta: s * s, factor: s };
  // The sliders go in hundredths, and just off the floor the factor leaps: β goes up until both are on it.
  const near = { rate: round(heavy.rate), beta: round(heavy.beta) };
  while (Math.max(...roots(curvatures, near.rate / ratio, near.beta)) > Math.sqrt(near.beta) + 1e-9) near.beta = round(near.beta + 0.01);
  return {
    walk, factors, factor: Math.max(...factors),
    distances: walk.map(([x, y]) => Math.hypot(x, y)),
    plain: { rate: 2 * ratio / (1 + ratio), beta: 0, factor: (ratio - 1) / (ratio + 1) },
    heavy, near,
  };
}

export function build(kit) {
  const { strings } = kit, width = 330, height = 150;
  const map = kit.svg(width, height + 10, strings.about), plot = kit.svg(width, 222, strings.aboutPlot);
  const X = x => width / 2 + x * 150, Y = y => height / 2 - y * 150;
  const clip = shape(shape(map, "clipPath", { id: "explore-ravine-clip" }), "rect", { width, height });
  const inside = shape(map, "g", { "clip-path": `url(#${clip.parentNode.id})` });
  const hills = shape(inside, "g"), trail = shape(inside, "path", { class: "ex-curve ex-new" }), dots = shape(inside, "g");
  shape(map, "rect", { width, height, class: "ex-frame" });
  const axes = kit.axes(plot, { box: [46, 26, width - 8, 165], x: [0, MOST], y: [1e-6, 10], log: true, xTicks: [0, 20, 40, 60, 80],
    yTicks: [1e-6, 1e-4, 1e-2, 1], xLabel: strings.xLabel, yLabel: strings.yLabel, name: tick => (tick < 1 ? `1e${Math.log10(tick)}` : "1") });
  // Each direction by itself, along and across: what theory says, and what the walk has left of it.
  const theory = COLORS.map(color => shape(plot, "path", { class: `ex-curve ex-thin ex-dashed ${color}` }));
  const measured = COLORS.map(color => shape(plot, "path", { class: `ex-curve ${color}` }));
  shape(plot, "text", { x: 4, y: 216 }, strings.legend);

  kit.slider("steps", 0, MOST, 1);
  kit.slider("rate", 0.05, 4, 0.01);
  kit.slider("beta", 0, 0.98, 0.01);
  kit.slider("ratio", 2, 100, 1);
  let running = 0;
  const walkOn = () => {
    cancelAnimationFrame(running);
    if (still()) return kit.set({ steps: MOST });
    const next = n => { kit.set({ steps: n }); if (n < MOST) running = requestAnimationFrame(() => next(n + 1)); };
    next(0);
  };
  kit.button(strings.walk, walkOn);
  kit.button(strings.bestPlain, () => kit.set({ rate: round(compute(kit.state).plain.rate), beta: 0 }));
  kit.button(strings.bestHeavy, () => kit.set(compute(kit.state).near));

  return state => {
    const { walk, distances, factors, factor, plain, heavy } = compute(state);
    hills.replaceChildren();
    for (const level of [0.004, 0.03, 0.12, 0.3, 0.6, 1, 1.7, 3, 6]) shape(hills, "ellipse", {
      cx: X(0), cy: Y(0), rx: 150 * Math.sqrt(2 * level), ry: 150 * Math.sqrt(2 * level / state.ratio), class: "ex-contour" });
    const shown = walk.slice(0, state.steps + 1).map(([x, y]) => [X(Math.max(-9, Math.min(9, x))), Y(Math.max(-9, Math.min(9, y)))]);
    trail.setAttribute("d", path(shown));
    dots.replaceChildren();
    for (const [cx, cy] of shown) shape(dots, "circle", { cx, cy, r: 2.4, class: "ex-dot" });
    shape(dots, "circle", { cx: shown.at(-1)[0], cy: shown.at(-1)[1], r: 5.5, class: "ex-marked ex-point" });
    const at = value => axes.Y(Math.max(1e-6, Math.min(10, value)));
    factors.forEach((r, i) => {
      measured[i].setAttribute("d", path(walk.slice(0, state.steps + 1).map((w, t) => [axes.X(t), at(Math.abs(w[i]))])));
      theory[i].setAttribute("d", path(range(MOST + 1).map(t => [axes.X(t), at(Math.abs(START[i]) * r ** t)])));
    });
    const [along, across] = factors.map(r => number(r, 3));
    const left = fill(strings.left, { steps: state.steps, left: distances[state.steps].toPrecision(2).replace("e-", "e−"), along, across });
    const best = fill(strings.best, { plain: number(plain.factor, 3), heavy: number(heavy.factor, 3) });
    kit.say(`${left} ${factor >= 1 ? strings.diverges : ""} ${best}`);
  };
}
