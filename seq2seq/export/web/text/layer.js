// From a sentence to the text that the model reads, and from its output to the translation. See
// seq2seq/text/layer.py.
//
// Legend
//   S  source tokens
//   T  target tokens

import { divideAtBlocks } from "./blocks.js";
import { lastCharacter, splitWords, translate } from "./characters.js";
import { CaseFolder, isInCapitals } from "./case.js";
import { ForbiddenTokens } from "./forbidden_tokens.js";
import { findInlinePairs } from "./inline_pairs.js";
import { stripTags } from "./markup.js";
import { foldSpaces, foldSpacesBetween, normalizeCharacters } from "./normalization.js";
import { localizeNumber } from "./numbers.js";
import { compileRules } from "./rules.js";
import { joinTexts, Segmenter } from "./segmentation.js";
import { joinTranslations, SentenceSplitter } from "./sentences.js";
import { makeSlots } from "./slots.js";
import { joinTouching, SpanFinder } from "./spans.js";
import { UnknownWords } from "./unknown_words.js";
import { MarkConversion, unwrap } from "./wrapping.js";

/**
 * A sentence, or a part of a long one, as the model reads it.
 *
 * - original: the text as it was
 * - slotted: what the model reads
 * - wrapped: what was taken off around it
 * - markup: the tags that were taken out, or null
 * - isUpper: whether it is in capitals
 * - tokens: the source tokens, without </s>; empty if there is nothing to translate
 *
 * @typedef {{original: string, slotted: import("./slots.js").SlottedText,
 *   wrapped: import("./wrapping.js").Wrapped, markup: import("./markup.js").Markup | null,
 *   isUpper: boolean, tokens: number[]}} SourceText
 */

/** Prepares sentences for a model, and finishes their translations. */
export class TextLayer {
  /**
   * @param {any} data the content of text_rules.json
   * @param {any} settings the content of translator.json
   * @param {import("../tokenizer.js").Tokenizer} tokenizer
   */
  constructor(data, settings, tokenizer) {
    const rules = compileRules(data);
    this._rules = rules;
    this._settings = settings;
    this.tokenizer = tokenizer;
    this._symbols = tokenizer.slots(rules.layer.SLOTS);
    this._finder = settings.text.spans ? new SpanFinder(rules) : null;
    this._unknownWords = new UnknownWords(tokenizer, settings, rules);
    this._conversion = new MarkConversion(rules);
    this._localizes = settings.text.numbers === "localize";
    this._case = new CaseFolder(settings.target, rules.case);
    this._foldsCase = tokenizer.sourceCases > 1;
    this._forbidden = new ForbiddenTokens(tokenizer, settings.target, rules.forbidden_tokens);
    this._sentences = settings.text.sentences ? new SentenceSplitter(settings.source, rules) : null;
    this._segmenter = new Segmenter(this, settings.max_source_tokens, rules);
    this._slotToken = new Map(
      this._symbols.map((symbol) => [symbol, tokenizer.tokenOf(symbol, "target")]),
    );
    /** The target tokens of all slots. @type {number[]} */
    this.slotTokens = [...this._slotToken.values()];
  }

  // -- before translation ------------------------------------------------------------------------

  /**
   * Returns the sentences of a line, each with the white space after it.
   * @param {string} line
   * @returns {import("./sentences.js").Sentence[]}
   */
  sentences(line) {
    const form = this._settings.normalize;
    const text = normalizeCharacters(line, form, this._rules.normalization);
    if (text === "") {
      return [];
    }
    if (this._sentences === null) {
      return [{ text, space: "" }];
    }
    const sentences = this._sentences.split(text);
    const { blocks } = this._rules;
    return this._segmenter.wholeSpans(sentences.flatMap((of) => divideAtBlocks(of, blocks)));
  }

  /**
   * Returns the parts of a sentence that are translated one by one. Most sentences have one.
   * @param {string} text
   * @returns {SourceText[]}
   */
  divide(text) {
    return this._segmenter.divide(this.foldSpaces(text));
  }

  /**
   * Prepares a sentence, or a part of one.
   * @param {string} text
   * @returns {SourceText}
   */
  prepare(text) {
    const wrapped = unwrap(text, this._rules);
    const markup = this._markup(wrapped.text);
    const elements = markup?.elements ?? [];
    const boundaries = new Set(elements.flatMap(({ start, end }) => [start, end]));
    const taken = markup?.text ?? wrapped.text;
    const spans = this.spans(taken, false, boundaries);
    const inner = this._withKnownMarks(taken, spans);
    const slotted = this._makeSlots(inner, this._withUnknown(inner, spans, boundaries));
    const source = { original: text, slotted, wrapped, markup, isUpper: false, tokens: [] };
    if (!slotted.hasLetters()) {
      return source;
    }
    source.tokens = this.tokenizer.encode(slotted.text, "source");
    source.isUpper = this._foldsCase && isInCapitals(slotted.text, this._rules.case);
    return source;
  }

  /** Takes out paired tags, quotes and the like. Returns null if there are none. */
  _markup(text) {
    if (this._finder === null) {
      return null;
    }
    let pairs = [];
    if (this._rules.inline_pairs.HINT.search(text) !== null) {
      pairs = findInlinePairs(text, this.spans(text, false), this._conversion, this._rules);
    }
    if (pairs.length === 0 && !text.includes("<")) {
      return null;
    }
    const stripped = stripTags(text, pairs, this._rules);
    return stripped.elements.length > 0 ? stripped : null;
  }

  /** Returns the target tokens of the slots of a sentence, with repetitions. */
  slotsOf(source) {
    return source.slotted.slots.map((slot) => this._slotToken.get(slot.symbol));
  }

  /** Returns the target tokens that would invent something, such as a number. */
  forbiddenTokens(source) {
    return this._forbidden.of(source.slotted.text);
  }

  /**
   * Returns the parts of a text that must not change, in order.
   * @param {string} text
   * @param {boolean} unknown whether the words that the model cannot know are among them
   * @param {Set<number>} boundaries positions where parts that touch stay two
   */
  spans(text, unknown = true, boundaries = new Set()) {
    const spans = this._finder === null ? [] : this._finder.find(text, boundaries);
    return unknown ? this._withUnknown(text, spans, boundaries) : spans;
  }

  /** Makes each run of white space one space, but not within what must not change. */
  foldSpaces(text) {
    const folded = foldSpaces(text);
    if (folded === text || this._finder === null) {
      return folded;
    }
    // Twice, because folding may join parts that stand side by side, such as numbers.
    for (let count = 0; count < 2; count += 1) {
      text = foldSpacesBetween(text, this.spans(text, false), this._rules.normalization);
    }
    return text;
  }

  /** Replaces marks that the vocabulary lacks by plain ones, outside of spans. */
  _withKnownMarks(text, spans) {
    const plainMarks = this._rules.layer.PLAIN_MARKS;
    const unknown = this.tokenizer.unknownCharacters(text, "source");
    const wanted = [...plainMarks].filter(([mark]) => unknown.has(mark));
    if (wanted.length === 0) {
      return text;
    }
    const missing = this.tokenizer.unknownCharacters([...plainMarks.values()].join(""), "source");
    const marks = new Map(wanted.filter(([, plain]) => !missing.has(plain)));
    let replaced = "";
    let end = 0;
    for (const span of spans) {
      replaced += translate(text.slice(end, span.start), marks) + text.slice(span.start, span.end);
      end = span.end;
    }
    return replaced + translate(text.slice(end), marks);
  }

  /** Adds the words that the model cannot know. */
  _withUnknown(text, spans, boundaries) {
    const ranges = this._unknownWords.find(text, spans);
    if (ranges.length === 0) {
      return spans;
    }
    const added = ranges.map((range) => ({ ...range, kind: "unknown" }));
    const inOrder = [...spans, ...added].sort((x, y) => x.start - y.start);
    return joinTouching(text, inOrder, boundaries, this._rules.spans);
  }

  _makeSlots(text, spans) {
    return makeSlots(text, spans, this._symbols, this._rules.slots);
  }

  // -- after translation -------------------------------------------------------------------------

  /** Returns the "translation" of a sentence without anything to translate. */
  carriedOver(source) {
    if (!this._localizes) {
      return source.original;
    }
    // What was taken off is a part of it.
    const slotted = this._makeSlots(source.original, this.spans(source.original));
    return slotted.fill(slotted.text, (text) => this._change(text));
  }

  /**
   * Returns the translation.
   * @param {SourceText} source
   * @param {number[]} target T target tokens, without </s>; they have the slots of the sentence
   * @param {ArrayLike<number>[] | null} attention (T or more, S or more) weights
   */
  finish(source, target, attention) {
    if (source.tokens.length === 0) {
      return this.carriedOver(source);
    }
    let text = this.tokenizer.decode(target);
    // Private characters that the model has spelled itself would be taken for tags.
    const symbols = new Set(source.slotted.slots.map((slot) => slot.symbol));
    let tags = new Map();
    if (source.markup !== null) {
      [text, tags] = this._withTags(source, text, target, attention);
    }
    text = text.replace(/\p{Co}/gv, (symbol) => {
      return symbols.has(symbol) || tags.has(symbol) ? symbol : "";
    });
    if (!source.slotted.text.includes("\ufffd")) {
      text = text.replaceAll("\ufffd", ""); // bytes that are no whole character
    }
    // A translation is one line, even if the model has spelled a line feed.
    text = source.slotted.setApart(splitWords(text).join(" "));
    if (source.isUpper) {
      text = this._case.upper(text);
    }
    // Before the slots are filled: a mark in one of them, as in #NAME?, is no end mark.
    const endsInSlot = symbols.has(lastCharacter(source.slotted.text));
    text = source.wrapped.withEndMark(text, endsInSlot);
    text = source.slotted.fill(text, (part) => this._change(part));
    for (const [symbol, tag] of tags) {
      text = text.replaceAll(symbol, () => tag);
    }
    return source.wrapped.targetPrefix + text + source.wrapped.targetSuffix;
  }

  /** Joins the translations of the parts of a sentence. @param {string[]} texts */
  joinTexts(texts) {
    return joinTexts(texts);
  }

  /**
   * Joins the translations of the sentences of a line.
   * @param {string[]} translations
   * @param {import("./sentences.js").Sentence[]} sentences
   */
  joinTranslations(translations, sentences) {
    return joinTranslations(translations, sentences, this._rules);
  }

  /**
   * Returns the tokens of both sides for a reader, with what the slots stand for.
   * @param {SourceText} source
   * @param {number[]} sourceTokens
   * @param {number[]} targetTokens
   */
  shownTokens(source, sourceTokens, targetTokens) {
    const ofSource = this.tokenizer.tokens(sourceTokens, "source");
    const ofTarget = this.tokenizer.tokens(targetTokens, "target");
    const change = (text) => this._change(text);
    const { slotted } = source;
    return [slotted.fillParts(ofSource, (text) => text), slotted.fillParts(ofTarget, change)];
  }

  _change(text) {
    return this._localizes ? localizeNumber(text, this._rules.numbers) : text;
  }

  /** Puts a symbol for each tag into the translation. Returns it, and the tag of each. */
  _withTags(source, text, target, attention) {
    const { slots } = source.slotted;
    const offsets = this.tokenizer.offsets(source.tokens, "source");
    const sourceOffsets = offsets.map((range) => unslotted(range, slots));
    const targetOffsets = this.tokenizer.offsets(target, "target");
    let weights = null;
    if (attention !== null) {
      const rows = Array.from(attention).slice(0, target.length);
      weights = rows.map((row) => Array.from(row).slice(0, source.tokens.length));
    }
    const { markup, tags } = source.markup.withSymbols(this._rules.layer.FIRST_TAG);
    const rules = this._rules.tag_placement;
    return [markup.restore(text, sourceOffsets, targetOffsets, weights, rules), tags];
  }
}

/** Returns the range in the text without slots of a range in the text with slots. */
function unslotted([start, end], slots) {
  let before = 0;
  let within = 0;
  for (const slot of slots) {
    const longer = slot.text.length - slot.symbol.length;
    if (slot.start < start) {
      before += longer;
    } else if (slot.start < end) {
      within += longer;
    }
  }
  return [start + before, end + before + within];
}
