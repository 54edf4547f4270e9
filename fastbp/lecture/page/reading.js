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

/** An element that holds a formula whose lines may break. */
function formulaLines(name, formula, attributes = {}) {
  const made = element(name, attributes);
  made.innerHTML = linesOf(formula);
  return made;
}

/** An element that holds a formula. */
function formulaIn(name, formula, attributes = {}) {
  const made = element(name, attributes);
  made.innerHTML = mathOf(formula);
  return made;
}

/** Changes what is above the reader, who stays at the same place of the same slide. */
function inPlace(change) {
  const sections = [...document.querySelectorAll("main section")];
  const here = sections.find((section) => section.getBoundingClientRect().bottom > 100) ?? document.body;
  const before = here.getBoundingClientRect().top;
  change();
  if (window.scrollY > 0) window.scrollBy({ top: here.getBoundingClientRect().top - before, behavior: "instant" });
}

/** What the reader has chosen is still so after the page is loaded anew, where the browser lets it keep anything. */
function keep(name, value) {
  try {
    sessionStorage.setItem(`fastbp-${name}`, value);
  } catch { /* then it is not kept */ }
}

function kept(name, allowed) {
  try {
    const value = sessionStorage.getItem(`fastbp-${name}`);
    return allowed.includes(value) ? value : null;
  } catch {
    return null;
  }
}

function setLanguage(chosen) {
  language = chosen;
  keep("language", chosen);
  document.documentElement.lang = chosen;
  document.title = words("title");
  for (const node of document.querySelectorAll("[data-text]")) node.innerHTML = words(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", words(node.dataset.label));
  coverBlanks();
  whenLanguageChanges.forEach((tell) => tell());
}

/** A blank is a button as long as it is covered; without the switch it is plain text. */
function coverBlank(blank) {
  const covered = document.body.classList.contains("blanks") && !blank.classList.contains("open");
  setAttributeIf(blank, "role", covered, "button");
  setAttributeIf(blank, "tabindex", covered, "0");
  setAttributeIf(blank, "aria-label", covered, words("uncover"));
}

const coverBlanks = () => document.querySelectorAll(".blank").forEach(coverBlank);

function uncover(blank) {
  blank.classList.add("open");
  coverBlank(blank);
}

function startBlanks() {
  const button = document.getElementById("blanks"), all = document.getElementById("uncover-all");
  const closed = []; // the code that was open before
  button.addEventListener("click", () => inPlace(() => {
    const on = document.body.classList.toggle("blanks");
    button.setAttribute("aria-pressed", String(on));
    all.hidden = !on;
    document.querySelectorAll(".blank.open").forEach((blank) => blank.classList.remove("open"));
    if (on) closed.push(...document.querySelectorAll("details.code[open]"));
    closed.forEach((code) => { code.open = !on; });
    if (!on) closed.length = 0;
    coverBlanks();
  }));
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
  const setScheme = () => { document.documentElement.dataset.scheme = scheme.value; keep("scheme", scheme.value); };
  languages.addEventListener("change", () => inPlace(() => setLanguage(languages.value)));
  languages.value = kept("language", Object.keys(TEXTS)) ?? language;
  if (languages.value !== language) setLanguage(languages.value);
  scheme.addEventListener("change", setScheme);
  scheme.value = kept("scheme", ["light", "dark"]) ?? "system";
  setScheme();
  startBlanks();
  const opened = [];
  window.addEventListener("beforeprint", () => {
    if (document.body.classList.contains("blanks")) return; // a sheet to fill in: the code would tell
    opened.push(...document.querySelectorAll("main details:not([open])"));
    opened.forEach((details) => { details.open = true; });
  });
  window.addEventListener("afterprint", () => opened.splice(0).forEach((details) => { details.open = false; }));
}
