// Where the library sentencex sees the items of a list: "a) eins b) zwei". It is a part of
// sentence_boundaries.js.

// A kind of markers and its pattern. "strong" ones make a list alone, at the start of a text.
const MARKERS = [
  ["strong", /^[•◦▪▫■□●○⁃⁌⁍◆◇★☆➤➢➣▶▸►]/v],
  ["strong", /^\((?:\d{1,2}|[A-Za-z]|[ivxlcdmIVXLCDM]+)\)/v],
  ["roman", /^[ivxlcdmIVXLCDM]{2,}(?:\.\)|[.\)])/v],
  ["number", /^\d+(?:\.\)|[.\)])/v],
  ["bullet", /^[*+\-]/v],
  ["letter)", /^[A-Za-z]\.?\)/v],
  ["letter.", /^[a-z]\./v],
];
const KINDS = ["bullet", "number", "letter)", "letter.", "roman"];
// Markers of one kind that are nearer to each other are none.
const MIN_GAP = 4;

/**
 * Returns where the items of a list start.
 * @param {string} text one line
 * @returns {number[]}
 */
export function listStarts(text) {
  const markers = withRomanLetters(markersOf(text));
  const apart = markers.filter(isFarFromLast());
  const kind = kindOfList(apart);
  return apart.filter((marker) => marker.kind === kind).map((marker) => marker.position);
}

function markersOf(text) {
  const markers = [];
  const content = text.search(/[^ \t]/v);
  if (content < 0) {
    return markers;
  }
  const first = markerAt(text, content);
  if (first !== null) {
    markers.push({ ...first, position: 0, isFirst: true });
  }
  // Without any of these, there are no markers within a line.
  if (!/[\)\u2000-\u2fff]/v.test(text)) {
    return markers;
  }
  for (const { 0: spaces, index } of text.slice(content).matchAll(/[ \t]+/gv)) {
    const position = content + index + spaces.length;
    const marker = markerAt(text, position);
    if (marker !== null && isInlineMarker(marker)) {
      markers.push({ ...marker, position, isFirst: false });
    }
  }
  return markers;
}

/** Tells whether a marker may stand within a line. There, "1." ends a sentence. */
function isInlineMarker({ kind, text, next }) {
  return kind !== "bullet" && !text.endsWith(".") && !/\p{Lowercase}/v.test(next);
}

/** Returns the marker at a position if a space and more text follow it, or null. */
function markerAt(text, position) {
  const rest = text.slice(position);
  for (const [kind, pattern] of MARKERS) {
    const marker = pattern.exec(rest)?.[0];
    if (marker !== undefined) {
      const next = /^[ \t]+([^ \t])/v.exec(rest.slice(marker.length))?.[1];
      return next === undefined ? null : { kind, text: marker, next };
    }
  }
  return null;
}

/** Reads "i)" as a Roman number if there are longer ones. */
function withRomanLetters(markers) {
  if (!markers.some((marker) => marker.kind === "roman")) {
    return markers;
  }
  return markers.map((marker) => {
    const isRoman = marker.kind.startsWith("letter") && /^[ivxlcdm]/vi.test(marker.text);
    return isRoman ? { ...marker, kind: "roman" } : marker;
  });
}

function isFarFromLast() {
  const lastOf = new Map();
  return ({ kind, position }) => {
    const isFar = position - (lastOf.get(kind) ?? -MIN_GAP) >= MIN_GAP;
    if (isFar) {
      lastOf.set(kind, position);
    }
    return isFar;
  };
}

/** Returns the kind of markers that makes a list, or null. */
function kindOfList(markers) {
  const strong = markers.filter((marker) => marker.kind === "strong");
  if (strong.length >= 2 || strong.some((marker) => marker.isFirst)) {
    return "strong";
  }
  let best = null;
  for (const kind of KINDS) {
    const same = markers.filter((marker) => marker.kind === kind);
    const isMore = best === null || same.length > best.count;
    const isEarlier = same.length === best?.count && same[0].position < best.position;
    if (same.length >= 2 && (isMore || isEarlier)) {
      best = { kind, count: same.length, position: same[0].position };
    }
  }
  return best?.kind ?? null;
}
