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
   forgets them. A page of the studio that was never opened is not there yet, so the list is the document's. */
const MOST_KEPT = 24, MOST_LETTERS = 48e6;

function keptPictures() {
  return document.studioPictures || [];
}

function tellPainted(pictures) {
  let letters = 0;
  document.studioPictures = [...pictures].reverse().concat(keptPictures()).slice(0, MOST_KEPT)
    .filter((picture) => (letters += picture.png.length) <= MOST_LETTERS);
  document.dispatchEvent(new CustomEvent("painted"));
}
