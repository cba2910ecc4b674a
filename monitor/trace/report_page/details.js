// One trap: why it trapped, what was done, and the state before and after.

/// "2A 3-CLI" and "3A 6.8" as people cite them.
function citation(sdm) {
  const [volume, where] = [sdm.slice(0, 2), sdm.slice(3)];
  const instruction = /^(\d)-(.+)$/.exec(where);
  return `SDM Vol. ${volume}, ` + (instruction ? `chapter ${instruction[1]}, ${instruction[2]}` : `section ${where}`);
}

const CLASSES = {
  privileged: "privileged: it faults at ring 3 by itself",
  silent: "silent: at ring 3 it does not fault, but does or shows the wrong thing",
  host: "answered by the host's kernel where the processor has UMIP",
  conditional: "harmless or faulting, depending on operands and control registers",
};

class Details {
  constructor(app) {
    this.app = app;
    this.box = document.getElementById("details");
    this.clear();
  }
  clear() {
    this.box.replaceChildren(element("p", { class: "hint" }, "Click on a trap in the timeline or in the list to see why it trapped."));
  }

  vector(number) {
    const name = this.app.trace.meta.vectors[number];
    return name ? `${number} (${name})` : String(number);
  }

  show(i) {
    const t = this.app.trace, meta = t.meta, p = place(t, i), cause = meta.causes[t.cause[i]];
    const info = meta.instructions[p.insn];
    const title = element("h3", {}, element("span", { class: "swatch", style: `background:${COLOURS[t.cause[i]]}` }),
      `#${t.number[i]} ${cause.name}`);
    if (p.text) title.append(": ", element("code", {}, p.text));
    const why = [element("p", {}, cause.why + (cause.sdm ? ` (${citation(cause.sdm)})` : ""))];
    if (info) {
      why.push(element("p", { id: "why-instruction" }, element("b", {}, p.insn), ` is ${CLASSES[info.class]}. Why it matters: it `,
        element("b", {}, info.effect), ` (`, element("span", { id: "sdm" }, citation(info.sdm)), `).`));
    }
    const facts = element("dl");
    const fact = (name, ...value) => facts.append(element("dt", {}, name), element("dd", {}, ...value));
    fact("Handled", this.handling(i));
    fact("Cost", `${duration(t.cost[i])}, at ${(t.host[i] / 1e6).toFixed(6)} ms (guest time ${(t.guest[i] / 1e6).toFixed(6)} ms)`);
    fact("Where", element("code", {}, `${hex(p.linear, 8)}${p.symbol ? ` <${p.symbol}>` : ""}`), ` at CPL ${t.cpl[i]}`);
    if (p.bytes) fact("Bytes", element("code", {}, p.bytes.replace(/../g, "$& ").trim()));
    if (t.vector[i] !== NO_VECTOR) fact("Host vector", this.vector(t.vector[i]) + (t.error[i] ? `, error code ${t.error[i].toString(16)}h` : ""));
    if (t.vector[i] === 14) fact("Address", element("code", {}, hex(t.address[i], 8)));
    const previous = element("button", { type: "button", title: "The previous one (k)" }, "◂");
    previous.addEventListener("click", () => this.app.step(-1));
    const next = element("button", { type: "button", title: "The next one (j)" }, "▸");
    next.addEventListener("click", () => this.app.step(1));
    const zoom = element("button", { type: "button", title: "Show it in the timeline (z)" }, "Zoom to it");
    zoom.addEventListener("click", () => this.app.timeline.zoomTo(i));
    const bar = element("div", { class: "bar" }, previous, next, zoom);
    this.box.replaceChildren(bar, title, ...why, facts, element("h2", {}, "State before → after"), this.state(i));
    this.box.dataset.trap = t.number[i];
  }

  handling(i) {
    const t = this.app.trace, parts = [t.strings[t.handled[i]]];
    if (t.reflected[i] !== NO_VECTOR) parts.push(`the guest was given exception ${this.vector(t.reflected[i])}`);
    if (t.injected[i] !== NO_VECTOR) parts.push(`external interrupt ${t.injected[i]} was injected`);
    if (t.burst[i]) parts.push(`a burst: ${t.burst[i]} more instructions were done in software, which saved their traps`);
    if (t.proven[i]) parts.push(`${t.proven[i]} instructions proven`);
    if (t.mapped[i]) parts.push(`${t.mapped[i]} pages mapped`);
    if (t.gates_made[i]) parts.push("the site got a gate");
    return parts.join("; ");
  }

  state(i) {
    const t = this.app.trace, meta = t.meta, changed = new Map();
    for (let c = t.firstChange[i]; c < t.firstChange[i + 1]; c++)
      changed.set(t.change_field[c], [t.change_before[c], t.change_after[c]]);
    const show = (field, value) => (field.digits ? hex(value, field.digits) : String(value));
    const box = element("div", { id: "state" });
    meta.fields.forEach((field, f) => {
      const known = f < meta.stored, change = changed.get(f);
      if (!known && !change) return;
      const before = change ? change[0] : t.state[f][i];
      const row = element("div", {}, element("span", { class: "name" }, field.name), show(field, before));
      if (change) {
        row.className = "changed";
        row.append(" → ", element("b", {}, show(field, change[1])));
      }
      box.append(row);
    });
    return box;
  }
}
