// The few ways the page makes elements. Text always goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/** Return a new element; `text`, `on` and `data` are special, every other property is an attribute. */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "text") node.textContent = value;
    else if (name === "on") listen(node, value);
    else if (name === "data") Object.assign(node.dataset, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null && child !== false));
  return node;
}

function listen(node, listeners) {
  for (const [name, listener] of Object.entries(listeners)) node.addEventListener(name, listener);
}

/** Return the page's icon of that name, silent to screen readers. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Return a button that shows only an icon; `label` is its accessible name and its tooltip. */
export function iconButton(name, label, onclick, properties = {}) {
  const attributes = { type: "button", class: "icon-button", "aria-label": label, title: label };
  return element("button", { ...attributes, ...properties, on: { click: onclick } }, icon(name));
}

export const byId = (id) => document.getElementById(id);

/** Let screen readers say the text once, politely. */
export function announce(text) {
  const place = byId("announcer");
  place.textContent = "";
  requestAnimationFrame(() => place.replaceChildren(text));
}

/** Return "1 page" or "2 pages". */
export const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
