/* The painter's board: its phrases and their masks, what is shown of them, what is sent, and the way back.
   Every phrase has a mask of its own; the canvas only shows them. What is sent is small JSON with the sentence it
   belongs to. `element` and `props` come from gradio; all text goes through textContent. */
const part = (name) => element.querySelector(name);
const folder = part(".painter"), chips = part(".chips"), legend = part(".legend"), lostLine = part(".lost");
const canvas = part("canvas"), spoken = part(".spoken"), lead = part(".lead"), sizeDial = part(".size input"), weightDial = part(".weight input");
const heldDial = part(".elsewhere input"), pullDial = part(".pull input"), collageBox = part(".collage input"), overlapMenu = part(".overlap select");
const MOST = 8, MEMORY = 60, LATTICE = 16, STEP = GRID / LATTICE;
const usual = () => ({ overlap: "all", elsewhere: Number(heldDial.defaultValue), pull: Number(pullDial.defaultValue), collage: collageBox.defaultChecked });
const board = { text: "", regions: [], active: null, manner: usual(), tool: "brush", past: [], future: [], sent: "" };
const hand = { id: null, from: null, kept: null, hover: null, value: 0, cursor: [8, 8], keys: false, mark: null, chip: 0, waits: false };

const say = (text) => { spoken.textContent = spoken.textContent === text ? text + " " : text; };
/* What cannot be done is said to the eye as well, in the place of the advice, until something is done. */
const refuse = (text) => { lead.textContent = text; lead.classList.add("refused"); say(text); };
const named = (region) => "“" + region.phrase + "”" + (region.occurrence > 1 ? " (number " + region.occurrence + ")" : "");
const alive = () => board.regions.filter((region) => region.span);
const wear = (fresh) => {
  board.regions = board.regions.map((region) => (region === board.active ? fresh : region));
  board.active = fresh;
};

/* --- what happened, and back --- */
const snapshot = () => ({ text: board.text, regions: board.regions, active: board.regions.indexOf(board.active), manner: board.manner });
function remember() {
  board.past = board.past.concat(snapshot()).slice(-MEMORY);
  board.future = [];
}
function travel(from, to, word) {
  letGo();
  const back = from.pop();
  if (!back) return refuse("Nothing to " + word.toLowerCase() + ".");
  to.push(snapshot());
  board.regions = rebound(back.regions, back.text, board.text);
  board.active = board.regions[back.active] || null;
  board.manner = back.manner;
  settle(word + ": " + describe());
}
const undo = () => travel(board.past, board.future, "Undo"), redo = () => travel(board.future, board.past, "Redo");

function describe() {
  const painted = alive().filter((region) => isPainted(region.mask));
  return painted.length ? painted.map((region) => region.phrase + " " + Math.ceil(shareOf(region.mask) * 100) + " %").join(", ") : "nothing is painted";
}

/* --- what is sent --- */
function send() {
  const regions = alive().filter((region) => isPainted(region.mask)).map(({ phrase, occurrence, weight, mask }) => (
    { phrase, occurrence, weight, runs: runsOf(mask) }));
  const value = { prompt: board.text, regions, ...board.manner }, sent = JSON.stringify(value);
  if (sent === board.sent) return;
  board.sent = sent;
  props.value = value;
}

function load(value) {
  if (!value || !Array.isArray(value.regions) || JSON.stringify(value) === board.sent) return;
  letGo();
  if (board.regions.length) remember();
  board.text = plain(value.prompt);
  board.regions = value.regions.slice(0, MOST).map(({ phrase, occurrence, weight, runs }, ink) => (
    bound({ phrase, occurrence, weight, ink, mask: maskOf(runs) }, board.text)));
  board.active = alive()[0] || null;
  const { overlap, elsewhere, pull, collage } = { ...usual(), ...value };
  board.manner = { overlap, elsewhere, pull, collage };
  board.sent = JSON.stringify(value);
  if (board.regions.length) folder.open = true;
  settle("");
}

function hear(sentence) {
  const text = plain(sentence);
  if (text === board.text) return;
  letGo();
  const active = board.regions.indexOf(board.active);
  board.regions = rebound(board.regions, board.text, text);
  board.text = text;
  board.active = board.regions[active] || null;
  if (board.active && !board.active.span) board.active = alive()[0] || null;
  settle("");
}

/* --- phrases --- */
function choose(region) {
  board.active = region;
  settle("Painting with " + named(region) + ", " + INKS[region.ink][1] + ".");
}

/* One word brings along those that describe it; pressed again, before anything is painted, it is taken alone. */
function firstOf(k, words) {
  const from = describedFrom(board.text, k), active = board.active, word = words[k];
  const again = active && active.span && !isPainted(active.mask) && active.span[0] === words[from].start && active.span[1] === word.end;
  const taken = alive().some((region) => region.span[0] < word.start && region.span[1] > words[from].start && region.span[1] <= word.start);
  return again || taken ? k : from;
}

function takeWords(a, b) {
  const words = wordsOf(board.text), first = a === b ? firstOf(a, words) : Math.min(a, b);
  const start = words[first].start, end = words[Math.max(a, b)].end;
  const touched = alive().filter((region) => region.span[0] < end && region.span[1] > start);
  const inside = touched.find((region) => region.span[0] <= start && region.span[1] >= end);
  const narrower = inside && inside === board.active && !isPainted(inside.mask) && inside.span[1] - inside.span[0] > end - start;
  if (inside && !narrower && (a === b || inside.span[1] - inside.span[0] === end - start)) return choose(inside);
  const phrase = board.text.slice(start, end), occurrence = placesOf(board.text, phrase).indexOf(start) + 1;
  if (phrase.length > LONGEST_PHRASE) return refuse("A phrase has at most " + LONGEST_PHRASE + " characters.");
  if (touched.length > 1) return refuse("These words belong to several phrases: remove one of them first.");
  if (!occurrence) return refuse("These words overlap with themselves and cannot be told apart.");
  const span = [start, end], full = !touched.length && board.regions.length >= MOST;
  const lost = full ? board.regions.find((region) => !region.span) : null;
  if (full && !lost) return refuse("Eight phrases are the most: remove one first.");
  remember();
  // A phrase that the sentence has lost gives its place to one that it has.
  if (lost) board.regions = board.regions.filter((region) => region !== lost);
  if (touched.length) {
    board.active = touched[0];
    wear({ ...touched[0], phrase, occurrence, span });
  } else {
    const used = new Set(board.regions.map((region) => region.ink)), ink = INKS.findIndex((_, k) => !used.has(k));
    board.active = { phrase, occurrence, span, ink, weight: Number(weightDial.defaultValue), mask: new Uint8Array(CELLS) };
    board.regions = board.regions.concat(board.active);
  }
  settle("Phrase " + named(board.active) + ", " + INKS[board.active.ink][1] + ". Now paint where it goes.");
}

function discard(region) {
  remember();
  board.regions = board.regions.filter((other) => other !== region);
  if (board.active === region) board.active = alive()[0] || null;
  settle("Removed " + named(region) + ".");
  (legend.querySelector("button") || chips.querySelector("button") || canvas).focus();
}

function chipAt(word, k) {
  const chip = document.createElement("button"), region = alive().find(({ span }) => span[0] < word.end && span[1] > word.start);
  const [low, high] = hand.mark ? [Math.min(...hand.mark), Math.max(...hand.mark)] : [1, 0];
  chip.type = "button";
  chip.dataset.k = k;
  chip.textContent = word.text;
  chip.tabIndex = k === hand.chip ? 0 : -1;
  chip.classList.toggle("marked", k >= low && k <= high);
  if (region) {
    chip.style.setProperty("--dye", INKS[region.ink][0]);
    chip.classList.add("dyed");
    chip.classList.toggle("chosen", region === board.active);
    chip.setAttribute("aria-label", word.text + ", in the phrase " + named(region));
  }
  return chip;
}

function legendRow(region) {
  const row = document.createElement("span"), pick = document.createElement("button"), drop = document.createElement("button");
  row.className = "entry";
  row.style.setProperty("--dye", INKS[region.ink][0]);
  pick.type = drop.type = "button";
  pick.className = "pick";
  pick.setAttribute("aria-pressed", region === board.active ? "true" : "false");
  const name = document.createElement("span");
  name.textContent = region.phrase + (placesOf(board.text, region.phrase).length > 1 ? " · " + region.occurrence : "");
  pick.append(swatch(region.ink), name);
  pick.title = "Paint with these words";
  pick.onclick = () => { choose(region); refocus(".pick[aria-pressed=true]"); };
  drop.className = "drop";
  drop.textContent = "×";
  drop.setAttribute("aria-label", "Remove " + named(region));
  drop.onclick = () => discard(region);
  row.append(pick, drop);
  return row;
}

const refocus = (selector) => { const found = part(selector); if (found) found.focus(); };

/* --- showing --- */
function showWords() {
  const words = wordsOf(board.text), held = chips.contains(document.activeElement);
  hand.chip = Math.max(0, Math.min(hand.chip, words.length - 1));
  chips.replaceChildren(...words.map(chipAt));
  if (held && chips.children[hand.chip]) chips.children[hand.chip].focus({ preventScroll: true });
}

function showState() {
  const painted = alive().filter((region) => isPainted(region.mask)), gone = board.regions.filter((region) => !region.span);
  legend.replaceChildren(...alive().map(legendRow));
  part(".count").textContent = painted.length ? painted.length + " painted" : "";
  lead.classList.remove("refused");
  lead.textContent = board.text ? "Choose a thing with the words that describe it, then paint where it goes." : "Write a sentence first; its words appear here.";
  lostLine.hidden = !gone.length;
  const left = "Not in the sentence now, so left out: " + gone.map(named).join(", ") + ".";
  if (gone.length && lostLine.textContent !== left) lostLine.textContent = left;
  part(".invitation").textContent = painted.length ? "" : board.active ? "Paint where " + named(board.active) + " goes" : "Choose words first";
  weightDial.disabled = !board.active;
  weightDial.value = board.active ? board.active.weight : weightDial.defaultValue;
  heldDial.value = board.manner.elsewhere;
  pullDial.value = board.manner.pull;
  collageBox.checked = board.manner.collage;
  overlapMenu.value = board.manner.overlap;
  showDials();
  for (const button of element.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", button.dataset.tool === board.tool ? "true" : "false");
  for (const [act, any] of [["undo", board.past.length], ["redo", board.future.length], ["clear", painted.length]]) {
    part("[data-act=" + act + "]").setAttribute("aria-disabled", any ? "false" : "true");
  }
  canvas.dataset.tool = board.tool;
}

function showDials() {
  const weight = Number(weightDial.value);
  part(".size output").textContent = sizeDial.value;
  part(".weight output").textContent = weight.toFixed(2);
  part(".elsewhere output").textContent = Number(heldDial.value).toFixed(2);
  part(".pull output").textContent = Number(pullDial.value).toFixed(2);
  weightDial.setAttribute("aria-valuetext", weight.toFixed(2) + (weight < 0 ? ", pushed away" : ""));
}

function draw() {
  hand.waits = false;
  const night = document.body.classList.contains("dark"), pen = drawRegions(canvas, alive(), board.active, night), dye = board.active ? INKS[board.active.ink][0] : "#777";
  const outline = (trace) => [["#fffaf0", 7], [dye, 3.5]].forEach(([style, width]) => {
    pen.beginPath();
    pen.strokeStyle = style;
    pen.lineWidth = width;
    trace();
    pen.stroke();
  });
  const side = Math.max(STEP, Number(sizeDial.value)) * CELL, [x, y] = hand.cursor.map((at) => (at + .5) * STEP * CELL);
  if (hand.keys) outline(() => { pen.rect(x - side / 2, y - side / 2, side, side); pen.rect(x - 3, y - 3, 6, 6); });
  else if (hand.hover && board.tool !== "flood" && board.tool !== "shift") {
    outline(() => pen.arc(hand.hover[0] * CELL, hand.hover[1] * CELL, Math.max(7, sizeDial.value * CELL / 2), 0, 7));
  }
}

function drawSoon() {
  if (hand.waits) return;
  hand.waits = true;
  requestAnimationFrame(draw);
}

function settle(said) {
  if (said) say(said);
  showWords();
  showState();
  drawSoon();
  send();
}
