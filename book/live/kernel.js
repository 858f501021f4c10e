// The page's side of the worker: it is begun at the first run, and begun again after a stop.
export class Kernel {
  constructor(addresses, sizes, on) {
    Object.assign(this, { addresses, sizes, on, worker: null, ran: new Set(), busy: null, waiting: [] });
  }

  async run(job) {
    this.waiting.push(job);
    if (!this.busy) await this.next();
  }

  async next() {
    this.busy = this.waiting.shift() ?? null;
    if (!this.busy) return;
    try {
      const job = this.busy;
      await this.begin();
      if (job !== this.busy) return;  // stopped in the meantime
      const { cell, sources, skipped, all } = job;
      this.worker.postMessage({ type: "run", cell, sources, skipped, all, ran: [...this.ran] });
    } catch (error) {
      this.fail(String(error.message ?? error));
    }
  }

  begin() {
    return this.begun ??= new Promise((ready, failed) => {
      this.on.loading(0, this.expected = 0, "");
      // The service worker keeps what is loaded, if it is there by then.
      const patience = new Promise(done => setTimeout(done, 1500));
      const keeper = navigator.serviceWorker?.getRegistration().then(r => r && navigator.serviceWorker.ready);
      Promise.race([keeper, patience]).catch(() => {}).then(() => {
        if (!this.begun) return;
        this.seen = new Set();
        this.expect(...this.addresses.first);
        this.worker = new Worker(this.addresses.worker, { type: "module" });
        this.worker.onerror = event => failed(new Error(event.message || "the worker did not start"));
        this.worker.onmessage = ({ data }) => this.hear(data, ready, failed);
        this.worker.postMessage({ type: "begin", ...this.addresses });
      });
    });
  }

  expect(...names) {
    for (const name of names) if (!this.seen.has(name)) {
      this.seen.add(name);
      this.expected += this.sizes[name] ?? 0;
    }
  }

  hear(data, ready, failed) {
    if (data.type === "ready") this.ready = true, ready();
    else if (data.type === "failed") this.ready ? this.fail(data.said) : failed(new Error(data.said));
    else if (data.type === "bytes") {
      this.expect(data.name);
      this.on.loading(data.bytes, this.expected, data.name);
    } else if (data.type === "ran") {
      if (data.whole && !data.wrong) this.ran.add(data.cell);
      this.on.ran(data, this.busy);
    } else if (data.type === "idle") this.on.idle(this.busy), this.next();
    else this.on[data.type]?.(data, this.busy);
  }

  fail(said) {
    this.end();
    this.on.failed(said);
  }

  stop() {
    const lost = this.ran.size;
    this.end();
    this.on.stopped(lost);
  }

  end() {
    this.worker?.terminate();
    Object.assign(this, { worker: null, ready: false, begun: null, busy: null, waiting: [] });
    this.ran.clear();
  }
}
