// What explorable figures share: controls that a keyboard and a finger can use, drawing, and a
// state that is kept in the address.
const SVG = "http://www.w3.org/2000/svg";

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function shape(parent, tag, attributes = {}, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

export const number = (value, digits = 2) =>
  (Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value).toFixed(digits).replace("-", "−");
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
export const path = points => "M" + points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
export const range = count => Array.from({ length: count }, (_, i) => i);
export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export class Kit {
  constructor(root, name, initial, strings, all) {
    Object.assign(this, { root, name, initial, strings, all, controls: {}, state: { ...initial } });
    this.body = root.querySelector(".explorable-body");
    this.figures = element("div", { class: "explorable-figures" });
    this.panel = element("div", { class: "explorable-panel" });
    this.said = element("p", { class: "explorable-said", "aria-live": "polite" });
    const asked = new URLSearchParams(location.search);
    for (const [key, value] of Object.entries(initial)) {
      const found = asked.get(`${name}.${key}`);
      if (found === null) continue;
      if (typeof value !== "number") this.state[key] = found;
      else if (found && Number.isFinite(Number(found))) this.state[key] = Number(found);
    }
  }

  // A module has added its controls: what the address says is put right by them, and shown.
  ready() {
    this.button(this.all.reset, () => this.set(this.initial));
    this.panel.append(this.said);
    this.body.replaceChildren(this.figures, this.panel);
    this.refresh();
    this.root.dataset.ready = "";
  }

  refresh() {
    for (const [key, control] of Object.entries(this.controls)) this.state[key] = control(this.state[key]);
    this.draw(this.state);
  }

  set(changes) {
    Object.assign(this.state, changes);
    this.refresh();
    const address = new URL(location.href);
    for (const [key, value] of Object.entries(this.state)) {
      if (value === this.initial[key]) address.searchParams.delete(`${this.name}.${key}`);
      else address.searchParams.set(`${this.name}.${key}`, value);
    }
    address.hash = this.root.id;
    clearTimeout(this.later);
    this.later = setTimeout(() => history.replaceState(history.state, "", address), 200);
  }

  label(key) { return this.strings[key] ?? this.all[key] ?? key; }

  // `show` turns the slider's number into the one that is meant, as on a logarithmic scale.
  slider(key, min, max, step, show = value => number(value, step < 1 ? 2 : 0)) {
    const input = element("input", { type: "range", min, max, step }), output = element("output");
    this.panel.append(element("label", { class: "explorable-slider" }, element("span", {}, this.label(key)), input, output));
    input.addEventListener("input", () => this.set({ [key]: Number(input.value) }));
    this.controls[key] = value => {
      input.value = value;
      output.textContent = show(Number(input.value));
      input.setAttribute("aria-valuetext", output.textContent);
      return Number(input.value);
    };
    return input;
  }

  choice(key, options, shown = options.map(option => this.label(option))) {
    const group = element("fieldset", {}, element("legend", {}, this.label(key)));
    const inputs = options.map((option, i) => {
      const input = element("input", { type: "radio", name: `explore-${this.name}-${key}`, value: option });
      group.append(element("label", {}, input, shown[i]));
      input.addEventListener("change", () => this.set({ [key]: option }));
      return input;
    });
    this.panel.append(group);
    this.controls[key] = value => {
      const known = options.includes(value) ? value : this.initial[key];
      for (const input of inputs) input.checked = input.value === String(known);
      return known;
    };
  }

  typed(key, maxlength) {
    const input = element("input", { type: "text", maxlength, autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
    this.panel.append(element("label", { class: "explorable-typed" }, element("span", {}, this.label(key)), input));
    input.addEventListener("input", () => this.set({ [key]: input.value }));
    this.controls[key] = value => {
      if (input.value !== value) input.value = value;
      return value.slice(0, maxlength);
    };
  }

  button(text, action) {
    const button = element("button", { type: "button" }, text);
    button.addEventListener("click", action);
    if (!this.buttons) this.panel.append(this.buttons = element("div", { class: "explorable-buttons" }));
    this.buttons.append(button);
    return button;
  }

  svg(width, height, about) {
    const made = document.createElementNS(SVG, "svg");
    made.setAttribute("viewBox", `0 0 ${width} ${height}`);
    made.setAttribute("role", "img");
    made.setAttribute("aria-label", about);
    made.style.maxWidth = `${width * 1.25}px`;
    this.figures.append(made);
    return made;
  }

  // A finger or a mouse takes hold of a shape; what it does can be done with the controls, too.
  drag(svg, grip, move) {
    grip.classList.add("ex-grip");
    const at = event => {
      const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      move(x, y);
    };
    grip.addEventListener("pointerdown", event => { grip.setPointerCapture(event.pointerId); event.preventDefault(); at(event); });
    grip.addEventListener("pointermove", event => { if (grip.hasPointerCapture(event.pointerId)) at(event); });
  }

  // Axes in a box, and from numbers to places and back.
  axes(svg, { box: [left, top, right, bottom], x: [x0, x1], y: [y0, y1], log = false, xTicks = [], yTicks = [], xLabel = "", yLabel = "", name = String }) {
    const scale = log ? Math.log10 : value => value;
    const X = x => left + (x - x0) / (x1 - x0) * (right - left);
    const Y = y => bottom - (scale(y) - scale(y0)) / (scale(y1) - scale(y0)) * (bottom - top);
    const group = shape(svg, "g", { class: "ex-axes" });
    shape(group, "path", { d: `M${left} ${top}V${bottom}H${right}` });
    for (const tick of xTicks) shape(group, "text", { x: X(tick), y: bottom + 14, "text-anchor": "middle" }, String(tick).replace("-", "−"));
    for (const tick of yTicks) shape(group, "text", { x: left - 5, y: Y(tick) + 4, "text-anchor": "end" }, name(tick).replace("-", "−"));
    shape(group, "text", { x: (left + right) / 2, y: bottom + 30, "text-anchor": "middle" }, xLabel);
    shape(group, "text", { x: left - 22, y: top - 8 }, yLabel);
    return { X, Y, x: X => x0 + (X - left) / (right - left) * (x1 - x0), y: Y => y0 + (bottom - Y) / (bottom - top) * (y1 - y0) };
  }

  say(text) { if (this.said.textContent !== text) this.said.textContent = text; }
}
