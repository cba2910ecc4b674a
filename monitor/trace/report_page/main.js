// The page: what is selected, searched for and shown, and who must hear of it.

class App {
  constructor(trace) {
    this.trace = trace;
    this.selected = -1;
    this.hidden = trace.meta.causes.map(() => false);
    this.mask = null;
    this.input = document.getElementById("search");
    document.getElementById("app").hidden = false;
    this.timeline = new Timeline(this);
    this.tables = new Tables(this);
    this.list = new TrapList(this);
    this.details = new Details(this);
    this.listen();
    this.filter();
    this.timeline.draw();
  }

  /// -1: none.
  select(i, from) {
    this.selected = i;
    if (i < 0) {
      this.details.clear();
      this.timeline.schedule();
      this.list.draw();
      return;
    }
    this.details.show(i);
    this.list.reveal(i);
    if (from === "timeline") this.timeline.schedule(); else this.timeline.reveal(i);
  }
  /// To the next trap that matches, or the previous one.
  step(by) {
    const list = this.list;
    if (!list.length) return;
    let at = this.selected < 0 ? (by > 0 ? 0 : list.length - 1) : list.position(this.selected) + by;
    // A selected trap that does not match is not in the list: its position is the next one's.
    if (this.selected >= 0 && by > 0 && list.trap(at - 1) !== this.selected) at--;
    if (at >= 0 && at < list.length) this.select(list.trap(at), "step");
  }

  search(text) {
    this.input.value = this.input.value.trim() === text ? "" : text;
    this.filter();
  }
  toggleCause(cause) {
    this.hidden[cause] = !this.hidden[cause];
    this.filter();
  }
  filter() {
    this.mask = matchTraps(this.trace, this.input.value, this.hidden);
    let items = null;
    if (this.mask) {
      let n = 0;
      for (let i = 0; i < this.mask.length; i++) n += this.mask[i];
      items = new Uint32Array(n);
      for (let i = 0, at = 0; i < this.mask.length; i++) if (this.mask[i]) items[at++] = i;
    }
    const all = counted(this.trace.count);
    document.getElementById("matches").textContent = items ? `${counted(items.length)} of ${all}` : `${all} traps`;
    this.list.setItems(items);
    this.viewChanged();
    this.timeline.schedule();
  }
  viewChanged() {
    const { from, to } = this.timeline;
    document.getElementById("range").textContent =
      `${(from / 1e6).toFixed(3)} – ${(to / 1e6).toFixed(3)} ms (${duration(to - from)})`;
    clearTimeout(this.later);
    this.later = setTimeout(() => this.tables.update(), 80);
  }

  listen() {
    const timeline = this.timeline;
    document.getElementById("zoom-in").addEventListener("click", () => timeline.zoom(0.5));
    document.getElementById("zoom-out").addEventListener("click", () => timeline.zoom(2));
    document.getElementById("zoom-fit").addEventListener("click", () => timeline.showAll());
    this.input.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.filter(), 150);
    });
    const keys = {
      "+": () => timeline.zoom(0.5), "=": () => timeline.zoom(0.5), "-": () => timeline.zoom(2), "0": () => timeline.showAll(),
      ArrowLeft: () => timeline.pan(-0.2), ArrowRight: () => timeline.pan(0.2),
      j: () => this.step(1), k: () => this.step(-1), z: () => this.selected >= 0 && timeline.zoomTo(this.selected),
      Escape: () => this.select(-1),
    };
    document.addEventListener("keydown", event => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.target === this.input) return;
      if (!(event.key in keys)) return;
      event.preventDefault();
      keys[event.key]();
    });
  }
}

function showFacts(trace) {
  const { meta } = trace, facts = document.getElementById("facts");
  const fact = (name, value, title = "") => facts.append(element("span", { title: title || value }, name + " ", element("b", {}, value)));
  fact("kernel", meta.kernel.split("/").pop(), meta.arguments);
  fact("engine", meta.engine);
  fact("sensitive", meta.sensitive);
  fact("traps", counted(trace.count));
  const span = trace.end - trace.start;
  const spent = trace.cost.reduce((sum, cost) => sum + cost, 0);
  if (trace.count) fact("in the monitor", `${duration(spent)} of ${duration(span)}`);
  fact("started", meta.started);
  const notices = [];
  if (meta.lost) notices.push(`${counted(meta.lost)} traps are missing: they came faster than they could be written.`);
  if (meta.full) notices.push("The trace ended when it had reached its size, before the guest did.");
  if (!meta.complete) notices.push("The trace was cut off: its end is missing.");
  const box = document.getElementById("notices");
  box.hidden = !notices.length;
  box.textContent = notices.join(" ");
}

function themeButton(redraw) {
  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

(async () => {
  const message = document.getElementById("message");
  try {
    const trace = await loadTrace();
    showFacts(trace);
    let app = null;
    themeButton(() => app && app.timeline.draw());
    if (trace.count) {
      app = new App(trace);
      message.hidden = true;
    } else {
      message.textContent = "This trace holds no traps. Was the guest ended before it ran, or did -d choose kinds that did not occur?";
    }
  } catch (error) {
    message.textContent = typeof DecompressionStream === "undefined"
      ? "This browser cannot unpack the data (it lacks DecompressionStream): use a version of 2023 or later."
      : `The report cannot be shown: ${error.message}`;
  }
  // How long it took since the page was asked for; the tests read it.
  document.documentElement.dataset.ready = Math.round(performance.now());
})();
