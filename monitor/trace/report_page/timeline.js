// The timeline: a lane for every cause.  Far out a lane shows the share of time that its traps took; close up, the
// traps themselves.

const LANE = 18, AXIS = 22, LABELS = 108;

class Timeline {
  constructor(app) {
    this.app = app;
    this.t = app.trace;
    this.canvas = document.getElementById("timeline");
    this.overview = document.getElementById("overview");
    this.tip = document.getElementById("tip");
    const used = new Set(this.t.cause);
    this.lanes = this.t.meta.causes.map((_, c) => c).filter(c => used.has(c));
    this.canvas.style.height = this.lanes.length * LANE + AXIS + 4 + "px";
    this.from = this.t.start;
    this.to = this.t.end;
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  get shortest() { return 50; }  // ns
  show(from, to) {
    const whole = this.t.end - this.t.start;
    const length = Math.min(Math.max(to - from, this.shortest), whole);
    this.from = Math.min(Math.max(from, this.t.start), this.t.end - length);
    this.to = this.from + length;
    this.tip.hidden = true;
    this.app.viewChanged();
    this.schedule();
  }
  zoom(factor, at = (this.from + this.to) / 2) {
    this.show(at - (at - this.from) * factor, at + (this.to - at) * factor);
  }
  pan(part) {
    const by = (this.to - this.from) * part;
    this.show(this.from + by, this.to + by);
  }
  showAll() { this.show(this.t.start, this.t.end); }
  /// Brings trap i into view, without a change of scale if that can be.
  reveal(i) {
    const at = this.t.host[i], length = this.to - this.from;
    if (at < this.from || at + this.t.cost[i] > this.to) this.show(at - length / 2, at + length / 2);
    else this.schedule();
  }
  zoomTo(i) {
    const length = Math.max(this.t.cost[i] * 12, 5000);
    this.show(this.t.host[i] - length / 2, this.t.host[i] + length / 2);
  }

  schedule() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.draw(); });
  }

  /// A canvas' context, scaled so that one unit is one pixel of the page; and its size.
  prepare(canvas) {
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const g = canvas.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    const style = getComputedStyle(document.documentElement);
    this.ink = style.getPropertyValue("--ink");
    this.soft = style.getPropertyValue("--soft");
    this.line = style.getPropertyValue("--line");
    this.accent = style.getPropertyValue("--accent");
    g.font = "12px system-ui, sans-serif";
    g.textBaseline = "middle";
    return { g, width, height };
  }

  draw() {
    const { g, width, height } = this.prepare(this.canvas);
    const plot = width - LABELS;
    if (plot <= 10) return;
    this.plot = plot;
    this.scale = plot / (this.to - this.from);
    this.drawAxis(g, plot, height);
    const first = Math.max(trapsBefore(this.t, this.from) - 1, 0), last = trapsBefore(this.t, this.to);
    this.detailed = last - first <= plot * 0.7;
    g.save();
    g.beginPath();
    g.rect(LABELS, 0, plot, height);
    g.clip();
    if (this.detailed) this.drawTraps(g, first, last); else this.drawShares(g, first, last, Math.ceil(plot));
    this.drawSelected(g);
    g.restore();
    this.drawLabels(g, width);
    this.drawOverview();
  }

  drawLabels(g, width) {
    this.lanes.forEach((cause, n) => {
      const y = n * LANE;
      g.strokeStyle = this.line;
      g.beginPath();
      g.moveTo(0, y + LANE + 0.5);
      g.lineTo(width, y + LANE + 0.5);
      g.stroke();
      g.globalAlpha = this.app.hidden[cause] ? 0.35 : 1;
      g.fillStyle = COLOURS[cause];
      g.fillRect(4, y + 5, 9, 9);
      g.fillStyle = this.ink;
      g.fillText(this.t.meta.causes[cause].name, 19, y + LANE / 2 + 1);
      g.globalAlpha = 1;
    });
  }

  drawAxis(g, plot, height) {
    const length = this.to - this.from, target = length / Math.max(plot / 130, 1);
    const power = 10 ** Math.floor(Math.log10(target));
    const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= target);
    g.fillStyle = this.soft;
    g.strokeStyle = this.line;
    const decimals = Math.max(0, Math.ceil(-Math.log10(step / 1e6)));
    for (let at = Math.ceil(this.from / step) * step; at <= this.to; at += step) {
      const x = LABELS + (at - this.from) * this.scale;
      g.beginPath();
      g.moveTo(x + 0.5, 0);
      g.lineTo(x + 0.5, height - AXIS + 4);
      g.stroke();
      g.fillText((at / 1e6).toFixed(decimals) + " ms", x + 3, height - AXIS / 2 + 1);
    }
  }

  drawShares(g, first, last, columns) {
    const t = this.t, mask = this.app.mask, causes = t.meta.causes.length;
    const sums = new Float32Array(columns * causes);
    for (let i = first; i < last; i++) {
      if (mask && !mask[i]) continue;
      const begin = (t.host[i] - this.from) * this.scale, end = begin + t.cost[i] * this.scale;
      if (end < 0) continue;
      for (let c = Math.max(0, Math.floor(begin)); c <= Math.min(columns - 1, Math.floor(end)); c++)
        sums[c * causes + t.cause[i]] += Math.max(Math.min(end, c + 1) - Math.max(begin, c), 1e-6);
    }
    this.lanes.forEach((cause, n) => {
      g.fillStyle = COLOURS[cause];
      for (let c = 0; c < columns; c++) {
        const share = sums[c * causes + cause];
        if (!share) continue;
        const bar = Math.max(1.5, Math.sqrt(Math.min(share, 1)) * (LANE - 3));
        g.fillRect(LABELS + c, (n + 1) * LANE - bar, 1, bar);
      }
    });
  }

  drawTraps(g, first, last) {
    const t = this.t, mask = this.app.mask, lane = new Array(t.meta.causes.length);
    this.lanes.forEach((cause, n) => { lane[cause] = n; });
    for (let i = first; i < last; i++) {
      const x = LABELS + (t.host[i] - this.from) * this.scale, w = Math.max(t.cost[i] * this.scale, 2);
      g.globalAlpha = mask && !mask[i] ? 0.12 : 1;
      g.fillStyle = COLOURS[t.cause[i]];
      g.fillRect(x, lane[t.cause[i]] * LANE + 3, w, LANE - 5);
      if (w > 42 && g.globalAlpha === 1) {
        g.save();
        g.beginPath();
        g.rect(x, 0, w - 3, 1000);
        g.clip();
        g.fillStyle = "#000";
        g.fillText(instructionOf(t, t.place[i]), Math.max(x, LABELS) + 4, lane[t.cause[i]] * LANE + LANE / 2 + 1);
        g.restore();
      }
    }
    g.globalAlpha = 1;
  }

  drawSelected(g) {
    const i = this.app.selected;
    if (i < 0) return;
    const x = LABELS + (this.t.host[i] - this.from) * this.scale, w = Math.max(this.t.cost[i] * this.scale, 2);
    const y = this.lanes.indexOf(this.t.cause[i]) * LANE;
    g.strokeStyle = this.ink;
    g.lineWidth = 2;
    g.strokeRect(x - 2, y + 1, w + 4, LANE - 2);
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(x, 0);
    g.lineTo(x, this.lanes.length * LANE);
    g.stroke();
  }

  /// The whole trace, the time in the monitor as a share; and what part of it the timeline shows.
  drawOverview() {
    const { g, width, height } = this.prepare(this.overview);
    const t = this.t, columns = Math.ceil(width), scale = width / (t.end - t.start);
    if (!this.sums || this.sums.length !== columns || this.sumsOf !== this.app.mask) {
      this.sums = new Float32Array(columns);
      this.sumsOf = this.app.mask;
      for (let i = 0; i < t.count; i++)
        if (!this.sumsOf || this.sumsOf[i])
          this.sums[Math.min(columns - 1, Math.floor((t.host[i] - t.start) * scale))] += t.cost[i] * scale;
    }
    g.fillStyle = this.soft;
    this.sums.forEach((share, c) => {
      const bar = Math.sqrt(Math.min(share, 1)) * (height - 4);
      if (share) g.fillRect(c, height - Math.max(bar, 1), 1, Math.max(bar, 1));
    });
    const x = (this.from - t.start) * scale, w = Math.max((this.to - this.from) * scale, 3);
    g.fillStyle = this.accent;
    g.globalAlpha = 0.18;
    g.fillRect(x, 0, w, height);
    g.globalAlpha = 1;
    g.strokeStyle = this.accent;
    g.strokeRect(x + 0.5, 0.5, Math.max(w - 1, 2), height - 1);
  }

  timeAt(x) { return this.from + (x - LABELS) / this.scale; }

  /// The trap at a point: of several, the costliest; -1 if there is none near.
  trapAt(x, y) {
    if (x < LABELS) return -1;
    const t = this.t, cause = this.lanes[Math.floor(y / LANE)], mask = this.app.mask;
    const from = this.timeAt(x - 3), to = this.timeAt(x + 3);
    let best = -1, bestInLane = false;
    for (let i = Math.max(trapsBefore(t, from) - 1, 0); i < t.count && t.host[i] <= to; i++) {
      if (t.host[i] + t.cost[i] < from || (mask && !mask[i])) continue;
      const inLane = t.cause[i] === cause;
      if (best < 0 || (inLane && !bestInLane) || (inLane === bestInLane && t.cost[i] > t.cost[best])) {
        best = i;
        bestInLane = inLane;
      }
    }
    return best;
  }

  listen() {
    const canvas = this.canvas;
    canvas.addEventListener("wheel", event => {
      event.preventDefault();
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.pan(event.deltaX / this.plot);
      else this.zoom(Math.exp(event.deltaY * 0.0022), this.timeAt(Math.max(event.offsetX, LABELS)));
    }, { passive: false });
    let drag = null;
    canvas.addEventListener("pointerdown", event => {
      drag = { x: event.offsetX, from: this.from, to: this.to, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", event => {
      if (drag) {
        const by = (drag.x - event.offsetX) / this.scale;
        drag.moved = drag.moved || Math.abs(drag.x - event.offsetX) > 3;
        if (drag.moved) this.show(drag.from + by, drag.to + by);
      } else {
        this.hover(event.offsetX, event.offsetY);
      }
    });
    canvas.addEventListener("pointerup", event => {
      const click = drag && !drag.moved;
      drag = null;
      if (!click) return;
      const lane = this.lanes[Math.floor(event.offsetY / LANE)];
      if (event.offsetX < LABELS && lane !== undefined) this.app.toggleCause(lane);
      else this.app.select(this.trapAt(event.offsetX, event.offsetY), "timeline");
    });
    canvas.addEventListener("pointercancel", () => { drag = null; });
    canvas.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    canvas.addEventListener("dblclick", event => this.zoom(0.25, this.timeAt(event.offsetX)));
    this.overview.addEventListener("pointerdown", event => {
      const at = this.t.start + event.offsetX / this.overview.clientWidth * (this.t.end - this.t.start);
      const half = (this.to - this.from) / 2;
      this.show(at - half, at + half);
    });
  }

  hover(x, y) {
    const i = this.trapAt(x, y), tip = this.tip;
    tip.hidden = i < 0;
    if (i < 0) return;
    const p = place(this.t, i);
    tip.textContent = `${this.t.meta.causes[this.t.cause[i]].name} · ${p.text || "—"} · ${p.symbol || hex(p.linear, 8)} · ` +
      duration(this.t.cost[i]);
    const left = this.canvas.offsetLeft + x + 14;
    tip.style.left = Math.max(0, Math.min(left, this.canvas.clientWidth - tip.offsetWidth)) + "px";
    tip.style.top = this.canvas.offsetTop + y + 16 + "px";
  }
}
