// The rules of the text layer, which text_rules.json has. They are the constants of the modules in
// seq2seq/text, under their names there.

/** Where a pattern matches, and what its groups match. */
export class Match {
  /**
   * @param {RegExpExecArray} found
   * @param {Map<string, number[]>} groups name -> the numbers of the groups with this name
   */
  constructor(found, groups) {
    this._found = found;
    this._groups = groups;
    this.text = found[0];
    this.start = found.index;
    this.end = found.index + found[0].length;
  }

  /** Returns what a group matches, or undefined. @param {string} name its name or number */
  group(name) {
    for (const number of this._groups.get(String(name)) ?? []) {
      if (this._found[number] !== undefined) {
        return this._found[number];
      }
    }
    return undefined;
  }
}

/** A regular expression of Python, which seq2seq/export/web_patterns.py has compiled. */
export class Pattern {
  /** @param {{pattern: string, groups: Object<string, number[]>}} compiled */
  constructor(compiled) {
    this._source = compiled.pattern;
    this._groups = new Map(Object.entries(compiled.groups));
    this._expressions = new Map();
  }

  /** Returns the first match between two positions, or null. */
  search(text, start = 0, end = text.length) {
    return this._execute("g", this._source, text, start, end);
  }

  /** Returns the match that starts at a position, or null. */
  match(text, start = 0, end = text.length) {
    return this._execute("y", this._source, text, start, end);
  }

  /** Returns the match that is the whole text, or null. */
  fullMatch(text) {
    return this._execute("y", `(?:${this._source})$`, text, 0, text.length);
  }

  /** Returns all matches between two positions. */
  findAll(text, start = 0, end = text.length) {
    const expression = this._expression("g", this._source);
    const part = text.slice(0, end);
    const matches = [];
    expression.lastIndex = start;
    for (let found = expression.exec(part); found !== null; found = expression.exec(part)) {
      matches.push(new Match(found, this._groups));
      if (found[0] === "") {
        expression.lastIndex += part.codePointAt(expression.lastIndex) > 0xffff ? 2 : 1;
      }
    }
    return matches;
  }

  /** Replaces all matches. @param {(match: Match) => string} replacement */
  replace(text, replacement) {
    let replaced = "";
    let end = 0;
    for (const match of this.findAll(text)) {
      replaced += text.slice(end, match.start) + replacement(match);
      end = match.end;
    }
    return replaced + text.slice(end);
  }

  /** Returns the parts of a text between the matches. */
  split(text) {
    const parts = [];
    let end = 0;
    for (const match of this.findAll(text)) {
      parts.push(text.slice(end, match.start));
      end = match.end;
    }
    return [...parts, text.slice(end)];
  }

  _execute(flag, source, text, start, end) {
    const expression = this._expression(flag, source);
    expression.lastIndex = start;
    const found = expression.exec(text.slice(0, end));
    return found === null ? null : new Match(found, this._groups);
  }

  // Most expressions are seldom used, and a large one takes a millisecond to compile.
  _expression(flag, source) {
    const key = flag + source.length;
    if (!this._expressions.has(key)) {
      this._expressions.set(key, new RegExp(source, flag + "v"));
    }
    return this._expressions.get(key);
  }
}

/**
 * Makes the rules of text_rules.json ready for use: patterns, sets and maps.
 * @param {any} value the content of the file, or a part of it
 */
export function compileRules(value) {
  if (Array.isArray(value)) {
    return value.map(compileRules);
  }
  if (value === null || typeof value !== "object") {
    return value;
  }
  if ("pattern" in value) {
    return new Pattern(value);
  }
  if ("set" in value) {
    return new Set(value.set);
  }
  if ("map" in value) {
    return new Map(value.map);
  }
  const rules = {};
  for (const [name, rule] of Object.entries(value)) {
    rules[name] = compileRules(rule);
  }
  return rules;
}
