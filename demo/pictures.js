/* Finished pictures: as a source, as a link to keep, and as news for whoever collects them. */
const source = (png) => "data:image/png;base64," + png;

function download(picture, k, count) {
  const link = document.createElement("a");
  link.href = source(picture.png);
  link.download = picture.name;
  link.textContent = count > 1 ? "PNG " + (k + 1) : "Download PNG";
  link.title = "Seed " + picture.seed + "; the file carries its recipe";
  link.setAttribute("aria-label", "Download picture " + (k + 1) + " of " + count + ", seed " + picture.seed);
  return link;
}

/* The pictures of this visit, the last one first. They live in this page and nowhere else; a reload
   forgets them. Those of a comparison make room before a visitor's own do. A page of the studio that was never opened is not there yet, so the list is the document's. */
const MOST_KEPT = 24, MOST_LETTERS = 48e6;

function keptPictures() {
  return document.studioPictures || [];
}

function tellPainted(pictures, compared = false) {
  const kept = pictures.map((picture) => ({ ...picture, compared })).reverse().concat(keptPictures());
  const letters = () => kept.reduce((sum, picture) => sum + picture.png.length, 0);
  while (kept.length > MOST_KEPT || letters() > MOST_LETTERS) {
    const oldest = kept.findLastIndex((picture) => picture.compared);
    kept.splice(oldest < 0 ? kept.length - 1 : oldest, 1);
  }
  document.studioPictures = kept;
  document.dispatchEvent(new CustomEvent("painted"));
}
