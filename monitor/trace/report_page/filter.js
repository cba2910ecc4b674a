// What the search box says, as one byte for every trap: 1 if it matches.
//
// Words must all match.  A plain word is looked for in the cause, the instruction, the symbol, the address and the
// handling; key=value looks in one place only.

const WORD = /(\w+)=("[^"]*"|\S+)|"[^"]*"|\S+/g;

function parseSearch(text) {
  return Array.from(text.matchAll(WORD), m => ({
    key: m[1] ? m[1].toLowerCase() : "",
    value: (m[1] ? m[2] : m[0]).replace(/^"|"$/g, "").toLowerCase(),
  })).filter(word => word.value !== "");
}

/// Which of the places, causes and handlings a word matches; which traps have a number it asks for.
function tester(t, word) {
  const { key, value } = word;
  const digits = value.replace(/^0x/, "");
  const numbers = { vector: t.vector, cpl: t.cpl, reflected: t.reflected, injected: t.injected, burst: t.burst,
    error: t.error };
  if (key in numbers) {
    const column = numbers[key], wanted = Number(value);
    return i => column[i] === wanted;
  }
  if (key === "n") return i => String(t.number[i]) === value;
  if (key === "address") return i => hex(t.address[i], 8).includes(digits);
  if (key === "cost") return i => t.cost[i] >= Number(value);  // in ns, or more

  const causes = t.meta.causes.map(c => (key === "cause" ? c.name === value : key === "" && c.name.includes(value)));
  const strings = t.strings.map(s => s.toLowerCase().includes(value));
  const exact = t.strings.map(s => s.toLowerCase() === value);
  const handled = i => (key === "" || key === "handled") && strings[t.handled[i]];
  const places = new Uint8Array(t.place_eip.length);
  for (let p = 0; p < places.length; p++) {
    places[p] =
      (key === "insn" && instructionOf(t, p).toLowerCase() === value) ||
      (key === "" && (strings[t.place_insn[p]] || strings[t.place_text[p]])) ||
      (key === "text" && strings[t.place_text[p]]) ||
      (key === "symbol" && (exact[t.place_symbol[p]] || strings[t.place_symbol[p]])) ||
      (key === "" && strings[t.place_symbol[p]]) ||
      ((key === "" || key === "site") && /^[0-9a-f]{3,8}$/.test(digits) && hex(t.place_linear[p], 8).includes(digits)) ||
      (key === "bytes" && strings[t.place_bytes[p]]);
  }
  return i => places[t.place[i]] || causes[t.cause[i]] || handled(i);
}

/// null: everything matches.
function matchTraps(t, text, hiddenCauses) {
  const tests = parseSearch(text).map(word => tester(t, word));
  if (!tests.length && !hiddenCauses.some(Boolean)) return null;
  const mask = new Uint8Array(t.count);
  for (let i = 0; i < t.count; i++) mask[i] = !hiddenCauses[t.cause[i]] && tests.every(test => test(i)) ? 1 : 0;
  return mask;
}
