// The tables: the traps that are shown in the timeline and match the search, by cause, by instruction or by site.

const MOST_ROWS = 300;
const TABLE_COLUMNS = [
  { key: "name", title: "" }, { key: "count", title: "traps" }, { key: "total", title: "total" },
  { key: "share", title: "of monitor" }, { key: "mean", title: "mean" }, { key: "most", title: "most" },
];
const TABLE_TITLES = { cause: "Cause", insn: "Instruction", site: "Site" };

class Tables {
  constructor(app) {
    this.app = app;
    this.kind = "cause";
    this.sort = { key: "total", down: true };
    this.tabs = Array.from(document.querySelectorAll("[data-table]"));
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => this.choose(tab.dataset.table));
      tab.addEventListener("keydown", event => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        event.stopPropagation();
        const next = this.tabs[(this.tabs.indexOf(tab) + step + this.tabs.length) % this.tabs.length];
        this.choose(next.dataset.table);
        next.focus();
      });
    }
    const t = app.trace;
    // Rows of the instruction table: places whose instruction has the same name.
    const names = new Map();
    this.insnOfPlace = new Uint32Array(t.place_eip.length);
    this.insnOfPlace.forEach((_, p) => {
      const name = instructionOf(t, p);
      if (!names.has(name)) names.set(name, names.size);
      this.insnOfPlace[p] = names.get(name);
    });
    this.insnNames = Array.from(names.keys());
  }

  choose(kind) {
    this.kind = kind;
    for (const tab of this.tabs) {
      const chosen = tab.dataset.table === kind;
      tab.setAttribute("aria-selected", chosen);
      tab.tabIndex = chosen ? 0 : -1;
    }
    this.update();
  }

  collect() {
    const { trace: t, mask, timeline } = this.app;
    const size = { cause: t.meta.causes.length, insn: this.insnNames.length, site: t.place_eip.length }[this.kind];
    const count = new Uint32Array(size), total = new Float64Array(size), most = new Uint32Array(size);
    const first = trapsBefore(t, timeline.from), last = trapsBefore(t, timeline.to);
    let traps = 0, sum = 0;
    for (let i = first; i < last; i++) {
      if (mask && !mask[i]) continue;
      const row = this.kind === "cause" ? t.cause[i] : this.kind === "insn" ? this.insnOfPlace[t.place[i]] : t.place[i];
      count[row]++;
      total[row] += t.cost[i];
      if (t.cost[i] > most[row]) most[row] = t.cost[i];
      traps++;
      sum += t.cost[i];
    }
    const rows = [];
    for (let row = 0; row < size; row++) {
      if (!count[row]) continue;
      rows.push({ id: row, name: this.nameOf(row), count: count[row], total: total[row], share: sum ? total[row] / sum : 0,
        mean: total[row] / count[row], most: most[row] });
    }
    const { key, down } = this.sort;
    rows.sort((a, b) => (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0) * (down ? -1 : 1));
    return { rows, traps, sum };
  }

  nameOf(row) {
    const t = this.app.trace;
    if (this.kind === "cause") return t.meta.causes[row].name;
    if (this.kind === "insn") return this.insnNames[row];
    const symbol = t.strings[t.place_symbol[row]], text = t.strings[t.place_text[row]];
    return `${symbol || hex(t.place_linear[row], 8)}  ${text}`;
  }
  searchFor(row) {
    const t = this.app.trace;
    const word = { cause: () => t.meta.causes[row.id].name, insn: () => this.insnNames[row.id],
      site: () => hex(t.place_linear[row.id], 8) }[this.kind]();
    return `${this.kind}=${word.includes(" ") ? `"${word}"` : word}`;
  }

  update() {
    const { rows, traps, sum } = this.collect();
    document.getElementById("table-scope").textContent =
      `${counted(traps)} traps in view, ${duration(sum)} in the monitor`;
    document.getElementById("columns").replaceChildren(...TABLE_COLUMNS.map(column => {
      const button = element("button", { type: "button" }, column.title || TABLE_TITLES[this.kind]);
      button.addEventListener("click", () => {
        this.sort = { key: column.key, down: this.sort.key === column.key ? !this.sort.down : column.key !== "name" };
        this.update();
        document.querySelectorAll("#columns button")[TABLE_COLUMNS.indexOf(column)].focus();
      });
      const sorted = this.sort.key === column.key ? (this.sort.down ? "descending" : "ascending") : "none";
      return element("th", { scope: "col", "aria-sort": sorted }, button);
    }));
    const body = rows.slice(0, MOST_ROWS).map(row => {
      const name = element("button", { type: "button", title: row.name + " (click: only these)" }, row.name);
      const first = element("td", { class: this.kind === "cause" ? "" : "mono" });
      if (this.kind === "cause") first.append(element("span", { class: "swatch", style: `background:${COLOURS[row.id]}` }));
      first.append(name);
      const tr = element("tr", {}, first, element("td", {}, counted(row.count)), element("td", {}, duration(row.total)),
        element("td", { class: "share", style: `--part:${(row.share * 100).toFixed(1)}%` }, (row.share * 100).toFixed(1) + " %"),
        element("td", {}, duration(row.mean)), element("td", {}, duration(row.most)));
      tr.addEventListener("click", () => this.app.search(this.searchFor(row)));
      return tr;
    });
    if (rows.length > MOST_ROWS)
      body.push(element("tr", {}, element("td", { colspan: 6 }, `${counted(rows.length - MOST_ROWS)} more`)));
    document.getElementById("rows").replaceChildren(...body);
  }
}
