/* Masks of 64 x 64 bytes in reading order: strokes, floods, moves, and the run lengths that travel.
   Points are in cells, from 0 to 64. Nothing here knows a page. */
const GRID = 64, CELLS = GRID * GRID;

/* A disc, or a square, of `value`; it reaches far enough to hold at least one cell. */
function stamp(mask, [x, y], size, value, square) {
  const reach = Math.max(size / 2, .75), clip = (at) => Math.min(GRID - 1, Math.max(0, at));
  for (let row = clip(Math.floor(y - reach)); row <= clip(Math.floor(y + reach)); row++) {
    for (let column = clip(Math.floor(x - reach)); column <= clip(Math.floor(x + reach)); column++) {
      const across = column + .5 - x, down = row + .5 - y;
      const inside = square ? Math.max(Math.abs(across), Math.abs(down)) <= reach : Math.hypot(across, down) <= reach;
      if (inside) mask[row * GRID + column] = value;
    }
  }
}

function stroke(mask, from, to, size, value) {
  const steps = Math.max(1, Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])));
  for (let k = 1; k <= steps; k++) {
    stamp(mask, [0, 1].map((axis) => from[axis] + (to[axis] - from[axis]) * k / steps), size, value, false);
  }
}

/* Paints the unpainted cells that hang together with the one at the point. */
function flood(mask, [x, y]) {
  const inside = (at) => Math.min(GRID - 1, Math.max(0, Math.floor(at)));
  const waiting = [inside(y) * GRID + inside(x)];
  while (waiting.length) {
    const cell = waiting.pop(), column = cell % GRID;
    if (mask[cell]) continue;
    mask[cell] = 255;
    if (column > 0) waiting.push(cell - 1);
    if (column < GRID - 1) waiting.push(cell + 1);
    if (cell >= GRID) waiting.push(cell - GRID);
    if (cell < CELLS - GRID) waiting.push(cell + GRID);
  }
}

/* The smallest box around what is painted, as [left, top, right, bottom]; null for an empty mask. */
function boundsOf(mask) {
  let box = null;
  mask.forEach((value, cell) => {
    if (!value) return;
    const column = cell % GRID, row = Math.floor(cell / GRID);
    box = box ? [Math.min(box[0], column), box[1], Math.max(box[2], column), row] : [column, row, column, row];
  });
  return box;
}

/* The mask moved by whole cells, at most to the edge: nothing falls off. */
function moved(mask, across, down) {
  const box = boundsOf(mask), fresh = new Uint8Array(CELLS);
  if (!box) return fresh;
  const dx = Math.round(Math.min(GRID - 1 - box[2], Math.max(-box[0], across)));
  const dy = Math.round(Math.min(GRID - 1 - box[3], Math.max(-box[1], down)));
  mask.forEach((value, cell) => { if (value) fresh[cell + dy * GRID + dx] = value; });
  return fresh;
}

function runsOf(mask) {
  const runs = [];
  for (const value of mask) {
    if (runs.length && runs[runs.length - 2] === value) runs[runs.length - 1]++;
    else runs.push(value, 1);
  }
  return runs;
}

function maskOf(runs) {
  const mask = new Uint8Array(CELLS);
  let at = 0;
  for (let k = 0; k + 1 < runs.length; k += 2) {
    mask.fill(runs[k], at, at + runs[k + 1]);
    at += runs[k + 1];
  }
  return mask;
}

const isPainted = (mask) => mask.some((value) => value > 0);
const shareOf = (mask) => mask.reduce((sum, value) => sum + (value > 0), 0) / CELLS;
