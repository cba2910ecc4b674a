"use strict";
// The trace: columns of numbers, one value for every trap, as typed arrays.  trace_report.cpp writes them.

const ARRAYS = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array };

async function unpack(text) {
  const binary = atob(text.trim());
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/// Times are written as differences of 64 bits, in a low and a high half.
function addUp(low, high) {
  const times = new Float64Array(low.length);
  let now = 0;
  for (let i = 0; i < low.length; i++) {
    now += (high[i] | 0) * 4294967296 + low[i];
    times[i] = now;
  }
  return times;
}

async function loadTrace() {
  const meta = JSON.parse(document.getElementById("meta").textContent);
  const data = document.getElementById("data");
  const buffer = await unpack(data.textContent);
  data.remove();
  const t = { meta, count: meta.count, strings: meta.strings };
  let at = 0;
  for (const [name, type, length] of meta.columns) {
    const array = new ARRAYS[type](buffer, at, length);
    t[name] = array;
    at += Math.ceil(array.byteLength / 8) * 8;
  }
  t.host = addUp(t.host_low, t.host_high);
  t.guest = addUp(t.guest_low, t.guest_high);
  // The state is written as differences (exclusive or) to the trap before, so that it packs well.
  t.state = [];
  for (let f = 0; f < meta.stored; f++) {
    const column = t["state_" + f];
    for (let i = 1; i < column.length; i++) column[i] ^= column[i - 1];
    t.state.push(column);
  }
  t.firstChange = new Uint32Array(t.count + 1);
  for (let i = 0; i < t.count; i++) t.firstChange[i + 1] = t.firstChange[i] + t.changes[i];
  t.start = t.count ? t.host[0] : 0;
  t.end = t.count ? t.host[t.count - 1] + Math.max(t.cost[t.count - 1], 1) : 1;
  return t;
}

/// The number of traps that begin before `time`.
function trapsBefore(t, time) {
  let low = 0, high = t.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (t.host[middle] < time) low = middle + 1; else high = middle;
  }
  return low;
}

const hex = (value, digits) => (value >>> 0).toString(16).padStart(digits, "0");

function place(t, i) {
  const p = t.place[i];
  return {
    eip: t.place_eip[p], linear: t.place_linear[p], insn: t.strings[t.place_insn[p]],
    text: t.strings[t.place_text[p]], bytes: t.strings[t.place_bytes[p]], symbol: t.strings[t.place_symbol[p]],
  };
}

/// What instructions.def calls it, or the mnemonic of an innocuous instruction.
const instructionOf = (t, p) => t.strings[t.place_name[p]];

function duration(ns) {
  const size = Math.abs(ns);
  if (size >= 1e9) return (ns / 1e9).toFixed(3) + " s";
  if (size >= 1e6) return (ns / 1e6).toFixed(3) + " ms";
  if (size >= 1e3) return (ns / 1e3).toFixed(2) + " µs";
  return ns.toFixed(0) + " ns";
}
const counted = n => n.toLocaleString("en");

function element(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

const NO_VECTOR = 255;
const COLOURS = ["#4269d0", "#efb118", "#6cc5b0", "#3ca951", "#ff725c", "#a463f2", "#9c6b4e", "#ff8ab7", "#d1352b",
  "#8fb4ee", "#9498a0"];
