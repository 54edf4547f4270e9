// What the reader chooses: language, colour scheme, blanks; and what is open while the page is printed.

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const TEXTS = read("texts");
const whenLanguageChanges = [];
let language = document.documentElement.lang;

/** The words for a key in the chosen language; {name} in them is replaced by values.name. */
function words(key, values = {}) {
  return TEXTS[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** An element with attributes; children are elements or text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** An attribute that says something only where it holds. */
function setAttributeIf(node, name, holds, value) {
  if (holds) node.setAttribute(name, value);
  else node.removeAttribute(name);
}

/** An element that holds a formula. */
function formulaIn(name, formula, attributes = {}) {
  const made = element(name, attributes);
  made.innerHTML = mathOf(formula);
  return made;
}

function setLanguage(chosen) {
  language = chosen;
  document.documentElement.lang = chosen;
  document.title = words("title");
  for (const node of document.querySelectorAll("[data-text]")) node.innerHTML = words(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", words(node.dataset.label));
  coverBlanks();
  whenLanguageChanges.forEach((tell) => tell());
}

/** Blanks are buttons as long as they are covered; without the switch they are plain text. */
function coverBlanks() {
  const on = document.body.classList.contains("blanks");
  for (const blank of document.querySelectorAll(".blank")) {
    if (on && !blank.classList.contains("open")) {
      blank.setAttribute("role", "button");
      blank.setAttribute("tabindex", "0");
      blank.setAttribute("aria-label", words("uncover"));
    } else {
      ["role", "tabindex", "aria-label"].forEach((name) => blank.removeAttribute(name));
    }
  }
}

function uncover(blank) {
  blank.classList.add("open");
  coverBlanks();
}

function startBlanks() {
  const button = document.getElementById("blanks"), all = document.getElementById("uncover-all");
  button.addEventListener("click", () => {
    const on = document.body.classList.toggle("blanks");
    button.setAttribute("aria-pressed", String(on));
    all.hidden = !on;
    document.querySelectorAll(".blank.open").forEach((blank) => blank.classList.remove("open"));
    if (on) document.querySelectorAll("details.code").forEach((code) => { code.open = false; });
    coverBlanks();
  });
  all.addEventListener("click", () => document.querySelectorAll(".blank").forEach(uncover));
  const covered = (event) => event.target.closest?.(".blank[role=button]");
  document.addEventListener("click", (event) => {
    const blank = covered(event);
    if (blank) uncover(blank);
  });
  document.addEventListener("keydown", (event) => {
    const blank = covered(event);
    if (blank && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      uncover(blank);
    }
  });
}

function startReading() {
  const languages = document.getElementById("language"), scheme = document.getElementById("scheme");
  languages.addEventListener("change", () => setLanguage(languages.value));
  languages.value = language; // a browser that reloads a page keeps what was chosen before
  scheme.addEventListener("change", () => { document.documentElement.dataset.scheme = scheme.value; });
  scheme.value = "system";
  startBlanks();
  const opened = [];
  window.addEventListener("beforeprint", () => {
    opened.push(...document.querySelectorAll("main details:not([open])"));
    opened.forEach((details) => { details.open = true; });
  });
  window.addEventListener("afterprint", () => opened.splice(0).forEach((details) => { details.open = false; }));
}
