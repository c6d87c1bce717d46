/* The words of a sentence, and phrases that hold on to their place while the sentence is edited.
   Occurrences are counted as the server counts them: whole words, in either case, from 1. */
const LONGEST_PHRASE = 120;

function plain(text) {
  return String(text ?? "").replace(/[\p{Cc}\p{Cs}\u2028\u2029]/gu, " ").split(/\s+/u).filter(Boolean).join(" ");
}

/* [{start, end, text}], without the punctuation around them. */
function wordsOf(text) {
  const words = [];
  for (const found of text.matchAll(/\S+/gu)) {
    const lead = found[0].match(/^\p{P}*/u)[0].length, word = found[0].slice(lead).replace(/\p{P}+$/u, "");
    const start = found.index + lead;
    if (word) words.push({ start, end: start + word.length, text: word });
  }
  return words;
}

/* Where the words begin that describe the k-th one, "a red fox" of "fox", as the server finds them: the word's own
   number where nothing describes it. */
function describedFrom(text, k) {
  const words = wordsOf(text);
  let first = k;
  for (let more = 0; more <= MOST_DESCRIBING; more++) {
    const before = words[first - 1], word = before ? before.text.toLowerCase() : "";
    if (!before || words[first].start - before.end !== 1 || JOINTS.includes(word)) return first;
    first -= 1;
    if (DETERMINERS.includes(word)) return first;
  }
  return k;
}

function placesOf(text, phrase) {
  const literal = phrase.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  const whole = new RegExp("(?<![\\p{L}\\p{N}_])" + literal + "(?![\\p{L}\\p{N}_])", "giu");
  return [...text.matchAll(whole)].map((found) => found.index);
}

/* The region with its span in the text, which is null where the text does not have its phrase. */
function bound(region, text) {
  const start = placesOf(text, region.phrase)[region.occurrence - 1];
  return { ...region, span: start === undefined ? null : [start, start + region.phrase.length] };
}

/* Regions after an edit: what stands before or after the edited part goes along with it, the rest is looked up. */
function rebound(regions, before, after) {
  const shorter = Math.min(before.length, after.length);
  let head = 0, tail = 0;
  while (head < shorter && before[head] === after[head]) head++;
  while (tail < shorter - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  const carried = regions.map((region) => {
    if (!region.span) return null;
    const [start, end] = region.span, shift = after.length - before.length;
    const at = end <= head ? start : start >= before.length - tail ? start + shift : -1;
    const occurrence = placesOf(after, region.phrase).indexOf(at) + 1;
    return occurrence ? { ...region, occurrence, span: [at, at + region.phrase.length] } : null;
  });
  const taken = new Set(carried.filter(Boolean).map((region) => region.span.join()));
  return regions.map((region, k) => {
    if (carried[k]) return carried[k];
    const found = bound(region, after);
    if (!found.span || taken.has(found.span.join())) return { ...region, span: null };
    taken.add(found.span.join());
    return found;
  });
}
