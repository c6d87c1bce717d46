/* The hands on the painter: pointers, keys and buttons, turned into what the board understands.
   The board and its helpers stand in the scripts before this one; `element`, `props` and `watch` come from gradio. */
/* --- painting --- */
function lacksPhrase() {
  if (board.active) return false;
  say("Choose words of the sentence first.");
  chips.classList.remove("asked");
  void chips.offsetWidth;
  chips.classList.add("asked");
  return true;
}

function paint(change, said) {
  if (lacksPhrase()) return;
  const mask = board.active.mask.slice();
  change(mask);
  finish({ ...board.active, mask }, said);
}

function finish(fresh, said) {
  const old = board.active.mask;
  if (fresh.mask.every((value, cell) => value === old[cell])) return drawSoon();
  remember();
  wear(fresh);
  settle(said + " " + fresh.phrase + " has " + Math.ceil(shareOf(fresh.mask) * 100) + " % of the picture.");
}

function pointOf(event) {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width * GRID, (event.clientY - box.top) / box.height * GRID];
}

function grab(event) {
  const point = pointOf(event), cell = Math.floor(point[1]) * GRID + Math.floor(point[0]);
  const under = [board.active, ...alive()].find((region) => region && region.mask[cell]);
  if (under && under !== board.active) choose(under);
  hand.from = point;
}

canvas.onpointerdown = (event) => {
  const eraser = (event.buttons & 32) > 0;
  if (hand.id !== null || (event.button !== 0 && !eraser)) return;
  event.preventDefault();
  hand.keys = false;
  canvas.focus({ preventScroll: true });
  hand.keys = false;
  if (board.tool === "shift") grab(event);
  if (lacksPhrase()) return;
  if (board.tool === "flood") return paint((mask) => flood(mask, pointOf(event)), "Filled.");
  canvas.setPointerCapture(event.pointerId);
  Object.assign(hand, { id: event.pointerId, from: pointOf(event), kept: board.active, value: eraser || board.tool === "erase" ? 0 : 255 });
  if (board.tool !== "shift") {
    wear({ ...board.active, mask: board.active.mask.slice() });
    stamp(board.active.mask, hand.from, Number(sizeDial.value), hand.value, false);
  }
  drawSoon();
};

canvas.onpointermove = (event) => {
  hand.hover = event.pointerType === "touch" ? null : pointOf(event);
  if (hand.id === event.pointerId) {
    const between = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const each of between.length ? between : [event]) {
      const to = pointOf(each);
      if (board.tool === "shift") wear({ ...board.active, mask: moved(hand.kept.mask, to[0] - hand.from[0], to[1] - hand.from[1]) });
      else {
        stroke(board.active.mask, hand.from, to, Number(sizeDial.value), hand.value);
        hand.from = to;
      }
    }
  }
  drawSoon();
};

/* Ends a stroke; also before anything else may change the regions. */
function letGo() {
  if (hand.id === null) return;
  const fresh = board.active;
  hand.id = null;
  wear(hand.kept);
  finish(fresh, board.tool === "shift" ? "Moved." : hand.value ? "Painted." : "Erased.");
}
canvas.onpointerup = canvas.onpointercancel = canvas.onlostpointercapture = (event) => { if (event.pointerId === hand.id) letGo(); };
canvas.onpointerleave = () => { hand.hover = null; drawSoon(); };
canvas.onfocus = () => { hand.keys = canvas.matches(":focus-visible"); drawSoon(); };
canvas.onblur = () => { hand.keys = false; drawSoon(); };

/* --- keys --- */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function walk([across, down]) {
  hand.cursor = [hand.cursor[0] + across, hand.cursor[1] + down].map((at) => Math.max(0, Math.min(LATTICE - 1, at)));
  const [column, row] = hand.cursor, cell = (row * STEP + STEP / 2) * GRID + column * STEP + STEP / 2;
  const here = alive().filter((region) => region.mask[cell]).map((region) => region.phrase).join(" and ");
  say("Column " + (column + 1) + ", row " + (row + 1) + (here ? ": " + here : "") + ".");
  drawSoon();
}

function press(event) {
  const at = hand.cursor.map((place) => (place + .5) * STEP), side = Math.max(STEP, Number(sizeDial.value)) - .2;
  const arrow = ARROWS[event.key], key = event.key.toLowerCase(), nth = alive()[Number(key) - 1];
  if (arrow && event.shiftKey) {
    if (!lacksPhrase()) finish({ ...board.active, mask: moved(board.active.mask, arrow[0] * STEP, arrow[1] * STEP) }, "Moved.");
  } else if (arrow) walk(arrow);
  else if (key === " ") paint((mask) => stamp(mask, at, side, 255, true), "Painted.");
  else if (key === "e") paint((mask) => stamp(mask, at, side, 0, true), "Erased.");
  else if (key === "f") paint((mask) => flood(mask, at), "Filled.");
  else if (nth) choose(nth);
  else return false;
  return true;
}

canvas.onkeydown = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  hand.keys = hand.keys || event.key in ARROWS;
  if (press(event)) event.preventDefault();
};

folder.onkeydown = (event) => {
  const key = event.key.toLowerCase();
  if (!(event.ctrlKey || event.metaKey) || (key !== "z" && key !== "y")) return;
  event.preventDefault();
  if (key === "y" || event.shiftKey) redo(); else undo();
};

/* --- chips --- */
const overChip = (event) => {
  const found = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-k]");
  return found && chips.contains(found) ? Number(found.dataset.k) : -1;
};
const mark = (range) => {
  hand.mark = range;
  [...chips.children].forEach((chip, k) => chip.classList.toggle("marked", Boolean(range) && k >= Math.min(...range) && k <= Math.max(...range)));
};
chips.onpointerdown = (event) => {
  const k = overChip(event);
  if (k < 0 || event.button !== 0) return;
  hand.chip = k;
  chips.setPointerCapture(event.pointerId);
  mark([k, k]);
};
chips.onpointermove = (event) => {
  const k = hand.mark && chips.hasPointerCapture(event.pointerId) ? overChip(event) : -1;
  if (k >= 0) mark([hand.mark[0], k]);
};
chips.onpointerup = (event) => {
  if (!hand.mark || !chips.hasPointerCapture(event.pointerId)) return;
  const range = hand.mark;
  mark(null);
  takeWords(...range);
};
chips.onpointercancel = () => mark(null);
/* Enter, Space and assistive devices; a pointer's own click was seen above. */
chips.onclick = (event) => {
  const chip = event.target.closest("[data-k]");
  if (!chip || event.detail !== 0) return;
  const range = hand.mark || [Number(chip.dataset.k), Number(chip.dataset.k)];
  mark(null);
  takeWords(...range);
};
chips.onkeydown = (event) => {
  const way = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
  if (!way || !chips.children.length) return;
  event.preventDefault();
  const from = hand.chip;
  hand.chip = Math.max(0, Math.min(chips.children.length - 1, from + way));
  mark(event.shiftKey ? [hand.mark ? hand.mark[0] : from, hand.chip] : null);
  [...chips.children].forEach((chip, k) => { chip.tabIndex = k === hand.chip ? 0 : -1; });
  chips.children[hand.chip].focus();
};

/* --- buttons and dials --- */
element.addEventListener("click", (event) => {
  const { tool, act } = event.target.closest("button")?.dataset || {};
  if (tool) {
    board.tool = tool;
    showState();
  }
  if (act === "undo") undo();
  if (act === "redo") redo();
  if (act === "clear") wipe();
});

function wipe() {
  letGo();
  if (!alive().some((region) => isPainted(region.mask))) return refuse("Nothing is painted.");
  remember();
  board.regions = board.regions.map((region) => (region.span ? { ...region, mask: new Uint8Array(CELLS) } : region));
  board.active = alive().find((region) => board.active && region.ink === board.active.ink) || null;
  settle("Wiped: nothing is painted.");
}
sizeDial.oninput = () => { showDials(); drawSoon(); };
weightDial.oninput = showDials;
weightDial.onchange = () => {
  if (!board.active) return;
  remember();
  wear({ ...board.active, weight: Number(weightDial.value) });
  settle("Strength of " + named(board.active) + ": " + board.active.weight.toFixed(2) + ".");
};
heldDial.oninput = showDials;
heldDial.onchange = () => act({ elsewhere: Number(heldDial.value) }, "Held back elsewhere: " + Number(heldDial.value).toFixed(2) + ".");
pullDial.oninput = showDials;
pullDial.onchange = () => act({ pull: Number(pullDial.value) }, "Pulled to its places by " + Number(pullDial.value).toFixed(2) + ".");
collageBox.onchange = () => act({ collage: collageBox.checked }, collageBox.checked ? "Each thing is sketched first and laid on its place." : "No collage.");
overlapMenu.onchange = () => act({ overlap: overlapMenu.value }, "Where places overlap, " + overlapMenu.selectedOptions[0].textContent + ".");
function act(changed, said) {
  letGo();
  remember();
  board.manner = { ...board.manner, ...changed };
  settle(said);
}

document.addEventListener("sentence", (event) => hear(event.detail));
document.addEventListener("input", (event) => { if (event.target.matches("#prompt textarea")) hear(event.target.value); });
new MutationObserver(drawSoon).observe(document.body, { attributeFilter: ["class"] });
watch("value", () => load(props.value));
settle("");
