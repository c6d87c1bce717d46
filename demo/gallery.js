/* The wall: every picture of this visit, each with its recipe in words, a way back and a way out. */
const wall = element.querySelector(".wall"), line = element.querySelector(".line"), all = element.querySelector(".all");
const state = { zip: null };

function frame(picture, k) {
  const item = document.createElement("li"), back = document.createElement("button"), shown = document.createElement("img");
  const words = document.createElement("span");
  back.type = "button";
  back.dataset.index = k;
  back.title = "Bring its settings back to Create";
  back.setAttribute("aria-label", "Bring back: " + picture.words);
  shown.src = source(picture.png);
  shown.alt = "";
  words.textContent = picture.words;
  back.append(shown, words);
  const link = download(picture, 0, 1);
  link.textContent = "PNG";
  link.setAttribute("aria-label", "Download: " + picture.words);
  item.append(back, link);
  return item;
}

function showWall() {
  const pictures = keptPictures(), count = pictures.length;
  wall.replaceChildren(...pictures.map(frame));
  all.hidden = !count;
  line.textContent = count
    ? count + (count === 1 ? " picture" : " pictures") + " of this visit; the last " + MOST_KEPT + " are kept, by this page alone. Click one and its settings come back."
    : "Nothing is painted yet. Pictures of this visit gather here; this page alone keeps them.";
}

document.addEventListener("painted", showWall);
wall.addEventListener("click", (event) => {
  const back = event.target.closest("button[data-index]");
  if (back) trigger("click", { png: keptPictures()[Number(back.dataset.index)].png });
});
/* The archive is made when it is asked for: its link is a promise until then. */
all.addEventListener("click", (event) => {
  if (event.isTrusted || !state.zip) {
    event.preventDefault();
    if (state.zip) URL.revokeObjectURL(state.zip);
    const files = keptPictures().map((picture, k) => [String(k + 1).padStart(2, "0") + "-" + picture.name, bytesOf(picture.png)]);
    state.zip = URL.createObjectURL(new Blob([zipOf(files)], { type: "application/zip" }));
    all.href = state.zip;
    all.download = "storybook-pictures.zip";
    all.click();
  }
});
all.href = "#";
showWall();
