// Says what is wrong where the page does not start: a file is missing or damaged, or the browser is
// too old.
//
// An old browser must be able to read it. So it is no module, and its syntax is that of 2009.
// Newer functions are called only in a browser that has them.

(function () {
  "use strict";

  var SLOW = "This takes longer than usual. If nothing changes, load this page again.";
  var NO_SERVER =
    "A browser does not run this folder as a file. Open it from a web server, or use a page in " +
    "one file (seq2seq export RUN page.html --format web).";
  var TOO_OLD =
    "This browser is too old for this page, or a part of it is turned off. Use Chrome 112, " +
    "Firefox 116, Safari 17, or a later version.";
  var SETTINGS = "translator.json";
  // After so long without progress, the page says that it is slow.
  var PATIENCE_MS = 5000;
  // A module of WebAssembly that only declares a type: a function that returns a vector.
  var VECTOR_MODULE = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123];

  var statusLine = document.getElementById("status");
  // The page in one file has its style inside.
  var isOneFile = document.querySelector('link[rel="stylesheet"]') === null;
  var again = isOneFile ? "Copy the file again." : "Copy the whole folder again.";
  // How far the page is: null, then "page" (it runs, and loads files), "files" (it has all files)
  // and "translator" (it translates).
  var stage = null;
  var lastProgress = Date.now();
  // What the browser reported about the scripts.
  var mistake = "";

  /** Shows a failure. The first one stays. */
  function fail(sentence) {
    if (!hasFailed()) {
      statusLine.textContent = sentence;
      statusLine.className = "failed";
      document.getElementById("bar").className = "done";
    }
  }

  function hasFailed() {
    return statusLine.className === "failed";
  }

  /** The page has got so far. */
  function reached(newStage) {
    stage = newStage;
    lastProgress = Date.now();
  }

  /**
   * Says why the page does not work.
   *
   * @param {{message?: string, sentence?: string}} error with a sentence if it is one of this file
   */
  function explain(error) {
    if (error.sentence) {
      fail(error.sentence);
    } else if (stage === "translator") {
      fail("This page stopped working" + inBrackets(error.message) + ". Load it again.");
    } else if (isOneFile) {
      fail(stage === null ? damaged(null).sentence : unexplained(error));
    } else if (location.protocol === "file:") {
      fail(NO_SERVER);
    } else {
      checkFiles().then(
        function () {
          fail(unexplained(error));
        },
        function (found) {
          fail(found.sentence || unexplained(error));
        }
      );
    }
  }

  /** Names a missing or damaged file, if there is one. */
  function nameDamage() {
    checkFiles().then(null, function (found) {
      if (found.sentence) {
        fail(found.sentence);
      }
    });
  }

  function unexplained(error) {
    if (stage === null) {
      // What was damaged may have been a copy that the browser kept. It has a new one now.
      return "This page did not start" + inBrackets(error.message) + ". Load it again.";
    }
    var what = "The translator does not start in this browser" + inBrackets(error.message);
    return what + ". Load this page again, or use a newer browser.";
  }

  function inBrackets(message) {
    return message ? " (" + message.replace(/\.$/, "") + ")" : "";
  }

  // -- files ----------------------------------------------------------------------------------

  function withSentence(sentence) {
    var error = new Error(sentence);
    error.sentence = sentence;
    return error;
  }

  /** @param {string | null} name of a file. null: the page, if it is one file. */
  function damaged(name) {
    var what = name === null ? "it" : name;
    return withSentence("This page is damaged: " + what + " is cut short or altered. " + again);
  }

  function broken(name) {
    var advice = "Check the connection, and load this page again.";
    return withSentence(name + " did not arrive. " + advice);
  }

  function refused(name, status) {
    var what = "The server does not send " + name + " (status " + status + ").";
    return withSentence(what + " Load this page again later.");
  }

  function missing(name) {
    return withSentence("This page is incomplete: " + name + " did not load. " + again);
  }

  /**
   * Asks for a file.
   *
   * @param {string} name
   * @param {RequestCache} cache whether a copy will do that the browser kept
   * @returns {Promise<Response>} rejected with a sentence if there is no such file
   */
  function request(name, cache) {
    return fetch(name, { cache: cache }).then(
      function (response) {
        if (response.status === 404 || response.status === 410) {
          throw missing(name);
        }
        if (!response.ok) {
          throw refused(name, response.status);
        }
        return response;
      },
      function () {
        throw broken(name);
      }
    );
  }

  /** Says what is wrong with a file that was sent, but is not the expected one. */
  function wrong(name, response) {
    var type = response.headers.get("Content-Type") || "";
    // Some servers answer with a page of theirs where they have no file.
    return /^text\/html/i.test(type) ? missing(name) : damaged(name);
  }

  /**
   * Returns whether a content is the expected one.
   *
   * @param {ArrayBuffer | Uint8Array} content
   * @param {{bytes: number, sha256: string} | undefined} expected as in files.json
   * @returns {Promise<boolean>}
   */
  function isWhole(content, expected) {
    if (!expected || content.byteLength !== expected.bytes) {
      return Promise.resolve(!expected);
    }
    if (!window.crypto || !crypto.subtle) {
      // A page without encryption has no checksums. Most damage changes the length, too.
      return Promise.resolve(true);
    }
    return crypto.subtle.digest("SHA-256", content).then(function (digest) {
      return hexadecimal(new Uint8Array(digest)) === expected.sha256;
    });
  }

  function hexadecimal(bytes) {
    var text = "";
    for (var position = 0; position < bytes.length; position++) {
      text += (256 + bytes[position]).toString(16).slice(1);
    }
    return text;
  }

  /** Loads the files of the page anew. Rejected with a sentence if one is missing or damaged. */
  function checkFiles() {
    if (isOneFile) {
      return Promise.resolve();
    }
    return request("files.json", "reload").then(function (response) {
      return response.json().then(checkListed, function () {
        throw wrong("files.json", response);
      });
    });
  }

  function checkListed(list) {
    // The page has checked its data already, but not the settings, which may be edited.
    var names = Object.keys(list.checks).filter(function (name) {
      return name === SETTINGS || list.data.indexOf(name) < 0;
    });
    return Promise.all(
      names.map(function (name) {
        return checkFile(name, list.checks[name]);
      })
    );
  }

  function checkFile(name, expected) {
    return request(name, "reload").then(function (response) {
      return response
        .arrayBuffer()
        .then(function (content) {
          return isWhole(content, expected);
        })
        .then(function (isRight) {
          if (!isRight) {
            throw wrong(name, response);
          }
        });
    });
  }

  // -- the browser and the start --------------------------------------------------------------

  /** Returns whether the browser has what the page needs. docs/shipping.md names the browsers. */
  function isNewEnough() {
    try {
      new RegExp("a", "v");
      return (
        "noModule" in HTMLScriptElement.prototype &&
        typeof Worker === "function" &&
        typeof DecompressionStream === "function" &&
        WebAssembly.validate(new Uint8Array(VECTOR_MODULE))
      );
    } catch (error) {
      return false;
    }
  }

  /** Returns whether style.css is there up to its end. */
  function hasStyle() {
    return getComputedStyle(document.documentElement).getPropertyValue("--is-whole") !== "";
  }

  function watch() {
    if (hasFailed() || stage === "translator") {
      clearInterval(timer);
    } else if (Date.now() - lastProgress > PATIENCE_MS && statusLine.textContent !== SLOW) {
      statusLine.textContent = SLOW;
      if (stage === "files") {
        // A worker that is cut short may do nothing, and report nothing.
        nameDamage();
      }
    }
  }

  window.startupCheck = {
    explain: explain,
    hasFailed: hasFailed,
    reached: reached,
    request: request,
    isWhole: isWhole,
    damaged: damaged,
    wrong: wrong,
    broken: broken,
  };
  statusLine.textContent = "Loading";
  if (!isNewEnough()) {
    fail(TOO_OLD);
    return;
  }
  var timer = setInterval(watch, 500);
  window.addEventListener(
    "error",
    function (event) {
      if (event.target instanceof HTMLScriptElement) {
        explain({});
      } else {
        mistake = event.message || "";
      }
    },
    true
  );
  window.addEventListener("load", function () {
    if (stage === null) {
      explain({ message: mistake });
    } else if (!hasStyle()) {
      nameDamage();
    }
  });
})();
