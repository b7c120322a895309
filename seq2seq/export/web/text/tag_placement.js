// Where the tags of the source stand in the translation. See seq2seq/text/tag_placement.py.
//
// Legend
//   S  source tokens
//   T  target tokens
// A range is [start, end].

import { bisectLeft, bisectRight } from "./characters.js";
import { compare, range } from "./tag_alignment.js";

/** @typedef {import("./markup.js").Element} Element */
/** @typedef {import("./tag_alignment.js").Alignment} Alignment */
/** @typedef {[number, number]} Range */

/**
 * Returns the translation with the tags of `elements`.
 * @param {Element[]} elements in the order of their opening tags
 * @param {string} source the source text without the tags
 * @param {string} translation
 * @param {Alignment} alignment
 */
export function placeTags(elements, source, translation, alignment) {
  const placement = new Placement(elements, alignment);
  placement.place(-1, [0, source.length], [0, alignment.units.length]);
  return placement.render(-1, translation, [0, translation.length]);
}

/** Finds the place of each element: a range of units, from the outside to the inside. */
class Placement {
  constructor(elements, alignment) {
    this._elements = elements;
    this._alignment = alignment;
    this._children = new Map();
    elements.forEach((element, index) => {
      const siblings = this._children.get(element.parent) ?? [];
      this._children.set(element.parent, [...siblings, index]);
    });
    this._ranges = new Map();
  }

  /** Returns a part of the translation, the content of `parent`, with the tags in it. */
  render(parent, translation, part) {
    const { units } = this._alignment;
    const last = parent >= 0 ? this._ranges.get(parent)[1] : units.length;
    let rendered = "";
    let position = part[0];
    // What is empty comes before what starts at the same word.
    const keyOf = (index) => [...this._ranges.get(index), index];
    const children = [...(this._children.get(parent) ?? [])];
    for (const index of children.sort((a, b) => compare(keyOf(a), keyOf(b)))) {
      const [low, high] = this._ranges.get(index);
      const start = low < last ? units[low][0] : part[1];
      const end = low < high ? units[high - 1][1] : start;
      const { opening, closing } = this._elements[index];
      const content = this.render(index, translation, [start, end]);
      rendered += translation.slice(position, start) + opening + content + closing;
      position = end;
    }
    return rendered + translation.slice(position, part[1]);
  }

  /**
   * Places the elements in `parent`.
   * @param {number} parent
   * @param {Range} source its range in the source text
   * @param {Range} target its range of units
   */
  place(parent, source, target) {
    const children = this._children.get(parent) ?? [];
    const isFilled = (index) => this._elements[index].start < this._elements[index].end;
    const filled = children.filter(isFilled);
    if (filled.length === 1 && compare(this._rangeOf(filled[0]), source) === 0) {
      this._ranges.set(filled[0], target);
    } else if (filled.length > 0) {
      const ranges = this._aligned(filled, target);
      this._addOuterMarks(ranges, source, target);
      ranges.forEach((aligned, index) => this._ranges.set(index, aligned));
    }
    for (const index of filled) {
      if (!this._ranges.has(index)) {
        this._ranges.set(index, this._guess(index, children, source, target));
      }
    }
    for (const index of children) {
      if (!this._ranges.has(index)) {
        const gap = this._gap(this._elements[index], source, target);
        this._ranges.set(index, this._outside(index, gap, children));
      }
    }
    for (const index of children) {
      this.place(index, this._rangeOf(index), this._ranges.get(index));
    }
  }

  _rangeOf(index) {
    return [this._elements[index].start, this._elements[index].end];
  }

  /** Returns the ranges of those siblings to which words are aligned. */
  _aligned(siblings, target) {
    const ends = siblings.map((index) => this._elements[index].end);
    const ranges = new Map();
    const sizes = new Map();
    for (const { owner, stretch } of stretches(this._owned(siblings, ends, target))) {
      if (stretch.length > (sizes.get(owner) ?? 0)) {
        sizes.set(owner, stretch.length);
        ranges.set(owner, [stretch[0], stretch.at(-1) + 1]);
      }
    }
    if (!this._alignment.hasAttention) {
      // A name alone tells little about a longer element.
      for (const [owner, size] of sizes) {
        if (size < this._alignment.numSourceWords(this._elements[owner])) {
          ranges.delete(owner);
        }
      }
    }
    return ranges;
  }

  /** Returns the sibling to which most sources of each unit belong, where there is one. */
  _owned(siblings, ends, target) {
    const owned = [];
    for (const unit of range(...target)) {
      const votes = new Map();
      for (const [start, end] of this._alignment.sources[unit]) {
        const number = bisectRight(ends, start);
        const isInside = number < ends.length && this._elements[siblings[number]].start < end;
        const index = isInside ? siblings[number] : -1;
        votes.set(index, (votes.get(index) ?? 0) + 1);
      }
      let owner = -1;
      let best = [0, 0];
      for (const [index, count] of votes) {
        // With as many votes, an element comes before none.
        const strength = [count, index >= 0 ? 1 : 0];
        if (compare(strength, best) > 0) {
          best = strength;
          owner = index;
        }
      }
      if (owner >= 0) {
        owned.push({ owner, unit });
      }
    }
    return owned;
  }

  /** Gives the marks at an end of `target` to the element at that end of `source`. */
  _addOuterMarks(ranges, source, target) {
    if (ranges.size === 0) {
      return;
    }
    const { isWord: words } = this._alignment;
    const byRange = (a, b) => compare(ranges.get(a), ranges.get(b));
    const first = [...ranges.keys()].sort(byRange)[0];
    const [firstLow, firstHigh] = ranges.get(first);
    const startsFirst = this._elements[first].start === source[0];
    if (startsFirst && !words.slice(target[0], firstLow).some(Boolean)) {
      ranges.set(first, [target[0], firstHigh]);
    }
    const last = [...ranges.keys()].sort(byRange).at(-1);
    const [lastLow, lastHigh] = ranges.get(last);
    const endsLast = this._elements[last].end === source[1];
    if (endsLast && !words.slice(lastHigh, target[1]).some(Boolean)) {
      ranges.set(last, [lastLow, target[1]]);
    }
  }

  /** Returns a range for an element to which no word is aligned. */
  _guess(index, siblings, source, target) {
    const element = this._elements[index];
    const { isWord: words } = this._alignment;
    const [low, high] = target;
    const scale = (high - low) / (source[1] - source[0]);
    let wanted = low + Math.trunc((element.start - source[0]) * scale);
    let size = Math.max(1, roundHalfToEven((element.end - element.start) * scale));
    const strongest = this._alignment.strongest(element, target, wanted);
    if (strongest !== null) {
      wanted = strongest;
      size = 1;
    }
    const placed = siblings.filter((sibling) => this._ranges.has(sibling));
    const taken = new Set(placed.flatMap((sibling) => range(...this._ranges.get(sibling))));
    const free = range(low, high).filter((unit) => !taken.has(unit));
    if (free.length === 0) {
      return this._outside(index, wanted, siblings);
    }
    const freeWords = free.filter((unit) => words[unit]);
    const start = nearest(freeWords.length > 0 ? freeWords : free, wanted);
    let end = start + 1;
    while (end < Math.min(start + size, high) && !taken.has(end)) {
      end += 1;
    }
    while (end > start + 1 && !words[end - 1]) {
      end -= 1;
    }
    return [start, end];
  }

  /** Returns the unit before which an empty element stands. */
  _gap(element, source, target) {
    const [low, high] = target;
    if (element.start <= source[0]) {
      return low;
    }
    if (element.start >= source[1]) {
      return high;
    }
    const units = this._alignment.sourceUnits;
    const number = bisectLeft(units.map(([start]) => start), element.start);
    const [start, end] = units[Math.min(number, units.length - 1)];
    for (const unit of range(low, high)) {
      if (this._alignment.sources[unit].some((part) => part[0] < end && part[1] > start)) {
        return unit;
      }
    }
    const share = (element.start - source[0]) / (source[1] - source[0]);
    return low + roundHalfToEven(share * (high - low));
  }

  /** Moves an empty range out of the sibling that it is in, in the order of the source. */
  _outside(index, gap, siblings) {
    for (const sibling of siblings) {
      const [start, end] = this._ranges.get(sibling) ?? [0, 0];
      if (start <= gap && gap < end) {
        gap = sibling < index ? end : start;
      }
    }
    return [gap, gap];
  }
}

/** Yields the neighboring units of the same owner together. */
function* stretches(owned) {
  let current = null;
  for (const { owner, unit } of owned) {
    if (current?.owner === owner) {
      current.stretch.push(unit);
      continue;
    }
    if (current !== null) {
      yield current;
    }
    current = { owner, stretch: [unit] };
  }
  if (current !== null) {
    yield current;
  }
}

function nearest(units, wanted) {
  let best = units[0];
  for (const unit of units) {
    if (Math.abs(unit - wanted) < Math.abs(best - wanted)) {
      best = unit;
    }
  }
  return best;
}

// As in Python: 2.5 becomes 2, and 3.5 becomes 4.
function roundHalfToEven(value) {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) {
    return Math.round(value);
  }
  return floor % 2 === 0 ? floor : floor + 1;
}
