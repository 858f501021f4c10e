// Cells that run in the page. The text of the page is what runs: nothing is sent anywhere.
import { Kernel } from "./kernel.js";
import { digest, keep, notebook, recall } from "./store.js";

const page = JSON.parse(document.getElementById("live-cells").textContent);
const intro = document.getElementById("live-intro");
const here = name => new URL(name, import.meta.url).href;
const pyodide = here(`../pyodide-${page.version}/`);
const make = (tag, className, text = "", properties = {}) =>
  Object.assign(document.createElement(tag), { className, textContent: text, ...properties });
const button = (text, onclick, title = "") => make("button", "live-button", text, { type: "button", onclick, title });
const megabytes = bytes => (bytes / 1e6).toFixed(1);
const seconds = s => s < 0.95 ? `${s.toFixed(1)} s` : `${Math.round(s)} s`;

// A line at the foot of the window says what is going on, and can stop it.
const bar = make("div", "live-status", "", { hidden: true });
const says = make("span", "live-says", "", { role: "status" });
const meter = make("progress", "live-meter", "", { hidden: true });
meter.setAttribute("aria-label", "Loaded");
const stop = button("■ Stop", () => kernel.stop(), "End what is running; what the cells have defined is lost");
bar.append(says, meter, stop);
document.body.append(bar);
let ticking;

function status(text, { done, of, stoppable = true } = {}) {
  bar.hidden = !text;
  if (says.textContent !== text) says.textContent = text;
  meter.hidden = of === undefined;
  if (of) Object.assign(meter, { max: of, value: Math.min(done, of) });
  stop.hidden = !stoppable;
}

const kernel = new Kernel({
  pyodide, worker: here("worker.js"), kernelUrl: here("kernel.py"), course: here("course.zip"), first: page.first,
}, page.sizes, {
  loading(bytes, of) {
    const much = bytes ? `${megabytes(bytes)} of ${megabytes(Math.max(of, bytes))} MB` : "looking for it";
    status(bytes < of || !bytes ? `Loading Python from this site, once: ${much}` : "Starting Python", { done: bytes, of });
  },
  running({ cell, asked, whole }, job) {
    const one = cells[cell];
    clearInterval(ticking);
    if (asked || job.all) one.begin(job);
    const what = asked ? "Running this cell" : whole ? `First, what it builds on: cell ${cell + 1}` : "First, its imports";
    status(what);
  },
  computing(_, job) {
    const start = Date.now(), base = says.textContent.startsWith("Loading") ? "Running" : says.textContent;
    ticking = setInterval(() => status(`${base}: ${seconds((Date.now() - start) / 1000)}`), 1000);
  },
  output({ cell, kind, content }, job) {
    if (cell === job?.cell || job?.all) cells[cell].show(kind, content);
    else if (kind === "png" || kind === "text" || kind === "html") return;
  },
  ran({ cell, wrong, seconds: took, whole }, job) {
    clearInterval(ticking);
    const asked = cell === job.cell;
    if (wrong && !asked && !job.all) cells[job.cell].begin(job);
    if (wrong) cells[asked || job.all ? cell : job.cell].fail(wrong, asked || job.all ? null : cell);
    if (asked || job.all || wrong) cells[asked || job.all ? cell : job.cell].end(took, wrong);
  },
  idle(job) {
    clearInterval(ticking);
    cells[job.cell].settle();
    status("");
  },
  failed(said) {
    clearInterval(ticking);
    for (const one of cells) one.settle();
    status(`Python could not be started here (${said}). Reload the page to try again, or open it in Colab.`, { stoppable: false });
  },
  stopped(lost) {
    clearInterval(ticking);
    for (const one of cells) one.settle("Stopped.");
    status("");
    status(`Stopped. ${lost ? "What the cells had defined is gone; it comes back when they run again." : ""}`, { stoppable: false });
    setTimeout(() => says.textContent.startsWith("Stopped") && status(""), 8000);
  },
});

class Cell {
  constructor(info, index, node) {
    Object.assign(this, { index, node, ...info });
    if (!node) return;
    this.input = node.querySelector(".cell_input");
    this.highlight = this.input.querySelector(".highlight");
    this.pre = this.highlight.querySelector("pre");
    this.printed = this.pre.textContent.replace(/\n$/, "");
    this.id = digest(this.printed);
    this.stored = [...node.children].find(e => e.matches(".cell_output"));
    this.edited = recall(page.chapter).edits[this.id];
    this.controls = make("div", "live-bar");
    const longer = this.seconds > 20 ? ` (about ${this.seconds} s)` : "";
    this.runs = button("▶ Run", () => this.run(), this.smaller ? "Run a smaller version of this cell" : `Run this cell${longer}`);
    this.runs.classList.add("live-run");
    this.changes = button("Edit", () => this.edit(), "Change this cell. Shift-Enter runs it, Escape leaves it");
    this.above = button("Run all above", () => this.runAbove(), "Run every cell from the top of the page to this one, in order");
    this.resets = button("Reset", () => this.reset(), "Back to the printed cell and its printed output");
    this.controls.append(this.runs, this.changes, this.above, this.resets);
    if (this.lacks) {
      this.controls.replaceChildren(make("span", "live-note", `needs ${this.lacks}: not in a page`));
      if (page.colab) this.controls.append(make("a", "live-button", "Colab", { href: page.colab }));
      return this.input.append(this.controls);
    }
    if (this.smaller) this.runs.after(button(`Run as printed${longer}`, () => this.run(true)));
    if (this.smaller || longer) this.runs.after(make("span", "live-note", this.smaller ? "a smaller run" : longer.slice(2, -1)));
    this.input.append(this.controls);
    this.highlight.addEventListener("dblclick", () => this.edit());
    if (this.edited !== undefined) this.edit(false);
    this.mark();
  }

  mark() {
    this.resets.hidden = !this.shown && !this.editor;
    this.node.classList.toggle("live-touched", !this.resets.hidden);
  }

  // The code that runs: the reader's, else the author's smaller version, else what is printed.
  code(whole = false) {
    return this.hidden ?? this.edited ?? (this.smaller && !whole ? this.smaller : this.printed);
  }

  async edit(focus = true) {
    if (this.editor) return focus && this.editor.focus();
    const height = this.highlight.offsetHeight;
    const { edit } = await import("./editor.js").catch(() => ({}));
    if (!edit) return status("The editor could not be loaded. Is there a network?", { stoppable: false });
    if (this.editor) return;
    const code = this.code();
    const holder = make("div", "live-editor");
    holder.style.minHeight = `${height}px`;
    this.highlight.hidden = true;
    this.highlight.after(holder);
    this.editor = edit(holder, code, {
      label: `Cell ${this.index + 1}, Python. Shift-Enter runs it, Escape leaves it`,
      run: () => this.run(),
      leave: () => this.leave(),
      changed: text => this.remember(text),
    });
    this.mark();
    if (focus) this.editor.focus();
  }

  remember(text) {
    this.edited = text === this.printed ? undefined : text;
    keep(page.chapter, kept => {
      if (this.edited === undefined) delete kept.edits[this.id];
      else kept.edits[this.id] = text;
    });
    this.mark();
    progress();
  }

  leave() {
    if (this.edited === undefined) this.close();
    this.runs.focus();
  }

  close() {
    this.editor?.destroy();
    this.editor = null;
    this.input.querySelector(".live-editor")?.remove();
    this.highlight.hidden = false;
    this.mark();
  }

  reset() {
    this.remember(this.printed);
    this.close();
    this.clear();
    this.mark();
    this.runs.focus();
  }

  run(whole = false) {
    const sources = cells.map(one => one.code(one === this && whole));
    this.settle();
    this.runs.textContent = "… waits";
    kernel.run({ cell: this.index, sources, skipped, whole });
  }

  runAbove() {
    const all = cells.slice(0, this.index).filter(one => !one.skip).map(one => one.index);
    this.runs.textContent = "… waits";
    kernel.run({ cell: this.index, sources: cells.map(one => one.code()), skipped, all });
  }

  // What it shows ------------------------------------------------------------------------------

  begin(job) {
    if (!this.node) return;
    this.editor?.mark(0);
    this.old = this.shown;
    this.job = job;
    this.shown = make("div", "cell_output docutils container live-output");
    this.caption = make("p", "live-caption", "running …");
    this.caption.setAttribute("role", "status");
    this.shown.append(this.caption);
    this.runs.textContent = "▶ Run";
  }

  // The old output stays until there is a new one, so that nothing jumps.
  place() {
    if (!this.shown || this.shown.isConnected) return;
    if (this.old) this.old.replaceWith(this.shown);
    else (this.stored ?? this.node.lastElementChild).after(this.shown);
    if (this.stored) this.stored.hidden = true;
    this.mark();
  }

  show(kind, content) {
    if (!this.node || !this.shown) return;
    this.place();
    if (kind === "verdict") return this.verdict(JSON.parse(content));
    let part;
    if (kind === "png" || kind === "jpeg") {
      const printed = [...this.stored?.querySelectorAll("img") ?? []];
      const like = printed[this.shown.querySelectorAll("img").length];
      part = make("img", like?.classList.contains("paper") ? "paper" : "", "", {
        src: `data:image/${kind};base64,${content}`,
        alt: `Drawn by this cell. ${like?.alt ?? ""}`,
        onload() { this.width = this.naturalWidth / 2; },
      });
    } else if (kind === "html" || kind === "svg") {
      part = make("div", "output text_html", "", { innerHTML: content });
    } else {
      const last = this.shown.lastElementChild;
      if (kind !== "text" && last?.dataset.kind === kind) return last.querySelector("pre").append(content);
      part = make("div", `output ${kind === "text" ? "text_plain" : "stream"} ${kind} highlight-myst-ansi notranslate`);
      part.append(make("div", "highlight"));
      part.firstChild.append(make("pre", "", kind === "text" ? `${content}\n` : content, { tabIndex: 0 }));
    }
    part.dataset.kind = kind;
    this.shown.append(part);
  }

  fail({ kind, said, line, way, missing }, elsewhere) {
    if (!this.node || !this.shown) return;
    this.place();
    const comparing = this.check && kind === "AssertionError" && cells.some(one => one.smaller && one.index < this.index);
    const box = make("div", "output live-error");
    const where = elsewhere !== null ? `In cell ${elsewhere + 1}, on which this one builds: `
      : line ? `Line ${line}: ` : "";
    box.append(make("p", "live-error-said", where + (comparing ? "this check holds for the printed run; a smaller one has run here." : said)));
    if (missing && elsewhere === null) box.append(make("p", "", `Nothing above has defined ${missing} yet. A cell that runs on its own brings along what it needs; “Run all above” runs everything.`));
    if (way) {
      const details = make("details", "");
      details.append(make("summary", "", "The way there"), make("pre", "", way, { tabIndex: 0 }));
      box.append(details);
    }
    this.shown.append(box);
    if (elsewhere === null && line) {
      if (this.editor) this.editor.mark(line);
      else this.underline(line);
    }
  }

  // Mark a line of the printed code, without touching its colors.
  underline(line) {
    this.input.style.setProperty("--live-line", line - 1);
    this.input.classList.add("live-has-error");
  }

  end(took, wrong) {
    if (!this.node || !this.shown) return;
    this.place();
    if (!wrong) this.input.classList.remove("live-has-error");
    const text = node => [...node?.querySelectorAll("pre") ?? []].map(e => e.textContent.trim()).join("\n");
    const pictures = this.shown.querySelector("img");
    const same = this.stored && !pictures && text(this.shown) === text(this.stored) && text(this.stored);
    const smaller = this.smaller && !this.job?.whole && this.edited === undefined ? ", of a smaller run" : "";
    const empty = this.shown.children.length === 1;
    const what = wrong ? "Your result: an error" : empty ? "Done, nothing to show"
      : same ? "The same as printed" : `Your result${smaller}`;
    this.caption.textContent = took < 0.05 ? what : `${what} · ${seconds(took)}`;
    this.mark();
  }

  settle(word) {
    if (!this.node) return;
    if (word && this.caption?.textContent === "running …") this.caption.textContent = word, this.place();
    this.runs.textContent = "▶ Run";
  }

  clear() {
    this.shown?.remove();
    this.shown = this.old = null;
    if (this.stored) this.stored.hidden = false;
    this.input.classList.remove("live-has-error");
  }

  verdict({ exercise, passed }) {
    if (exercise !== this.exercise) return;
    keep(page.chapter, kept => {
      if (passed) kept.passed[exercise] = true;
    });
    progress();
  }
}

// The chapter ------------------------------------------------------------------------------------

const nodes = [...document.querySelectorAll("article div.cell")].filter(e => e.querySelector(".cell_input pre"));
const cells = [], skipped = [];
let seen = 0;
function prepare() {
  page.cells.forEach((info, index) => {
    cells.push(new Cell(info, index, info.hidden === undefined ? nodes[seen++] : null));
    if (info.exercise || info.solution) skipped.push(index);
  });
  if (seen !== nodes.length) console.warn(`live: ${seen} cells for ${nodes.length} on the page`);
}

const count = make("span", "live-count");
const exports = button("Export my answers", () => {
  const answers = cells.filter(one => one.exercise).map(one => ({ exercise: one.exercise, code: one.code() }));
  const file = new Blob([notebook(page.title, answers)], { type: "application/x-ipynb+json" });
  const link = make("a", "", "", { href: URL.createObjectURL(file), download: `${page.chapter}.ipynb` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}, "A notebook of your answers; a teacher's grader takes it");
const forgets = button("Forget my changes", () => {
  if (!confirm("Forget every change and every ✓ of this chapter on this device?")) return;
  keep(page.chapter, kept => { kept.edits = {}; kept.passed = {}; });
  for (const one of cells) if (one.node) one.edited = undefined, one.close(), one.clear(), one.mark();
  progress();
}, "On this device nothing of this chapter is kept then");

function progress() {
  const kept = recall(page.chapter), names = page.cells.map(info => info.exercise).filter(Boolean);
  const passed = names.filter(name => kept.passed[name]).length, edits = Object.keys(kept.edits).length;
  count.textContent = passed ? `✓ ${passed} of ${names.length} exercises passed on this device. Grades come from the grader alone. ` : "";
  exports.hidden = !names.length || !edits;
  forgets.hidden = !edits && !passed;
  for (const one of cells) if (one.exercise) one.node?.classList.toggle("live-passed", !!kept.passed[one.exercise]);
}

if (typeof WebAssembly !== "object" || typeof Worker !== "function") {
  intro.textContent = "This browser cannot run Python in a page. ";
  if (page.colab) intro.append(make("a", "", "Open the chapter in Colab.", { href: page.colab }));
} else {
  prepare();
  intro.querySelector(".live-mine").append(count, exports, forgets);
  progress();
}
document.documentElement.dataset.live = "";
