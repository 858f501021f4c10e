// Points dissolve in noise and come back, led by the best possible guess: a weighted mean of the data.
import { fill, number, range, shape, still } from "./kit.js";

export const initial = { time: 45, x: 0.6, y: 1, spread: 0, data: "eight" };
const T = 100, DOTS = 150, LIMIT = 2.6, INK = 0.15;

// The data: 24 points of an eight, or three; both with mean 0 and variance 1 in each direction.
const circle = (count, radius, y) => range(count).map(i => [radius * Math.sin(2 * Math.PI * i / count), y + radius * Math.cos(2 * Math.PI * i / count)]);
const scaled = points => {
  const columns = [0, 1].map(k => points.map(point => point[k]));
  const means = columns.map(all => all.reduce((a, b) => a + b) / all.length);
  const sizes = columns.map((all, k) => Math.sqrt(all.reduce((sum, one) => sum + (one - means[k]) ** 2, 0) / all.length));
  return points.map(point => point.map((one, k) => (one - means[k]) / sizes[k]));
};
export const DATA = { eight: scaled([...circle(11, 0.8, 0.85), ...circle(13, 1, -0.95)]), three: scaled([[-1, -0.7], [1, -0.9], [0.1, 1.2]]) };

// How much of the signal's variance is left after each step, and the noise that the step adds.
const cosine = range(T + 1).map(t => Math.cos(Math.PI / 2 * (t / T + 0.008) / 1.008) ** 2);
export const beta = range(T + 1).map(t => (t ? Math.min(1 - cosine[t] / cosine[t - 1], 0.3) : 0));
export const signal = beta.reduce((all, one) => [...all, (all.at(-1) ?? 1) * (1 - one)], []);

// Normal numbers, the same for every reader: for each step the noise of each dot.
let seed = 1;
const uniform = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
export const noise = range(T + 1).map(() => range(DOTS).map(() => [normal(), normal()]));
const width = range(DOTS).map(() => [normal(), normal()]);

// The mean of the clean point, given a noisy one: each datum stands for a small normal cloud.
export function guess(point, t, { data, spread }) {
  const keep = Math.sqrt(signal[t]), variance = signal[t] * spread ** 2 + 1 - signal[t];
  const gaps = DATA[data].map(datum => point.map((one, k) => one - keep * datum[k]));
  const scores = gaps.map(([a, b]) => -(a * a + b * b) / (2 * variance)), most = Math.max(...scores);
  const raised = scores.map(score => Math.exp(score - most)), sum = raised.reduce((a, b) => a + b);
  const weights = raised.map(one => one / sum), gain = keep * spread ** 2 / variance;
  const clean = [0, 1].map(k => weights.reduce((total, w, i) => total + w * (DATA[data][i][k] + gain * gaps[i][k]), 0));
  return { weights, clean };
}

// Where the dots are, which start near the data, as new ink: T steps into the noise, and T back.
export function journey({ data, spread }) {
  const start = range(DOTS).map(i => DATA[data][i % DATA[data].length].map((one, k) => one + INK * width[i][k]));
  const there = signal.map(keep => start.map((dot, i) => dot.map((one, k) => Math.sqrt(keep) * one + Math.sqrt(1 - keep) * noise[0][i][k])));
  const back = [there[T]];
  for (let t = T; t > 0; t--) {
    const sigma = Math.sqrt(beta[t] * (1 - signal[t - 1]) / (1 - signal[t]));
    back.push(back.at(-1).map((dot, i) => {
      const { clean } = guess(dot, t, { data, spread });
      return dot.map((one, k) => {
        const error = (one - Math.sqrt(signal[t]) * clean[k]) / Math.sqrt(1 - signal[t]);
        return (one - beta[t] / Math.sqrt(1 - signal[t]) * error) / Math.sqrt(1 - beta[t]) + sigma * noise[t][i][k];
      });
    }));
  }
  return [...there, ...back.slice(1)];
}

export const values = name => ({ signal, beta, noise, ...DATA })[name];

let made = {};
export function compute(state) {
  const { time, x, y, data, spread } = state, t = time > T ? 2 * T - time : time;
  if (made.data !== data || made.spread !== spread) made = { data, spread, walk: journey(state) };
  const distance = dot => Math.min(...DATA[data].map(one => Math.hypot(one[0] - dot[0], one[1] - dot[1])));
  const dots = made.walk[time], mean = dots => dots.reduce((sum, dot) => sum + distance(dot), 0) / DOTS;
  // At step 0 nothing is hidden, and there is nothing to guess: the first step stands for it.
  return { t, dots, ...guess([x, y], Math.max(t, 1), state), near: mean(dots), far: mean(made.walk[0]) };
}

export function build(kit) {
  const { strings } = kit, size = 320, unit = size / (2 * LIMIT);
  const X = x => size / 2 + x * unit, Y = y => size / 2 - y * unit;
  const svg = kit.svg(size, size + 40, strings.about);
  const clip = shape(shape(svg, "clipPath", { id: "explore-diffusion-clip" }), "rect", { width: size, height: size });
  const inside = shape(svg, "g", { "clip-path": `url(#${clip.parentNode.id})` });
  const marks = shape(inside, "g"), cloud = shape(inside, "g"), line = shape(inside, "line", { class: "ex-line ex-dashed" });
  const found = shape(inside, "circle", { r: 6, class: "ex-marked ex-point" }), grip = shape(inside, "circle", { r: 11, class: "ex-handle" });
  shape(svg, "rect", { width: size, height: size, class: "ex-frame" });
  shape(svg, "text", { x: 2, y: size + 15 }, strings.legend);
  shape(svg, "text", { x: 2, y: size + 33 }, strings.legendGuess);
  const spots = range(DOTS).map(() => shape(cloud, "circle", { r: 2.3, class: "ex-new-dot" }));
  const round = value => Math.max(-2.5, Math.min(2.5, Math.round(value * 20) / 20));
  kit.drag(svg, grip, (x, y) => kit.set({ x: round((x - size / 2) / unit), y: round((size / 2 - y) / unit) }));

  kit.slider("time", 0, 2 * T, 1, value => (value > T ? `← ${2 * T - value}` : `${value} →`));
  kit.slider("x", -2.5, 2.5, 0.05);
  kit.slider("y", -2.5, 2.5, 0.05);
  kit.slider("spread", 0, 0.5, 0.01);
  kit.choice("data", ["eight", "three"]);
  let running = 0;
  kit.button(strings.play, () => {
    cancelAnimationFrame(running);
    if (still()) return kit.set({ time: 2 * T });
    let first, last = -1;
    const next = now => {
      first ??= now;
      if (last >= 0 && kit.state.time !== last) return; // the reader has taken over
      const time = Math.min(2 * T, Math.floor((now - first) / 35));
      if (time !== last) kit.set({ time: last = time });
      if (time < 2 * T) running = requestAnimationFrame(next);
    };
    running = requestAnimationFrame(next);
  });

  return state => {
    const { t, dots, weights, clean, near, far } = compute(state), keep = Math.sqrt(signal[Math.max(t, 1)]);
    dots.forEach(([x, y], i) => { spots[i].setAttribute("cx", X(x)); spots[i].setAttribute("cy", Y(y)); });
    marks.replaceChildren();
    DATA[state.data].forEach(([x, y], i) => shape(marks, "circle", {
      cx: X(keep * x), cy: Y(keep * y), r: 2 + 16 * Math.sqrt(weights[i]), class: "ex-bar ex-datum" }));
    const places = { x1: X(state.x), y1: Y(state.y), x2: X(keep * clean[0]), y2: Y(keep * clean[1]) };
    for (const [key, value] of Object.entries(places)) line.setAttribute(key, value);
    grip.setAttribute("cx", places.x1); grip.setAttribute("cy", places.y1);
    found.setAttribute("cx", places.x2); found.setAttribute("cy", places.y2);
    const most = Math.round(100 * Math.max(...weights)), end = state.time === 2 * T;
    kit.say(fill(strings.said, { t, signal: Math.round(100 * signal[t]), most, x: number(clean[0]), y: number(clean[1]) })
      + (end ? ` ${fill(strings.end, { near: number(near), far: number(far) })}` : "")
      + (end && !state.spread ? ` ${strings.copies}` : ""));
  };
}
