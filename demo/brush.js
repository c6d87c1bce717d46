/* One brush for all pages: the sheet that takes it tells the others, whose runs the server ends without a word.
   What was on its way from such a run may still come, and is not listened to. */
const brush = { gone: false };

function takeBrush(sheet) {
  brush.gone = false;
  document.dispatchEvent(new CustomEvent("brush-taken", { detail: sheet }));
}

function onBrushGone(sheet, halt) {
  document.addEventListener("brush-taken", ({ detail }) => {
    if (detail === sheet) return;
    halt("Another page paints: stopped");
    brush.gone = true;
  });
}
