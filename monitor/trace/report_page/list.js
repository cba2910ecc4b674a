// The list of all traps that match.  Only the rows that can be seen exist; browsers limit how high an element can
// be, so a long list is scrolled by proportion.

const ROW = 22, HIGHEST = 6000000;

class TrapList {
  constructor(app) {
    this.app = app;
    this.box = document.getElementById("list");
    this.space = document.getElementById("list-space");
    this.holder = document.getElementById("list-rows");
    this.top = 0;
    this.rows = [];
    this.box.addEventListener("scroll", () => {
      if (this.ownScroll) { this.ownScroll = false; return; }
      this.top = Math.round(this.box.scrollTop / Math.max(this.scrollable, 1) * this.lastTop);
      this.draw();
    });
    this.box.addEventListener("keydown", event => this.key(event));
    new ResizeObserver(() => this.setItems(this.items)).observe(this.box);
    this.items = null;
  }

  get length() { return this.items ? this.items.length : this.app.trace.count; }
  get visible() { return Math.floor(this.box.clientHeight / ROW); }
  get lastTop() { return Math.max(0, this.length - this.visible); }
  get scrollable() { return this.space.clientHeight - this.box.clientHeight; }
  trap(position) { return this.items ? this.items[position] : position; }
  /// Where trap i is in the list, or where it would be.
  position(i) {
    if (!this.items) return i;
    let low = 0, high = this.items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.items[middle] < i) low = middle + 1; else high = middle;
    }
    return low;
  }

  /// items: the traps that match, in order; null: all.
  setItems(items) {
    this.items = items;
    this.space.style.height = Math.min(this.length * ROW, HIGHEST) + "px";
    while (this.rows.length <= this.visible) {
      const row = element("div", { class: "row", role: "option" });
      for (let n = 0; n < 8; n++) row.append(element("span"));
      row.addEventListener("click", () => this.app.select(row.trap, "list"));
      this.rows.push(row);
      this.holder.append(row);
    }
    this.scrollTo(this.app.selected >= 0 ? this.position(this.app.selected) - 3 : 0);
  }
  scrollTo(top) {
    this.top = Math.max(0, Math.min(top, this.lastTop));
    const at = this.lastTop ? this.top / this.lastTop * this.scrollable : 0;
    if (Math.abs(this.box.scrollTop - at) >= 1) {
      this.ownScroll = true;
      this.box.scrollTop = at;
    }
    this.draw();
  }
  reveal(i) {
    const at = this.position(i);
    if (at < this.top || at >= this.top + this.visible) this.scrollTo(at - Math.floor(this.visible / 3));
    else this.draw();
  }

  draw() {
    const t = this.app.trace;
    this.rows.forEach((row, n) => {
      const at = this.top + n;
      row.hidden = at >= this.length;
      row.style.display = row.hidden ? "none" : "";
      if (row.hidden) return;
      const i = this.trap(at), p = place(t, i);
      row.trap = i;
      row.id = "trap-row-" + n;
      const selected = i === this.app.selected;
      row.setAttribute("aria-selected", selected);
      if (selected) this.box.setAttribute("aria-activedescendant", row.id);
      const texts = [t.number[i], (t.host[i] / 1e6).toFixed(4), (t.cost[i] / 1e3).toFixed(2),
        t.meta.causes[t.cause[i]].name, hex(p.linear, 8), p.text || "—", p.symbol, t.strings[t.handled[i]]];
      texts.forEach((text, c) => { row.children[c].textContent = text; });
      row.children[3].style.borderLeft = `4px solid ${COLOURS[t.cause[i]]}`;
      row.children[3].style.paddingLeft = "6px";
    });
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: this.visible, PageUp: -this.visible, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined || !this.length) return;
    event.preventDefault();
    event.stopPropagation();
    const now = this.app.selected < 0 ? -1 : this.position(this.app.selected);
    const next = Math.max(0, Math.min(now + step, this.length - 1));
    this.app.select(this.trap(next), "list");
  }
}
